"""summary says what was solved, how it ended, and what to try."""

import io
import re

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from nno_sklearn import EarlyStopping, NNOClassifier, NNORegressor, NNOSearchCV
from nno_sklearn.inspection import summary
from nno_sklearn.linear_model import Lasso, Ridge

X, Y = load_breast_cancer(return_X_y=True)
X = scale(X)


def told(model):
    file = io.StringIO()
    summary(model, file)
    return file.getvalue()


def test_a_fit_with_a_certificate(capsys):
    model = NNOClassifier(penalty="l1", alpha=0.01).fit(X, Y)
    summary(model)
    text = capsys.readouterr().out
    assert "LogLoss() + 0.01 * L1(), 569 rows, 30 features, 1 output\nstatus     converged" in text
    assert f"{np.count_nonzero(model.coef_)} of 30 coefficients are not 0, intercept" in text
    objective, gap, relative = re.search(
        r"objective  (\S+), at most (\S+) above the optimum \(relative gap (\S+), tol 1.0e-04", text
    ).groups()
    assert float(objective) == pytest.approx(model.objective_, rel=1e-5)
    assert float(gap) == pytest.approx(model.dual_gap_, rel=0.05)
    assert float(relative) <= 1e-4 and "next" not in text


def test_what_to_try_next():
    model = NNOClassifier(solver="gd", max_iter=2)
    with pytest.warns(ConvergenceWarning) as caught:
        model.fit(X, Y)
    text = told(model)
    assert "status     the iteration limit was reached" in text
    assert text.endswith(f"next       {model.advice_}\n") and "raise max_iter (now 2)" in text
    assert str(caught[0].message) == model.advice_
    assert model.set_params(max_iter=1000).fit(X, Y).advice_ == ""


def test_other_ends():
    stopped = NNOClassifier(solver="gd").set_callbacks(EarlyStopping(target=0.9)).fit(X, Y)
    assert "status     a callback stopped it" in told(stopped)
    nonconvex = NNORegressor(penalty="mcp", alpha=0.01).fit(X, Y)
    assert "no bound is known; Newton decrement" in told(nonconvex)
    score = told(NNOClassifier("f1", random_state=0).fit(X, Y))
    assert "trained on 'f1', 569 rows" in score and ", the score on the training rows" in score
    first = told(NNOClassifier().partial_fit(X, Y, classes=[0, 1]))
    assert "objective  not known: no rows have come after the first\n" in first
    stream = told(NNOClassifier().partial_fit(X, Y, classes=[0, 1]).partial_fit(X, Y))
    assert "a stream, learnt by CellStream\nobjective  0." in stream and "1138 rows" in stream


def test_pipelines_searches_and_twins():
    search = NNOSearchCV(make_pipeline(StandardScaler(), NNORegressor()), cv=2, alphas=[0.1, 1.0])
    assert told(search.fit(X, Y)).startswith("NNORegressor: SquaredError() + 0.1 * L2(), 569 rows")
    assert told(Ridge().fit(X, Y)).startswith("Ridge: SquaredError() + 0.00176 * L2(), 569 rows")
    assert told(Lasso(alpha=0.1).fit(X, Y)).startswith("Lasso: SquaredError() + 0.1 * L1()")
