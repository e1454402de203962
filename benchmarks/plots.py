"""Pictures: suboptimality against time for a case, and a performance profile over all."""

import matplotlib
import numpy as np

from benchmarks.report import PEERS, TARGET

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402 (the backend comes first)

COLORS = {
    "ours": "tab:red",
    "scikit-learn": "tab:blue",
    "skglm": "tab:green",
    "celer": "tab:orange",
    "glum": "tab:purple",
    "adelie": "tab:brown",
    "plain": "tab:gray",
}
MARKERS = "osv^D<>Pp*"


def draw_all(results, folder):
    """Write one picture a case and the profile into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for result in results:
        draw_case(result, folder / f"{result.name}.png")
    draw_profile(results, folder / "profile.png")


def draw_case(result, path):
    """Suboptimality against seconds, both logarithmic."""
    figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    seen = dict.fromkeys(COLORS, 0)
    for curve in result.curves:
        seconds = [np.median(rung.seconds) for rung in curve.rungs]
        reached = [max(rung.suboptimality, 1e-13) for rung in curve.rungs]
        marker = MARKERS[seen[curve.package] % len(MARKERS)]
        seen[curve.package] += 1
        axes.loglog(
            *(seconds, reached, f"{marker}-"),
            color=COLORS[curve.package],
            markersize=4,
            linewidth=2 if curve.name == result.automatic else 1,
            label=curve.name,
        )
    axes.set(xlabel="seconds", ylabel="relative suboptimality", title=result.name)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    _write(figure, path)


def draw_profile(results, path, target=TARGET):
    """Share of the cases that a package solves within a factor of the fastest (Dolan, 2002)."""
    names = ("ours", "ours auto", *PEERS)
    times = np.array([_times(result, names, target) for result in results])
    solved = np.isfinite(times.min(axis=1))
    factors = times[solved] / times[solved].min(axis=1, keepdims=True)
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    grid = np.logspace(0, 3, 300)
    for name, factor in zip(names, factors.T, strict=True):
        share = (factor[:, None] <= grid).mean(axis=0) if len(factor) else np.zeros(len(grid))
        style = {"linestyle": "--"} if name == "ours auto" else {}
        axes.semilogx(grid, share, color=COLORS[name.split()[0]], label=name, **style)
    axes.set(
        xlabel="time ÷ time of the fastest",
        ylabel=f"share of cases at {target:.0e}",
        ylim=(0, 1.02),
    )
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    _write(figure, path)


def _times(result, names, target):
    """Seconds of each line of the profile; inf where it did not get there."""
    curves = [
        result.curve(result.automatic) if name == "ours auto" else result.best(name, target)
        for name in names
    ]
    seconds = [curve and curve.time_to(target) for curve in curves]
    return [np.inf if value is None else value for value in seconds]


def _write(figure, path):
    figure.savefig(path, dpi=80)
    plt.close(figure)
