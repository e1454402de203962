"""Coupled outputs of few rows with many columns: coefficients in the space that the rows span.

Under a penalty on lengths the optimum is a combination of the rows (Kimeldorf and Wahba, 1971): in
an orthonormal basis of their space the problem has the same values, gradients and duality gaps, and
no more coefficients than rows for each output.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from nno_sklearn.problem import Point, Problem
from nno_sklearn.problem.intercept import NO_SEARCH
from nno_sklearn.solvers.result import Callback, SolverResult
from nno_sklearn.types import Array


class Place(NamedTuple):
    """Coefficients and an intercept of the centred columns."""

    coef: Array
    intercept: Array


def solve_in_row_space(
    solve: Callable[..., SolverResult],
    problem: Problem,
    start: Point,
    *,
    callback: Callback | None,
    **options: object,
) -> SolverResult:
    """The result of a solver in the rows' space, as one of the problem itself.

    Parameters
    ----------
    solve : callable
        Takes a problem, a start and the solver's options, returns the result.
    problem : Problem
    start : Point
    callback : callable or None
        As of a solver; it gets coefficients of the problem.
    **options
        The solver's others.
    """
    known, basis = problem.knowledge.row_space(problem.in_row_space)
    coordinates, outputs = map(np.arange, known.shape)
    inside = known.with_bound(problem.penalty.restrict(coordinates, outputs), problem.alpha)
    most = int(np.count_nonzero(problem.scale)) * problem.n_outputs

    def as_given(record):
        """A record with as many coefficients as a basis makes of any."""
        return record._replace(n_nonzeros=most if record.n_nonzeros else 0)

    def told(record, coefficients):
        def outside():
            coef, intercept = coefficients()
            place = Place(basis @ coef, intercept)
            return place.coef, problem.outer_intercept(place)

        return callback(as_given(record), outside)

    first = inside.with_raw(basis.T @ start.coef, start.raw, start.intercept, NO_SEARCH)
    result = solve(inside, first, callback=callback and told, **options)
    point = problem.at(basis @ result.coef, result.intercept, NO_SEARCH)
    return replace(
        result,
        coef=point.coef,
        intercept=problem.outer_intercept(point),
        history=[as_given(record) for record in result.history],
        point=point,
    )
