"""Twins of scikit-learn's linear models: its names, parameters and attributes, over our fit."""

from nno_sklearn.linear_model.classification import LinearSVC, LogisticRegression, RidgeClassifier
from nno_sklearn.linear_model.cross_validated import (
    ElasticNetCV,
    LassoCV,
    LogisticRegressionCV,
    RidgeCV,
)
from nno_sklearn.linear_model.regression import (
    ElasticNet,
    GammaRegressor,
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
    "Lasso",
    "LassoCV",
    "LinearRegression",
    "LinearSVC",
    "LinearSVR",
    "LogisticRegression",
    "LogisticRegressionCV",
    "PoissonRegressor",
    "QuantileRegressor",
    "Ridge",
    "RidgeCV",
    "RidgeClassifier",
    "TweedieRegressor",
]
