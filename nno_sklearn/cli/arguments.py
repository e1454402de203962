"""Arguments that commands share, and what they mean."""

import argparse
from pathlib import Path

from sklearn.model_selection import KFold, StratifiedKFold

from nno_sklearn import NNOClassifier, NNORegressor
from nno_sklearn.cli.reading import UserError, check_target, infer_task

ESTIMATORS = {"classification": NNOClassifier, "regression": NNORegressor}
LOSSES = {task: tuple(Estimator._losses) for task, Estimator in ESTIMATORS.items()}
PENALTIES = {"l2": "l2", "l1": "l1", "elasticnet": "elasticnet", "none": None}
SPLITTERS = {"classification": StratifiedKFold, "regression": KFold}
SCORES = {"classification": "accuracy", "regression": "r2"}
#: Losses with a score of their own.
SCORES_OF_LOSSES = {
    "poisson": "neg_mean_poisson_deviance",
    "gamma": "neg_mean_gamma_deviance",
}


class Several(argparse._StoreAction):
    pass


def at_least(least, what):
    """Make the type of an argument that counts something."""

    def count(text):
        if (number := int(text)) < least:
            raise argparse.ArgumentTypeError(
                f"{number} is too few {what}, {least} {'is' if least == 1 else 'are'} the least"
            )
        return number

    count.__name__ = "int"  # argparse names it in its error
    return count


def add_data(command):
    """FILE, --target and --task."""
    group = command.add_argument_group("data")
    formats = "csv, tsv, txt, svmlight or npz, also compressed (default: breast_cancer)"
    command.set_defaults(file=None)
    # Suppressed, lest the absence of FILE here undo what Several found.
    group.add_argument("file", nargs="?", metavar="FILE", help=formats, default=argparse.SUPPRESS)
    what = "column of a csv file to predict (default: the last)"
    group.add_argument("--target", metavar="COLUMN", help=what)
    how = "default: that of the loss, or inferred from the target"
    group.add_argument("--task", choices=list(LOSSES), help=how)


def add_loss(group):
    """--loss."""
    losses = [loss for losses in LOSSES.values() for loss in losses]
    what = f"one of {', '.join(losses)} (default: the first one for the task)"
    group.add_argument("--loss", choices=losses, metavar="NAME", help=what)


def add_tolerance(group):
    """--tol and --max-iter."""
    default = "default: %(default)s"
    group.add_argument("--tol", type=float, default=1e-4, metavar="T", help=default)
    group.add_argument("--max-iter", type=int, default=1000, metavar="N", help=default)


def add_folds(group):
    """--cv and --random-state."""
    what = "number of folds (default: %(default)s)"
    group.add_argument("--cv", type=at_least(2, "folds"), default=5, metavar="K", help=what)
    what = "seed of folds and solvers (default: %(default)s)"
    group.add_argument("--random-state", type=int, default=0, metavar="SEED", help=what)
