"""The site: what its build cannot tell by itself."""

import importlib
import re
from pathlib import Path

import pytest

import nno_sklearn

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
EXAMPLES = sorted(DOCS.glob("examples/*/*.py"))
#: Modules whose ``__all__`` is for users; those of others are for the package itself.
USER_MODULES = (
    "inspection",
    "linear_model",
    "losses",
    "model_selection",
    "penalties",
    "score_training",
    "solvers",
    "streams",
)
#: What these modules hand to other modules of the package, not to users.
INTERNAL = set(
    "PENALTIES SOLVERS STREAMS BoundTraining Learnt certify_returned solve_nonsmooth "
    "solve_ordered solve_with_scale".split()
)
API = re.findall(r"^   (nno_sklearn\.[\w.]+)$", (DOCS / "api.rst").read_text(), re.MULTILINE)


def public_names():
    yield from (f"nno_sklearn.{name}" for name in nno_sklearn.__all__ if name != "__version__")
    for module in USER_MODULES:
        names = importlib.import_module(f"nno_sklearn.{module}").__all__
        top = set(nno_sklearn.__all__)
        yield from (f"nno_sklearn.{module}.{name}" for name in names if name not in INTERNAL | top)


def shown():
    """All text of guides and examples."""
    pages = [*DOCS.glob("*.md"), ROOT / "README.md", *EXAMPLES]
    return "\n".join(page.read_text() for page in pages)


def test_every_public_name_has_a_page():
    missing = sorted(set(public_names()) - set(API))
    assert not missing, f"add to docs/api.rst: {missing}"
    assert len(API) == len(set(API))


@pytest.mark.parametrize("path", API)
def test_every_page_is_of_something(path):
    module, _, name = path.rpartition(".")
    thing = getattr(importlib.import_module(module), name)
    assert thing.__doc__


def test_every_public_name_is_shown_in_a_guide_or_an_example():
    words = set(re.findall(r"\w+", shown()))
    unseen = sorted(path for path in API if path.rpartition(".")[2] not in words)
    assert not unseen, f"no guide and no example shows {unseen}"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_short_and_in_a_group(path):
    assert 40 <= len(path.read_text().splitlines()) <= 120
    assert (path.parent / "GALLERY_HEADER.rst").exists()
    assert f'"examples/{path.parent.name}"' in (DOCS / "conf.py").read_text()


def test_there_are_examples():
    assert EXAMPLES
    outside = set(DOCS.glob("examples/**/*.py")) - set(EXAMPLES)
    assert not outside, "examples are in a group's folder"
