"""`nno-sklearn search`: the best model of a grid over penalties, strengths and the like."""

import argparse
import sys
import time
import warnings
from functools import partial
from pathlib import Path

import joblib
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline

from nno_sklearn.cli.arguments import (
    ESTIMATORS,
    Several,
    add_data,
    add_folds,
    add_limits,
    add_loss,
    add_offset,
    add_settings,
    at_least,
    check_share,
    find_task,
    make_folds,
    make_loss,
    one_of,
    read_data,
    settings_of,
)
from nno_sklearn.cli.coefficients import (
    add_coefficients,
    check_coefficients,
    show_coefficients,
)
from nno_sklearn.cli.errors import UserError
from nno_sklearn.cli.null_model import score_null_model
from nno_sklearn.cli.output import (
    check_file,
    check_image,
    describe,
    make_console,
    save_image,
    write_aside,
)
from nno_sklearn.cli.preprocessing import make_preprocessor
from nno_sklearn.cli.scoring import add_scoring, choose_score
from nno_sklearn.cli.search_report import print_candidates, remarks
from nno_sklearn.inspection import PathDisplay
from nno_sklearn.model_selection import NNOSearchCV
from nno_sklearn.penalties import PENALTIES

DEFAULT_PENALTIES = ("l2", "l1", "elasticnet")
L1_RATIOS = [0.1, 0.5, 0.9]
CLASS_WEIGHTS = {"none": None, "balanced": "balanced"}
RULES = {"best": True, "1se": "one_standard_error"}


def add_command(commands):
    """Add the command to the parser."""
    what = "find the best model of a grid of penalties"
    command = commands.add_parser(
        "search", help=what, description=f"{what}, by cross-validation, and print the top ones."
    )
    command.set_defaults(run=run)
    add_data(command)
    problem = command.add_argument_group("problem")
    add_loss(problem)
    add_settings(problem)
    add_offset(problem)
    add_limits(problem)
    _add_grid(command.add_argument_group("grid"))
    _add_search(command.add_argument_group("search"))
    _add_output(command.add_argument_group("output"))


def _add_grid(group):
    group.add_argument(
        "--penalty",
        action=Several,
        type=one_of(PENALTIES),
        default=list(DEFAULT_PENALTIES),
        metavar="NAME",
        help=f"one or more of {', '.join(PENALTIES)} (default: {' '.join(DEFAULT_PENALTIES)})",
    )
    what = "number of strengths of each penalty (default: %(default)s)"
    group.add_argument(
        "--alphas", type=at_least(2, "strengths"), default=30, metavar="N", help=what
    )
    what = f"shares of l1 in elasticnet (default: {' '.join(map(str, L1_RATIOS))})"
    group.add_argument("--l1-ratios", action=Several, type=_share, metavar="R", help=what)
    group.add_argument(
        "--class-weight",
        action=Several,
        type=one_of(CLASS_WEIGHTS),
        metavar="NAME",
        help=f"one or more of {', '.join(CLASS_WEIGHTS)}, for classification (default: none)",
    )


def _add_search(group):
    add_scoring(group)
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
    add_coefficients(group)
    what = "save the chosen one, fitted to all rows, with its preprocessing (joblib)"
    group.add_argument("--save", type=Path, metavar="MODEL", help=what)


def _share(text):
    if not 0 <= (share := float(text)) <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no share, which is between 0 and 1")
    return share


def run(args):
    """Run the command.

    Parameters
    ----------
    args : Namespace
        Parsed arguments.

    Raises
    ------
    UserError
        For a mistake of the user.
    """
    console, say = make_console()
    if args.plot is not None:
        check_image(args.plot, args.file)
    if args.save is not None:
        check_file(args.save, "save", args.file)
    check_coefficients(args)
    data = read_data(args)
    task, reason = find_task(args, data)
    if args.class_weight and task != "classification":
        raise UserError(f"--class-weight is for classification, not for {task}; leave it out")
    loss = make_loss(args, task)
    score = choose_score(args, data, task, loss)
    folds = make_folds(args, task, data)
    began = time.perf_counter()
    search = _fit(_make_search(args, task, loss, score, folds, data), data, score)
    seconds = time.perf_counter() - began
    null_model = score_null_model(task, search.best_estimator_[-1], data, folds, score.scorer)

    describe(say, data, search.best_estimator_[-1].n_features_in_, score.notes)
    n_candidates = len(search.cv_results_["params"])
    settings = f"loss={loss}, {n_candidates} candidates, cv={args.cv}"
    say(f"{task}{reason}, {settings}, score: {score.name} ± standard error\n")
    print_candidates(console, search, args.top, null_model)
    for remark in remarks(args, search, seconds, null_model):
        say(remark)
    if args.coefficients is not None:
        show_coefficients(console, say, args, search, _column_names(search), data.X)
    if args.save is not None:
        write_aside(
            args.save, partial(joblib.dump, _with_source(search.best_estimator_, data)), "save"
        )
        for line in _how_to_load(args.save, data):
            say(line)
    if args.plot is not None:
        _plot(args.plot, search, score)
        say(f"drew {args.plot}")


def _make_search(args, task, loss, score, folds, data):
    model = ESTIMATORS[task](
        loss, tol=args.tol, max_iter=args.max_iter, random_state=args.random_state
    )
    preprocessor = make_preprocessor(data.X)
    return NNOSearchCV(
        Pipeline([("preprocessor", preprocessor), ("model", model)]),
        _grid(args),
        alphas=args.alphas,
        scoring=score.scorer,
        cv=folds,
        refit=RULES[args.refit],
        n_jobs=args.n_jobs,
        verbose=int(sys.stderr.isatty()),
        error_score="raise",
    )


def _grid(args):
    """Settings that do not depend on the solver, without alpha."""
    grids, ratios = [], args.l1_ratios or L1_RATIOS
    if args.l1_ratios:
        check_share(args, "--l1-ratios", args.penalty)
    settings = settings_of(args, "penalty", [PENALTIES[name] for name in args.penalty])
    for penalty, params in zip(args.penalty, settings, strict=True):
        grid = {"model__penalty": [PENALTIES[penalty](**params) if params else penalty]}
        if penalty == "elasticnet" and params:
            shares = [params["l1_ratio"]] if "l1_ratio" in params else ratios
            nets = [PENALTIES[penalty](**{**params, "l1_ratio": share}) for share in shares]
            grid["model__penalty"] = nets
        elif penalty == "elasticnet":
            grid["model__l1_ratio"] = ratios
        if args.class_weight:
            grid["model__class_weight"] = [CLASS_WEIGHTS[name] for name in args.class_weight]
        grids.append(grid)
    return grids


def _fit(search, data, score):
    """Search; a UserError where estimators or scores do not suit the data."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the remarks count these
        try:
            offset = {} if data.offset is None else {"model__offset": data.offset}
            search.fit(data.X, data.y, **offset)
        except ValueError as error:
            raise UserError(score.explain(error)) from error
    score.check_known(search.best_score_)
    return search


def _plot(path, search, score):
    """Draw the path of the chosen model, with the names of the columns."""
    names = None
    if search.mean_coef_[search.best_index_] is not None:  # all splits have the same columns
        names = _column_names(search)
    save_image(
        path,
        lambda ax: PathDisplay.from_search(
            search, feature_names=names, score_name=score.name, ax=ax
        ),
    )


def _column_names(search):
    """Names of the chosen model's columns, without the prefixes of the transformers."""
    names = search.best_estimator_[:-1].get_feature_names_out()
    return [name.split("__", 1)[-1] for name in names]


def _with_source(pipeline, data):
    """The pipeline with a first step that reads files like this one."""
    return Pipeline([("source", data.source), *pipeline.steps])


def _how_to_load(path, data):
    """Print how to use the saved model."""
    yield f"nno-sklearn predict {path} FILE reads files like {data.name}, and predicts"
    given = "X" if data.offset is None else "X, offset=offset"
    yield f"saved {path}; in Python: joblib.load({str(path)!r}).predict({given}), where X is a" + (
        data.source.describe(data.name)
    )
