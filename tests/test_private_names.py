"""Nothing private of other packages is used: no module, no attribute, no hook.

Own is what this package writes itself. On ``self``, ``cls`` and ``super()`` a private name must be
defined somewhere in the package; on any other object, whose class the syntax does not tell, in the
same module: what is private to a module is not asked for by others. So both a private attribute of
scikit-learn's and one of another module of the package is found, inherited ones included.
"""

import ast
import re
from pathlib import Path

import pytest
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV

import nno_sklearn

ROOT = Path(nno_sklearn.__file__).parent
PRIVATE = re.compile(r"_[a-z]\w*")
#: Names that only look private, and where they are documented.
PUBLIC = {
    "_doc_link_module": "https://scikit-learn.org/stable/developers/develop.html",
    "_doc_link_template": "https://scikit-learn.org/stable/developers/develop.html",
    "_asdict": "https://docs.python.org/3/library/collections.html#collections.namedtuple",
    "_fields": "https://docs.python.org/3/library/collections.html#collections.namedtuple",
    "_replace": "https://docs.python.org/3/library/collections.html#collections.namedtuple",
    "_init_callback_context": "https://scikit-learn.org/1.9/developers/callback_support.html",
}
ASKS = {"getattr", "hasattr", "setattr", "delattr"}


@pytest.fixture(scope="module")
def trees():
    found = {path: ast.parse(path.read_text()) for path in sorted(ROOT.rglob("*.py"))}
    assert len(found) > 20
    return found


def defined(tree):
    """Private names that a module defines: methods, functions, variables, attributes it sets."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_own(node):
            yield node.attr


def is_own(node):
    """Whether an attribute is that of ``self``, ``cls`` or ``super()``."""
    owner = node.value.func if isinstance(node.value, ast.Call) else node.value
    return isinstance(owner, ast.Name) and owner.id in {"self", "cls", "super"}


def asked(tree):
    """(private name, whether it is used on ``self``) of all attributes that a module uses."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr, is_own(node)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", None) in ASKS:
            name, owner = node.args[1], ast.Attribute(node.args[0], "")
            yield getattr(name, "value", ""), is_own(owner)


def foreign(tree, package):
    """Private names of the package that a module uses on objects of other modules."""
    here = set(defined(tree))
    return {
        name
        for name, of_self in asked(tree)
        if PRIVATE.fullmatch(str(name)) and name not in PUBLIC
        and name not in (package if of_self else here)
    }  # fmt: skip


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def private_imports(tree):
    own = ("nno_sklearn", "__future__")
    return {
        name
        for name in imports(tree)
        if not name.startswith(own) and any(PRIVATE.fullmatch(part) for part in name.split("."))
    }


def test_no_private_imports(trees):
    assert any(name.startswith("sklearn.") for tree in trees.values() for name in imports(tree))
    assert {path.name: names for path in trees if (names := private_imports(trees[path]))} == {}


def test_no_private_attributes_of_others(trees):
    package = {name for tree in trees.values() for name in defined(tree)}
    found = {path.name: foreign(tree, package) for path, tree in trees.items()}
    assert {name: names for name, names in found.items() if names} == {}


def test_no_hooks_of_scikit_learn(trees):
    """A class that defines them would be called back, or change what it inherits."""
    kinds = {*GridSearchCV.__mro__, *type(get_scorer("accuracy")).__mro__}
    for name in nno_sklearn.__all__:
        kinds.update(getattr(getattr(nno_sklearn, name), "__mro__", ()))
    theirs = {n for one in kinds if one.__module__.startswith("sklearn.") for n in vars(one)}
    theirs = {name for name in theirs if PRIVATE.fullmatch(name)} - set(PUBLIC)
    assert len(theirs) > 20
    classes = [
        node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    ]
    assert len(classes) > 20
    assert {one.name: used for one in classes if (used := theirs & set(defined(one)))} == {}


def test_names_that_only_look_private_are_in_use(trees):
    used = {name for tree in trees.values() for name, _ in asked(tree)}
    used.update(name for tree in trees.values() for name in defined(tree))
    assert set(PUBLIC) <= used


@pytest.mark.parametrize(
    "code",
    [
        "scorer._score_func(y, p)",
        "self.scorer_._sign",
        "getattr(scorer, '_accept_sample_weight', None)",
        "hasattr(self, '_skl_callbacks')",
        "super()._get_scorers()",
        "class Search(GridSearchCV):\n  def fit(self):\n    self._run_search()",
        "sklearn.utils._response.get",
        "def _own():\n  pass\nmodel._of_another_module",
    ],
)
def test_foreign_attributes_are_found(code):
    tree = ast.parse(code)
    assert len(foreign(tree, {*defined(tree), "_of_another_module"})) == 1


@pytest.mark.parametrize(
    "code",
    [
        "class A:\n  def _own(self):\n    return self._own",
        "class A:\n  def __init__(self):\n    self._x = 1\n  def like(self, other):\n    other._x",
        "class A(B):\n  def f(self):\n    self._of_another_module",
        "record._replace(step=1)",
        "kind.__name__",
    ],
)
def test_own_attributes_are_not(code):
    tree = ast.parse(code)
    assert foreign(tree, {*defined(tree), "_of_another_module"}) == set()


@pytest.mark.parametrize(
    "code", ["from sklearn.linear_model._base import x", "import scipy._lib", "from a import _b"]
)
def test_private_imports_are_found(code):
    assert len(private_imports(ast.parse(code))) == 1
    assert private_imports(ast.parse("from nno_sklearn._online import _x, X")) == set()
