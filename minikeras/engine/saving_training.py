"""How a model was compiled, and the state of its optimizer, to and from files: those of other versions too."""
import warnings

import numpy as np

from .. import backend as K
from ..utils.generic_utils import deserialize_keras_object
from .saving_configs import current_config
from .saving_weights import load_attributes_from_hdf5_group


def training_config(model):
    """The arguments of `compile` of a compiled model, as a dict."""
    optimizer = model.optimizer
    return {"optimizer_config": {"class_name": type(optimizer).__name__, "config": optimizer.get_config()},
            "loss": model.loss, "loss_weights": getattr(model, "loss_weights", None),
            "metrics": getattr(model, "_compile_metrics", getattr(model, "metrics", None)),
            "weighted_metrics": getattr(model, "_compile_weighted_metrics", None),
            "sample_weight_mode": getattr(model, "sample_weight_mode", None)}


def compile_as_saved(model, config, version, weights, custom_objects):
    """Compile a model as the training config of its file says, and give the optimizer its state back.

    config: dict or None. version: the keras_version of the file. weights: H5Dict of the optimizer's, or None.
    A loss, metric or optimizer that is not known leaves the model as it is, with a warning that says what to do.
    """
    if config is None:
        warnings.warn("The file has no training configuration, so the model is *not* compiled. Compile it before "
                      "training.", stacklevel=6)
        return
    try:
        model.compile(**_compile_arguments(config, version, custom_objects))
    except (AttributeError, KeyError, NotImplementedError, TypeError, ValueError) as error:
        model._is_compiled, model.optimizer, model.loss = False, None, None
        warnings.warn(f"The model is loaded, but *not* compiled: {error} To train or evaluate it, compile it, or load "
                      "it with what is missing in custom_objects.", stacklevel=6)
        return
    if weights is not None:
        _load_optimizer_state(model, weights)


def _compile_arguments(config, version, custom_objects):
    from .. import losses, metrics, optimizers

    config = current_training_config(config, version, custom_objects)

    def resolved(module, value):
        """Names of the caller's objects and serialised objects, in lists and dicts, as objects."""
        if isinstance(value, dict) and {"class_name", "config"} <= value.keys():
            known = {**vars(module), **custom_objects}
            return deserialize_keras_object(value, module_objects=known, printable_module_name=module.__name__)
        if isinstance(value, dict):
            return {name: resolved(module, item) for name, item in value.items()}
        if isinstance(value, list):
            return [resolved(module, item) for item in value]
        return custom_objects.get(value, value) if isinstance(value, str) else value

    return {"optimizer": optimizers.deserialize(config["optimizer_config"], custom_objects=custom_objects),
            "loss": resolved(losses, config.get("loss")), "metrics": resolved(metrics, config.get("metrics")),
            "weighted_metrics": resolved(metrics, config.get("weighted_metrics")),
            "loss_weights": config.get("loss_weights"), "sample_weight_mode": config.get("sample_weight_mode")}


def current_training_config(config, version=None, custom=()):
    """The training config of a file, written by Keras 1, 2 or tf.keras 2, for Keras 2.3.1. See current_config."""
    config = current_config(config, version, custom)
    return {**config, "loss": _each(_current_loss, config.get("loss")),
            "metrics": _each(_current_metric, config.get("metrics")),
            "weighted_metrics": _each(_current_metric, config.get("weighted_metrics"))}


def _each(function, value):
    """The function of each serialised object in lists and dicts; what is none stays."""
    if isinstance(value, list):
        return [_each(function, item) for item in value]
    if not isinstance(value, dict):
        return value
    if "class_name" not in value:
        return {name: _each(function, item) for name, item in value.items()}
    return function(value["class_name"], dict(value["config"]))


def _current_loss(name, arguments):
    if name == "LossFunctionWrapper":
        return arguments["fn"]
    if arguments.get("reduction") == "auto":
        arguments["reduction"] = "sum_over_batch_size"
    return {"class_name": name, "config": arguments}


def _current_metric(name, arguments):
    if name == "MeanMetricWrapper":
        # "accuracy" means the one that fits the loss, and gives the name under which it is logged.
        return arguments["name"] if arguments.get("name") in ("accuracy", "acc") else arguments["fn"]
    return {"class_name": name, "config": arguments}


# ---- the state of the optimizer

def _load_optimizer_state(model, group):
    names = slots_together(load_attributes_from_hdf5_group(group, "weight_names"))
    model._make_train_function()                       # it makes the optimizer's variables
    state = [group[name] for name in names]
    try:
        model.optimizer.set_weights(fit_optimizer_state(state, model.optimizer))
    except ValueError as error:
        warnings.warn(f"The state of the optimizer could not be restored, so it starts anew: {error}", stacklevel=7)


def slots_together(names):
    """Names of an optimizer's weights with all of one slot in a row: all m, then all v.

    From 2.11 on tf.keras has them variable by variable, as Adam/m/dense/kernel:0, Adam/v/dense/kernel:0, ..., and the
    learning rate among them. Names of other versions are left as they are.
    """
    slot_of = {name: name.split("/")[1] for name in names if name.count("/") >= 2}
    if not slot_of or not set(slot_of.values()) <= _SLOTS:
        return names
    slots = list(dict.fromkeys(slot_of.values()))
    others = [name for name in names if name not in slot_of and not name.startswith("learning_rate")]
    return others + [name for slot in slots for name in names if slot_of.get(name) == slot]


_SLOTS = {"m", "v", "v_hat", "vhat", "u", "velocity", "momentum", "accumulator", "accumulated_grad",
          "accumulated_delta_var"}


def fit_optimizer_state(state, optimizer):
    """The arrays of a saved optimizer's state in the order of the optimizer's weights.

    Earlier versions saved no step count for some optimizers, and later ones no vhats for Adam without amsgrad, or no
    momentum where it is 0: what is missing is what a new optimizer has.
    """
    weights = optimizer.weights
    wanted, found = [tuple(K.int_shape(w)) for w in weights], [np.shape(a) for a in state]
    late = getattr(optimizer, "_late_weight", (0, 0))[0] and len(found) == len(wanted) - 1
    if late or len(found) >= len(wanted):
        return state                                   # set_weights knows what to do
    if wanted[:1] == [()] and wanted[1:] == found:
        return K.batch_get_value(weights[:1]) + state
    no_vhats, no_moments = set(wanted[len(found):]) == {(1,)}, len(found) == 1 and optimizer.slots == ("moment",)
    if wanted[:len(found)] == found and (no_vhats or no_moments):
        return state + K.batch_get_value(weights[len(found):])
    return state
