"""The command line: `nno-sklearn COMMAND`."""

import argparse
import os
import sys
import warnings

from nno_sklearn import __version__
from nno_sklearn.cli import compare, predict, search
from nno_sklearn.cli.errors import UserError

EXTRAS = ("charset_normalizer", "clevercsv", "matplotlib", "pandas", "rich", "skrub")


class Parser(argparse.ArgumentParser):
    """Parser that raises a UserError, which :func:`main` prints."""

    def error(self, message):
        raise UserError(f"{message} (see {self.prog} --help)")


def main(argv=None):
    """Run the command.

    Errors caused by the user, the file, the disk or the terminal are printed in one line. Any
    other exception is a fault of the package and propagates.

    Parameters
    ----------
    argv : list of str or None
        Arguments; None takes those of the process.

    Returns
    -------
    int
        Exit code: 0, 2 after a mistake of the user or a failure of the system, 130 after Ctrl-C,
        1 where the reader of the output has closed it.
    """
    with warnings.catch_warnings():
        warnings.showwarning = _OneLine()
        try:
            _replace_what_the_encoding_lacks()
            args = _make_parser().parse_args(argv)
            args.run(args)
            sys.stdout.flush()
        except UserError as error:
            return _complain(error)
        except ModuleNotFoundError as error:
            package = str(error.name).partition(".")[0]
            if package not in EXTRAS:
                raise
            return _complain(f'{package} is not installed; run: pip install "nno_sklearn[cli]"')
        except KeyboardInterrupt:
            print("nno-sklearn: interrupted", file=sys.stderr)
            return 130
        except BrokenPipeError:  # the reader, for instance `head`, has closed the pipe
            _end_output()
            return 1
        except OSError as error:
            _end_output()
            return _complain(error)
        except MemoryError as error:
            return _complain(f"not enough memory: {error}")
    return 0


def _complain(what):
    print(f"nno-sklearn: error: {' '.join(str(what).split())}", file=sys.stderr)
    return 2


class _OneLine:
    """Shows a warning in one line, once, without its position in the code."""

    def __init__(self):
        self._shown = set()

    def __call__(self, message, category, filename, lineno, file=None, line=None):
        text = " ".join(str(message).split())
        if text not in self._shown:
            print(f"nno-sklearn: warning: {text}", file=sys.stderr)
        self._shown.add(text)


def _replace_what_the_encoding_lacks():
    """Replace ± and the like by ? where the output cannot encode them, as in ASCII."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _end_output():
    """Where the output cannot be written, keep Python from trying again at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _make_parser():
    parser = Parser(prog="nno-sklearn", description="Linear models with certified optima.")
    parser.add_argument("--version", action="version", version=f"nno_sklearn {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    compare.add_command(commands)
    search.add_command(commands)
    predict.add_command(commands)
    return parser
