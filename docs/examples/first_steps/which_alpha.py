"""
Which alpha: a path, and one standard error
===========================================

A search over the strength of the penalty takes one call, costs little more than a few fits, and
ends with a choice between the best score and the simplest model that is as good within the error
of the scores. The data are diabetes patients with all products of two of their ten columns.
"""

import time

from sklearn.datasets import load_diabetes
from sklearn.linear_model import LassoCV
from sklearn.model_selection import KFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from nno_sklearn import NNORegressor, NNOSearchCV
from nno_sklearn.inspection import PathDisplay

X, y = load_diabetes(return_X_y=True, as_frame=True)
X, X_test, y, y_test = train_test_split(X, y, random_state=0)
products = PolynomialFeatures(degree=2, include_bias=False)
folds = KFold(10, shuffle=True, random_state=0)

# %%
# ``alphas="auto"`` is thirty strengths down from the one that sets all coefficients to 0.
# Preprocessing is fitted once in each fold, on its training rows alone.


def report(name, alpha, lasso, score, seconds):
    """Print what a search chose, and how long it took."""
    kept = f"{(lasso.coef_ != 0).sum():2} of {lasso.n_features_in_} coefficients"
    print(f"{name:24} alpha {alpha:6.3f}, {kept}, test R² {score:.3f}, {seconds:.2f} s")


for refit in (True, "one_standard_error"):
    pipeline = make_pipeline(products, StandardScaler(), NNORegressor(penalty="l1"))
    start = time.perf_counter()
    search = NNOSearchCV(pipeline, alphas="auto", refit=refit, cv=folds).fit(X, y)
    seconds, chosen = time.perf_counter() - start, search.best_estimator_[-1]
    report(f"refit={refit}", chosen.alpha, chosen, search.score(X_test, y_test), seconds)

# %%
# scikit-learn's ``LassoCV`` walks the same path for this one model, in compiled code and in less
# time. It sees columns that were scaled with all rows, those of its own test folds included, and
# it chooses the best score only.

start = time.perf_counter()
rival = make_pipeline(products, StandardScaler(), LassoCV(cv=folds, alphas=30, max_iter=10_000))
rival.fit(X, y)
seconds, lasso = time.perf_counter() - start, rival[-1]
report("LassoCV", lasso.alpha_, lasso, rival.score(X_test, y_test), seconds)

# %%
# The path: coefficients enter one by one from the right. The dotted line is the chosen model, the
# dashed one what is within a standard error of the best score.

names = search.best_estimator_[:-1].get_feature_names_out()
display = PathDisplay.from_search(search, feature_names=names, score_name="R²")
display.figure_.set_size_inches(11, 4.2)
