"""Twins of scikit-learn's linear models: its names, parameters and attributes, over our fit."""

from nno_sklearn.linear_model.classification import LinearSVC, LogisticRegression, RidgeClassifier
from nno_sklearn.linear_model.cross_validated import (
    ElasticNetCV,
    LassoCV,
    LogisticRegressionCV,
    MultiTaskElasticNetCV,
    MultiTaskLassoCV,
    RidgeCV,
)
from nno_sklearn.linear_model.multi_task import MultiTaskElasticNet, MultiTaskLasso
from nno_sklearn.linear_model.online import SGDClassifier, SGDRegressor
from nno_sklearn.linear_model.regression import (
    ElasticNet,
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LinearRegression,
    LinearSVR,
    PoissonRegressor,
    QuantileRegressor,
    Ridge,
    TweedieRegressor,
)

__all__ = [
    "ElasticNet",
    "ElasticNetCV",
    "GammaRegressor",
    "HuberRegressor",
    "Lasso",
    "LassoCV",
    "LinearRegression",
    "LinearSVC",
    "LinearSVR",
    "LogisticRegression",
    "LogisticRegressionCV",
    "MultiTaskElasticNet",
    "MultiTaskElasticNetCV",
    "MultiTaskLasso",
    "MultiTaskLassoCV",
    "PoissonRegressor",
    "QuantileRegressor",
    "Ridge",
    "RidgeCV",
    "RidgeClassifier",
    "SGDClassifier",
    "SGDRegressor",
    "TweedieRegressor",
]
