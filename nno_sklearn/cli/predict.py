"""`nno-sklearn predict`: predictions of a saved model for the rows of a file."""

import sys
from functools import partial
from pathlib import Path

import joblib
from sklearn.pipeline import Pipeline

from nno_sklearn._wording import counted
from nno_sklearn.cli.arguments import add_layout, layout_from
from nno_sklearn.cli.errors import UserError
from nno_sklearn.cli.output import check_file, is_same_file, write_aside
from nno_sklearn.cli.reading import check_layout, unreadable


def add_command(commands):
    """Add the command to the parser."""
    what = "predict the rows of a file with a model that search --save wrote"
    command = commands.add_parser(
        "predict", help=what, description=f"{what}; a csv with a line for each row."
    )
    command.set_defaults(run=run)
    # joblib files can execute code: load them from trusted sources only.
    what = "what nno-sklearn search --save wrote, or another trusted one did"
    command.add_argument("model", type=Path, metavar="MODEL", help=what)
    what = "file like the one that the model learnt from, with or without the target"
    command.add_argument("file", type=Path, metavar="FILE", help=what)
    add_layout(command)
    what = "csv to write (default: the standard output)"
    command.add_argument("--output", type=Path, metavar="CSV", help=what)


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
    if args.output is not None:
        check_file(args.output, "write", args.file)
        if is_same_file(args.output, args.model):
            raise UserError(f"cannot write {args.output}: it is the saved model")
    model = _load(args.model)
    source = model[0]
    with unreadable(args.file):
        check_layout(args.file, layout_from(args))
        rows, notes = source.read(args.file, layout_from(args))
        if rows.shape[0] == 0:
            raise UserError(f"{args.file} holds no rows to predict")
        values = source.transform(rows)
        notes += source.remarks(rows, values)
        table = _predict(model[1:], values, source.offset_of(rows))
    for note in notes:
        print(note, file=sys.stderr)
    if args.output is None:
        table.to_csv(sys.stdout, index=False)
    else:
        write_aside(args.output, partial(table.to_csv, index=False), "write")
        print(f"wrote {counted(len(table), 'prediction')} to {args.output}")


def _load(path):
    if not path.is_file():
        raise UserError(f"cannot read {path}: there is no such file")
    try:
        model = joblib.load(path)
    except Exception as error:  # invalid pickles may raise anything
        raise UserError(f"{path} is no saved model: {error}") from error
    if not (isinstance(model, Pipeline) and hasattr(model[0], "read")):
        raise UserError(
            f"{path} was not written by nno-sklearn search --save: it does not know how files "
            "are read"
        )
    return model


def _predict(model, rows, offset):
    """Predictions and, if the model has them, probabilities."""
    import pandas as pd

    given = {} if offset is None else {"offset": offset}
    columns = {"prediction": model.predict(rows, **given)}
    if hasattr(model, "predict_proba"):
        for name, share in zip(model.classes_, model.predict_proba(rows, **given).T, strict=True):
            columns[f"probability of {name}"] = share
    return pd.DataFrame(columns)
