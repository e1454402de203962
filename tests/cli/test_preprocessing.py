"""Tables to matrices: each kind of column has its preprocessing."""

import numpy as np
import pandas as pd
from scipy import sparse

from nno_sklearn.cli.preprocessing import make_preprocessor
from nno_sklearn.cli.reading import read


class TestPreprocessing:
    def test_each_kind_of_column(self, table, tmp_path):
        table.drop(columns="price").to_csv(tmp_path / "d.csv", index=False)
        data = read(tmp_path / "d.csv")
        assert data.notes[1:] == ["dropped the column without any value: nothing"]
        preprocessor = make_preprocessor(data.X).fit(data.X)
        found = {part[0]: part[2] for part in preprocessor.transformers_}
        assert found == {
            "numbers": ["size", "ready"], "labels": ["colour"], "elapsed days": ["when"],
            "calendar of when": "when", "text of remark": "remark",
        }  # fmt: skip
        # Red, green, blue, and missing.
        labels = preprocessor.named_transformers_["labels"].transform(data.X[["colour"]])
        assert labels.shape == (120, 4)
        names = preprocessor.get_feature_names_out()
        assert {"numbers__size", "labels__colour_red", "text of remark__remark"} <= set(names)
        assert {"elapsed days__when", "calendar of when__when_month_spline_00"} <= set(names)
        assert len(names) == preprocessor.transform(data.X).shape[1]

    def test_text_without_spaces_is_cut_into_characters(self):
        texts = [
            f"这家酒店的房间很大服务也很好我们一家人都十分满意下次还会再来住{i}" for i in range(150)
        ]
        X = pd.DataFrame({"review": texts}, dtype=object)
        vectorizer = make_preprocessor(X).fit(X).named_transformers_["text of review"][-1]
        assert "酒店" in vectorizer.vocabulary_

    def test_labels_and_gaps_not_met_in_training(self):
        X = pd.DataFrame({"colour": ["red", "blue", None], "size": [1.0, None, 3.0]}, dtype=object)
        X["size"] = X["size"].astype(float)
        fitted = make_preprocessor(X).fit(X.iloc[[0, 2]])
        np.testing.assert_allclose(fitted.transform(X), [[-1, 1, 0], [0, 0, 0], [1, 0, 1]])

    def test_arrays_are_scaled(self):
        dense = np.array([[1.0, 10.0], [3.0, 30.0]], dtype=np.float32)
        np.testing.assert_allclose(
            make_preprocessor(dense).fit_transform(dense), [[-1] * 2, [1] * 2]
        )
        gaps = np.array([[1.0], [np.nan], [3.0]])
        assert make_preprocessor(gaps).fit_transform(gaps)[1, 0] == 0
        zeros = sparse.csr_matrix([[0.0, 5.0], [2.0, 0.0]])
        scaled = make_preprocessor(zeros).fit_transform(zeros)
        np.testing.assert_array_equal(scaled.toarray(), [[0, 1], [1, 0]])
