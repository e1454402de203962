"""Penalties that lie are refused by name, in fits and by check_penalty."""

import numpy as np
import pytest

from nno_sklearn import (
    NNORegressor,
    NNOSearchCV,
    check_penalty,
)
from nno_sklearn.penalties import L2
from tests.contracts.lies import FENCHEL, constant
from tests.problems import X, Y
from tests.user_objects import (
    MCP,
    Box,
    HalfSquares,
    NonNegative,
    SmoothedL1,
    StrictL1,
    altered,
    twice,
)


def penalty_lie(base, match, **members):
    return pytest.param(altered(base, **members), match, id=match[:60])


PENALTY_LIES = [
    penalty_lie(StrictL1(), FENCHEL, conjugate=constant(0.0)),
    penalty_lie(StrictL1(), FENCHEL, conjugate=constant(-np.inf)),
    penalty_lie(HalfSquares(), FENCHEL, conjugate=constant(0.0)),
    penalty_lie(HalfSquares(), FENCHEL, conjugate=twice("conjugate", HalfSquares)),
    penalty_lie(L2(), FENCHEL, conjugate=constant(0.0)),
    penalty_lie(
        StrictL1(),
        r"Altered.dual_scaling returned 2, but a factor between 0 and 1",
        dual_scaling=constant(2.0),
    ),
    penalty_lie(
        StrictL1(),
        r"Altered.dual_scaling returned 1, but conjugate is inf at z times that",
        dual_scaling=constant(1.0),
    ),
    penalty_lie(
        SmoothedL1(),
        r"Altered.gradient is not the derivative of value: along a step",
        gradient=lambda self, w: -SmoothedL1.gradient(self, w),
    ),
    penalty_lie(HalfSquares(), r"Altered.gradient is not", gradient=twice("gradient", HalfSquares)),
    penalty_lie(
        SmoothedL1(), r"Altered.curvature returned", curvature=twice("curvature", SmoothedL1)
    ),
    penalty_lie(
        SmoothedL1(),
        r"Altered.curvature returned -",
        curvature=lambda self, w: -SmoothedL1.curvature(self, w),
    ),
    penalty_lie(
        StrictL1(), r"Altered.curvature returned 1", curvature=lambda s, w: np.ones_like(w)
    ),
    penalty_lie(
        StrictL1(),
        r"Altered.prox does not minimise .* with step=0.1",
        prox=lambda self, w, step: StrictL1.prox(self, w, 2 * step),
    ),
    penalty_lie(StrictL1(), r"Altered.prox does not minimise", prox=lambda s, w, step: w),
    penalty_lie(Box(), r"Altered.prox does not minimise", prox=lambda s, w, step: 0.9 * w),
    penalty_lie(
        StrictL1(),
        r"Altered.subdiff_distance returned 0 at a coefficient",
        subdiff_distance=lambda self, w, gradient: np.zeros_like(w),
    ),
    penalty_lie(
        HalfSquares(),
        r"Altered.subdiff_distance returned",
        subdiff_distance=lambda self, w, gradient: np.abs(gradient),
    ),
    penalty_lie(
        Box(low=0.5), r"Altered.value \(inherited from Box\) is inf where all coefficients are 0"
    ),
    penalty_lie(StrictL1(), r"Altered.value returned NaN", value=constant(np.nan)),
    penalty_lie(StrictL1(), r"Altered.value returned a NoneType, but one", value=constant(None)),
    penalty_lie(StrictL1(), r"Altered.value returned a ndarray, but one", value=lambda s, w: w),
    penalty_lie(HalfSquares(), r"Altered.gradient returned a NoneType", gradient=constant(None)),
    penalty_lie(
        HalfSquares(),
        r"Altered.gradient returned an array of shape \(4,\), but .* \(4, 1\)",
        gradient=lambda self, w: w[:, 0],
    ),
    penalty_lie(
        StrictL1(), r"Altered.prox returned NaN", prox=lambda self, w, step: np.full_like(w, np.nan)
    ),
    penalty_lie(
        StrictL1(), r"Altered.prox returned an array of shape", prox=lambda s, w, step: w.ravel()
    ),
]


class TestLyingPenalties:
    @pytest.mark.parametrize(("penalty", "match"), PENALTY_LIES)
    def test_are_refused(self, penalty, match):
        for fit in (NNORegressor(penalty=penalty).fit, NNORegressor(penalty=penalty).partial_fit):
            with pytest.raises(ValueError, match=match) as caught:
                fit(X, Y)
            assert str(caught.value).count(". ") >= 1
        with pytest.raises(ValueError, match=match.replace("4", r"\d")):
            check_penalty(penalty)

    def test_in_a_search_too(self):
        lie = altered(StrictL1(), dual_scaling=constant(2.0))
        search = NNOSearchCV(NNORegressor(), {"penalty": [L2(), lie]}, cv=2, error_score="raise")
        with pytest.raises(ValueError, match="Altered.dual_scaling returned 2"):
            search.fit(X, Y)

    def test_without_strength_no_penalty_is_asked(self):
        lie = altered(StrictL1(), dual_scaling=constant(2.0))
        NNORegressor(penalty=lie, alpha=0.0).fit(X, Y)

    def test_prox_may_not_write_into_its_argument(self):
        def in_place(self, w, step):
            w *= 0.5
            return w

        with pytest.raises(ValueError, match="Altered.prox changes its arguments in place"):
            check_penalty(altered(MCP(), prox=in_place))

    def test_domain_of_a_one_sided_conjugate(self):
        check_penalty(NonNegative())
        lie = altered(NonNegative(), dual_scaling=constant(0.5))
        with pytest.raises(ValueError, match="dual_scaling returned 0.5, but conjugate is inf"):
            check_penalty(lie)
