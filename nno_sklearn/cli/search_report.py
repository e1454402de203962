"""The report of `nno-sklearn search`: the table of candidates, and the remarks below it."""

import numpy as np

from nno_sklearn.cli.output import not_converged, print_table, with_error
from nno_sklearn.cli.scoring import standard_error
from nno_sklearn.model_selection.results import path_of, standard_errors


def print_candidates(console, search, n_rows, null_model):
    """Print the top candidates, the chosen one, wherever it ranks, and the null model."""
    results, chosen = search.cv_results_, search.best_index_
    top = list(np.argsort(results["rank_test_score"], kind="stable")[:n_rows])
    names = [key for key in _NAMES if any(key in params for params in results["params"])]
    model = ", ".join(_NAMES[name] for name in names).replace(", class", ",\nclass")
    errors = standard_errors(results)
    rows = [
        (
            f"{'→' if k == chosen else ' '} {results['rank_test_score'][k]}",
            with_error(results["mean_test_score"][k], errors[k]),
            f"{results['strength'][k]:.3g}",
            _words(results["params"][k], names),
            f"{results['mean_n_nonzeros'][k]:.0f}",
            f"{results['mean_n_passes'][k]:.1f}",
            f"{results['mean_fit_time'][k]:.3f}",
        )
        for k in top + [chosen] * (chosen not in top)
    ]
    score = with_error(null_model.scores.mean(), standard_error(null_model.scores))
    rows.append(("–", score, "–", null_model.name, "–", "–", "–"))
    headings = ["rank", "score ± se", "alpha", model, "nonzero", "passes", "fit s"]
    print_table(console, headings, rows, names=model)


#: Settings of the grid, and their names in the table.
_NAMES = {
    "model__penalty": "penalty",
    "model__l1_ratio": "l1 ratio",
    "model__class_weight": "class weight",
}


def _words(params, names):
    """Settings of a candidate, for instance "elasticnet 0.5 balanced"."""
    return " ".join(_word(params[name]) for name in names if name in params)


def _word(value):
    return "none" if value is None else str(value)


def remarks(args, search, seconds, null_model):
    """Print below the table what was chosen and why, and its cost."""
    results, chosen = search.cv_results_, search.best_index_
    params = {"alpha": f"{results['strength'][chosen]:.3g}"}
    best = search.best_params_
    params |= {_NAMES[name]: _word(best[name]) for name in _NAMES if name in best}
    settings = ", ".join(f"{name}={value}" for name, value in params.items())
    yield f"\nchosen (→): {settings}: {_reason(search)}"
    if (path := path_of(results, chosen))[-1] == chosen:
        yield (
            f"it is the weakest of its {len(path)} strengths, so weaker ones may be better; "
            "NNOSearchCV(alphas=[...]) takes them in Python"
        )
    splits = range(search.n_splits_)
    scores = np.array([results[f"split{split}_test_score"][chosen] for split in splits])
    yield from null_model.remark("the chosen one", scores)
    n_fits = search.n_fits_
    yield (
        f"{n_fits} fits with {search.n_passes_:.0f} passes over the data in {seconds:.1f} s; "
        f"{search.saved_seconds_:.1f} s of preprocessing saved by sharing it"
    )
    n_converged = round(results["mean_converged"].sum() * search.n_splits_)
    n_converged += search.best_estimator_[-1].converged_
    yield from not_converged(n_fits + 1 - n_converged, n_fits + 1, args)


def _reason(search):
    results = search.cv_results_
    best = int(np.nanargmax(results["mean_test_score"]))
    both = with_error(results["mean_test_score"][best], standard_errors(results)[best])
    score, error = both.split(" ± ")
    if search.refit is True:
        return f"the best mean score, {both}"
    if best == search.best_index_:
        return f"the best mean score, {score}; no stronger penalty is within ± {error}"
    return (
        f"the strongest penalty of the best one's kind within one standard error, {error}, of "
        f"the best mean score, {score}"
    )
