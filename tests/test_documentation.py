"""The link from an estimator's HTML representation to its API page, and what ``help`` shows."""

import inspect
import re
from importlib.metadata import PackageNotFoundError

import pytest
import sklearn
from sklearn.utils import estimator_html_repr

from nno_sklearn import NNOClassifier, NNORegressor, NNOSearchCV, _documentation, linear_model
from nno_sklearn.streams import StreamPipeline
from tests.docs.test_site import API

ESTIMATORS = [
    NNOClassifier(),
    NNORegressor(),
    NNOSearchCV(NNOClassifier(), alphas=3),
    linear_model.Ridge(),
    linear_model.LogisticRegressionCV(),
    StreamPipeline([("model", NNORegressor())]),
]
#: Whether the HTML representation lists fitted attributes.
LISTS_ATTRIBUTES = tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 9)


@pytest.fixture
def published(monkeypatch):
    monkeypatch.setattr(_documentation, "site", lambda: "https://docs.example/nno")


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda one: type(one).__name__)
def test_html_links_to_the_api_page(estimator, published):
    home, name = "https://docs.example/nno/api/", type(estimator).__name__
    linked = set(re.findall(rf'href="{home}([\w.]+)\.html"', estimator_html_repr(estimator)))
    (page,) = [page for page in linked if page.endswith(f".{name}")]
    assert linked <= set(API)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda one: type(one).__name__)
def test_html_has_no_link_where_no_address_is_known(estimator, monkeypatch):
    monkeypatch.setattr(_documentation, "site", lambda: None)
    assert "api/nno_sklearn" not in estimator_html_repr(estimator)


@pytest.mark.skipif(not LISTS_ATTRIBUTES, reason="scikit-learn 1.9 began to list them")
@pytest.mark.parametrize("kind", [NNOClassifier, linear_model.Ridge])
def test_html_lists_what_a_fit_found(kind):
    model = kind().fit([[0.0], [1.0], [2.0], [4.0]], [0, 0, 1, 1])
    assert "dual_gap_" not in estimator_html_repr(kind())
    shown = estimator_html_repr(model)
    for name in ("coef_", "intercept_", "objective_", "dual_gap_", "solver_", "n_passes_"):
        assert name in shown


def test_a_users_subclass_has_no_page(published):
    class Mine(NNOClassifier):
        pass

    assert "docs.example" not in estimator_html_repr(Mine())


def test_address_is_that_of_the_metadata(monkeypatch):
    class Metadata:
        def get_all(self, name, default):
            urls = ["Source, https://a.example", "Documentation, https://b.example/"]
            return urls if name == "Project-URL" else default

    monkeypatch.setattr(_documentation, "metadata", lambda name: Metadata())
    assert _documentation.site() == "https://b.example"


def test_no_address_without_metadata(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(_documentation, "metadata", missing)
    assert _documentation.site() is None


def test_signatures_show_the_parameters():
    class Logistic(NNOClassifier):
        def __init__(self, C=1.0):
            super().__init__()
            self.C = C

    for kind in (NNOClassifier, NNORegressor, Logistic):
        assert set(inspect.signature(kind).parameters) == set(kind().get_params(deep=False))
