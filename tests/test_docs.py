"""The examples in the docs run."""

import re
from pathlib import Path

import matplotlib
import matplotlib.pyplot
import pytest
import sklearn

DOCS = Path(__file__).parent.parent / "docs"


@pytest.mark.parametrize("name", ["extending.md", "search.md"])
def test_examples(name):
    matplotlib.use("Agg")
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(), flags=re.DOTALL)
    assert blocks
    namespace = {}
    for block in filter(_can_run, blocks):
        exec(compile(block, name, "exec"), namespace)
    matplotlib.pyplot.close("all")


def _can_run(block):
    """Whether there is what an example needs: no cluster is running, and callbacks are new."""
    callbacks = tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 9)
    return "Client(" not in block and (callbacks or "sklearn.callback" not in block)
