"""x"""

from tests.linear_model.replaced import replaced_tests
import pytest
pytestmark = pytest.mark.filterwarnings("ignore")

globals().update(replaced_tests("sklearn.linear_model.tests.test_coordinate_descent", {}, {}))
