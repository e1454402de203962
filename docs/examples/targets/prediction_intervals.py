"""
Prediction intervals: two quantiles, and the linear program
===========================================================

How many bicycles will be hired, and how far from that may it be? A mean with the spread of all its
residuals gives intervals of one width: too narrow for some hours of the day, too wide for others.
Models of two quantiles learn how wide, and hold nearer to nine hours of ten all day. scikit-learn's
``QuantileRegressor`` solves the same objective as a linear program, in less time for a few
thousand rows, and in more for six thousand of the bicycles' hours.

The hours are two years of a hire scheme where ``NNO_SKLEARN_DATA`` names a folder that has them;
otherwise they are made, so that the spread depends on the hour.
"""

import os
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import QuantileRegressor, RidgeCV
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, SplineTransformer

from nno_sklearn import NNORegressor
from nno_sklearn.losses import Quantile

if "NNO_SKLEARN_DATA" in os.environ:
    hours = pd.read_csv(Path(os.environ["NNO_SKLEARN_DATA"], "bike_sharing.csv.bz2"))
    SIZES = (1000, 2000, 4000, 6000)
else:
    rng, n = np.random.default_rng(0), 4000
    hours = pd.DataFrame({"hr": rng.integers(0, 24, n), "temp": rng.uniform(0, 1, n)})
    hours["weekday"], hours["yr"] = rng.integers(0, 7, n), rng.integers(0, 2, n)
    day = np.sin(np.pi * hours["hr"] / 24)  # 0 at midnight, 1 at noon
    hours["cnt"] = np.exp(2 + 3 * day + hours["temp"] + (1.1 - day) * rng.normal(size=n)).round()
    SIZES = (500, 1000, 2000, 3000)
calendar = hours.columns.intersection(["season", "yr", "mnth", "hr", "weekday", "weathersit"])
weather = hours.columns.intersection(["temp", "hum", "windspeed"])
train, test = train_test_split(hours, random_state=0)
features = make_column_transformer(
    (OneHotEncoder(drop="first"), calendar), (SplineTransformer(), weather), sparse_threshold=0
)
X, X_test = features.fit_transform(train), features.transform(test)
y, y_test = np.log1p(train["cnt"].to_numpy()), np.log1p(test["cnt"].to_numpy())
print(f"{X.shape[0]:,} hours, {X.shape[1]} columns")

# %%
# Intervals that should hold nine hours of ten
# --------------------------------------------
# Logarithms of the numbers are modelled; their quantiles are the logarithms of the quantiles, which
# is not so for means.
SHARES, ALPHA = (0.05, 0.95), 1e-4


def ours(share, n):
    """A model of one quantile, of the first n rows."""
    model = NNORegressor(Quantile(share), penalty="l1", alpha=ALPHA, random_state=0)
    return model.fit(X[:n], y[:n])


def theirs(share, n):
    return QuantileRegressor(quantile=share, alpha=ALPHA).fit(X[:n], y[:n])


def timed(fit, n):
    start = time.perf_counter()
    return [fit(share, n) for share in SHARES], time.perf_counter() - start


mean = RidgeCV().fit(X, y)
models, seconds = timed(ours, len(y))
gap = max(model.dual_gap_ / model.objective_ for model in models)
print(f"both quantiles of all rows in {seconds:.2f} s, at most {gap:.0e} of it above the optimum")
residuals = np.quantile(y - mean.predict(X), SHARES)
intervals = {
    "mean, all residuals": mean.predict(X_test)[:, None] + residuals,
    "two quantiles": np.column_stack([model.predict(X_test) for model in models]),
}
_, ax = plt.subplots(figsize=(9, 3.4), layout="constrained")
for name, interval in intervals.items():
    inside = (interval[:, 0] <= y_test) & (y_test <= interval[:, 1])
    by_hour = pd.Series(inside).groupby(test["hr"].to_numpy()).mean()
    print(
        f"{name:19} hold {inside.mean():.3f} of the held-out hours, {by_hour.min():.2f} to "
        f"{by_hour.max():.2f} by hour of the day; mean width {np.diff(interval).mean():.2f}"
    )
    ax.plot(by_hour, "o-", label=name)
ax.axhline(SHARES[1] - SHARES[0], color="gray", linestyle=":")
ax.set(xlabel="hour of the day", ylabel="share within the interval")
ax.legend()

# %%
# Beside the linear program
# -------------------------
# Objectives are sums of both quantiles, computed here and not by the packages. The linear
# program's time grows faster than the rows.


def objective(model, share, n):
    residuals = y[:n] - model.predict(X[:n])
    loss = np.maximum(share * residuals, (share - 1) * residuals).mean()
    return loss + ALPHA * np.abs(model.coef_).sum()


_, ax = plt.subplots(figsize=(9, 3.4), layout="constrained")
for fit, name in (ours, "NNORegressor"), (theirs, "QuantileRegressor"):
    times = []
    for n in SIZES:
        models, seconds = timed(fit, n)
        total = sum(map(objective, models, SHARES, [n] * 2))
        print(f"{name:17} {n:5,} rows: objective {total:.5f}, {seconds:5.2f} s")
        times.append(seconds)
    ax.plot(SIZES, times, "o-", label=name)
ax.set(xlabel="rows", ylabel="seconds for two quantiles", xscale="log", yscale="log")
ax.set_xticks(SIZES, [f"{n:,}" for n in SIZES])
ax.minorticks_off()
ax.legend()
