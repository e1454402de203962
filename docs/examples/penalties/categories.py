"""
Categories as groups: a question is asked or it is not
======================================================

One-hot columns of a category belong together: to leave some of them out saves nobody a question,
since the others still need its answer. l1 chooses columns, and shrinks what it chooses; group
penalties choose categories, and MCP of groups does not shrink the large ones. Groups are named by
patterns of the names that a ``ColumnTransformer`` gives to its columns.

The rows are hours of bike sharing in Washington, described by categories alone, or diabetes
patients where ``NNO_SKLEARN_DATA`` is not set; numbers are cut into ranges. Six dice of twelve
sides are added, which cannot matter.
"""

import os
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LassoCV
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder

from nno_sklearn import L1, MCP, GroupLasso, NNORegressor, NNOSearchCV

if "NNO_SKLEARN_DATA" in os.environ:
    table = pd.read_csv(Path(os.environ["NNO_SKLEARN_DATA"], "bike_sharing.csv.bz2"))
    table["day"] = pd.to_datetime(table["dteday"]).dt.day  # of the month
    table, table_test = train_test_split(table, train_size=750, random_state=0)
    y, y_test = np.log1p(table["cnt"].to_numpy()), np.log1p(table_test["cnt"].to_numpy())
    categories = ["yr", "mnth", "day", "hr", "weekday", "holiday", "workingday", "weathersit"]
    ranges = ["temp", "hum", "windspeed"]
else:
    table, target = load_diabetes(return_X_y=True, as_frame=True)
    table, table_test, y, y_test = train_test_split(table, target.to_numpy(), random_state=0)
    categories, ranges = ["sex"], [name for name in table.columns if name != "sex"]
rng, dice = np.random.default_rng(0), [f"die{number}" for number in range(1, 7)]
for rows in (table, table_test):
    rows[dice] = rng.choice(12, (len(rows), 6))
questions = [*categories, *dice, *ranges]

# %%
# Groups by name
# --------------
# The columns of ``hr`` are called ``onehotencoder__hr_0`` and so on.

columns = make_column_transformer(
    (OneHotEncoder(sparse_output=False, handle_unknown="ignore"), categories + dice),
    (KBinsDiscretizer(8, encode="onehot-dense", strategy="uniform"), ranges),
)
X = columns.set_output(transform="pandas").fit_transform(table)
X_test = columns.transform(table_test)
groups = {question: f"*__{question}_*" for question in questions}
belongs = np.array([name.split("__")[1].rpartition("_")[0] for name in X.columns])
print(f"{len(y):,} rows, {len(questions)} questions, {X.shape[1]} one-hot columns")


def asked(coef):
    """The questions of which a column is in use."""
    return sorted(set(belongs[coef != 0]))


# %%
# The choice
# ----------
# All searches, in which the columns are made anew in each fold, take the strongest penalty within
# one standard error of the best score. scikit-learn's LassoCV takes the best one.

PENALTIES = {"l1": L1(), "group lasso": GroupLasso(groups), "group MCP": MCP(groups=groups)}
ALPHAS = np.geomspace(0.3, 0.003, 20) * y.std()


def report(name, model, seconds):
    """Print what a search chose, and how well it predicts."""
    coef = model[-1].coef_
    found, score = asked(coef), model.score(table_test, y_test)
    print(
        f"{name:12} {(coef != 0).sum():3} columns of {len(found):2} questions, "
        f"{len(set(found) & set(dice))} of them dice; test R² {score:.3f}, {seconds:.1f} s"
    )


for name, penalty in PENALTIES.items():
    start = time.perf_counter()
    pipeline = make_pipeline(columns, NNORegressor(penalty=penalty, random_state=0))
    search = NNOSearchCV(pipeline, alphas=ALPHAS, refit="one_standard_error", cv=5).fit(table, y)
    report(name, search.best_estimator_, time.perf_counter() - start)
start = time.perf_counter()
rival = make_pipeline(columns, LassoCV(alphas=ALPHAS, cv=5)).fit(table, y)
report("LassoCV", rival, time.perf_counter() - start)

# %%
# All strengths: how well a model predicts by how many questions it asks.

_, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
for (name, penalty), mark in zip(PENALTIES.items(), "vos", strict=True):
    models = [NNORegressor(penalty=penalty, alpha=alpha, random_state=0) for alpha in ALPHAS]
    path = [(len(asked(model.fit(X, y).coef_)), model.score(X_test, y_test)) for model in models]
    ax.plot(*zip(*path, strict=True), mark, linestyle=":", label=name)
ax.set(xlabel="questions asked", ylabel="test R²")
ax.legend()
