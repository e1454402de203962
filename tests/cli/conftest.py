"""Fixtures of the commands: how they are run, and files for them."""

import pytest

from tests.cli.commands import complaint_of, mixed_table, runner


@pytest.fixture
def compare(capsys):
    return runner("compare", capsys)


@pytest.fixture
def search(capsys):
    return runner("search", capsys)


@pytest.fixture
def predict(capsys):
    return runner("predict", capsys)


@pytest.fixture
def complain(compare):
    """What `compare` complains of; the files of other commands have a ``complain`` of their own."""
    return complaint_of(compare)


@pytest.fixture
def table():
    return mixed_table()


@pytest.fixture
def narrow_table(table):
    """Without the dates and the texts, of which a thousand columns are made."""
    return table.drop(columns=["when", "remark"])


@pytest.fixture
def file(tmp_path):
    """A function that writes a file and returns its path."""

    def write(content, name="d.csv"):
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return write


@pytest.fixture(autouse=True)
def _any_width(monkeypatch):
    """Unset the width of the terminal, which pytest-xdist or the user may have set."""
    monkeypatch.delenv("COLUMNS", raising=False)
