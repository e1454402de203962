"""Output of commands: text, tables, images, files."""

import os
import shutil
import textwrap
from functools import partial
from pathlib import Path

from nno_sklearn._wording import counted
from nno_sklearn.cli.errors import UserError

#: Characters of a line where the output is no terminal.
UNLIMITED = 10_000
#: Least number of characters of a shortened name.
SHORTEST_NAME = 8


def make_console():
    """Make a console for tables, and a function that prints plain lines on it."""
    from rich.console import Console

    console = Console(width=UNLIMITED)

    def say(text):
        lines = [_fill(line, _n_columns()) for line in text.split("\n")]
        console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)

    return console, say


# Lines break between words; a path longer than a line is not broken.
_fill = partial(textwrap.fill, break_long_words=False, break_on_hyphens=False)


def _n_columns():
    return shutil.get_terminal_size((UNLIMITED, 24)).columns


def print_table(console, headings, rows, names):
    """Print a table that fits the terminal: names are shortened, numbers never.

    Parameters
    ----------
    console : rich Console
    headings : sequence of str
    rows : iterable of sequences of str
    names : str
        Heading of the column that may be shortened. It and the first one are aligned left.
    """
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False, collapse_padding=True)
    for position, heading in enumerate(headings):
        is_text = position == 0 or heading == names
        table.add_column(heading, justify="left" if is_text else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    excess = console.measure(table).maximum - _n_columns()
    if excess > 0:
        column = table.columns[headings.index(names)]
        longest = max(map(len, [*names.splitlines(), *column.cells]))
        column.width = max(longest - excess, SHORTEST_NAME)
    console.print(table)


def with_error(mean, error):
    """Write a mean score and its standard error, both to four decimals or to four digits."""
    size = max(abs(mean), error)
    spec = ".4f" if size == 0 or 1e-3 <= size < 1e4 else ".3e"
    return f"{mean:{spec}} ± {error:{spec}}"


def describe(say, data, n_columns, notes):
    """Print what was read and how it was interpreted."""
    columns = counted(n_columns, "column")
    say(f"{data.name}: {data.X.shape[0]} rows × {columns} after preprocessing")
    for note in (*data.notes, *notes):
        say(note)


def not_converged(n_stopped, n_fits, args):
    """Remark on fits that did not converge, if any."""
    if n_stopped:
        or_else = ", or choose a penalty: without one there may be no optimum"
        yield (
            f"{n_stopped} of {n_fits} fits did not converge (tol={args.tol:g}, "
            f"max_iter={args.max_iter}); raise --max-iter or --tol"
            f"{or_else if args.penalty == 'none' else ''}"
        )


def check_image(path, source):
    """Check before the fits that a drawing can be saved."""
    from matplotlib.backend_bases import FigureCanvasBase

    formats = sorted(FigureCanvasBase.get_supported_filetypes())
    if path.suffix[1:].lower() not in formats:
        raise UserError(f"cannot draw {path}: its name must end in one of {', '.join(formats)}")
    check_file(path, "draw", source)


def check_file(path, verb, source):
    """Check before the fits that a file can be written and is not the data file.

    Parameters
    ----------
    path : Path
    verb : str
        What the user asked for: "save", "draw" or "write".
    source : str or None
        File of the data.
    """
    if path.is_dir():
        raise UserError(f"cannot {verb} {path}: it is a directory")
    if not path.parent.is_dir():
        raise UserError(f"cannot {verb} {path}: there is no directory {path.parent}")
    if not os.access(path if _is_device(path) else path.parent, os.W_OK):
        raise UserError(f"cannot {verb} {path}: you may not write in {path.parent}")
    if source is not None and is_same_file(path, source):
        raise UserError(f"cannot {verb} {path}: it is the file of the data")


def is_same_file(path, other):
    """Whether both exist and are the same file."""
    return path.exists() and Path(other).exists() and path.samefile(other)


def write_aside(path, write, verb):
    """Write a file atomically: after an error an existing file is unchanged.

    Parameters
    ----------
    path : Path
    write : callable
        Takes a path in the same directory, with the same suffix, and writes the file.
    verb : str
        What the user asked for: "save", "draw" or "write".

    Raises
    ------
    UserError
        Where the file cannot be written, for instance on a full disk.
    """
    target = Path(os.path.realpath(path))  # a symbolic link is kept
    aside = target.with_name(f".{os.getpid()}.{target.name[-50:]}")
    try:
        if _is_device(target):
            write(target)
            return
        try:
            write(aside)
            _replace(aside, target)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        survivor = f"; the old {path.name} is unchanged" if target.is_file() else ""
        raise UserError(f"cannot {verb} {path}: {error.strerror or error}{survivor}") from error


def _is_device(path):
    return path.exists() and not path.is_file()


def _replace(new, old):
    """Replace an old file by a new one, once that is completely on the disk."""
    if old.exists():
        shutil.copymode(old, new)
    with new.open("rb+") as file:
        os.fsync(file.fileno())
    new.replace(old)


def save_image(path, draw, **share):
    """Save what ``draw`` draws on two Axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    draw(figure.subplots(1, 2, **share))
    try:
        write_aside(path, figure.savefig, "draw")
    except RuntimeError as error:  # a format that needs another program, such as pgf LaTeX
        raise UserError(f"cannot draw {path}: {error}") from error
