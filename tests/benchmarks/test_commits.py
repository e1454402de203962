"""``python -m benchmarks --suite commits``: the working tree against a commit."""

import shutil
import subprocess
from argparse import Namespace

import pandas as pd
import pytest

from benchmarks import cases
from benchmarks.suites import commits

OPTIONS = Namespace(competitor=["*auto"], tol=1e-6, repeats=2, time_limit=60.0)


def record(version, cpu_seconds, objective=2.0, failure=""):
    return {
        "case": "small",
        "competitor": "ours auto",
        "version": version,
        "cpu_seconds": cpu_seconds,
        "least_cpu_seconds": cpu_seconds / 2,
        "passes": 7.0,
        "objective": objective,
        "failure": failure,
    }


def test_each_version_imports_its_own_package(tmp_path):
    (tmp_path / "nno_sklearn").mkdir()
    (tmp_path / "nno_sklearn" / "__init__.py").write_text("raise OSError('of the commit')\n")
    (case,) = cases.select(["poisson-small"])
    packages = {"before": str(tmp_path), "now": str(commits.ROOT)}
    before, now = commits.compare(case, packages, OPTIONS)
    assert before["failure"] == "OSError: of the commit"
    assert not now["failure"] and now["fits"] == 2
    assert 0 < now["least_cpu_seconds"] <= now["cpu_seconds"]
    (row,) = commits.ratio_table("HEAD", pd.DataFrame([before, now])).rows
    assert row[:3] == ["poisson-small", "ours auto", "–"]
    assert row[-2:] == ["OSError: of the commit", ""]


def test_ratios_above_1_say_that_the_working_tree_is_faster():
    results = pd.DataFrame([record("before", 0.3), record("now", 0.1, objective=2.002)])
    table = commits.ratio_table("HEAD~1", results)
    assert table.title == "Working tree against HEAD~1: ÷ has geometric mean 3.000, least 3.000"
    assert table.rows == [["small", "ours auto", "300", "100", "3", "3", "7", "7", "1+1e-03"]]


def test_the_package_of_a_commit(tmp_path, monkeypatch):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    repository, package = tmp_path / "repository", tmp_path / "package"
    (repository / "nno_sklearn").mkdir(parents=True)
    package.mkdir()

    def git(*words):
        person = ("-c", "user.name=nobody", "-c", "user.email=nobody@localhost")
        subprocess.run(["git", "-C", str(repository), *person, *words], check=True)

    git("init", "--quiet")
    for text in ("first", "second"):
        (repository / "nno_sklearn" / "__init__.py").write_text(text)
        git("add", ".")
        git("commit", "--quiet", "--message", text)
    monkeypatch.setattr(commits, "ROOT", repository)
    commits.export("HEAD~1", package)
    assert (package / "nno_sklearn" / "__init__.py").read_text() == "first"
    with pytest.raises(SystemExit, match="--against nowhere: .*nowhere"):
        commits.export("nowhere", package)
