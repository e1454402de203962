"""What tests of the commands share."""

import numpy as np
import pandas as pd

from nno_sklearn.cli.main import main

N = 60


def lines(row, n=N):
    """Text of n lines, made of their numbers."""
    return "\n".join(map(row, range(n)))


def mixed_table():
    """One column of each kind, with gaps, and a target for each task."""
    rng = np.random.default_rng(0)
    n = 120
    frame = pd.DataFrame({
        "size": rng.normal(size=n),
        "colour": rng.choice(["red", "green", "blue"], n),
        "ready": rng.choice([True, False], n).astype(object),
        "when": pd.date_range("2024-01-01", periods=n, freq="31h").strftime("%Y-%m-%d %H:%M"),
        "remark": [f"a remark of several words, number {i}" for i in range(n)],
        "nothing": np.nan,
    })  # fmt: skip
    frame["price"] = frame["size"] * 2 + (frame["colour"] == "red") + rng.normal(size=n)
    frame["label"] = np.where(frame["price"] > 0, "dear", "cheap")
    frame.loc[[1, 5], ["size", "colour", "when", "remark"]] = None
    frame.loc[7, "ready"] = None
    return frame


def runner(command, capsys):
    """Make a function that runs a command and returns exit code, stdout, stderr."""

    def run(*args):
        code = main([command, *map(str, args)])
        return code, *capsys.readouterr()

    return run


def complaint_of(run):
    """Make a function that runs a command, expects a mistake of the user, returns its one line."""

    def complain(*args):
        code, out, err = run(*args)
        assert (code, out) == (2, "")
        assert err.startswith("nno-sklearn: error: ")
        assert err.count("\n") == 1
        return err

    return complain
