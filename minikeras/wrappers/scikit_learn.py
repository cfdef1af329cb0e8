"""Models as scikit-learn estimators: in pipelines, cross-validation and searches over parameters."""
import inspect

import numpy as np

from ..engine.sequential import Sequential
from ..utils.np_utils import to_categorical

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
except ImportError:  # the wrappers work without it, as plain classes
    BaseEstimator, ClassifierMixin, RegressorMixin = (type(name, (), {}) for name in ("Base", "OfClasses", "OfNumbers"))


class BaseWrapper(BaseEstimator):
    """A function that makes a compiled model, with the arguments for it and for fit, predict and evaluate.

    build_fn: function or callable object that returns a compiled model; or None in a subclass with a method __call__
    that does. sk_params: its arguments, and those of Sequential's fit, predict, predict_classes and evaluate, by name;
    all of them are open to a search. Raises ValueError for a name that none of these takes.
    """

    def __init__(self, build_fn=None, **sk_params):
        self.build_fn, self.sk_params = build_fn, sk_params
        self.check_params(sk_params)

    def check_params(self, params):
        """Raise ValueError for a name that neither build_fn nor the model's methods take."""
        used_by = [Sequential.fit, Sequential.predict, Sequential.predict_classes, Sequential.evaluate, self._builder()]
        signatures = [inspect.signature(fn).parameters for fn in used_by]
        if any(p.kind is p.VAR_KEYWORD for p in signatures[-1].values()):
            return
        unknown = [name for name in params if name != "verbose" and not any(name in s for s in signatures)]
        if unknown:
            raise ValueError(f"{type(self).__name__}: neither build_fn nor fit, predict or evaluate takes "
                             f"{', '.join(map(repr, unknown))}.")

    def _builder(self):
        return self.__call__ if self.build_fn is None else self.build_fn

    def __getattr__(self, name):
        hint = ": call fit first" if name in ("model", "history", "classes_") else ""
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}{hint}.")

    def get_params(self, **params):
        return {**self.sk_params, "build_fn": self.build_fn}

    def set_params(self, **params):
        self.check_params({name: value for name, value in params.items() if name != "build_fn"})
        self.build_fn = params.pop("build_fn", self.build_fn)
        self.sk_params.update(params)
        return self

    def filter_sk_params(self, fn, override=None):
        """Those of the parameters that `fn` takes, as a dict; `override` comes on top."""
        taken = inspect.signature(fn).parameters
        return {**{name: value for name, value in self.sk_params.items() if name in taken}, **(override or {})}

    def fit(self, x, y, **kwargs):
        """Build the model and fit it. x: [samples, ...]; y: targets or labels. Returns the History."""
        builder = self._builder()
        self.model = builder(**self.filter_sk_params(builder))
        self.history = self.model.fit(x, self._targets(y), **self.filter_sk_params(Sequential.fit, kwargs))
        return self.history

    def _targets(self, y):
        """One-hot rows where the loss wants them and y holds labels."""
        if _name(self.model.loss) == "categorical_crossentropy" and np.ndim(y) != 2:
            return to_categorical(y)
        return y


def _name(loss):
    return loss if isinstance(loss, str) else getattr(loss, "__name__", getattr(loss, "name", None))


class KerasClassifier(ClassifierMixin, BaseWrapper):
    """A classifier. After fit `classes_` holds the labels, in the order of the model's outputs."""

    def fit(self, x, y, sample_weight=None, **kwargs):
        """Build the model and fit it. y: labels [samples] or [samples, 1], or one-hot rows. Returns the History."""
        y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] > 1:
            self.classes_ = np.arange(y.shape[1])
        elif y.ndim == 1 or y.ndim == 2:
            self.classes_ = np.unique(y)
            y = np.searchsorted(self.classes_, y)
        else:
            raise ValueError(f"KerasClassifier: labels must be [samples], [samples, 1] or [samples, classes], "
                             f"got shape {y.shape}.")
        self.n_classes_ = len(self.classes_)
        if sample_weight is not None:
            kwargs["sample_weight"] = sample_weight
        return super().fit(x, y, **kwargs)

    def predict(self, x, **kwargs):
        """Labels [samples]."""
        kwargs = self.filter_sk_params(Sequential.predict_classes, kwargs)
        scores = self.model.predict(x, **kwargs)
        classes = scores.argmax(axis=-1) if scores.shape[-1] > 1 else (scores[..., 0] > 0.5).astype("int64")
        return self.classes_[classes]

    def predict_proba(self, x, **kwargs):
        """Probabilities [samples, classes]; a single output p becomes (1 - p, p)."""
        p = self.model.predict(x, **self.filter_sk_params(Sequential.predict_classes, kwargs))
        return np.hstack([1 - p, p]) if p.shape[1] == 1 else p

    def score(self, x, y, **kwargs):
        """The accuracy. Raises ValueError when the model was compiled without the metric 'accuracy'."""
        is_one_hot = np.ndim(y) == 2 and np.shape(y)[1] > 1
        y = y if is_one_hot else self._targets(np.searchsorted(self.classes_, y))
        values = self.model.evaluate(x, y, **self.filter_sk_params(Sequential.evaluate, kwargs))
        for name, value in zip(self.model.metrics_names, np.atleast_1d(values), strict=True):
            if name in ("accuracy", "acc"):
                return value
        raise ValueError("KerasClassifier.score: the model does not measure its accuracy. "
                         "Compile it with metrics=['accuracy'].")


class KerasRegressor(RegressorMixin, BaseWrapper):
    """A regressor."""

    def predict(self, x, **kwargs):
        """Predictions [samples], or [samples, outputs]."""
        predicted = self.model.predict(x, **self.filter_sk_params(Sequential.predict, kwargs))
        return np.squeeze(predicted, axis=-1) if predicted.shape[-1] == 1 else predicted

    def score(self, x, y, **kwargs):
        """Minus the loss, so that more is better."""
        loss = self.model.evaluate(x, y, **self.filter_sk_params(Sequential.evaluate, kwargs))
        return -float(np.atleast_1d(loss)[0])
