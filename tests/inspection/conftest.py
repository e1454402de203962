"""Figures are closed after each test."""

import matplotlib.pyplot
import pytest


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    matplotlib.pyplot.close("all")
