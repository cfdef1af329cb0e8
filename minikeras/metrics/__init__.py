"""Metrics: functions that give a value for each sample, and classes that sum up over batches."""

# A line for each name would be most of the imports.
# isort: skip_file
from ..engine.base_layer import Layer
from ..losses import (
    MAE, MAPE, MSE, MSLE, binary_crossentropy, categorical_crossentropy, categorical_hinge, hinge,
    kullback_leibler_divergence, logcosh, mae, mape, mean_absolute_error, mean_absolute_percentage_error,
    mean_squared_error, mean_squared_logarithmic_error, mse, msle, poisson, sparse_categorical_crossentropy,
    squared_hinge,
)  # fmt: skip
from ..utils.generic_utils import class_of_function, deserialize_keras_object, is_named_object, serialize_keras_object
from .base import (
    Mean, MeanMetricWrapper, MeanRelativeError, Metric, Reduce, RootMeanSquaredError, Sum, clone_metric, clone_metrics,
)  # fmt: skip
from .confusion import (
    AUC, FalseNegatives, FalsePositives, MeanIoU, Precision, PrecisionAtRecall, Recall, SensitivityAtSpecificity,
    SensitivitySpecificityBase, SpecificityAtSensitivity, TrueNegatives, TruePositives,
)  # fmt: skip
from .functions import (
    accuracy, binary_accuracy, categorical_accuracy, cosine, cosine_proximity, cosine_similarity,
    sparse_categorical_accuracy, sparse_top_k_categorical_accuracy, top_k_categorical_accuracy,
)  # fmt: skip

# The classes that are the mean of a function: the function, parameters before name and dtype, and after them. The name
# is the function's unless given.
_CLASSES = {
    "Accuracy": (accuracy, {}, {}),
    "BinaryAccuracy": (binary_accuracy, {}, {"threshold": 0.5}),
    "CategoricalAccuracy": (categorical_accuracy, {}, {}),
    "SparseCategoricalAccuracy": (sparse_categorical_accuracy, {}, {}),
    "TopKCategoricalAccuracy": (top_k_categorical_accuracy, {"k": 5}, {}),
    "SparseTopKCategoricalAccuracy": (sparse_top_k_categorical_accuracy, {"k": 5}, {}),
    "MeanSquaredError": (mean_squared_error, {}, {}),
    "MeanAbsoluteError": (mean_absolute_error, {}, {}),
    "MeanAbsolutePercentageError": (mean_absolute_percentage_error, {}, {}),
    "MeanSquaredLogarithmicError": (mean_squared_logarithmic_error, {}, {}),
    "Hinge": (hinge, {}, {}),
    "SquaredHinge": (squared_hinge, {}, {}),
    "CategoricalHinge": (categorical_hinge, {}, {}),
    "LogCoshError": (logcosh, {}, {}),
    "Poisson": (poisson, {}, {}),
    "KLDivergence": (kullback_leibler_divergence, {}, {}),
    "CosineSimilarity": (cosine_proximity, {"name": "cosine_similarity"}, {"axis": -1}),
    "BinaryCrossentropy": (binary_crossentropy, {}, {"from_logits": False, "label_smoothing": 0}),
    "CategoricalCrossentropy": (categorical_crossentropy, {}, {"from_logits": False, "label_smoothing": 0}),
    "SparseCategoricalCrossentropy": (sparse_categorical_crossentropy, {}, {"from_logits": False, "axis": -1}),
}


def _class(class_name, function, before, after):
    parameters = {**before, "name": before.get("name", function.__name__), "dtype": None, **after}
    doc = f"The mean of `{function.__name__}` over all samples.\n\n    {function.__doc__}"
    return class_of_function(class_name, MeanMetricWrapper, function, parameters, __name__, doc)


globals().update({name: _class(name, *row) for name, row in _CLASSES.items()})

_OBJECTS = {name: value for name, value in globals().items() if is_named_object(value, Metric)}


def serialize(metric):
    """The name of a metric function, or {"class_name", "config"} of a metric object."""
    return serialize_keras_object(metric)


def deserialize(config, custom_objects=None):
    """The metric of a name or config. Raises ValueError for unknown names."""
    return deserialize_keras_object(config, _OBJECTS, custom_objects, "metric function")


def get(identifier):
    """The metric of a name or config (a class by its name is made without arguments); callables as they are.

    Raises ValueError for anything else.
    """
    if callable(identifier) and not isinstance(identifier, (str, dict)):
        return identifier
    return deserialize(identifier)
