"""The package as a whole: what it imports, what it promises, what its examples say."""

import ast
import doctest
import importlib
import inspect
import json
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import sklearn

import nno_sklearn

ROOT = Path(nno_sklearn.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
PYPROJECT = ROOT.parent / "pyproject.toml"
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages([str(ROOT)], "nno_sklearn.")
    if not module.name.endswith("__main__")
)
#: What may be imported at the top of a module, which is what scikit-learn installs; the extras of
#: the cli only when they are used.
OF_SKLEARN = {"numpy", "scipy", "joblib", "threadpoolctl"}
RUN_TIME = {"sklearn", "nno_sklearn", *OF_SKLEARN, *sys.stdlib_module_names}


def imports(node):
    """(dotted name, ...) of all imports below a node of the syntax tree."""
    for statement in ast.walk(node):
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            assert not statement.level, "imports are absolute"
            yield from (f"{statement.module}.{alias.name}" for alias in statement.names)


@pytest.fixture(scope="module")
def project():
    if not PYPROJECT.exists():
        pytest.skip("an installed package has no pyproject.toml")
    return tomllib.loads(PYPROJECT.read_text())["project"]


@pytest.fixture(scope="module")
def trees():
    assert len(FILES) > 20
    return {path: ast.parse(path.read_text()) for path in FILES}


def test_top_level_imports_are_run_time_dependencies(trees):
    for path, tree in trees.items():
        if "cli" in path.relative_to(ROOT).parts:
            continue  # loaded by the command line alone
        top = ast.Module([s for s in tree.body if isinstance(s, ast.Import | ast.ImportFrom)], [])
        foreign = {name.partition(".")[0] for name in imports(top)} - RUN_TIME
        assert not foreign, path


def test_import_loads_run_time_dependencies_only():
    code = (
        "import sys, json, sklearn.base, sklearn.linear_model, sklearn.neighbors; "
        "before = set(sys.modules); import nno_sklearn; "
        "print(json.dumps(sorted({m.partition('.')[0] for m in set(sys.modules) - before})))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(run.stdout))
    assert "nno_sklearn" in loaded
    assert loaded <= RUN_TIME


def printed_words(code):
    """What code prints in a process of its own, where warnings are errors."""
    run = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(run, capture_output=True, text=True, check=True).stdout.split()


def test_works_without_the_extras():
    """A fit where pandas, matplotlib and rich cannot be imported."""
    code = (
        "import sys\n"
        "class Blocker:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name in ('pandas', 'matplotlib', 'rich', 'polars'): raise ImportError(name)\n"
        "sys.meta_path.insert(0, Blocker())\n"
        "from sklearn.datasets import load_iris\n"
        "from nno_sklearn import NNOClassifier, NNORegressor\n"
        "X, y = load_iris(return_X_y=True)\n"
        "for s in ('auto', 'gd', 'nearest_neighbor', 'proximal'):\n"
        "    print(NNOClassifier(solver=s).fit(X, y).score(X, y) > 0.9)\n"
        "    print(NNORegressor(solver=s).fit(X, y).score(X, y) > 0.9)\n"
    )
    assert printed_words(code) == ["True"] * 8


def test_works_where_no_thread_or_process_can_be_started():
    """As in a browser, under WebAssembly (Pyodide)."""
    code = (
        "import os, threading, multiprocessing.process as process\n"
        "def refuse(*args, **kwargs): raise RuntimeError('no threads or processes here')\n"
        "threading.Thread.start = process.BaseProcess.start = os.fork = refuse\n"
        "from sklearn.datasets import load_iris\n"
        "from nno_sklearn import EarlyStopping, NNOClassifier, NNORegressor, NNOSearchCV\n"
        "from nno_sklearn.linear_model import LassoCV\n"
        "X, y = load_iris(return_X_y=True)\n"
        "for s in ('auto', 'gd', 'nearest_neighbor', 'proximal'):\n"
        "    print(NNOClassifier(solver=s).fit(X, y).score(X, y) > 0.9)\n"
        "    print(NNORegressor(solver=s).fit(X, y).score(X, y) > 0.9)\n"
        "search = NNOSearchCV(NNOClassifier(penalty='l1'), alphas='auto')\n"
        "print(search.fit(X, y).score(X, y) > 0.9)\n"
        "print(NNOClassifier('balanced_accuracy').fit(X, y).score(X, y) > 0.9)\n"
        "print(LassoCV().fit(X, y).score(X, y) > 0.9)\n"
        "stopping = EarlyStopping(X_val=X, y_val=y, scoring='accuracy', target=0.9)\n"
        "print(NNOClassifier().set_callbacks(stopping).fit(X, y).score(X, y) > 0.9)\n"
    )
    assert printed_words(code) == ["True"] * 12


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    outcome = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert outcome.failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    for estimator in (nno_sklearn.NNOClassifier, nno_sklearn.NNORegressor):
        assert any(test.examples for test in finder.find(estimator))


def test_version(project):
    assert project["version"] == nno_sklearn.__version__
    citation = (PYPROJECT.parent / "CITATION.cff").read_text()
    assert f"\nversion: {nno_sklearn.__version__}\n" in citation


def test_the_recipe_for_conda(project):
    recipe = (PYPROJECT.parent / "conda" / "meta.yaml").read_text()
    assert f'version = "{nno_sklearn.__version__}"' in recipe
    run = recipe.split("  run:\n")[1].split("  run_constrained")[0]
    needs = {line.strip("- ").replace(" ", "") for line in run.splitlines() if line.strip()}
    assert needs == {*project["dependencies"], f"python{project['requires-python']}"}
    (script,) = project["scripts"].items()
    assert f"- {script[0]} = {script[1]}\n" in recipe


def test_importing_the_package_is_quick():
    code = (
        "import sklearn.linear_model, sys; before = set(sys.modules); import nno_sklearn;"
        "print(sorted(set(sys.modules) - before))"
    )
    run = [sys.executable, "-c", code]
    out = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert out.strip() == "['nno_sklearn', 'nno_sklearn._version']"


def test_fits_do_not_wait_for_modules_that_they_do_not_use():
    """Searches of neighbours alone bring forty modules, which take longer than a small fit."""
    code = (
        "import sys; from nno_sklearn.linear_model import LogisticRegression;"
        "LogisticRegression().fit([[0.0], [1.0], [2.0]], [0, 1, 1]);"
        "parts = 'sklearn.neighbors', 'nno_sklearn.streams', 'nno_sklearn.score_training';"
        "print([name for name in sys.modules if name.startswith(parts)])"
    )
    run = [sys.executable, "-c", code]
    out = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


def test_the_changelog_has_the_parts_of_keep_a_changelog():
    text = (PYPROJECT.parent / "CHANGELOG.md").read_text()
    parts = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", text, flags=re.M)) <= parts
    heads = re.findall(r"^## (.+)$", text, flags=re.M)
    assert heads[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", one) for one in heads[1:])


def test_dependencies(project):
    names = {re.match(r"[\w-]+", need)[0] for need in project["dependencies"]}
    assert names == {"numpy", "scipy", "scikit-learn"}
    least = next(n for n in project["dependencies"] if n.startswith("scikit-learn"))
    least = tuple(map(int, re.findall(r"\d+", least)))
    assert tuple(map(int, sklearn.__version__.split(".")[:2])) >= least[:2]


def test_public_names():
    for name in nno_sklearn.__all__:
        assert hasattr(nno_sklearn, name)
    assert sorted(nno_sklearn.__all__) == nno_sklearn.__all__


@pytest.mark.parametrize("name", ["nno_sklearn", *MODULES])
def test_everything_public_is_described(name):
    module = importlib.import_module(name)
    assert module.__doc__
    for member in getattr(module, "__all__", []):
        thing = getattr(module, member)
        if callable(thing):
            assert thing.__doc__, member
        for method in vars(thing) if isinstance(thing, type) else ():
            function = vars(thing)[method]
            if not method.startswith("_") and callable(function):
                described = any(getattr(getattr(base, method, None), "__doc__", None)
                                for base in thing.__mro__)  # fmt: skip
                assert described, f"{member}.{method}"


@pytest.mark.parametrize("estimator", [nno_sklearn.NNOClassifier, nno_sklearn.NNORegressor])
def test_parameters_and_attributes_are_documented(estimator):
    from sklearn.datasets import load_iris

    model = estimator().fit(*load_iris(return_X_y=True))
    fitted = {name for name in vars(model) if name.endswith("_") and name[0] != "_"}
    for name in {*estimator().get_params(deep=False), *fitted}:
        assert re.search(rf"\n{name}( :|\n)", inspect.getdoc(estimator)), name
