"""The largest coefficients of the chosen model, by name."""

from functools import partial
from pathlib import Path

import numpy as np

from nno_sklearn.cli.output import check_file, print_table, write_aside
from nno_sklearn.inspection import coefficients
from nno_sklearn.inspection.table import INTERCEPT

#: Lines of the table.
MOST_LINES = 20
#: What ``--coefficients`` is without a file.
PRINT_ONLY = Path()


def add_coefficients(group):
    """Add the option."""
    what = (
        f"print the {MOST_LINES} largest coefficients by name; write all of them to CSV, if given"
    )
    group.add_argument(
        "--coefficients", type=Path, nargs="?", const=PRINT_ONLY, metavar="CSV", help=what
    )


def check_coefficients(args):
    """Check before the fits that the file can be written."""
    if args.coefficients not in (None, PRINT_ONLY):
        check_file(args.coefficients, "write", args.file)


def show_coefficients(console, say, args, search, names, X):
    """Print the largest coefficients, and write all to the file, if one is named.

    Parameters
    ----------
    console : rich Console
    say : callable
        Prints a line.
    args : Namespace
    search : NNOSearchCV
    names : sequence of n_features str
        Of the columns of the chosen model.
    X : DataFrame
        All rows.
    """
    table = coefficients(search, names, X=X)
    table["effect"] = table["coefficient"] * table["standard_deviation"]
    is_intercept = table["feature"].str.startswith(INTERCEPT[:-1])
    _print_largest(console, say, table[~is_intercept], hasattr(search, "classes_"))
    if args.coefficients != PRINT_ONLY:
        write_aside(args.coefficients, partial(table.to_csv, index=False), "write")
        say(f"wrote {args.coefficients}")


def _print_largest(console, say, table, has_classes):
    used = table[table["coefficient"] != 0]
    order = np.argsort(-np.abs(used["effect"].to_numpy()), kind="stable")[:MOST_LINES]
    if not len(order):
        say(f"\nall {len(table)} coefficients are 0")
        return
    zeros = "" if len(used) == len(table) else f", of which {len(table) - len(used)} are 0"
    say(
        f"\nthe {len(order)} largest of {len(table)} coefficients{zeros}, by their effect: "
        "coefficient × standard deviation of the column"
    )
    headings = ["feature", *["class"][:has_classes], "coefficient", "effect"]
    rows = [
        (line.feature, *[str(line.output)][:has_classes], f"{line.coefficient:.4g}",
         f"{line.effect:.4g}")
        for line in used.iloc[order].itertuples()
    ]  # fmt: skip
    print_table(console, headings, rows, names="feature")
