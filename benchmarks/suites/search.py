"""NNOSearchCV against who else searches the same settings, and its starts against others.

A case is data, preprocessing, settings, splits and a score; all who take part alternate in one
process, with the same threads. Everybody's time is that of the search and of the best setting's
fit to all rows.
"""

import contextlib
import json
import multiprocessing
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from statistics import median

import numpy as np
from rich.console import Console

from benchmarks import environment, search_cases
from benchmarks.data import MissingDataError
from benchmarks.report import Table, number
from benchmarks.search_rivals import Rival

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
    parser.add_argument(
        "--append", action="store_true", help="keep the cases that OUTPUT/search.json has already"
    )
    parser.add_argument("--list", action="store_true", help="print the cases and end")
    # Seconds after which a search is not repeated, and has only a share of the settings where these
    # do not need each other.
    parser.set_defaults(time_limit=100.0)


def run(options):
    """Run the cases that are asked for; everything is written after each of them."""
    console = Console()
    if not console.is_terminal:
        console.width = 140
    chosen = search_cases.select(options.case, options.quick)
    if options.list:
        for case in chosen:
            console.print(case.name)
        return
    repeats, limit = options.repeats, options.time_limit
    if options.quick:
        repeats, limit = 1, min(limit, QUICK_LIMIT)
    machine = environment.describe(options.threads)
    console.print(f"{options.threads} threads, {repeats} repeats, limit {limit:g} s")
    path, done = options.output / "search.json", {}
    if options.append and path.exists():
        done = {one["name"]: one for one in json.loads(path.read_text())["cases"]}
    for case in chosen:
        try:
            done[case.name] = in_fresh_process(case.name, repeats, limit)
        except MissingDataError as error:
            console.print(f"{case.name} skipped: {error}")
            continue
        done[case.name]["environment"] = machine
        console.print(case_table(done[case.name]).rich())
        _write(list(done.values()), options.output)
    for table in summaries(done.values()):
        console.print(table.rich())
    console.print(f"{options.threads} threads; written to {options.output}")


def in_fresh_process(name, repeats, limit):
    """Run a case in a process that got the threads which were asked for."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(run_case, name, repeats, limit).result()


def run_case(name, repeats, limit):
    """Let everybody search, by turns.

    Returns
    -------
    dict
        Of plain values.
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
    return {
        "name": name,
        "n_samples": len(task.y),
        "n_settings": len(task.settings),
        "n_splits": len(task.splits),
        "scoring": task.scoring,
        "lines": [trial.record(trials[0], exact) for trial in (*trials, exact)],
    }


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
            "name": self.rival.name,
            "tol": self.rival.tol,
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
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


def case_table(result):
    """Everybody's time, and the scores he found; ours first."""
    lines = {line["name"]: line for line in result["lines"]}
    table = Table(
        f"{result['name']}: n={result['n_samples']:,}, {result['n_settings']} settings x "
        f"{result['n_splits']} splits, {result['scoring']}, "
        f"{result['environment']['threads']} threads",
        (
            *("search", "tol", "s", "÷ ours", "cpu s", "÷ ours", "runs", "settings"),
            *("best score", "off ours", "off exact", "passes"),
        ),
    )
    for line in lines.values():
        part = f"{line['n_measured']} of {result['n_settings']}"
        off = (scientific(line[key]) for key in ("off_ours", "off_exact"))
        best = "–" if line["best_score"] is None else f"{line['best_score']:.6f}"
        times = [
            number(value)
            for key in ("seconds", "cpu_seconds")
            for value in _against(line, lines["NNOSearchCV"], key)
        ]
        work = str(len(line["seconds"])), part
        cells = (f"{line['tol']:.0e}", *times, *work, best, *off, number(line["passes"]))
        table.rows.append([line["name"], *cells])
    return table


def failure_table(results):
    """What was raised."""
    table = Table("Failed", ("case", "search", "reason"))
    for result in results:
        failed = [line for line in result["lines"] if line["failure"]]
        table.rows += [[result["name"], line["name"], line["failure"]] for line in failed]
    return table


def ablation_table(results):
    """Passes and seconds of NNOSearchCV by where its fits start."""
    columns = ("passes", "÷ nearest", "s", "÷ nearest", "cpu s", "÷ nearest")
    table = Table("Starts of NNOSearchCV", ("case", "starts", *columns))
    for result in results:
        lines = {line["name"]: line for line in result["lines"]}
        nearest = lines["NNOSearchCV"]
        for starts in ("cold", "path", "nearest"):
            line = lines["NNOSearchCV" if starts == "nearest" else f"NNOSearchCV, {starts}"]
            if not (line["seconds"] and nearest["seconds"]):
                continue
            passes = line["passes"], line["passes"] / nearest["passes"]
            times = (_against(line, nearest, key) for key in ("seconds", "cpu_seconds"))
            cells = map(number, (*passes, *chain(*times)))
            table.rows.append([result["name"], starts, *cells])
    return table


def summaries(results):
    """The tables over all cases."""
    return [table for table in (ablation_table(results), failure_table(results)) if table.rows]


def scientific(value):
    """One digit, or a dash for None."""
    return "–" if value is None else f"{value:.0e}"


def _against(line, ours, key):
    """Median time, and that over ours; None where one of them has failed."""
    if not line[key]:
        return None, None
    return median(line[key]), median(line[key]) / median(ours[key]) if ours[key] else None


def _write(results, folder):
    (folder / "search.json").write_text(json.dumps({"cases": results}, indent=1) + "\n")
    tables = [*map(case_table, results), *summaries(results)]
    text = "\n".join(table.markdown() for table in tables)
    (folder / "search.md").write_text(f"# Search\n\n{_LEGEND}\n\n{text}")


_LEGEND = """\
*s* is the median time of the search and of the best setting's fit to all rows, *cpu s* that of the
processor, *÷ ours* each over NNOSearchCV's. Where all *settings* would take too long only so many
of them were fitted, spread evenly over the grid; the time is scaled up to all of them. *tol* is
everybody's own; *off ours* and *off exact* are the largest absolute differences between mean test
scores and those of NNOSearchCV, as it is and with tol=1e-8, and so tell who is how accurate.
*passes* counts how often all fits of a search read their rows.

"path" starts each fit from the next stronger alpha that is otherwise the same, "cold" from the
constant model; everything else is shared as in NNOSearchCV. LogisticRegression's C = 1 / (alpha n)
is that of one split's n, which differs by one row at most between splits."""
