"""The command line: `nno-sklearn compare`."""

import argparse
import sys
from functools import partial
from pathlib import Path

from nno_sklearn.cli.compare import SCORES, compare, make_contenders, make_table
from nno_sklearn.cli.preprocessing import make_preprocessor
from nno_sklearn.cli.reading import UserError, check_target, infer_task, read
from nno_sklearn.solvers import SOLVERS

LOSSES = {
    "classification": ("log_loss", "squared_hinge", "modified_huber"),
    "regression": ("squared_error", "huber", "poisson", "gamma"),
}
PENALTIES = {"l2": "l2", "l1": "l1", "elasticnet": "elasticnet", "none": None}
EXTRAS = ("pandas", "matplotlib", "rich")


class Parser(argparse.ArgumentParser):
    """Parser that leaves it to :func:`main` to tell the user of a mistake."""

    def error(self, message):
        raise UserError(f"{message} (see {self.prog} --help)")


def main(argv=None):
    """Run the command.

    Parameters
    ----------
    argv : list of str or None
        Arguments; None takes those of the process.

    Returns
    -------
    int
        Exit code: 0, or 2 after a mistake of the user.
    """
    try:
        args = _make_parser().parse_args(argv)
        args.run(args)
    except UserError as error:
        message = " ".join(str(error).split())
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        if package not in EXTRAS:
            raise
        message = f'{package} is not installed; run: pip install "nno_sklearn[cli]"'
    else:
        return 0
    print(f"nno-sklearn: error: {message}", file=sys.stderr)
    return 2


def _make_parser():
    parser = Parser(prog="nno-sklearn", description="Linear models with certified optima.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    what = "cross-validate the solvers on one data set"
    command = commands.add_parser("compare", help=what, description=f"{what} and print a table.")
    command.set_defaults(run=_compare)
    _add_data(command.add_argument_group("data"))
    _add_problem(command.add_argument_group("problem"))
    _add_comparison(command.add_argument_group("comparison"))
    return parser


def _add_data(group):
    formats = "csv, tsv, txt, svmlight or npz, also compressed (default: breast_cancer)"
    group.add_argument("file", nargs="?", metavar="FILE", help=formats)
    what = "column of a csv file to predict (default: the last)"
    group.add_argument("--target", metavar="COLUMN", help=what)
    how = "default: that of the loss, or inferred from the target"
    group.add_argument("--task", choices=list(LOSSES), help=how)


def _add_problem(group):
    losses = [loss for losses in LOSSES.values() for loss in losses]
    what = f"one of {', '.join(losses)} (default: the first one for the task)"
    group.add_argument("--loss", choices=losses, metavar="NAME", help=what)
    group.add_argument("--penalty", choices=list(PENALTIES), default="l2", help="default: l2")
    default = "default: %(default)s"
    group.add_argument("--alpha", type=float, default=1e-4, metavar="A", help=default)
    group.add_argument("--l1-ratio", type=float, default=0.5, metavar="R", help=default)
    group.add_argument("--tol", type=float, default=1e-4, metavar="T", help=default)
    group.add_argument("--max-iter", type=int, default=1000, metavar="N", help=default)


def _add_comparison(group):
    # "auto" is one of the others.
    default = [solver for solver in SOLVERS if solver != "auto"]
    what = f"one or more of {', '.join(SOLVERS)} (default: {', '.join(default)})"
    group.add_argument(
        "--solver", nargs="+", choices=list(SOLVERS), default=default, metavar="NAME", help=what
    )
    what = "number of folds (default: %(default)s)"
    group.add_argument("--cv", type=_number_of_folds, default=5, metavar="K", help=what)
    what = "seed of folds and solvers (default: %(default)s)"
    group.add_argument("--random-state", type=int, default=0, metavar="SEED", help=what)
    what = "add scikit-learn's own estimator for the same objective"
    group.add_argument("--baseline", action="store_true", help=what)
    what = "draw how the objective falls with passes and with seconds"
    group.add_argument("--plot", type=Path, metavar="IMAGE", help=what)


def _number_of_folds(text):
    if (number := int(text)) < 2:
        raise argparse.ArgumentTypeError(f"{number} is too few folds, 2 are the least")
    return number


def _compare(args):
    from rich.console import Console

    if args.plot is not None:
        _check_plot(args.plot)
    data = read(args.file, args.target)
    task, reason = _find_task(args, data)
    check_target(data, task)
    problem = {
        "loss": args.loss or LOSSES[task][0],
        "penalty": PENALTIES[args.penalty],
        "alpha": args.alpha,
        "l1_ratio": args.l1_ratio,
        "tol": args.tol,
        "max_iter": args.max_iter,
        "random_state": args.random_state,
    }
    contenders = make_contenders(task, args.solver, args.baseline, **problem)
    preprocessor = make_preprocessor(data.X)
    results = compare(data, task, preprocessor, contenders, args.cv, args.random_state, _track)
    solved = [result.name for result in results if result.refusal is None]
    if not solved:
        raise UserError(results[0].refusal)

    # Where the output is no terminal, rich assumes 80 characters, too few for the table.
    console = Console(width=None if sys.stdout.isatty() else 100)
    say = partial(console.print, markup=False, highlight=False, soft_wrap=True)
    X = preprocessor.fit_transform(data.X, data.y)
    say(f"{data.name}: {X.shape[0]} rows × {X.shape[1]} columns after preprocessing")
    for note in data.notes:
        say(note)
    settings = f"loss={problem['loss']}, penalty={args.penalty}, alpha={args.alpha:g}"
    say(f"{task}{reason}, {settings}, cv={args.cv}, score: {SCORES[task]}\n")
    console.print(make_table(results, SCORES[task]))
    for remark in _remarks(args, results, contenders):
        say(remark)
    if args.plot is not None:
        _plot(args.plot, {n: contenders[n] for n in solved if n in args.solver}, X, data.y)
        say(f"drew {args.plot}")


def _find_task(args, data):
    """Take the task from the option, else from the loss, else from the target."""
    of_loss = next((task for task, losses in LOSSES.items() if args.loss in losses), None)
    if args.task and of_loss and args.task != of_loss:
        raise UserError(
            f"loss {args.loss} is for {of_loss}, not for {args.task}; "
            f"use one of {', '.join(LOSSES[args.task])}"
        )
    if args.task or of_loss:
        return args.task or of_loss, ""
    return infer_task(data.y), f" (inferred from '{data.target}'; --task overrides)"


def _track(contenders):
    """Pass the contenders on, with a progress bar on stderr if that is a terminal."""
    from rich.console import Console
    from rich.progress import track

    return track(
        contenders,
        description="Cross-validating",
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


def _remarks(args, results, contenders):
    """Say below the table what it cannot."""
    for result in results:
        if result.refusal is not None:
            yield f"{result.name}: not run. {result.refusal}"
    if args.baseline and len(contenders) == len(set(args.solver)):
        yield "baseline: scikit-learn has no estimator with this objective"
    ran = [result for result in results if result.refusal is None]
    n_fits = sum(len(result.fits) for result in ran)
    n_stopped = n_fits - sum(result.n_converged for result in ran)
    if n_stopped:
        yield (
            f"{n_stopped} of {n_fits} fits did not converge (tol={args.tol:g}, "
            f"max_iter={args.max_iter}); raise --max-iter or --tol"
        )


def _check_plot(path):
    """Find out before the fits whether the drawing can be saved."""
    from matplotlib.backend_bases import FigureCanvasBase

    formats = sorted(FigureCanvasBase.get_supported_filetypes())
    if path.suffix[1:].lower() not in formats:
        raise UserError(f"cannot draw {path}: its name must end in one of {', '.join(formats)}")
    if not path.parent.is_dir():
        raise UserError(f"cannot draw {path}: there is no directory {path.parent}")


def _plot(path, contenders, X, y):
    """Fit each solver once to all rows and draw its history."""
    from matplotlib.figure import Figure

    from nno_sklearn.inspection import ConvergenceDisplay

    fitted = {name: contender.fit(X, y).estimator_ for name, contender in contenders.items()}
    figure = Figure(figsize=(10, 4), layout="constrained")
    ConvergenceDisplay.from_estimators(fitted, ax=figure.subplots(1, 2, sharey=True))
    figure.savefig(path)
