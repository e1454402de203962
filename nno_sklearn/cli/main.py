"""The command line: `nno-sklearn COMMAND`."""

import argparse
import sys

from nno_sklearn import __version__
from nno_sklearn.cli import compare, predict, search
from nno_sklearn.cli.errors import UserError

EXTRAS = ("charset_normalizer", "clevercsv", "matplotlib", "pandas", "rich", "skrub")


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
    parser.add_argument("--version", action="version", version=f"nno_sklearn {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    compare.add_command(commands)
    search.add_command(commands)
    predict.add_command(commands)
    return parser
