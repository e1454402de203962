"""Suites of ``python -m benchmarks --suite NAME``: each module here is one.

A module has

- ``add_arguments(parser)`` and ``run(options)``; its docstring is its help. ``options`` carries the
  arguments of all suites: ``threads``, ``repeats``, ``time_limit``, ``quick``, ``append``,
  ``output`` (a folder that exists);
- for :mod:`benchmarks.report`, ``TITLE``, ``LEGEND``, ``KEY`` (the column of what is measured
  at once) and ``tables(results)``, which makes all tables from the rows of the CSV.
"""

from importlib import import_module
from pkgutil import iter_modules


def names():
    """Names of all suites."""
    return sorted(module.name for module in iter_modules(__path__))


def suite(name):
    """The module of a suite."""
    return import_module(f"{__name__}.{name}")
