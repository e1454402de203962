"""The examples of README and docs run as they are written, page by page."""

import re
from importlib.util import find_spec
from pathlib import Path

import matplotlib.pyplot
import pytest
import sklearn

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", *sorted(str(page.relative_to(ROOT)) for page in ROOT.glob("docs/**/*.md"))]


def examples(page):
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)


@pytest.mark.parametrize("page", [page for page in PAGES if examples(page)])
def test_examples(page, monkeypatch):
    """Those of a page share their names: later ones may go on from earlier ones."""
    monkeypatch.setenv("SCIPY_ARRAY_API", "0")  # as one sets it, and it is not to stay
    namespace = {}
    for example in filter(_can_run, examples(page)):
        exec(compile(example, page, "exec"), namespace)
    matplotlib.pyplot.close("all")


def test_every_page_of_examples_is_known():
    with_examples = {page for page in PAGES if examples(page)}
    assert with_examples >= {"README.md", *(f"docs/{name}.md" for name in
                             ("extending", "score_training", "searching", "streams"))}  # fmt: skip
    for page in PAGES:  # no other fence hides an example
        assert not re.findall(r"```(?:py|pycon|Python)\n", (ROOT / page).read_text())


def _can_run(example):
    """Whether there is what an example needs: no cluster is running, callbacks are new, and torch
    is large."""
    if "torch" in example and find_spec("torch") is None:
        return False
    callbacks = tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 9)
    return "Client(" not in example and (callbacks or "sklearn.callback" not in example)
