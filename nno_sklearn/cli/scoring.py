"""The score that compares models, by the option, the loss or the task; tried before the fits."""

import argparse
import difflib
import traceback
import warnings
from dataclasses import dataclass

import numpy as np
from sklearn import metrics
from sklearn.base import clone

from nno_sklearn.cli.arguments import ESTIMATORS
from nno_sklearn.cli.errors import UserError

SCORES = {"classification": "accuracy", "regression": "r2"}
#: Losses whose models are better compared by another score than that of the task.
SCORES_OF_LOSSES = {
    "poisson": "neg_mean_poisson_deviance",
    "gamma": "neg_mean_gamma_deviance",
    "quantile": "neg_mean_absolute_error",
    "absolute_error": "neg_mean_absolute_error",
    "epsilon_insensitive": "neg_mean_absolute_error",
}
#: Scores of a positive class: the function in sklearn.metrics, and its other arguments.
_RANKING = {"response_method": ("decision_function", "predict_proba")}
_PROBABILITY = {"response_method": "predict_proba"}
SCORES_OF_ONE_CLASS = {
    "average_precision": ("average_precision_score", _RANKING),
    "d2_brier_score": ("d2_brier_score", _PROBABILITY),
    "f1": ("f1_score", {}),
    "jaccard": ("jaccard_score", {}),
    "neg_brier_score": ("brier_score_loss", _PROBABILITY | {"greater_is_better": False}),
    "precision": ("precision_score", {}),
    "recall": ("recall_score", {}),
}
#: Scores that are the same for either positive class.
SYMMETRIC_SCORES = ("roc_auc",)
#: Suggested first where another score is not applicable.
COMMON_SCORES = {
    "classification": ("accuracy", "balanced_accuracy", "roc_auc", "roc_auc_ovr", "neg_log_loss"),
    "regression": ("r2", "neg_mean_absolute_error", "neg_root_mean_squared_error"),
}


@dataclass(frozen=True)
class Score:
    """A score: its name, its scorer, and a remark."""

    name: str
    scorer: object
    notes: tuple[str, ...] = ()

    def explain(self, error):
        """The message of an error, naming the score where the score raised it."""
        frames = traceback.walk_tb(error.__traceback__)
        if not any(frame.f_globals["__name__"].startswith(metrics.__name__) for frame, _ in frames):
            return str(error)
        return f"score {self.name}: {error} Name another with --scoring."

    def check_known(self, best):
        """Raise a UserError where not even the best mean score is a number."""
        if np.isnan(best):
            raise UserError(
                f"{self.name} is not a number for any model; take another score with --scoring, or "
                "fewer folds with --cv, which hold more rows"
            )


def add_scoring(group):
    """Add --scoring and --positive."""
    what = "scikit-learn's name of the score (default: that of the task or of the loss)"
    group.add_argument("--scoring", type=_name_of_score, metavar="NAME", help=what)
    what = f"class that {', '.join(SCORES_OF_ONE_CLASS)} look at (default: the last of two)"
    group.add_argument("--positive", metavar="LABEL", help=what)


def choose_score(args, data, task, loss):
    """Take the score from the option, else from the loss, else from the task.

    Parameters
    ----------
    args : Namespace
    data : DataSet
    task : {"classification", "regression"}
    loss : str or Loss
        A model with it is fitted to synthetic rows, so that a score that is not applicable is
        reported before the fits.

    Returns
    -------
    Score

    Raises
    ------
    UserError
        Where this score is not applicable to model or target; it names some that are.
    """
    quantile = getattr(loss, "quantile", None)
    if args.scoring is None and quantile is not None:
        score = metrics.make_scorer(
            metrics.mean_pinball_loss, alpha=quantile, greater_is_better=False
        )
        return Score(f"neg_mean_pinball_loss of {quantile:g}", score)
    name = args.scoring or SCORES_OF_LOSSES.get(args.loss, SCORES[task])
    classes = np.unique(data.y) if task == "classification" else ()
    _check(name, task, loss, data.target, len(classes))
    if args.positive is None and (len(classes) != 2 or not _looks_at_one_class(name)):
        return Score(name, metrics.get_scorer(name))
    positive = _positive_class(args.positive, name, data.target, classes)
    return Score(name, _make_scorer(name, positive), (_told(positive, args.positive, classes),))


def _name_of_score(name):
    known = metrics.get_scorer_names()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise argparse.ArgumentTypeError(f"scikit-learn has no score {name!r}{hint}")
    return name


def _looks_at_one_class(name):
    return name in SCORES_OF_ONE_CLASS or name in SYMMETRIC_SCORES


def _positive_class(text, name, target, classes):
    """The class that the user named, or the last one."""
    if text is None:
        return classes[-1]
    if len(classes) != 2:
        what = f"'{target}' has {len(classes)}" if len(classes) else "this is regression"
        raise UserError(f"--positive names one of two classes, but {what}; leave it out")
    if not _looks_at_one_class(name):
        raise UserError(
            f"--positive has no effect on the score {name}; leave it out, or take --scoring "
            f"{', '.join(SCORES_OF_ONE_CLASS)}"
        )
    named = [label for label in classes if _is_label(label, text)]
    if not named:
        raise UserError(
            f"--positive {text}: there is no such class; '{target}' is {_either(classes)}"
        )
    return named[0]


def _is_label(label, text):
    """Whether a text means a label; "1" also means 1.0."""
    try:
        return str(label) == text or float(label) == float(text)
    except ValueError:
        return False


def _told(positive, asked, classes):
    """Print which class is the positive one, and how to choose the other."""
    how = "" if asked else f", the last of {_either(classes)}; --positive names another"
    return f"positive class: {_quoted(positive)}{how}"


def _either(classes):
    return " or ".join(map(_quoted, classes))


def _quoted(label):
    return f"'{label}'" if isinstance(label, str) else str(label)


def _make_scorer(name, positive):
    """scikit-learn's scorer of this name, for this positive class."""
    if name not in SCORES_OF_ONE_CLASS:
        return metrics.get_scorer(name)
    function, options = SCORES_OF_ONE_CLASS[name]
    return metrics.make_scorer(getattr(metrics, function), pos_label=positive, **options)


def _check(name, task, loss, target, n_classes):
    """Raise a UserError where a score is not applicable to such a model."""
    model = ESTIMATORS[task](loss)
    trial = _Trial(model, n_classes)
    if (obstacle := trial.obstacle(name)) is None:
        return
    able = [other for other in metrics.get_scorer_names() if trial.obstacle(other) is None]
    near = [other for other in able if other.startswith(name)]
    near += difflib.get_close_matches(name, able, n=2, cutoff=0.7)
    named = list(dict.fromkeys(near + [common for common in COMMON_SCORES[task] if common in able]))
    raise UserError(
        f"score {name} {_why(name, obstacle, model, target, n_classes)}; scores that do: "
        f"{', '.join(named[:6])}"
    )


def _why(name, obstacle, model, target, n_classes):
    if n_classes == 0:
        return "is not for regression"
    if isinstance(obstacle, AttributeError):
        return f"needs probabilities, which loss {model.loss} does not give"
    if n_classes > 2 and _Trial(model, 2).obstacle(name) is None:
        return f"is for two classes, and '{target}' has {n_classes}"
    return "is not for classification" if n_classes > 2 else "is not for two classes"


class _Trial:
    """A model fitted to a few synthetic rows, to try scores on.

    Parameters
    ----------
    model : estimator
    n_classes : int
        0 for regression. More than 3 are treated like 3.
    """

    def __init__(self, model, n_classes):
        self._n_classes = min(n_classes, 3)
        group = np.arange(12) % max(self._n_classes, 2)
        self._X = np.column_stack([np.arange(12) / 12, np.eye(group.max() + 1)[group]])
        group[:2] = group[1::-1]  # two wrong predictions, without which some scores divide by 0
        # Labels are text, on which scores for numbers fail; numbers lie between 0 and 1.
        numbers = (1.5 + group + self._X[:, 0]) / 4
        self._y = np.array(list("abc"))[group] if n_classes else numbers
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._fitted = clone(model).set_params(alpha=0.1).fit(self._X, self._y)

    def obstacle(self, name):
        """The error or warning of a score that is not applicable to the model; else None."""
        scorer = _make_scorer(name, "b") if self._n_classes == 2 else metrics.get_scorer(name)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                scorer(self._fitted, self._X, self._y)
            except (AttributeError, TypeError, ValueError, Warning) as error:
                return error
        return None


def standard_error(scores):
    """Standard error of the mean of the scores of the folds, (n_folds,)."""
    return scores.std(ddof=1) / np.sqrt(len(scores))
