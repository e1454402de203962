"""The command `nno-sklearn`, also as `python -m nno_sklearn`."""

import sys


def main():
    """Run the command; Ctrl-C ends it in one line, also while modules are being imported.

    Returns
    -------
    int
        Exit code; see :func:`nno_sklearn.cli.main.main`.
    """
    try:
        from nno_sklearn.cli.main import main as run

        return run()
    except KeyboardInterrupt:
        print("nno-sklearn: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
