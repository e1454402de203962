"""An estimator for every loss, and which solvers take which penalty."""

from nno_sklearn import NNOClassifier, NNORegressor

#: Losses of targets that are not negative.
POSITIVE = ("poisson", "gamma", "tweedie", "negative_binomial")
REGRESSION = ("squared_error", "huber", "squared_epsilon_insensitive", *POSITIVE)
CLASSIFICATION = ("log_loss", "squared_hinge", "modified_huber")
LOSSES = REGRESSION + CLASSIFICATION
#: Losses that are solved by smooth ones.
CORNERED = ("quantile", "absolute_error", "epsilon_insensitive", "hinge")
#: Losses of rows in arrays of other libraries, or on a cluster: estimator, and kind of its targets.
ANYWHERE = {
    "squared_error": (NNORegressor, "several"),
    "huber": (NNORegressor, "numbers"),
    "squared_epsilon_insensitive": (NNORegressor, "numbers"),
    "concomitant_huber": (NNORegressor, "numbers"),
    "poisson": (NNORegressor, "counts"),
    "gamma": (NNORegressor, "positive"),
    "tweedie": (NNORegressor, "counts"),
    "negative_binomial": (NNORegressor, "counts"),
    "quantile": (NNORegressor, "numbers"),
    "log_loss": (NNOClassifier, "two"),
    "log_loss-multinomial": (NNOClassifier, "three"),
    "squared_hinge": (NNOClassifier, "three"),
    "modified_huber": (NNOClassifier, "two"),
    "hinge": (NNOClassifier, "two"),
    "ordinal": (NNOClassifier, "three"),
}
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
