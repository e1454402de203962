"""Search over hyper-parameters, each setting solved from its nearest solved neighbour."""

from nno_sklearn.model_selection.results import one_standard_error
from nno_sklearn.model_selection.search import NNOSearchCV

__all__ = ["NNOSearchCV", "one_standard_error"]
