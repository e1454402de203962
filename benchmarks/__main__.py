"""``python -m benchmarks``: run a suite of benchmarks."""

import argparse
from pathlib import Path

from benchmarks import suites
from benchmarks.report import write_tables
from benchmarks.worker import threads


def main(arguments=None):
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", add_help=False)
    parser.add_argument("--suite", choices=suites.names(), default="speed")
    parser.add_argument("--quick", action="store_true", help="a small set in about 2 minutes")
    known, _ = parser.parse_known_args(arguments)
    suite = suites.suite(known.suite)
    repeats, time_limit = (1, 0.25) if known.quick else (5, 20.0)

    parser = argparse.ArgumentParser(
        prog=parser.prog,
        description=suite.__doc__,
        parents=[parser],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--repeats", type=int, default=repeats, help="fits behind a median")
    parser.add_argument("--time-limit", type=float, default=time_limit, help="seconds of a fit")
    parser.add_argument("--threads", type=int, default=2, help="of BLAS, OpenMP and numba")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("benchmark-results"),
        help="folder of the results; the tables of the docs are those in benchmarks/results",
    )
    parser.add_argument(
        "--append", action="store_true", help="keep what OUTPUT has and is not measured again"
    )
    parser.add_argument(
        "--tables-only", action="store_true", help="measure nothing: make OUTPUT's tables again"
    )
    suite.add_arguments(parser)
    options = parser.parse_args(arguments)
    if options.tables_only:
        write_tables(suite, options.output)
        return
    options.output.mkdir(parents=True, exist_ok=True)
    with threads(options.threads):
        suite.run(options)


if __name__ == "__main__":
    main()
