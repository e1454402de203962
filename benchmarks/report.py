"""Tables: on the terminal by rich, in a file as Markdown."""

from dataclasses import dataclass, field

from benchmarks.curve import COLD_TARGET, TARGETS
from benchmarks.results import Ratios

#: What the summary is about, unless it says so.
TARGET = 1e-6

PEERS = ("scikit-learn", "skglm", "celer", "glum", "adelie")


@dataclass
class Table:
    """Lines of text under a title; the first column is a name, the others are numbers."""

    title: str
    columns: tuple[str, ...]
    rows: list[list[str]] = field(default_factory=list)

    def markdown(self):
        """Render as Markdown."""
        rule = ["---"] + ["---:"] * (len(self.columns) - 1)
        lines = [" | ".join(cells) for cells in (self.columns, rule, *self.rows)]
        return f"### {self.title}\n\n" + "".join(f"| {line} |\n" for line in lines)

    def rich(self):
        """Render for the terminal."""
        from rich.table import Table as RichTable

        table = RichTable(title=self.title, title_justify="left")
        for i, column in enumerate(self.columns):
            table.add_column(column, justify="right" if i else "left", no_wrap=True)
        for row in self.rows:
            table.add_row(*row)
        return table


def case_table(result):
    """Competitors of a case, fastest first."""
    table = Table(
        f"{result.name}: n={result.n_samples:,} p={result.n_features:,} "
        f"alpha={result.alpha:.3g} l1_ratio={result.l1_ratio:g}",
        (
            "competitor",
            *(f"{target:.0e}" for target in TARGETS),
            *("passes", "GB/s share", "mem / X", "cold", "fits", "ended"),
        ),
    )
    for curve in sorted(result.curves, key=lambda curve: _order(curve.time_to(TARGET))):
        memory = [rung.memory for rung in curve.rungs if rung.memory is not None]
        table.rows.append(
            [
                curve.name + (" (auto)" if curve.name == result.automatic else ""),
                *(number(curve.time_to(target)) for target in TARGETS),
                number(curve.passes_to(TARGET)),
                percent(result.bandwidth_share(curve, TARGET)),
                number(max(memory) / result.n_bytes if memory else None),
                number(curve.cold_seconds),
                str(curve.repeats),
                curve.note,
            ]
        )
    return table


def summary_table(results, target=TARGET):
    """Per group, each peer's best solver against our best, and against our "auto"."""
    table = Table(
        f"Time of the best peer ÷ ours, to {target:.0e}",
        (
            "group",
            *("peer", "cases", "best mean", "best min", "auto mean", "auto min"),
            *("only we", "cold best", "cold auto"),
        ),
    )
    for group in dict.fromkeys(result.group for result in results):
        for peer in PEERS:
            rows = [result for result in results if result.group == group and _has(result, peer)]
            if rows:
                table.rows.append([group, peer, str(len(rows)), *_compared(rows, peer, target)])
    return table


def _compared(results, peer, target):
    auto = [result.curve(result.automatic) for result in results]

    def ratios(measure, target):
        theirs = [measure(result.best(peer, target)) for result in results]
        best = [measure(result.best("ours", target)) for result in results]
        return [
            Ratios.of(zip(theirs, ours, strict=True)) for ours in (best, list(map(measure, auto)))
        ]

    warm = ratios(lambda curve: curve and curve.time_to(target), target)
    cold = ratios(lambda curve: curve and curve.cold_seconds, COLD_TARGET)
    return [
        *(number(value) for ratio in warm for value in (ratio.mean, ratio.least)),
        str(warm[0].n_unmatched),
        *(number(ratio.mean) for ratio in cold),
    ]


def descent_table(results, target=TARGET):
    """Our "gd" against L-BFGS in time, and against plain accelerated descent in passes."""
    table = Table(
        f"gd, to {target:.0e}",
        ("case", "gd s", "lbfgs s", "gd ÷ lbfgs", "gd passes", "plain passes", "gd ÷ plain"),
    )
    for result in results:
        curve, plain = result.curve("ours gd"), result.curve("plain accelerated")
        if curve is None:
            continue
        peers = (result.curve(f"scikit-learn {name}") for name in ("lbfgs", "glm-lbfgs"))
        rival = next((peer for peer in peers if peer is not None), None)
        seconds = [c and c.time_to(target) for c in (curve, rival)]
        passes = [c and c.passes_to(target) for c in (curve, plain)]
        more, less = "", ""
        if passes[1] is None and plain is not None and plain.rungs:
            passes[1], more, less = plain.rungs[-1].passes, "> ", "< "  # it was on its way
        share = _ratio(*passes)
        table.rows.append(
            [
                result.name,
                *(number(value) for value in (*seconds, _ratio(*seconds), passes[0])),
                more + number(passes[1]),
                number(share) if share is None else less + number(share),
            ]
        )
    return table


def summaries(results):
    """The tables over all cases."""
    return [*(summary_table(results, target) for target in TARGETS), descent_table(results)]


def markdown(results):
    """The whole report."""
    lines = ["# Speed", ""]
    environments = {}
    for result in results:
        environments.setdefault(_environment(result.environment), []).append(result.name)
    for environment, names in environments.items():
        cases = "all cases" if len(environments) == 1 else ", ".join(names)
        lines += [f"{environment} ({cases})", ""]
    lines += [_LEGEND, ""]
    return (
        "\n".join(lines)
        + "\n"
        + "\n".join(table.markdown() for table in (*summaries(results), *map(case_table, results)))
    )


def _environment(environment):
    versions = ", ".join(f"{name} {number}" for name, number in environment["versions"].items())
    return (
        f"{environment['cpu']}, {environment['cores']} cores, "
        f"**{environment['threads']} threads**, "
        f"{environment['bandwidth'] / 1e9:.1f} GB/s, {environment['system']}, "
        f"Python {environment['python']}, {versions}, "
        f"load before the run {number(environment['load'])}, {environment['date'][:10]}."
    )


_LEGEND = """\
Columns "1e-03" … are seconds to that true relative suboptimality, `(F - F*) / F(best constant
model)`: medians of warm fits, interpolated on each competitor's own curve; "–" is not reached.
*passes* and *GB/s share* are at 1e-6: passes × bytes of X ÷ seconds over what this machine reads.
*mem / X* is the growth of the process at its peak, over the bytes of X. *cold* is the first fit in
a fresh process, import included, to 1e-6. *fits* is the least number of fits behind a median.

In the summaries *best* is the fastest of our solvers, *auto* the one that `solver="auto"` takes.
Above 1 we are ahead. Means are geometric, over the cases that both solved; 0 says that we did not
solve a case that the peer solved, *only we* counts the reverse."""


def number(value):
    """Three digits, or a dash for None."""
    if value is None:
        return "–"
    return f"{value:.0f}" if 1000 <= value < float("inf") else f"{value:.3g}"


def percent(value):
    """Whole percents, or a dash for None."""
    return "–" if value is None else f"{value:.0%}"


def _order(seconds):
    return float("inf") if seconds is None else seconds


def _ratio(numerator, denominator):
    return numerator / denominator if numerator and denominator else None


def _has(result, package):
    return any(curve.package == package for curve in result.curves)
