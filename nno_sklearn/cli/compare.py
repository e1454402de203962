"""`nno-sklearn compare`: cross-validate the solvers on one data set."""

import sys
from pathlib import Path

import numpy as np

from nno_sklearn.cli.arguments import (
    ESTIMATORS,
    Several,
    add_data,
    add_folds,
    add_limits,
    add_loss,
    add_offset,
    add_settings,
    check_share,
    find_task,
    make_folds,
    make_loss,
    one_of,
    read_data,
    settings_of,
)
from nno_sklearn.cli.contenders import compete, find_baseline, leave_out_slow, make_contenders
from nno_sklearn.cli.errors import UserError
from nno_sklearn.cli.null_model import score_null_model
from nno_sklearn.cli.output import (
    check_image,
    describe,
    make_console,
    not_converged,
    print_table,
    save_image,
    with_error,
)
from nno_sklearn.cli.preprocessing import make_preprocessor
from nno_sklearn.cli.scoring import add_scoring, choose_score, standard_error
from nno_sklearn.inspection import ConvergenceDisplay
from nno_sklearn.penalties import PENALTIES
from nno_sklearn.solvers import SOLVERS

ALPHA, L1_RATIO = 1e-4, 0.5


def add_command(commands):
    """Add the command to the parser."""
    what = "cross-validate the solvers on one data set"
    command = commands.add_parser("compare", help=what, description=f"{what} and print a table.")
    command.set_defaults(run=run)
    add_data(command)
    _add_problem(command.add_argument_group("problem"))
    _add_comparison(command.add_argument_group("comparison"))


def _add_problem(group):
    add_loss(group)
    add_settings(group)
    add_offset(group)
    group.add_argument("--penalty", choices=[*PENALTIES, "none"], default="l2", help="default: l2")
    # None tells a default from what would be without effect.
    what = f"strength of the penalty (default: {ALPHA})"
    group.add_argument("--alpha", type=float, metavar="A", help=what)
    what = f"share of l1 in elasticnet (default: {L1_RATIO})"
    group.add_argument("--l1-ratio", type=float, metavar="R", help=what)
    add_limits(group)


def _add_comparison(group):
    # "auto" would choose one of the others.
    default = [solver for solver in SOLVERS if solver != "auto"]
    what = f"one or more of {', '.join(SOLVERS)} (default: {', '.join(default)})"
    group.add_argument(
        "--solver", action=Several, type=one_of(SOLVERS), default=default, metavar="NAME", help=what
    )
    add_scoring(group)
    add_folds(group)
    what = "add scikit-learn's own estimator for the same objective"
    group.add_argument("--baseline", action="store_true", help=what)
    what = "draw how the objective falls with passes and with seconds"
    group.add_argument("--plot", type=Path, metavar="IMAGE", help=what)


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
    data = read_data(args)
    task, reason = find_task(args, data)
    problem = {
        "loss": make_loss(args, task),
        **_penalty(args),
        "tol": args.tol,
        "max_iter": args.max_iter,
        "random_state": args.random_state,
    }
    score = choose_score(args, data, task, problem["loss"])
    contenders = make_contenders(task, args.solver, **problem)
    has_offset = data.offset is not None
    baseline, missing = find_baseline(has_offset, **problem) if args.baseline else ({}, [])
    contenders |= baseline
    preprocessor = make_preprocessor(data.X)
    folds = make_folds(args, task, data)
    results = _compete(args, data, preprocessor, contenders, folds, score)
    plain = ESTIMATORS[task](problem["loss"])
    null_model = score_null_model(task, plain, data, folds, score.scorer)
    means = [result.scores.mean() for result in results if result.refusal is None]
    score.check_known(np.fmax.reduce(means))

    X = preprocessor.fit_transform(data.X, data.y)
    describe(say, data, X.shape[1], score.notes)
    strength = f", alpha={problem['alpha']:g}" if problem["penalty"] else ""
    settings = f"loss={problem['loss']}, penalty={problem['penalty']}{strength}"
    say(f"{task}{reason}, {settings}, cv={args.cv}, score: {score.name} ± standard error\n")
    print_table(console, _HEADINGS, _rows(results, null_model), names="solver")
    for remark in [*missing, *_remarks(args, results, null_model)]:
        say(remark)
    if args.plot is not None:
        ran = {result.name for result in results if result.refusal is None}
        solvers = {name: contenders[name] for name in args.solver if name in ran}
        _plot(args.plot, solvers, X, data)
        say(f"drew {args.plot}")


def _penalty(args):
    """The parameters on the penalty, which is a name, or with those of --set an object."""
    kinds = [] if args.penalty == "none" else [PENALTIES[args.penalty]]
    if args.alpha is not None and not kinds:
        raise UserError(
            "--alpha has no effect without a penalty; leave it out, or take another --penalty "
            "than none"
        )
    if args.l1_ratio is not None:
        check_share(args, "--l1-ratio", [args.penalty])
    alpha = ALPHA if args.alpha is None else args.alpha
    ratio = L1_RATIO if args.l1_ratio is None else args.l1_ratio
    settings = settings_of(args, "penalty", kinds)
    penalty = args.penalty if kinds else None
    if kinds and settings[0]:
        share = {"l1_ratio": ratio} if args.penalty == "elasticnet" else {}
        penalty, ratio = kinds[0](**{**share, **settings[0]}), L1_RATIO  # it has its own
    return {"penalty": penalty, "alpha": alpha, "l1_ratio": ratio}


def _compete(args, data, preprocessor, contenders, folds, score):
    """Results of the contenders, in order; those predicted to be too slow do not run."""
    solvers = {name: contenders[name] for name in args.solver}
    slow = leave_out_slow(data, preprocessor, solvers, folds)
    left_out = {result.name for result in slow}
    running = {name: one for name, one in contenders.items() if name not in left_out}
    results = slow + compete(data, preprocessor, running, folds, score, _track)
    if all(result.refusal is not None for result in results):
        raise UserError(results[0].refusal)
    return sorted(results, key=lambda result: list(contenders).index(result.name))


def _track(contenders):
    """Iterate over the contenders, with a progress bar on stderr if that is a terminal."""
    from rich.console import Console
    from rich.progress import track

    return track(
        contenders,
        description="Cross-validating",
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


_HEADINGS = ["solver", "score ± se", "fit s", "passes", "rel. gap", "nonzero", "converged"]


def _rows(results, null_model):
    """Rows of the table: one for each contender that could be fitted, and the null model."""
    for result in results:
        if result.refusal is None:
            yield (
                result.name,
                with_error(result.scores.mean(), standard_error(result.scores)),
                f"{result.seconds:.3f}",
                _number(result.mean("n_passes_"), ".1f"),
                _number(result.gap, ".1e"),
                f"{result.n_nonzeros:.0f}",
                f"{result.n_converged}/{len(result.fits)}",
            )
    score = with_error(null_model.scores.mean(), standard_error(null_model.scores))
    yield (null_model.name, score, *"–––––")


def _number(value, spec):
    return "–" if np.isnan(value) else format(value, spec)


def _remarks(args, results, null_model):
    """Print the remarks below the table."""
    for result in results:
        if result.refusal is not None:
            yield f"{result.name}: not run. {result.refusal}"
    ran = [result for result in results if result.refusal is None]
    best = max(ran, key=lambda result: result.scores.mean())
    yield from null_model.remark(best.name, best.scores)
    n_fits = sum(len(result.fits) for result in ran)
    yield from not_converged(n_fits - sum(result.n_converged for result in ran), n_fits, args)


def _plot(path, contenders, X, data):
    """Fit each solver once to all rows and draw its history."""
    _, y, given = data.part()
    fitted = {name: make(len(y)).fit(X, y, **given) for name, make in contenders.items()}
    save_image(path, lambda ax: ConvergenceDisplay.from_estimators(fitted, ax=ax), sharey=True)
