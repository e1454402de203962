"""An estimator for every loss, and which solvers take which penalty."""

from nno_sklearn import NNOClassifier, NNORegressor

#: Losses of targets that are not negative.
POSITIVE = ("poisson", "gamma", "tweedie", "negative_binomial")
REGRESSION = ("squared_error", "huber", "squared_epsilon_insensitive", *POSITIVE)
CLASSIFICATION = ("log_loss", "squared_hinge", "modified_huber")
LOSSES = REGRESSION + CLASSIFICATION
#: Losses that are solved by smooth ones.
CORNERED = ("quantile", "absolute_error", "epsilon_insensitive", "hinge")
#: Solvers of differentiable penalties, and of nonsmooth ones.
SMOOTH = ("auto", "gd", "nearest_neighbor", "proximal")
NONSMOOTH = ("auto", "nearest_neighbor", "proximal")
SOLVERS = {"l2": SMOOTH, "l1": NONSMOOTH, "elasticnet": NONSMOOTH, None: SMOOTH}


def make(loss, **params):
    return (NNOClassifier if loss in NNOClassifier.named_losses else NNORegressor)(loss, **params)


def raw_prediction(model, X):
    """``X @ coef + intercept``, (n_samples, n_outputs)."""
    coef = model.coef_.reshape(-1, X.shape[1])
    return X @ coef.T + model.intercept_
