"""How fitted models are kept: pickles with a version, and sparse coefficients."""

import warnings
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.utils.validation import check_is_fitted

from nno_sklearn._dispatch import at_home
from nno_sklearn._version import __version__


class VersionedPickles:
    """Puts the package's version in pickles, and warns where another one loads them.

    Attributes that followed X to another library are pickled as numpy's: whoever loads a model
    needs neither the library nor its device.
    """

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super(VersionedPickles, at_home(self)).__getstate__()
        return {**state, "_nno_sklearn_version": __version__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        written = state.pop("_nno_sklearn_version", "one without a number")
        if written != __version__:
            warnings.warn(OtherVersionWarning(type(self).__name__, written), stacklevel=2)
        super().__setstate__(state)  # type: ignore[misc]


class OtherVersionWarning(InconsistentVersionWarning):
    """A pickle was written by another version of this package.

    Parameters
    ----------
    name : str
        The estimator's class.
    written : str
        The version that wrote it.
    """

    def __init__(self, name: str, written: str) -> None:
        super().__init__(
            estimator_name=name,
            current_sklearn_version=__version__,
            original_sklearn_version=written,
        )

    def __str__(self) -> str:
        return (
            f"This {self.estimator_name} was pickled by nno_sklearn "
            f"{self.original_sklearn_version}, and is loaded by {__version__}, in which its "
            "attributes may mean something else. Fit it anew, or install the version that wrote "
            "it; to_sklearn(model) gives an estimator without this dependence."
        )


class SparseCoefficients:
    """``coef_`` as a sparse matrix: less memory, and faster predictions, where most are 0."""

    coef_: Any

    def sparsify(self) -> Self:
        """Convert ``coef_`` to a sparse matrix, which pays where more than half of it is 0.

        Predictions are the same. ``fit`` and ``partial_fit`` make dense coefficients again.

        Returns
        -------
        self : object
            With a ``coef_`` of shape (n_outputs, n_features), CSR.
        """
        check_is_fitted(self, "coef_")
        if not sparse.issparse(self.coef_):
            self._is_flat = self.coef_.ndim == 1
            self.coef_ = sparse.csr_matrix(np.atleast_2d(self.coef_))
        return self

    def densify(self) -> Self:
        """Convert ``coef_`` back to an ndarray.

        Returns
        -------
        self : object
        """
        check_is_fitted(self, "coef_")
        if sparse.issparse(self.coef_):
            coef = self.coef_.toarray()
            self.coef_ = coef[0] if self._is_flat else coef
        return self

    @property
    def _predicts_vectors(self):
        """Whether the model of a regressor has a single output."""
        return self._is_flat if sparse.issparse(self.coef_) else self.coef_.ndim == 1


def coef_table(model: Any) -> NDArray[Any]:
    """The coefficients of a fitted model, (n_outputs, n_features), dense."""
    coef = model.coef_
    return coef.toarray() if sparse.issparse(coef) else np.atleast_2d(coef)
