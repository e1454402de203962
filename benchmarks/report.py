"""Results of a run: a CSV with one row for each measurement, and tables made from it.

``NAME.csv`` has the results of a suite, ``environments.csv`` one row for each run of a suite: the
column ``run`` joins them. ``NAME.md`` is made from both, and can be made again from them alone.
"""

import math
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table as RichTable

from benchmarks import environment

ENVIRONMENTS = "environments.csv"


@dataclass
class Table:
    """A data frame under a title; the first column is a name, the others are numbers."""

    title: str
    frame: pd.DataFrame

    @property
    def rows(self):
        """All cells as text."""
        return [[text(value) for value in row] for row in self.frame.itertuples(index=False)]

    def markdown(self):
        """Render as Markdown."""
        rule = ["---"] + ["---:"] * (self.frame.shape[1] - 1)
        lines = [" | ".join(cells) for cells in (self.frame.columns, rule, *self.rows)]
        return f"## {self.title}\n\n" + "".join(f"| {line} |\n" for line in lines)

    def rich(self):
        """Render for the terminal."""
        table = RichTable(title=self.title, title_justify="left")
        for i, column in enumerate(self.frame.columns):
            table.add_column(column, justify="right" if i else "left", no_wrap=True)
        for row in self.rows:
            table.add_row(*row)
        return table


def text(value):
    """A cell of a table: three digits of a number, a dash where there is none."""
    if isinstance(value, str):
        return value
    if value is None or math.isnan(value):
        return "–"
    if isinstance(value, Integral):
        return str(value)
    return f"{value:.0f}" if 1000 <= value < math.inf else f"{value:.3g}"


def percent(value):
    """Whole percents, or a dash."""
    return "–" if value is None or math.isnan(value) else f"{value:.0%}"


def words(column):
    """A column of text, "" where there is none; a CSV does not say that an empty column is text."""
    return column.astype(object).where(column.notna(), "")


class Report:
    """Keeps, shows and writes the results of one run of a suite.

    Parameters
    ----------
    suite : module
        See :mod:`benchmarks.suites`.
    options : Namespace
        ``output``, ``threads`` and ``append`` of the command line.
    """

    def __init__(self, suite, options):
        self.suite, self.folder = suite, options.output
        self.environment = environment.describe(options.threads)
        self.console = console()
        path = self.folder / f"{name_of(suite)}.csv"
        has_earlier = options.append and path.exists()
        self.results = _read_csv(path) if has_earlier else pd.DataFrame()

    def add(self, rows):
        """Add rows in place of earlier ones with the same key, and write everything."""
        new = pd.DataFrame(rows).assign(run=self.environment["date"])
        key = self.suite.KEY
        if len(self.results):
            self.results = self.results[~self.results[key].isin(new[key])]
        parts = [part for part in (self.results, new) if len(part)]
        self.results = pd.concat(parts, ignore_index=True) if parts else new
        write(self.suite, self.results, [self.environment], self.folder)

    def show(self, *tables):
        """Print tables."""
        for table in tables:
            self.console.print(table.rich())

    def end(self):
        """Say where everything is."""
        threads = self.environment["threads"]
        self.console.print(f"{threads} threads; written to {self.folder}")


def console():
    """For the terminal; a file has no width of its own."""
    made = Console(highlight=False)
    if not made.is_terminal:
        made.width = 160
    return made


def name_of(suite):
    """Name of a suite's module."""
    return suite.__name__.rpartition(".")[2]


def write(suite, results, environments, folder):
    """Write results and the environments of their runs as CSV, and the tables."""
    name, path = name_of(suite), Path(folder) / ENVIRONMENTS
    results.to_csv(Path(folder) / f"{name}.csv", index=False, float_format="%.6g")
    rows = pd.DataFrame([{"suite": name, "run": one["date"], **one} for one in environments])
    rows = rows.drop(columns="date")
    if path.exists():
        rows = pd.concat([_read_csv(path), rows])
    rows = rows.drop_duplicates(["suite", "run"], keep="last")
    is_used = (rows["suite"] != name) | rows["run"].isin(results["run"])
    rows[is_used].to_csv(path, index=False, float_format="%.6g")
    write_tables(suite, folder)


def write_tables(suite, folder):
    """Make NAME.md again from NAME.csv."""
    results, environments = read(name_of(suite), folder)
    parts = [f"# {suite.TITLE}", *map(_sentence, environments.to_dict("records")), suite.LEGEND]
    parts += [table.markdown() for table in suite.tables(results)]
    (Path(folder) / f"{name_of(suite)}.md").write_text("\n\n".join(p.strip() for p in parts) + "\n")


def read(name, folder):
    """Results of a suite, each row with the columns of its run's environment, and those alone.

    Returns
    -------
    results, environments : DataFrame
    """
    results = _read_csv(Path(folder) / f"{name}.csv")
    environments = _read_csv(Path(folder) / ENVIRONMENTS)
    environments = environments[environments["suite"] == name].drop(columns="suite")
    return results.merge(environments, on="run", how="left"), environments


def _read_csv(path):
    """Only what is empty is missing: "none" is a word."""
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def _sentence(environment):
    return f"Run {environment['run']}: " + ", ".join(
        f"{name} {text(value)}" for name, value in environment.items() if name != "run"
    )
