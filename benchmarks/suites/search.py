"""NNOSearchCV against who else searches the same settings, and its starts against others.

A case is data, preprocessing, settings, splits and a score; all who take part alternate in one
process, with the same threads. Everybody's time is that of the search and of the best setting's
fit to all rows.
"""

import contextlib
import sys
import time
import warnings
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from benchmarks import search_cases
from benchmarks.data import MissingDataError
from benchmarks.report import Report, Table, words
from benchmarks.search_rivals import Rival
from benchmarks.worker import in_fresh_process

TITLE, KEY = "Search", "case"

#: Rows of the problem on which everybody is tried once, so that just-in-time compilers are done.
WARM_UP = 300
#: What measures a share of the settings begins with this part of them.
PROBE = 0.1
#: Seconds that a search of "--quick" may take.
QUICK_LIMIT = 1.0


def add_arguments(parser):
    """Say which cases, and how long a search may take."""
    parser.add_argument(
        "--case", nargs="+", metavar="NAME", help="beginnings or glob patterns; see --list"
    )
    parser.add_argument("--list", action="store_true", help="print the cases and end")
    # Seconds after which a search is not repeated, and has only a share of the settings where these
    # do not need each other.
    parser.set_defaults(time_limit=100.0)


def run(options):
    """Run the cases that are asked for; everything is written after each of them."""
    chosen = search_cases.select(options.case, options.quick)
    if options.list:
        for case in chosen:
            print(case.name)
        return
    repeats, limit = options.repeats, options.time_limit
    if options.quick:
        repeats, limit = 1, min(limit, QUICK_LIMIT)
    report = Report(sys.modules[__name__], options)
    report.console.print(f"{options.threads} threads, {repeats} repeats, limit {limit:g} s")
    for case in chosen:
        try:
            rows = in_fresh_process(run_case, case.name, repeats, limit)
        except MissingDataError as error:
            report.console.print(f"{case.name} skipped: {error}")
            continue
        report.add(rows)
        report.show(case_table(pd.DataFrame(rows).assign(threads=options.threads)))
    if len(report.results):
        report.show(*summaries(report.results))
    report.end()


def run_case(name, repeats, limit):
    """Let everybody search, by turns.

    Returns
    -------
    list of dict
        One row for each who searches, of plain values.
    """
    case = search_cases.find(name)
    task, exact = case.task(), Trial(case.exact())
    trials = [Trial(rival) for rival in case.searches()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # accuracy is measured, not promised
        _warm_up(trials, task.small(WARM_UP))
        exact.measure(task, np.inf)
        for _ in range(repeats):
            for trial in trials:
                if trial.has_time(limit):
                    trial.measure(task, limit)
                    print(f"  {trial.rival.name}: {trial.said}", flush=True)
    facts = {
        "case": name,
        "n_samples": len(task.y),
        "n_settings": len(task.settings),
        "n_splits": len(task.splits),
        "scoring": task.scoring,
    }
    return [facts | trial.record(trials[0], exact) for trial in (*trials, exact)]


def _warm_up(trials, small):
    for trial in trials:
        with contextlib.suppress(Exception):  # the measurement will say
            trial.rival.search(small, small.settings)


@dataclass
class Trial:
    """What was measured of one who searches."""

    rival: Rival
    #: Of each search, with the settings left out counted like those that were fitted.
    seconds: list = field(default_factory=list)
    #: The same of the processor, which other processes disturb less.
    cpu_seconds: list = field(default_factory=list)
    #: Time that passed.
    spent: float = 0.0
    #: Mean test score of each setting, nan where it was left out.
    scores: np.ndarray | None = None
    #: Scaled up like the seconds.
    passes: float | None = None
    failure: str = ""

    def has_time(self, limit):
        """Whether another search is likely to end before all of them took ``limit`` seconds."""
        runs = len(self.seconds)
        return not self.failure and (not runs or self.spent * (runs + 1) / runs <= limit)

    def measure(self, task, limit):
        """Search once, on a share of the settings where all of them would take too long."""
        self.scores = np.full(len(task.settings), np.nan)
        try:
            search = self._search(task, limit)
            share = np.isfinite(self.scores).mean()
            refit = self._refit(task)
        except Exception as error:  # whatever a peer raises is its result
            self.failure = f"{type(error).__name__}: {error}".split("\n")[0][:100]
            return
        self.spent += (search + refit)[0]
        wall, cpu = (search / share + refit).tolist()
        self.seconds.append(wall)
        self.cpu_seconds.append(cpu)
        self.passes = self.passes and self.passes / share

    def _search(self, task, limit):
        """Fill in scores and passes; returns the times that it took."""
        units = self.rival.units(task.settings)
        units = [units[k] for k in evenly_spread(len(units))]
        count, begun, start = max(1, round(PROBE * len(units))), 0, _now()
        while begun < count:
            positions = np.concatenate(units[begun:count])
            found = self.rival.search(task, [task.settings[k] for k in positions])
            self.scores[positions] = found.scores
            if found.passes is not None:
                self.passes = found.passes + (self.passes if begun else 0.0)
            spent = _now() - start
            affordable = min(len(units), limit / spent[0] * count)
            begun, count = count, max(count, int(affordable))
        return spent

    def _refit(self, task):
        start = _now()
        if not self.rival.refits:
            self.rival.refit(task, task.settings[np.nanargmax(self.scores)])
        return _now() - start

    @property
    def said(self):
        return self.failure or f"{self.seconds[-1]:.3g} s"

    def record(self, ours, exact):
        """All of it as a dict of plain values, with the distance of its scores from others'."""
        done = bool(self.seconds)
        return {
            "search": self.rival.name,
            "tol": self.rival.tol,
            "seconds": float(np.median(self.seconds)) if done else None,
            "cpu_seconds": float(np.median(self.cpu_seconds)) if done else None,
            "runs": len(self.seconds),
            "n_measured": int(np.isfinite(self.scores).sum()),
            "best_score": float(np.nanmax(self.scores)) if done else None,
            "off_ours": self._off(ours) if done else None,
            "off_exact": self._off(exact) if done else None,
            "passes": self.passes,
            "failure": self.failure,
        }

    def _off(self, other):
        off = np.abs(self.scores - other.scores)
        return float(np.nanmax(off)) if np.isfinite(off).any() else None


def _now():
    return np.array([time.perf_counter(), time.process_time()])


def evenly_spread(count):
    """An order of ``range(count)`` in which each beginning is spread over all of it."""
    golden = (np.sqrt(5) - 1) / 2
    return np.argsort(np.arange(count) * golden % 1, kind="stable")


def tables(results):
    """One for each case, and what is over all of them."""
    by_case = [case_table(rows) for _, rows in results.groupby("case", sort=False)]
    return [*by_case, *summaries(results)]


def case_table(rows):
    """Everybody's time, and the scores he found; ours first."""
    first, ours = rows.iloc[0], rows.set_index("search").loc["NNOSearchCV"]
    title = (
        f"{first.case}: n={first.n_samples:,}, {first.n_settings} settings x "
        f"{first.n_splits} splits, {first.scoring}, {first.threads} threads"
    )
    columns = {
        "search": rows["search"],
        "tol": rows["tol"].map(scientific),
        "s": rows["seconds"],
        "s ÷ ours": rows["seconds"] / ours.seconds,
        "cpu s": rows["cpu_seconds"],
        "cpu ÷ ours": rows["cpu_seconds"] / ours.cpu_seconds,
        "runs": rows["runs"],
        "settings": rows["n_measured"].map(str) + f" of {first.n_settings}",
        "best score": rows["best_score"].map("{:.5f}".format).replace("nan", "–"),
        "off ours": rows["off_ours"].map(scientific),
        "off exact": rows["off_exact"].map(scientific),
        "passes": rows["passes"],
    }
    return Table(title, pd.DataFrame(columns))


def summaries(results):
    """The tables over all cases."""
    return [one for one in (ablation_table(results), failure_table(results)) if len(one.frame)]


def failure_table(results):
    """What was raised."""
    failed = results[words(results["failure"]) != ""]
    return Table("Failed", failed[["case", "search", "failure"]])


def ablation_table(results):
    """Passes and seconds of NNOSearchCV by where its fits start."""
    names = {"NNOSearchCV, cold": "cold", "NNOSearchCV, path": "path", "NNOSearchCV": "nearest"}
    rows = results.assign(starts=results["search"].map(names)).dropna(subset=["starts", "seconds"])
    nearest = rows[rows["starts"] == "nearest"].set_index("case").reindex(rows["case"])
    columns = {"case": rows["case"], "starts": rows["starts"]}
    for title, key in {"passes": "passes", "s": "seconds", "cpu s": "cpu_seconds"}.items():
        columns[title] = rows[key]
        columns[f"{title} ÷ nearest"] = rows[key] / nearest[key].to_numpy()
    table = pd.DataFrame(columns)[nearest["seconds"].notna().to_numpy()]
    order = table["starts"].map(list(names.values()).index)
    cases = table["case"].map(list(table["case"].unique()).index)
    return Table("Starts of NNOSearchCV", table.loc[(10 * cases + order).sort_values().index])


def scientific(value):
    """One digit, or a dash where there is none."""
    return "–" if pd.isna(value) else f"{value:.0e}"


LEGEND = """\
*s* is the median time of the search and of the best setting's fit to all rows, *cpu s* that of the
processor, *÷ ours* each over NNOSearchCV's. Where all *settings* would take too long only so many
of them were fitted, spread evenly over the grid; the time is scaled up to all of them. *tol* is
everybody's own; *off ours* and *off exact* are the largest absolute differences between mean test
scores and those of NNOSearchCV, as it is and with tol=1e-8, and so tell who is how accurate.
*passes* counts how often all fits of a search read their rows.

"path" starts each fit from the next stronger alpha that is otherwise the same, "cold" from the
constant model; everything else is shared as in NNOSearchCV. LogisticRegression's C = 1 / (alpha n)
is that of one split's n, which differs by one row at most between splits."""
