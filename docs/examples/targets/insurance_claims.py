"""
Insurance claims: the time at risk is an offset
===============================================

A policy of three months has fewer claims than one of a year, at the same risk. With the logarithm
of the time as offset, a model of counts is one of the yearly rate. For Poisson counts this is the
fit of rates with times as weights, which is what ``PoissonRegressor`` takes; for other
distributions it is not, and the offset is the only way.

The policies are Belgian motor insurance where ``NNO_SKLEARN_DATA`` names a folder that has them;
otherwise they are made, with claims that scatter more than Poisson's.
"""

import os
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import nbinom, poisson
from sklearn.compose import make_column_transformer
from sklearn.linear_model import PoissonRegressor
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, SplineTransformer

from nno_sklearn import NNORegressor
from nno_sklearn.losses import NegativeBinomial

CATEGORIES, NUMBERS = ["coverage", "fuel", "use"], ["ageph", "bm", "power"]
if "NNO_SKLEARN_DATA" in os.environ:
    policies = pd.read_csv(Path(os.environ["NNO_SKLEARN_DATA"], "motor_claims.csv.bz2"))
else:
    rng, n = np.random.default_rng(0), 20_000
    policies = pd.DataFrame(rng.choice(["a", "b"], (n, 3)), columns=CATEGORIES)
    policies["ageph"], policies["power"] = rng.integers(18, 90, n), rng.integers(30, 150, n)
    policies["bm"] = rng.integers(0, 23, n)  # bonus-malus: 0 is the best driver
    policies["expo"] = np.where(rng.random(n) < 0.7, 1.0, rng.uniform(0.01, 1.0, n))
    rate = np.exp(0.06 * policies["bm"] + 1.5 * np.exp((18 - policies["ageph"]) / 8) - 2.4)
    policies["nclaims"] = rng.poisson(policies["expo"] * rate * rng.gamma(2.0, 0.5, n))
train, test = train_test_split(policies, random_state=0)
features = make_column_transformer(
    (OneHotEncoder(drop="first"), CATEGORIES), (SplineTransformer(), NUMBERS), sparse_threshold=0
)
X, X_test = features.fit_transform(train), features.transform(test)
y, years = train["nclaims"].to_numpy(), train["expo"].to_numpy()
y_test, years_test = test["nclaims"].to_numpy(), test["expo"].to_numpy()
print(f"{len(y):,} policies, {years.sum():,.0f} years, {y.sum():,} claims, {X.shape[1]} columns")

# %%
# Two ways to the same rates
# --------------------------
# scikit-learn's alpha is beside a mean over years, ours beside one over policies. Quality is the
# log-likelihood of held-out counts, per policy.

OPTIONS = {"alpha": 1e-4, "tol": 1e-10, "random_state": 0}


def report(name, start, rates, dispersion=None):
    """Print seconds since ``start``, the claims expected, and the quality of the counts."""
    seconds, mean = time.perf_counter() - start, rates * years_test
    counts = poisson(mean)
    if dispersion:
        counts = nbinom(1 / dispersion, 1 / (1 + dispersion * mean))
    print(
        f"{name:26} {mean.sum():7,.1f} claims expected, {y_test.sum():,} came; log-likelihood "
        f"{counts.logpmf(y_test).mean():.5f}, {seconds:.2f} s"
    )


start = time.perf_counter()
model = NNORegressor("poisson", **OPTIONS).fit(X, y, offset=np.log(years))
report("Poisson, offset", start, model.predict(X_test))

start = time.perf_counter()
rival = PoissonRegressor(alpha=1e-4 / years.mean(), solver="newton-cholesky", tol=1e-6)
rival.fit(X, y / years, sample_weight=years)
report("PoissonRegressor, weights", start, rival.predict(X_test))
apart = np.abs(model.predict(X_test) / rival.predict(X_test) - 1).max()
print(f"rates differ by at most {apart:.0e} of their size")

# %%
# Where weights are not enough
# ----------------------------
# Claims scatter more than Poisson's. A negative binomial model knows by how much; its likelihood
# is not one of rates with weights.

start = time.perf_counter()
excess = (y - years * model.predict(X)) ** 2 - y
dispersion = excess.sum() / ((years * model.predict(X)) ** 2).sum()
wide = NNORegressor(NegativeBinomial(dispersion), **OPTIONS).fit(X, y, offset=np.log(years))
report(f"negative binomial ({dispersion:.2f})", start, wide.predict(X_test), dispersion)

start = time.perf_counter()
ignorant = NNORegressor("poisson", **OPTIONS).fit(X, y)
report("Poisson, time ignored", start, ignorant.predict(X_test) / years_test)

# %%
# A model that ignores the time expects several times too much of short policies. With the offset,
# the number is proportional to the time; on the Belgian policies that is too little for those that
# end early, which have more claims in a year: of this the offset, without a coefficient, knows
# nothing. On the right, the rate of one policy by its driver's age, relative to its mean.

predictions = {"offset": years_test * model.predict(X_test), "no offset": ignorant.predict(X_test)}
groups = np.digitize(years_test, [0.25, 0.5, 0.75, 1.0])
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
for name, expected in predictions.items():
    ratio = np.bincount(groups, expected) / np.bincount(groups, y_test)
    left.plot(ratio, "o-", label=name)
left.axhline(1, color="gray", linestyle=":")
left.set(xlabel="time at risk", ylabel="claims expected / claims", yscale="log")
left.minorticks_off()
left.set_yticks([0.5, 1, 2, 4], ["0.5", "1", "2", "4"])
left.set_xticks(range(5), ["< 3 months", "< 6", "< 9", "< 12", "a year"])
left.legend()
ages = np.arange(18, 86)
like_first = pd.concat([test[:1]] * len(ages)).assign(ageph=ages)
rates = model.predict(features.transform(like_first))
right.plot(ages, rates / rates.mean())
right.set(xlabel="age of the driver", ylabel="relative rate of claims")
