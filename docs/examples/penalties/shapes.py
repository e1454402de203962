"""
What is known of coefficients: equal ones, steps, few large ones, bounds
========================================================================

l1 knows that many coefficients are 0, and nothing else. Where more is known, a penalty says it:
SLOPE, that columns that resemble each other matter alike; the fused lasso, that neighbouring ones
do; weights of a first fit, that coefficients are either 0 or not small; bounds, where they lie.

The rows are made, since only then the true coefficients are known: there are 40 columns and
80 rows. All strengths are chosen by cross-validation. Where nothing is known, scikit-learn's
``LassoCV`` finds what our l1 finds, in less time.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LassoCV

from nno_sklearn import L1, SLOPE, FusedLasso, NNORegressor, NNOSearchCV

N_ROWS, N_COLUMNS = 80, 40

# %%
# Four truths, and penalties that know them
# -----------------------------------------
# SLOPE's weights fall with the rank of a coefficient: the largest one costs most, so that near
# copies of a column, of which l1 takes one or the other, share its coefficient. An adaptive l1 fits
# a ridge first.

column = np.arange(N_COLUMNS)
PENALTIES = {
    "SLOPE": SLOPE(np.linspace(1, 0, N_COLUMNS)),
    "FusedLasso": FusedLasso(l1_ratio=0.2),
    "adaptive L1": L1(weights="adaptive"),
    "L1 within bounds": L1(lower=0.0, upper=1.0),
}
TRUTHS = {
    "SLOPE": np.where(column < 8, 0.5, 0.0),
    "FusedLasso": np.select([column < 10, column < 18, column < 30], [0.0, 1.0, -0.5], 0.0),
    "adaptive L1": np.where(column % 8 == 3, 1.5, 0.0) * (-1) ** (column // 8),
    "L1 within bounds": np.where(column % 3 == 0, 1.0, 0.0),
}


def rows_of(name, seed=0):
    """Rows of a truth, and noise of a third of its size; SLOPE's columns come in near copies."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N_ROWS, N_COLUMNS))
    if name == "SLOPE":
        X = np.repeat(X[:, : N_COLUMNS // 4], 4, axis=1) + 0.2 * X
    signal = X @ TRUTHS[name]
    return X, signal + signal.std() / 3 * rng.normal(size=N_ROWS)


# %%
# What they find
# --------------
# ``alphas=15`` is a path of strengths that begins where all coefficients are 0.


def found(penalty, X, y):
    """Coefficients at the strength of the best mean score in five folds."""
    model = NNORegressor(penalty=penalty, random_state=0)
    return NNOSearchCV(model, alphas=15, cv=5).fit(X, y).best_estimator_.coef_


fig, panels = plt.subplots(2, 2, figsize=(10, 6), layout="constrained")
for ax, (name, penalty) in zip(panels.flat, PENALTIES.items(), strict=True):
    truth, rows = TRUTHS[name], rows_of(name)
    estimates = {"L1": found(L1(), *rows), name: found(penalty, *rows)}
    for mark, (label, coef) in zip("xo", estimates.items(), strict=True):
        ax.plot(column, coef, mark, label=label, markerfacecolor="none")
    ax.step(column, truth, "k:", where="mid", label="true")
    ax.set(xlabel="column", ylabel="coefficient")
    ax.legend(fontsize="small")
    estimates["LassoCV"] = LassoCV(cv=5, max_iter=100_000).fit(*rows).coef_
    print(
        f"{name:16} error of coefficients "
        + ", ".join(f"{key} {np.linalg.norm(coef - truth):.2f}" for key, coef in estimates.items())
    )
