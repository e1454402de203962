"""First steps of saved pipelines, which read other files in the same way as the first."""

import re

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from nno_sklearn._wording import counted
from nno_sklearn.cli.errors import UserError, quoted
from nno_sklearn.cli.files import TABLES, find_format, load_matrix, load_table
from nno_sklearn.cli.kinds import Numbers
from nno_sklearn.cli.values import as_text

MOST_NOTES = 5  # of one kind; for more columns, a single note lists their names
NAMELESS = re.compile(r"Unnamed: \d+\Z")


class Table(TransformerMixin, BaseEstimator):
    """First step of a pipeline: selects the columns of a table and parses their values.

    ``fit`` does nothing; :func:`choose_columns` finds the parameters.

    Parameters
    ----------
    kinds : dict of str to Kind
        The columns that are used.
    layout : Layout or None
        How the file was cut into cells; None for formats other than text.
    columns : sequence of str
        All columns of the file, in its order.
    target : str
        The one to predict.
    na_values : sequence of str or None
        Values that mean a missing one.
    offset : OffsetColumn or None
        The column of offsets, if the model has any.
    """

    def __init__(self, kinds, layout=None, columns=(), target=None, na_values=None, offset=None):
        self.kinds = kinds
        self.layout = layout
        self.columns = columns
        self.target = target
        self.na_values = na_values
        self.offset = offset

    def __sklearn_is_fitted__(self):
        return True

    def offset_of(self, frame):
        """Offsets of the rows of a file, (n_samples,); None where the model has none."""
        return None if self.offset is None else self.offset.of(frame)

    def fit(self, X, y=None):
        """Do nothing."""
        return self

    def get_feature_names_out(self, input_features=None):
        """Names of the columns that are used."""
        return np.array(list(self.kinds), dtype=object)

    def transform(self, X):
        """Select the columns by name and parse their values.

        Parameters
        ----------
        X : DataFrame
            Of text, or as pandas.read_csv returns it for such a file.

        Returns
        -------
        DataFrame
            Of float64, datetime64, timedelta64 and objects.

        Raises
        ------
        ValueError
            Where a column is missing, or a value is infinite.
        """
        import pandas as pd

        frame = X.rename(columns=lambda name: str(name).strip())
        if absent := [name for name in self.kinds if name not in frame.columns]:
            headerless = self.layout is not None and not self.layout.has_header
            hint = "; its file had no header line (pandas: header=None)" if headerless else ""
            raise ValueError(
                f"no column {quoted(absent)}; the model needs {quoted(self.kinds, 20)}{hint}"
            )
        parsed = {name: self._parse(frame[name], kind) for name, kind in self.kinds.items()}
        return pd.DataFrame(parsed, index=frame.index)

    def _parse(self, column, kind):
        values = kind.parse(blank(column, self.na_values))
        if values.dtype.kind != "f":
            return values
        if self.na_values:
            values = values.mask(values.isin(floats_among(self.na_values)))
        infinite = np.flatnonzero(np.isinf(values))
        if len(infinite):
            first = infinite[0]
            raise ValueError(
                f"column '{column.name}' has an infinite value ('{column.iloc[first]}') in row "
                f"{first + 1}; --na-values {column.iloc[first]} takes it for missing, "
                f"--drop {column.name} leaves the column out"
            )
        return values

    def read(self, path, layout):
        """Read the rows of another such file, with or without the target.

        Parameters
        ----------
        path : Path
        layout : Layout
            The user's options; the rest is as in the file of the training data.

        Returns
        -------
        frame : DataFrame
        notes : list of str
        """
        kind = find_format(path)
        if kind not in TABLES:
            raise UserError(f"{path} has no named columns, which the model needs")
        known = self.layout.for_another_file(layout)
        frame, _, notes = load_table(path, kind, known, self._find_names)
        if self.layout.has_header and not set(self.kinds) <= set(frame) and not layout.delimiter:
            # Another program may have written it with another delimiter.
            frame, _, notes = load_table(path, kind, known.without_delimiter(), self._find_names)
        if not self.layout.has_header:
            names = list(self.columns)
            if frame.shape[1] == len(names) - 1:
                names.remove(self.target)
            if frame.shape[1] != len(names):
                raise UserError(
                    f"{path} has {counted(frame.shape[1], 'column')}; the model learnt from "
                    f"{len(names)} without names, the target included"
                )
            frame.columns, notes = names, []
        return frame, notes

    def _find_names(self, cells, lengths):
        if not self.layout.has_header:
            return 0, False
        head = [{" ".join(cell.split()) for cell in row} for row in cells[:20].to_numpy()]
        named = [f"{name} " for name in self.kinds if not NAMELESS.match(name)]
        # A name of two lines begins with that of the first.
        n_found = [
            sum(name.startswith(f"{cell} ") for name in named for cell in row) for row in head
        ]
        return int(np.argmax(n_found)), True

    def describe(self, name):
        """Describe the input of ``transform`` in terms of Python."""
        columns = f" DataFrame with the columns {quoted(self.kinds, 20)}"
        if not self.layout.delimiter:
            return columns
        options = "".join(f", {key}={value!r}" for key, value in self.layout.in_pandas().items())
        return f"{columns}: pandas.read_csv({name!r}{options})"

    def remarks(self, frame, values):
        """Notes on the texts of a table that could not be parsed and are missing in ``values``."""
        lost = {}
        for name in self.kinds:
            texts = as_text(blank(frame[name], self.na_values)[values[name].isna()])
            if len(texts := texts[texts != ""]):
                lost[name] = texts
        if len(lost) > MOST_NOTES:
            tokens = dict.fromkeys(token for texts in lost.values() for token in texts)
            yield (
                f"columns {quoted(lost, 4)}: {sum(map(len, lost.values()))} values are no "
                f"numbers or dates ({quoted(tokens, 3)}): taken as missing"
            )
            return
        for name, texts in lost.items():
            noun = self.kinds[name].noun
            verb = f"is no {noun}" if len(texts) == 1 else f"are no {noun}s"
            yield (
                f"column '{name}': {counted(len(texts), 'value', len(frame))} {verb} "
                f"({quoted(texts.unique(), 3)}): taken as missing"
            )


class Matrix(TransformerMixin, BaseEstimator):
    """First step of a pipeline for columns without names; passes rows on unchanged.

    Parameters
    ----------
    n_features : int
    """

    def __init__(self, n_features):
        self.n_features = n_features

    def __sklearn_is_fitted__(self):
        return True

    def offset_of(self, X):
        """None: columns without names have no offset among them."""
        return None

    def fit(self, X, y=None):
        """Do nothing."""
        return self

    def transform(self, X):
        """Pass the rows on."""
        return X

    def get_feature_names_out(self, input_features=None):
        """Names x0, x1, and so on."""
        return np.array([f"x{j}" for j in range(self.n_features)], dtype=object)

    def read(self, path, layout):
        """Read the rows of another file of svmlight or npz."""
        kind = find_format(path)
        if kind in TABLES:
            raise UserError(f"{path} is a table; the model learnt from columns without names")
        X, _ = load_matrix(path, kind, self.n_features)
        if X.shape[1] != self.n_features:
            raise UserError(
                f"{path} has {counted(X.shape[1], 'column')}; the model needs {self.n_features}"
            )
        return X, []

    def describe(self, name):
        """Describe the input of ``transform`` in terms of Python."""
        return f"n array or sparse matrix of {counted(self.n_features, 'column')}"

    def remarks(self, X, values):
        """No notes."""
        return ()


def blank(column, na_values):
    """Replace by a gap what the user calls missing."""
    return column.mask(as_text(column).isin(na_values)) if na_values else column


def floats_among(texts):
    """The numbers among texts."""
    import pandas as pd

    return list(Numbers().parse(pd.Series(list(texts), dtype=object)).dropna())
