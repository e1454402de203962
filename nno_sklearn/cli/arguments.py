"""Arguments that commands share."""

import argparse
from contextlib import suppress
from pathlib import Path

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from nno_sklearn import NNOClassifier, NNORegressor
from nno_sklearn._wording import counted
from nno_sklearn.cli.choice import Choice
from nno_sklearn.cli.errors import UserError
from nno_sklearn.cli.offset import OffsetColumn
from nno_sklearn.cli.reading import check_target, infer_task, read
from nno_sklearn.cli.text import BLANKS, Layout

ESTIMATORS = {"classification": NNOClassifier, "regression": NNORegressor}
LOSSES = {task: tuple(Estimator.named_losses) for task, Estimator in ESTIMATORS.items()}
SPLITTERS = {"classification": StratifiedKFold, "regression": KFold}


class Several(argparse.Action):
    """An option with one or more values.

    If the last value is not valid but the name of a file, it is FILE; argparse alone would take it
    for a value.

    Parameters
    ----------
    type : callable
        Takes a text; returns a value or raises ArgumentTypeError or ValueError.
    """

    def __init__(self, *args, type, **kwargs):
        super().__init__(*args, nargs="+", **kwargs)
        self._value_of = type

    def __call__(self, parser, namespace, values, option_string=None):
        """Store the values, each once."""
        if len(values) > 1 and namespace.file is None and self._is_file(values[-1]):
            namespace.file = values.pop()
        setattr(namespace, self.dest, list(dict.fromkeys(map(self._read, values))))

    def _read(self, text):
        try:
            return self._value_of(text)
        except argparse.ArgumentTypeError as error:
            raise argparse.ArgumentError(self, str(error)) from error
        except ValueError as error:
            raise argparse.ArgumentError(self, f"invalid value: {text!r}") from error

    def _is_file(self, text):
        try:
            self._read(text)
        except argparse.ArgumentError:
            return Path(text).exists()
        return False


def one_of(choices):
    """Make the type of an argument that is one of some words."""

    def check(text):
        if text not in choices:
            raise argparse.ArgumentTypeError(
                f"invalid choice: {text!r} (choose from {', '.join(choices)})"
            )
        return text

    return check


def at_least(least, what):
    """Make the type of an argument that counts something."""

    def count(text):
        if (number := int(text)) < least:
            verb = "is" if least == 1 else "are"
            raise argparse.ArgumentTypeError(
                f"{number} is too few {what}, {least} {verb} the least"
            )
        return number

    count.__name__ = "int"  # for argparse's error on text that is no number
    return count


def add_data(command):
    """Add FILE, --target, --task, and how FILE is read."""
    command.set_defaults(file=None)
    group = command.add_argument_group("data")
    formats = (
        "csv, tsv, txt, data, xlsx, parquet, arff, svmlight or npz, also compressed (default: "
        "breast_cancer)"
    )
    # A default would overwrite the FILE that Several has found.
    group.add_argument("file", nargs="?", metavar="FILE", help=formats, default=argparse.SUPPRESS)
    what = "column of a table to predict (default: the last)"
    group.add_argument("--target", metavar="COLUMN", help=what)
    how = "default: that of the loss, or inferred from the target"
    group.add_argument("--task", choices=list(LOSSES), help=how)
    add_layout(group)
    what = "decimal mark, . or , (default: the one that reads most values of a column)"
    group.add_argument("--decimal", choices=[".", ","], metavar="MARK", help=what)
    _add_several(
        group, "--na-values", str, "VALUE", "what means a missing value, in text exactly these"
    )
    _add_several(group, "--drop", _column, "COLUMN", "columns to leave out")
    what = "columns to use although they look like row numbers or differ in every row"
    _add_several(group, "--keep", _column, "COLUMN", what)


def add_layout(group):
    """Add --encoding and --sep."""
    what = "of text, such as cp1252 or utf-16 (default: UTF-8, else guessed)"
    group.add_argument("--encoding", metavar="NAME", help=what)
    what = "what stands between the fields of text: a character, tab or blanks (default: found)"
    group.add_argument("--sep", type=_delimiter, metavar="MARK", help=what)


def _add_several(group, option, type_, metavar, what):
    group.add_argument(option, action=Several, type=type_, default=[], metavar=metavar, help=what)


def _delimiter(text):
    delimiter = {"tab": "\t", "\\t": "\t", "blanks": BLANKS, "blank": BLANKS}.get(text, text)
    if len(delimiter) != 1 and delimiter != BLANKS:
        raise argparse.ArgumentTypeError(f"{text!r} is no single character, nor tab or blanks")
    return delimiter


def _column(text):
    # A file at the end of the columns is FILE.
    if Path(text).is_file():
        raise argparse.ArgumentTypeError(f"{text} is a file, not a column")
    return text.strip()


def layout_from(args):
    """The user's options on how text is cut into cells."""
    return Layout(encoding=args.encoding, delimiter=args.sep)


def read_data(args):
    """Read FILE by the options."""
    na_values = tuple(args.na_values) if args.na_values else None
    offset = None
    if args.offset is not None:
        offset = OffsetColumn(args.offset, is_exposure=False)
    elif args.exposure is not None:
        offset = OffsetColumn(args.exposure, is_exposure=True)
    choice = Choice(args.decimal, na_values, tuple(args.drop), tuple(args.keep), offset)
    return read(args.file, args.target, choice, layout_from(args))


def add_loss(group):
    """Add --loss."""
    losses = list(dict.fromkeys(loss for losses in LOSSES.values() for loss in losses))
    what = f"one of {', '.join(losses)} (default: the first one for the task)"
    group.add_argument("--loss", choices=losses, metavar="NAME", help=what)


def add_settings(group):
    """Add --set."""
    what = "parameters of loss and penalty, such as loss__quantile=0.9 or penalty__gamma=5"
    group.add_argument(
        "--set", action=Several, type=_setting, default=[], metavar="NAME=VALUE", help=what
    )


def _setting(text):
    name, _, value = map(str.strip, text.partition("="))
    part, _, parameter = name.partition("__")
    if part not in ("loss", "penalty") or not (parameter and value):
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither loss__NAME=VALUE nor penalty__NAME=VALUE"
        )
    return part, parameter, _value(value)


def _value(text):
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return {"true": True, "false": False, "none": None}.get(text.lower(), text)


def settings_of(args, part, kinds):
    """What --set says of a loss or of penalties.

    Parameters
    ----------
    args : Namespace
    part : {"loss", "penalty"}
    kinds : sequence of type
        Of those that the command takes, of which one at least has each parameter.

    Returns
    -------
    list of dict
        Parameters of each of the kinds that it has, and on which they have an effect.

    Raises
    ------
    UserError
        For a parameter that none has.
    """
    given = {name: value for of, name, value in args.set if of == part}
    if given and not kinds:
        raise UserError(
            f"--set {part}__{next(iter(given))}: there is no {part}; --{part} names one"
        )
    found, idle, names = [], {}, []
    for kind in kinds:
        names += (own := kind().get_params())
        params = {name: value for name, value in given.items() if name in own}
        without = getattr(kind(**params), "idle_parameters", {})
        found.append({name: params[name] for name in params if name not in without})
        idle |= without
    for name in given:
        if not any(name in params for params in found):
            why = _no_effect(kinds, name, part, names, idle)
            raise UserError(f"--set {part}__{name}: {why}; --{part} names another {part}")
    return found


def check_share(args, option, penalties):
    """Raise a UserError where an option on elasticnet's share of l1 has no effect."""
    if "elasticnet" not in penalties:
        raise UserError(
            f"{option} is the share of l1 in elasticnet, and has no effect on "
            f"{' and '.join(penalties)}; leave it out, or take --penalty elasticnet"
        )
    if ("penalty", "l1_ratio") in [setting[:2] for setting in args.set]:
        raise UserError(f"{option} and --set penalty__l1_ratio say the same; leave one of them out")


def _no_effect(kinds, name, part, names, idle):
    """Why none of some losses or penalties heeds a parameter."""
    kind = " and ".join(kind.__name__ for kind in kinds)
    if name in idle:
        other, value = idle[name]
        return f"{name} has no effect on {kind} without --set {part}__{other}={value}"
    others = ", ".join(dict.fromkeys(names))
    has = "has" if len(kinds) == 1 else "have"
    return f"{kind} {has} no parameter {name}{f', but {others}' if others else ''}"


def make_loss(args, task):
    """The loss by its name, or with parameters of --set an object."""
    name = args.loss or LOSSES[task][0]
    kind = ESTIMATORS[task].named_losses[name]
    (params,) = settings_of(args, "loss", [kind])
    return kind(**params) if params else name


def add_offset(group):
    """Add --offset and --exposure, of which a command takes one."""
    group = group.add_mutually_exclusive_group()
    what = "column that is added to raw predictions, with no coefficient"
    group.add_argument("--offset", type=str.strip, metavar="COLUMN", help=what)
    what = "column, such as a time at risk, whose logarithm is the offset: counts per unit of it"
    group.add_argument("--exposure", type=str.strip, metavar="COLUMN", help=what)


def add_limits(group):
    """Add --tol and --max-iter."""
    default = "default: %(default)s"
    group.add_argument("--tol", type=float, default=1e-4, metavar="T", help=default)
    group.add_argument("--max-iter", type=int, default=1000, metavar="N", help=default)


def add_folds(group):
    """Add --cv and --random-state."""
    what = "number of folds (default: %(default)s)"
    group.add_argument("--cv", type=at_least(2, "folds"), default=5, metavar="K", help=what)
    what = "seed of folds and solvers (default: %(default)s)"
    group.add_argument("--random-state", type=int, default=0, metavar="SEED", help=what)


def find_task(args, data):
    """Take the task from the option, else from the loss, else from the target.

    Returns
    -------
    task : {"classification", "regression"}
    reason : str
        Why, in brackets, where the user did not say it.
    """
    task, reason = _asked_task(args), ""
    if task is None:
        task = infer_task(data.y)
        reason = f" (inferred from '{data.target}'; --task overrides)"
    check_target(data, task)
    return task, reason


def _asked_task(args):
    of_loss = [task for task, losses in LOSSES.items() if args.loss in losses]
    if args.task and of_loss and args.task not in of_loss:
        raise UserError(
            f"loss {args.loss} is for {of_loss[0]}, not for {args.task}; "
            f"use one of {', '.join(LOSSES[args.task])}"
        )
    return args.task or (of_loss[0] if len(of_loss) == 1 else None)  # log_loss serves both


def make_folds(args, task, data):
    """Make the splitter: shuffled folds, stratified for classification.

    Raises
    ------
    UserError
        Where there are too few rows for so many folds.
    """
    n_rows = len(data.y)
    which, most = "", n_rows // 2  # scores such as r2 need two rows of each fold
    if task == "classification":
        *_, second, n_rows = np.sort(np.unique(data.y, return_counts=True)[1])
        which = f" of the largest class of '{data.target}'"
        most = n_rows if second > 1 else 0  # every fold leaves rows of two classes
    if n_rows < args.cv or most == 0:
        remedy = f"--cv {most} takes fewer" if most > 1 else "it takes more rows"
        raise UserError(
            f"{data.name} has {counted(n_rows, 'row')}{which}, too few for cross-validation in "
            f"{args.cv} folds; {remedy}"
        )
    return SPLITTERS[task](args.cv, shuffle=True, random_state=args.random_state)
