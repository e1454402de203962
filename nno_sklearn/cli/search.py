"""`nno-sklearn search`: the best model of a grid over what does not depend on the solver."""

import argparse
import difflib
import sys
import time
import warnings
from pathlib import Path

import joblib
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer_names
from sklearn.pipeline import Pipeline

from nno_sklearn.cli.arguments import (
    ESTIMATORS,
    LOSSES,
    Several,
    add_data,
    add_folds,
    add_limits,
    add_loss,
    at_least,
    find_task,
    make_folds,
    one_of,
    read_data,
    score_for,
)
from nno_sklearn.cli.errors import UserError
from nno_sklearn.cli.output import (
    check_file,
    check_image,
    describe,
    make_console,
    make_table,
    not_converged,
    save_image,
)
from nno_sklearn.cli.preprocessing import make_preprocessor
from nno_sklearn.inspection import PathDisplay
from nno_sklearn.model_selection import NNOSearchCV
from nno_sklearn.model_selection.results import path_of, standard_errors

PENALTIES = ("l2", "l1", "elasticnet")
CLASS_WEIGHTS = {"none": None, "balanced": "balanced"}
RULES = {"best": True, "1se": "one_standard_error"}


def add_command(commands):
    """Add the command to those of the parser."""
    what = "find the best model of a grid of penalties"
    command = commands.add_parser(
        "search", help=what, description=f"{what}, by cross-validation, and print the top ones."
    )
    command.set_defaults(run=run)
    add_data(command)
    problem = command.add_argument_group("problem")
    add_loss(problem)
    add_limits(problem)
    _add_grid(command.add_argument_group("grid"))
    _add_search(command.add_argument_group("search"))
    _add_output(command.add_argument_group("output"))


def _add_grid(group):
    group.add_argument(
        "--penalty",
        action=Several,
        type=one_of(PENALTIES),
        default=list(PENALTIES),
        metavar="NAME",
        help=f"one or more of {', '.join(PENALTIES)} (default: all)",
    )
    what = "number of strengths of each penalty (default: %(default)s)"
    group.add_argument(
        "--alphas", type=at_least(2, "strengths"), default=30, metavar="N", help=what
    )
    ratios = [0.1, 0.5, 0.9]
    what = f"shares of l1 in elasticnet (default: {' '.join(map(str, ratios))})"
    group.add_argument(
        "--l1-ratios", action=Several, type=_share, default=ratios, metavar="R", help=what
    )
    group.add_argument(
        "--class-weight",
        action=Several,
        type=one_of(CLASS_WEIGHTS),
        metavar="NAME",
        help=f"one or more of {', '.join(CLASS_WEIGHTS)}, for classification (default: none)",
    )


def _add_search(group):
    what = "scikit-learn's name of the score (default: that of the task or of the loss)"
    group.add_argument("--scoring", type=_scorer, metavar="NAME", help=what)
    add_folds(group)
    what = "best mean score, or the strongest penalty within one standard error of it"
    group.add_argument(
        "--refit", choices=list(RULES), default="best", help=f"{what} (default: best)"
    )
    what = "number of processes, -1 for one per core (default: 1)"
    group.add_argument("--n-jobs", type=int, metavar="N", help=what)


def _add_output(group):
    what = "number of candidates in the table (default: %(default)s)"
    group.add_argument("--top", type=at_least(1, "rows"), default=10, metavar="K", help=what)
    what = "draw coefficients and scores along the chosen one's path of strengths"
    group.add_argument("--plot", type=Path, metavar="IMAGE", help=what)
    what = "save the chosen one, fitted to all rows, with its preprocessing (joblib)"
    group.add_argument("--save", type=Path, metavar="MODEL", help=what)


def _share(text):
    if not 0 <= (share := float(text)) <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no share, which is between 0 and 1")
    return share


def _scorer(name):
    known = get_scorer_names()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise argparse.ArgumentTypeError(f"scikit-learn has no score {name!r}{hint}")
    return name


def run(args):
    """Run the command.

    Parameters
    ----------
    args : Namespace
        What the parser found.

    Raises
    ------
    UserError
        For a mistake of the user.
    """
    console, say = make_console()
    if args.plot is not None:
        check_image(args.plot)
    if args.save is not None:
        check_file(args.save, "save")
    data = read_data(args)
    task, reason = find_task(args, data)
    if args.class_weight and task != "classification":
        raise UserError(f"--class-weight is for classification, not for {task}; leave it out")
    loss = args.loss or LOSSES[task][0]
    score = args.scoring or score_for(task, loss)
    began = time.perf_counter()
    search = _fit(_make_search(args, task, loss, score, data), data)
    seconds = time.perf_counter() - began

    describe(say, data, search.best_estimator_[-1].n_features_in_)
    n_candidates = len(search.cv_results_["params"])
    say(f"{task}{reason}, loss={loss}, {n_candidates} candidates, cv={args.cv}, score: {score}\n")
    console.print(_table(search, args.top))
    for remark in _remarks(args, search, seconds):
        say(remark)
    if args.plot is not None:
        save_image(args.plot, lambda ax: PathDisplay.from_search(search, ax=ax))
        say(f"drew {args.plot}")
    if args.save is not None:
        joblib.dump(_with_source(search.best_estimator_, data), args.save)
        for line in _how_to_load(args.save, data):
            say(line)


def _make_search(args, task, loss, score, data):
    model = ESTIMATORS[task](
        loss, tol=args.tol, max_iter=args.max_iter, random_state=args.random_state
    )
    preprocessor = make_preprocessor(data.X)
    return NNOSearchCV(
        Pipeline([("preprocessor", preprocessor), ("model", model)]),
        _grid(args),
        alphas=args.alphas,
        scoring=score,
        cv=make_folds(args, task),
        refit=RULES[args.refit],
        n_jobs=args.n_jobs,
        verbose=int(sys.stderr.isatty()),
        error_score="raise",
    )


def _grid(args):
    """Settings that do not depend on the solver, without alpha."""
    grids = []
    for penalty in args.penalty:
        grid = {"model__penalty": [penalty]}
        if penalty == "elasticnet":
            grid["model__l1_ratio"] = args.l1_ratios
        if args.class_weight:
            grid["model__class_weight"] = [CLASS_WEIGHTS[name] for name in args.class_weight]
        grids.append(grid)
    return grids


def _fit(search, data):
    """Search; what estimators and scores raise where they do not fit the data is told."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the remarks have their number
        try:
            search.fit(data.X, data.y)
        except ValueError as error:
            raise UserError(str(error)) from error
    if np.isnan(search.best_score_):
        raise UserError(f"{search.scoring} is not a number for any candidate; take another score")
    return search


def _table(search, n_rows):
    """Lay the top candidates out, and the chosen one, wherever it ranks."""
    results, chosen = search.cv_results_, search.best_index_
    top = list(np.argsort(results["rank_test_score"], kind="stable")[:n_rows])
    names = [key for key in _NAMES if any(key in params for params in results["params"])]
    settings = [_NAMES[name] for name in names]
    table = make_table(["rank", "score ± se", "alpha", *settings, "nonzeros", "passes", "fit s"])
    errors = standard_errors(results)
    for k in top + [chosen] * (chosen not in top):
        params = results["params"][k]
        table.add_row(
            f"{'→' if k == chosen else ' '} {results['rank_test_score'][k]}",
            f"{results['mean_test_score'][k]:.4f} ± {errors[k]:.4f}",
            f"{results['strength'][k]:.3g}",
            *(_word(params[name]) if name in params else "" for name in names),
            f"{results['mean_n_nonzeros'][k]:.0f}",
            f"{results['mean_n_passes'][k]:.1f}",
            f"{results['mean_fit_time'][k]:.3f}",
        )
    return table


#: Settings of the grid, and what the table calls them.
_NAMES = {
    "model__penalty": "penalty",
    "model__l1_ratio": "l1 ratio",
    "model__class_weight": "class weight",
}


def _word(value):
    return "none" if value is None else str(value)


def _remarks(args, search, seconds):
    """Say below the table what was chosen and why, and what it cost."""
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
    error, score = standard_errors(results)[best], results["mean_test_score"][best]
    if search.refit is True:
        return f"the best mean score, {score:.4f} ± {error:.4f}"
    if best == search.best_index_:
        return f"the best mean score, {score:.4f}; no stronger penalty is within ± {error:.4f}"
    return (
        f"the strongest penalty of the best one's kind within one standard error, {error:.4f}, of "
        f"the best mean score, {score:.4f}"
    )


def _with_source(pipeline, data):
    """The pipeline with a first step that knows how the file was read."""
    return Pipeline([("source", data.source), *pipeline.steps])


def _how_to_load(path, data):
    """Say what to do with the saved model."""
    yield f"nno-sklearn predict {path} FILE reads files like {data.name}, and predicts"
    yield f"saved {path}; in Python: joblib.load({str(path)!r}).predict(X), where X is a" + (
        data.source.describe(data.name)
    )
