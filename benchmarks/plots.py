"""Pictures of speed: accuracy against time for a case, and a performance profile over all."""

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402 (the backend comes first)

COLORS = {
    "ours": "tab:red",
    "scikit-learn": "tab:blue",
    "skglm": "tab:green",
    "celer": "tab:orange",
    "glum": "tab:purple",
    "adelie": "tab:brown",
    "glmnet": "tab:olive",
    "statsmodels": "tab:cyan",
    "plain": "tab:gray",
}
MARKERS = "osv^D<>Pp*"


def draw_all(results, folder):
    """Write one picture a case and the profile into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for case, rows in results.groupby("case", sort=False):
        draw_case(case, rows, folder / f"{case}.png")
    draw_profile(results, folder / "profile.png")


def draw_case(case, rows, path):
    """Accuracy against seconds, both logarithmic."""
    figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    seen = dict.fromkeys(COLORS, 0)
    for name, curve in rows.groupby("competitor", sort=False):
        package = name.split()[0]
        reached = curve.dropna(subset="seconds")
        axes.loglog(
            reached["seconds"],
            reached["accuracy"],
            color=COLORS[package],
            marker=MARKERS[seen[package] % len(MARKERS)],
            markersize=4,
            linewidth=2 if curve["is_auto"].iloc[0] else 1,
            label=name,
        )
        seen[package] += 1
    axes.set(xlabel="seconds", ylabel="relative suboptimality", title=case)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    _write(figure, path)


def draw_profile(results, path, target=1e-6):
    """Share of the cases that a package solves within a factor of the fastest (Dolan, 2002)."""
    at = results[np.isclose(results["accuracy"], target)]
    package = at["competitor"].str.split().str[0]
    times = at["seconds"].astype(float).groupby([at["case"], package]).min().unstack()
    times["ours auto"] = at[at["is_auto"]].set_index("case")["seconds"].astype(float)
    solved = times.drop(columns="plain", errors="ignore").dropna(how="all")
    factors = solved.div(solved.min(axis=1), axis=0)
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    grid = np.logspace(0, 3, 300)
    for name, factor in factors.items():
        share = [(factor <= limit).mean() for limit in grid]
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


def _write(figure, path):
    figure.savefig(path, dpi=80)
    plt.close(figure)
