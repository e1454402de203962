"""What commands show: text, progress, images."""

import sys
from functools import partial

from nno_sklearn.cli.errors import UserError


def make_console():
    """Make a console for tables, and a function that prints plain lines on it."""
    from rich.console import Console

    # Where the output is no terminal, rich assumes 80 characters, too few for the tables.
    console = Console(width=None if sys.stdout.isatty() else 100)
    return console, partial(console.print, markup=False, highlight=False, soft_wrap=True)


def make_table(headings):
    """Make a rich Table without a frame, whose columns are numbers but for the first."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False)
    for position, heading in enumerate(headings):
        table.add_column(heading, justify="right" if position else "left", no_wrap=True)
    return table


def describe(say, data, n_columns):
    """Say what was read, and what came of it."""
    say(f"{data.name}: {data.X.shape[0]} rows × {n_columns} columns after preprocessing")
    for note in data.notes:
        say(note)


def not_converged(n_stopped, n_fits, args):
    """Remark on fits that ended early, if any did."""
    if n_stopped:
        yield (
            f"{n_stopped} of {n_fits} fits did not converge (tol={args.tol:g}, "
            f"max_iter={args.max_iter}); raise --max-iter or --tol"
        )


def check_image(path):
    """Find out before the fits whether a drawing can be saved."""
    from matplotlib.backend_bases import FigureCanvasBase

    formats = sorted(FigureCanvasBase.get_supported_filetypes())
    if path.suffix[1:].lower() not in formats:
        raise UserError(f"cannot draw {path}: its name must end in one of {', '.join(formats)}")
    check_file(path, "draw")


def check_file(path, verb):
    """Find out before the fits whether a file can be written."""
    if path.is_dir():
        raise UserError(f"cannot {verb} {path}: it is a directory")
    if not path.parent.is_dir():
        raise UserError(f"cannot {verb} {path}: there is no directory {path.parent}")


def save_image(path, draw, **share):
    """Save what ``draw`` draws on two Axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    draw(figure.subplots(1, 2, **share))
    figure.savefig(path)
