"""Data of the benchmarks: seeded generators, and the real sets of ``NNO_SKLEARN_DATA``."""

import bz2
import lzma
import os
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from scipy.signal import lfilter
from scipy.special import expit


class MissingDataError(Exception):
    """The data set is not on this machine; what needs it is skipped."""


def load(name):
    """Load a data set.

    Parameters
    ----------
    name : str
        One of :func:`names`.

    Returns
    -------
    X : ndarray (C order) or CSR matrix of shape (n_samples, n_features), float64
    y : ndarray of shape (n_samples,)
        Numbers as floats; labels as integers.

    Raises
    ------
    MissingDataError
        For a real set where ``NNO_SKLEARN_DATA`` is unset or does not have its file.
    """
    X, y, _ = load_weighted(name)
    return X, y


@lru_cache(maxsize=1)  # the cases of one data set follow each other
def load_weighted(name):
    """Like :func:`load`, with the sample weights (None where all rows weigh the same)."""
    X, y, *weight = (SYNTHETIC | REAL)[name]()
    return X, y, weight[0] if weight else None


def names():
    """Names of all data sets, synthetic ones first."""
    return [*SYNTHETIC, *REAL]


# Generators ------------------------------------------------------------------------------------


def spectrum(n, p, decades=3.0, seed=0):
    """Rows whose covariance has eigenvalues that fall by ``2 * decades`` powers of ten."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n, p)) * np.logspace(0, -decades, p)
    return rows @ np.linalg.qr(rng.standard_normal((p, p)))[0], rng


def tall_labels(n, p, decades=3.0, scales=0.0, seed=0):
    """Labels of a logistic model over tall rows.

    Parameters
    ----------
    n, p : int
    decades : float, default=3
        Singular values fall by that many powers of ten; 0 is isotropic.
    scales : float, default=0
        Columns are then given units that differ by that many powers of ten.
    seed : int, default=0
    """
    X, rng = spectrum(n, p, decades, seed)
    w = rng.standard_normal(p)
    w *= 2 / np.std(X @ w)
    y = (rng.random(n) < expit(X @ w)).astype(int)
    return X * 10 ** rng.uniform(-scales / 2, scales / 2, p), y


def tall_numbers(n, p, decades=3.0, seed=0):
    """Targets of a linear model over tall rows, a tenth of their variance noise."""
    X, rng = spectrum(n, p, decades, seed)
    y = X @ rng.standard_normal(p)
    return X, y / y.std() + rng.standard_normal(n) / 3


def correlated(n, p, n_relevant, correlation, seed=0):
    """Centred columns, each correlated with the one before; few matter, a tenth is noise."""
    rng = np.random.default_rng(seed)
    fresh = np.sqrt(1 - correlation**2)
    noise = rng.standard_normal((n, p))
    noise[:, 0] /= fresh
    X = lfilter([fresh], [1.0, -correlation], noise, axis=1)
    X -= X.mean(axis=0)
    w = np.zeros(p)
    w[rng.choice(p, n_relevant, replace=False)] = rng.standard_normal(n_relevant)
    y = X @ w
    y += rng.standard_normal(n) * y.std() / 3
    return X, y - y.mean()


def targets(n, p, n_outputs, n_relevant=20, correlation=0.5, seed=0):
    """Columns as of :func:`correlated`; the same few of them matter for all centred targets."""
    X, _ = correlated(n, p, n_relevant, correlation, seed)
    rng = np.random.default_rng(seed + 1)
    w = np.zeros((p, n_outputs))
    w[rng.choice(p, n_relevant, replace=False)] = rng.standard_normal((n_relevant, n_outputs))
    y = X @ w
    y += rng.standard_normal(y.shape) * y.std(axis=0) / 3
    return X, y - y.mean(axis=0)


#: Correlation of neighbouring columns that makes thousands of them some tens of factors.
_LIKE_GENES = 0.99


def wide_classes(n, p, n_classes):
    """Which of several targets over the same few columns is the largest."""
    X, score = targets(n, p, n_classes, correlation=_LIKE_GENES)
    return X, score.argmax(axis=1)


def wide_counts(n, p, seed=0):
    """Poisson counts over correlated columns of which few matter."""
    X, raw = correlated(n, p, 20, _LIKE_GENES, seed)
    mean = np.exp(2 + raw / raw.std() / 2)
    return X, np.random.default_rng(seed + 1).poisson(mean).astype(float)


def sparse_labels(n, p, density, seed=0):
    """Counts of words: columns as frequent as Zipf's law says, labels of a logistic model."""
    rng = np.random.default_rng(seed)
    frequency = 1.0 / np.arange(1, p + 1)
    words = rng.choice(p, size=int(n * p * density), p=frequency / frequency.sum())
    rows = rng.integers(n, size=len(words))
    X = sp.csr_matrix((np.ones(len(words)), (rows, words)), shape=(n, p))
    w = rng.standard_normal(p)
    return X, (rng.random(n) < expit(X @ w)).astype(int)


def word_labels(n, p, density):
    """TF-IDF of such counts, with their labels."""
    from sklearn.feature_extraction.text import TfidfTransformer

    counts, y = sparse_labels(n, p, density)
    return TfidfTransformer(sublinear_tf=True).fit_transform(counts), y


def grades(source, n_grades=5):
    """Numbers as labels in an order, as many rows of each."""
    X, y = source()
    return X, np.digitize(y, np.quantile(y, np.arange(1, n_grades) / n_grades))


def scaled_labels(n, p, n_classes=2, seed=0):
    """Classes of a softmax model over correlated columns in units of their spread."""
    X, rng = spectrum(n, p, decades=0.5, seed=seed)
    X /= X.std(axis=0)
    score = X @ rng.standard_normal((p, n_classes)) * 2 / np.sqrt(p)
    y = (score + rng.gumbel(size=score.shape)).argmax(axis=1)
    return X - X.mean(axis=0), y


def small_counts(n=2000, p=12, seed=0):
    """Poisson counts with exposures as weights; small enough for tests."""
    rng = np.random.default_rng(seed)
    X, exposure = rng.standard_normal((n, p)), rng.uniform(0.1, 1.0, n)
    mean = np.exp(0.3 * X @ rng.standard_normal(p) / np.sqrt(p))
    return X, rng.poisson(mean * exposure) / exposure, exposure


SYNTHETIC = {
    "tall-4000000x50": partial(tall_labels, 4_000_000, 50),
    "tall-200000x100": partial(tall_labels, 200_000, 100),
    "tall-100000x300": partial(tall_labels, 100_000, 300),
    "tall-50000x1000": partial(tall_labels, 50_000, 1000),
    "tall-20000x50": partial(tall_labels, 20_000, 50),
    "tall_unscaled-100000x100": partial(tall_labels, 100_000, 100, scales=6.0),
    "isotropic-50000x1000": partial(tall_labels, 50_000, 1000, decades=0.0),
    "ridge-1000000x50": partial(tall_numbers, 1_000_000, 50),
    "ridge-50000x1000": partial(tall_numbers, 50_000, 1000),
    "ridge-20000x50": partial(tall_numbers, 20_000, 50),
    "ridge-200000x20": partial(tall_numbers, 200_000, 20),
    "correlated-1000x10000": partial(correlated, 1000, 10_000, 100, 0.9),
    "correlated-200x50000": partial(correlated, 200, 50_000, 30, 0.3),
    "correlated-2000x20000": partial(correlated, 2000, 20_000, 100, 0.5),
    "correlated-5000x5000": partial(correlated, 5000, 5000, 100, 0.7),
    "correlated-100000x200": partial(correlated, 100_000, 200, 50, 0.5),
    "correlated-200x2000": partial(correlated, 200, 2000, 20, 0.5),
    "targets-20000x200x10": partial(targets, 20_000, 200, 10),
    "targets-1000x5000x20": partial(targets, 1000, 5000, 20),
    "targets-100x2000x50": partial(targets, 100, 2000, 50),
    "wide_numbers-71x4088": partial(correlated, 71, 4088, 20, _LIKE_GENES),
    "wide_classes-63x2308x4": partial(wide_classes, 63, 2308, 4),
    "wide_labels-100x5000": partial(wide_classes, 100, 5000, 2),
    "wide_counts-100x3000": partial(wide_counts, 100, 3000),
    "sparse-20000x5000": partial(sparse_labels, 20_000, 5000, 0.004),
    "words-20000x50000": partial(word_labels, 20_000, 50_000, 0.0015),
    **{
        f"classes-{n}x{p}x{k}": partial(scaled_labels, n, p, k)
        for n, p, k in ((10_000, 100, 5), (1500, 600, 26), (10_000, 256, 20))
    },
    **{
        f"labels-{n}x{p}": partial(scaled_labels, n, p)
        for n, p in ((500, 20), (2000, 20), (5000, 50))
    },
    **{f"numbers-{n}x{p}": partial(tall_numbers, n, p, 0.5) for n, p in ((500, 20), (5000, 50))},
    "grades-5000x50": partial(grades, partial(tall_numbers, 5000, 50, 0.5)),
    "small_counts": small_counts,
}


# Real sets -------------------------------------------------------------------------------------


def _path(file):
    folder = os.environ.get("NNO_SKLEARN_DATA")
    if not folder:
        raise MissingDataError(f"{file}: the environment variable NNO_SKLEARN_DATA is not set")
    path = Path(folder) / file
    if not path.exists():
        raise MissingDataError(f"{file}: not in the folder that NNO_SKLEARN_DATA names")
    return path


def _npz(file, divide=1.0, label=None):
    """Arrays X and y; ``label(y)`` makes other labels of the file's."""
    with np.load(_path(file)) as arrays:
        X = np.ascontiguousarray(arrays["X"], dtype=np.float64) / divide
        y = arrays["y"]
    y = y.astype(float if y.dtype.kind == "f" else int)
    return X, y if label is None else label(y)


def _svmlight(file, n_features=None, label=None):
    from sklearn.datasets import load_svmlight_file

    with bz2.open(_path(file)) as stream:
        X, y = load_svmlight_file(stream, n_features=n_features)
    X.indices, X.indptr = X.indices.astype(np.int32), X.indptr.astype(np.int32)
    y = y.astype(int)
    return X, y if label is None else label(y)


def _table(file):
    import pandas as pd

    return pd.read_csv(_path(file)).dropna(axis=1, how="all")


def _one_hot(table, columns):
    """One 0/1 column for each value of each column, sparse."""
    from sklearn.preprocessing import OneHotEncoder

    return OneHotEncoder(drop="first").fit_transform(table[columns]).tocsr()


_RATING_FACTORS = "coverage sex fuel use fleet bm agec ageph power".split()


def _claim_counts():
    """Claims a year, weighted by the years; one-hot rating factors."""
    table = _table("motor_claims.csv.bz2")
    years = table["expo"].to_numpy(float)
    return _one_hot(table, _RATING_FACTORS), table["nclaims"].to_numpy(float) / years, years


def _claim_amounts():
    """Thousands a claim, weighted by the claims, of those who had any."""
    table = _table("motor_claims.csv.bz2")
    table = table[(table["nclaims"] > 0) & (table["amount"] > 0)]
    claims = table["nclaims"].to_numpy(float)
    amount = table["amount"].to_numpy(float) / claims / 1000
    return _one_hot(table, _RATING_FACTORS), amount, claims


def _bike_sharing(target=lambda count: count):
    table = _table("bike_sharing.csv.bz2")
    calendar = ["season", "yr", "mnth", "hr", "holiday", "weekday", "workingday", "weathersit"]
    weather = table[["temp", "atemp", "hum", "windspeed"]].to_numpy(float)
    X = np.hstack([_one_hot(table, calendar).toarray(), weather])
    return np.ascontiguousarray(X), target(table["cnt"].to_numpy(float))


#: What HuberRegressor(alpha=1e-4 * n) estimates as the scale of the log counts once they are
#: divided by it is 1, so that a Huber loss of fixed scale has the same optimum.
_HUBER_SCALE = 0.3014226583898839
#: The same of the diabetes set, with alpha=1e-2 * n.
_HUBER_SCALE_DIABETES = 37.474148095686886


def _california_housing():
    """The numeric columns, unscaled; hundred thousands of dollars."""
    table = _table("california_housing.csv.bz2").select_dtypes("number").dropna()
    y = table.pop("median_house_value").to_numpy(float) / 1e5
    return np.ascontiguousarray(table.to_numpy(float)), y


def _golub():
    """Genes in units of their spread: 72 patients, 7,129 columns."""
    X, y = _npz("golub.npz")
    X -= X.mean(axis=0)
    X /= np.maximum(X.std(axis=0), 1e-12)
    return X, y


def _centred_labels(source):
    """Labels of two classes as centred numbers: a regression that needs no intercept."""
    X, y = source()
    return X, y - y.mean()


def _diamonds():
    """Sizes and one-hot grades of stones; the price in thousands."""
    table = _table("diamonds.csv.bz2")
    grades = _one_hot(table, ["cut", "color", "clarity"]).toarray()
    sizes = table[["carat", "depth", "table", "x", "y", "z"]].to_numpy(float)
    return np.hstack([sizes, grades]), table["price"].to_numpy(float) / 1000


def _shipped(name):
    """A small set that scikit-learn brings, columns in units of their spread."""
    from sklearn import datasets
    from sklearn.preprocessing import scale

    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return scale(X), y


_diabetes = partial(_shipped, "diabetes")


def _diabetes_of_unit_scale():
    X, y = _diabetes()
    return X, y / _HUBER_SCALE_DIABETES


def _words(file, **options):
    """Words, or characters, that 5 or more texts have, and the labels of the texts."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    lines, labels = texts(file)
    return TfidfVectorizer(min_df=5, **options).fit_transform(lines), labels


_news_words = partial(_words, "newsgroups20_train.tsv.xz")


def _breast_cancer():
    from sklearn.datasets import load_breast_cancer

    X, y = load_breast_cancer(return_X_y=True)
    return X, 1 - y  # malignant is what is looked for


def _digits():
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return X / 16, y


@lru_cache(maxsize=2)
def texts(file):
    """Texts and their labels as numbers, from lines of label and text."""
    with lzma.open(_path(file), "rt", encoding="utf-8") as stream:
        labels, lines = zip(*(line.rstrip("\n").split("\t", 1) for line in stream), strict=True)
    return np.array(lines, dtype=object), np.unique(labels, return_inverse=True)[1]


_news20 = partial(_svmlight, "news20.svm.bz2")

REAL = {
    "skin": partial(_npz, "skin.npz"),
    "ijcnn1": partial(_npz, "ijcnn1.npz"),
    "cod_rna": partial(_npz, "cod_rna.npz"),
    "covtype_20k": partial(_npz, "covtype_20k.npz", label=lambda y: (y == 2).astype(int)),
    **{
        f"covtype_class{k}": partial(
            _npz, "covtype_20k.npz", label=lambda y, k=k: (y == k).astype(int)
        )
        for k in range(1, 8)
    },
    "covtype_classes": partial(_npz, "covtype_20k.npz"),
    "elec2": partial(_npz, "elec2.npz", label=lambda y: (y > 0).astype(int)),
    "breast_cancer": _breast_cancer,
    **{f"{name}_scaled": partial(_shipped, name) for name in ("iris", "wine", "breast_cancer")},
    "diabetes": _diabetes,
    "diabetes_unit_scale": _diabetes_of_unit_scale,
    "diabetes_grades": partial(grades, _diabetes),
    "newsgroups_words": partial(_news_words, sublinear_tf=True),
    "newsgroups_binary": partial(_news_words, binary=True, use_idf=False, norm=None),
    **{f"{name}_words": partial(_words, f"{name}.tsv.xz") for name in ("sms_spam", "rt_polarity")},
    **{
        f"{name}_characters": partial(_words, f"zh_{name}_reviews.tsv.xz", analyzer="char")
        for name in ("hotel", "takeaway")
    },
    "diamonds": _diamonds,
    "digits": _digits,
    "sea_stream": partial(_npz, "sea_stream.npz"),
    "mnist": partial(_npz, "mnist_train.npz", divide=255.0),
    "mnist_odd": partial(_npz, "mnist_train.npz", divide=255.0, label=lambda y: y % 2),
    "a9a": partial(_svmlight, "a9a.svm.bz2", 123, lambda y: (y > 0).astype(int)),
    "w8a": partial(_svmlight, "w8a.svm.bz2", 300, lambda y: (y > 0).astype(int)),
    "news20": _news20,
    "news20_half": partial(_news20, label=lambda y: (y <= 10).astype(int)),
    "news20_column": partial(_news20, label=lambda y: np.where(y <= 10, 1.0, -1.0)),
    "golub": _golub,
    "golub_raw": partial(_npz, "golub.npz"),
    "golub_numbers": partial(_centred_labels, _golub),
    "protein": partial(_npz, "protein.npz"),
    "california_housing": _california_housing,
    "motor_claims": _claim_counts,
    "motor_amounts": _claim_amounts,
    "bike_sharing": _bike_sharing,
    "bike_sharing_unit_scale": partial(_bike_sharing, lambda count: np.log(count) / _HUBER_SCALE),
}
