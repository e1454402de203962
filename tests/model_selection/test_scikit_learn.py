"""scikit-learn's own tests of GridSearchCV and RandomizedSearchCV, run on NNOSearchCV.

The installed ``sklearn.model_selection.tests.test_search`` is loaded once more, under a name of
its own, while the two classes are replaced; nothing of it is copied. What it tests beside them
(ParameterGrid, halving, array libraries) is left out.
"""

import importlib.util
import inspect
import re
import sys
import warnings
from unittest import mock

import pytest
import sklearn.model_selection

from nno_sklearn import NNOSearchCV
from tests.model_selection.searches import OWN

#: As in scikit-learn's own run.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.each_value]

NAME = "sklearn.model_selection.tests.test_search"

#: Tests that NNOSearchCV does not pass, and why it should not.
EXCEPTIONS = {
    "test_custom_run_search": (
        "subclasses BaseSearchCV by its private _run_search, and compares all attributes: "
        "NNOSearchCV has more"
    ),
    "test_random_search_cv_results_multimetric": (
        "scoring='recall' with refit='accuracy': GridSearchCV ignores such a name, NNOSearchCV "
        "refuses it"
    ),
    "test_search_callbacks_receive_search_instance": (
        "setup and teardown are told of the draft that a fit works on, an equal search; the hooks "
        "of the tasks get the search itself"
    ),
    "test_search_cv_verbose_3": "verbose shows how far the search is, not the score of each fit",
    "test_unsupported_sample_weight_scorer": (
        "scoring is a metric function: GridSearchCV scores nan, NNOSearchCV says what to do"
    ),
}
#: Texts in tests of older versions of scikit-learn; NNOSearchCV has the newer ones.
OLD_TEXTS = {"test_random_search_bad_cv": "cv.get_n_splits returned "}
#: What tests of the two classes mention.
USES = re.compile("GridSearchCV|RandomizedSearchCV|_searchcv_callback_test_cases")
#: Tests that would prove nothing here: of array libraries, and of private base classes alone.
LEFT_OUT = re.compile("test_array_api|test__custom_fit_no_run_search")


@pytest.fixture(autouse=True)
def _only_replaced_classes(request):
    """Halving searches of scikit-learn take part in some parametrised tests."""
    given = request.node.callspec.params.values() if hasattr(request.node, "callspec") else ()
    if any("Halving" in repr(value) for value in given):
        pytest.skip("a search of scikit-learn's that NNOSearchCV does not replace")


class Grid(NNOSearchCV):
    """NNOSearchCV whose ``cv_results_`` have GridSearchCV's columns only."""

    def fit(self, X, y=None, **params):
        super().fit(X, y, **params)
        self.cv_results_ = {k: v for k, v in self.cv_results_.items() if k not in OWN}
        return self


def randomized(estimator, param_distributions, **params):
    """The same with RandomizedSearchCV's order of arguments."""
    return Grid(estimator, param_distributions=param_distributions, **params)


def load():
    """scikit-learn's test module on NNOSearchCV."""
    spec = importlib.util.find_spec(NAME)
    spec = importlib.util.spec_from_file_location("replaced_test_search", spec.origin)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # so that what it defines can be pickled
    replaced = {"GridSearchCV": Grid, "RandomizedSearchCV": randomized}
    with warnings.catch_warnings(), mock.patch.multiple(sklearn.model_selection, **replaced):
        warnings.simplefilter("ignore")  # of marks that scikit-learn's own configuration knows
        spec.loader.exec_module(module)
    return module


def select(module):
    """Test functions by name, the exceptions marked."""
    tests = {
        name: test
        for name, test in vars(module).items()
        if name.startswith("test_")
        and USES.search(inspect.getsource(test))
        and not LEFT_OUT.search(name)
    }
    reasons = {name: reason for name, reason in EXCEPTIONS.items() if name in tests}
    for name, text in OLD_TEXTS.items():
        if name in tests and text in inspect.getsource(tests[name]):
            reasons[name] = "the message has changed since"
    for name, reason in reasons.items():
        tests[name] = pytest.mark.xfail(reason=reason)(tests[name])
    return tests


if importlib.util.find_spec("sklearn.model_selection.tests") is None:
    pytest.skip("scikit-learn is installed without its tests", allow_module_level=True)
globals().update(select(load()))
