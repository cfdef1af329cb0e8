"""Argument names of Keras 1: one table, for the calls that Keras 2.3.1 accepts them in and for configs of old files.

Every row of `TABLE` makes a decorator of the name that Keras 2 has for it, e.g. `legacy_dense_support`. The
constructors of our layers get theirs when the class is made (`Layer.__init_subclass__`).
"""

import functools
import inspect
import warnings
from typing import NamedTuple

# Preprocessors: (args, kwargs) of a call, `self` included -> the same in Keras 2's terms, and [(new, old) names].


def _sides(*names):
    """A preprocessor for a kernel whose sides were arguments of their own: (self, filters, *sides) or by `names`."""

    def preprocess(args, kwargs):
        rank, sizes = len(names), list(args[2 : len(names) + 2])
        left = names[len(sizes) :]
        if not all(isinstance(size, int) for size in sizes) or not all(name in kwargs for name in left):
            return args, kwargs, []
        if len(args) > rank + 2:
            raise TypeError(f"{type(args[0]).__name__}: the ints {sizes} are the sides of the kernel, as in Keras 1; "
                            "then give the other arguments by name, or the sides as one tuple.")  # fmt: skip
        kwargs["kernel_size"] = tuple(sizes + [kwargs.pop(name) for name in left])
        return args[:2], kwargs, [("kernel_size", "/".join(names))]

    return preprocess


conv2d_args_preprocessor = _sides("nb_row", "nb_col")
conv3d_args_preprocessor = _sides("kernel_dim1", "kernel_dim2", "kernel_dim3")


def separable_conv2d_args_preprocessor(args, kwargs):
    """One `init` was for both kernels."""
    converted = []
    if "init" in kwargs:
        init = kwargs.pop("init")
        kwargs.update(depthwise_initializer=init, pointwise_initializer=init)
        converted = [("depthwise_initializer/pointwise_initializer", "init")]
    args, kwargs, more = conv2d_args_preprocessor(args, kwargs)
    return args, kwargs, converted + more


def deconv2d_args_preprocessor(args, kwargs):
    """The output's shape is inferred today."""
    if len(args) == 5 and isinstance(args[4], (tuple, list)):
        kwargs, args = {**kwargs, "output_shape": args[4]}, args[:4]
    if kwargs.pop("output_shape", None) is not None:
        _warn("The argument `output_shape` of Conv2DTranspose is ignored: the shape is inferred since Keras 2.")
    return conv2d_args_preprocessor(args, kwargs)


def conv1d_args_preprocessor(args, kwargs):
    """`input_dim`, and perhaps `input_length`, were for a sequence."""
    if "input_dim" not in kwargs:
        return args, kwargs, []
    length, size = kwargs.pop("input_length", None), kwargs.pop("input_dim")
    return args, {"input_shape": (length, size), **kwargs}, [("input_shape", "input_dim")]


def recurrent_args_preprocessor(args, kwargs):
    """The bias of the forget gate was an initializer; `input_dim` is that of a sequence."""
    converted = []
    if "forget_bias_init" in kwargs:
        kwargs["unit_forget_bias"] = kwargs.pop("forget_bias_init") in ("one", "ones")
        converted = [("unit_forget_bias", "forget_bias_init")]
    if "input_dim" in kwargs:
        _warn("The arguments `input_dim` and `input_length` of recurrent layers are deprecated. Use `input_shape`.")
        args, kwargs, _ = conv1d_args_preprocessor(args, kwargs)
    return args, kwargs, converted


def convlstm2d_args_preprocessor(args, kwargs):
    """As in LSTM and in Conv2D."""
    args, kwargs, converted = recurrent_args_preprocessor(args, kwargs)
    args, kwargs, more = conv2d_args_preprocessor(args, kwargs)
    return args, kwargs, converted + more


def embedding_kwargs_preprocessor(args, kwargs):
    """Dropout is a layer of its own today."""
    if kwargs.pop("dropout", None):
        _warn("The argument `dropout` of Embedding is ignored since Keras 2. Put a SpatialDropout1D layer after it.")
    return args, kwargs, []


def batchnorm_args_preprocessor(args, kwargs):
    """Only `mode` 0 is left."""
    if kwargs.pop("mode", 0) != 0:
        raise TypeError("BatchNormalization: only mode=0, statistics of each feature over the batch, is left since "
                        "Keras 2. Leave `mode` out.")  # fmt: skip
    return args, kwargs, []


def zeropadding2d_args_preprocessor(args, kwargs):
    """The padding may have been a dict of the four sides."""
    padding = kwargs.get("padding", args[1] if len(args) > 1 else None)
    if not isinstance(padding, dict):
        return args, kwargs, []
    top, bottom, left, right = (padding.get(side, 0) for side in ("top_pad", "bottom_pad", "left_pad", "right_pad"))
    if set(padding) - {"top_pad", "bottom_pad", "left_pad", "right_pad"}:
        raise ValueError(f"ZeroPadding2D: the sides are top_pad, bottom_pad, left_pad, right_pad; got {padding}.")
    return args[:1], {**kwargs, "padding": ((top, bottom), (left, right))}, [("padding", "padding")]


_COUNTS_OF_SAMPLES = {"samples_per_epoch", "val_samples", "nb_epoch", "nb_val_samples", "nb_worker"}


def generator_methods_args_preprocessor(args, kwargs):
    """Epochs were counted in samples."""
    if _COUNTS_OF_SAMPLES & kwargs.keys():
        _warn("Keras 2 counts batches where Keras 1 counted samples: steps_per_epoch is samples_per_epoch / batch "
              "size, and so for `nb_val_samples` (`validation_steps`) and `val_samples` (`steps`).")  # fmt: skip
    if "samples_per_epoch" not in kwargs or len(args) > 2:
        return args, kwargs, []
    generator = args[1] if len(args) > 1 else kwargs["generator"]
    kwargs["steps_per_epoch"] = kwargs.pop("samples_per_epoch") // getattr(generator, "batch_size", 1)
    return args, kwargs, [("steps_per_epoch", "samples_per_epoch")]


def get_updates_arg_preprocessing(args, kwargs):
    """(params, constraints, loss) became (loss, params)."""
    if len(args) > 4:
        raise TypeError(f"get_updates takes loss and params, got {len(args) - 1} positional arguments.")
    old = len(args) == 4 or "constraints" in kwargs
    if old:
        given = {**dict(zip(("params", "constraints", "loss"), args[1:], strict=False)), **kwargs}
        args, kwargs = args[:1], {key: value for key, value in given.items() if key != "constraints"}
    return args, kwargs, [("loss, params", "params, constraints, loss")] if old else []


def add_weight_args_preprocessing(args, kwargs):
    """The shape came first, and the initializer second."""
    if len(args) > 1 and isinstance(args[1], (tuple, list)):
        names = ("shape", "initializer", "name", "trainable")
        args, kwargs = args[:1], {**kwargs, **dict(zip(names, args[1:], strict=False))}
    return args, kwargs, []


# The table


class Row(NamedTuple):
    """classes: names of the layers (and their aliases). names: {old: new}. preprocess: see above. positional: the
    arguments that may be given without a name, None: all. object_type: "class", "method" or
    "function"."""

    classes: str
    names: dict
    preprocess: object = None
    positional: tuple | None = None
    object_type: str = "class"


_KERNEL = {"init": "kernel_initializer", "W_regularizer": "kernel_regularizer", "W_constraint": "kernel_constraint"}
_BIAS = {"b_regularizer": "bias_regularizer", "b_constraint": "bias_constraint", "bias": "use_bias"}
_FORMAT = {"dim_ordering": "data_format"}
_POOL = {"border_mode": "padding"}
_CONV = {**_KERNEL, **_BIAS, **_POOL, "nb_filter": "filters"}
_IMAGE = {**_FORMAT, "subsample": "strides"}
_RECURRENT = {**_KERNEL, "inner_init": "recurrent_initializer", "inner_activation": "recurrent_activation",
              "b_regularizer": "bias_regularizer", "U_regularizer": "recurrent_regularizer", "dropout_W": "dropout",
              "dropout_U": "recurrent_dropout"}  # fmt: skip
_UNITS = {"output_dim": "units"}
_VALUES = {
    "dim_ordering": {"tf": "channels_last", "th": "channels_first", "default": None},
    "consume_less": {"cpu": 1, "mem": 1, "gpu": 2},
}

TABLE = {
    "dense": Row("Dense", {**_UNITS, **_KERNEL, **_BIAS}),
    "dropout": Row("Dropout", {"p": "rate"}),
    "gaussiandropout": Row("GaussianDropout", {"p": "rate"}),
    "gaussiannoise": Row("GaussianNoise", {"sigma": "stddev"}),
    "spatialdropout1d": Row("SpatialDropout1D", {"p": "rate"}),
    "spatialdropoutNd": Row("SpatialDropout2D SpatialDropout3D", {"p": "rate", **_FORMAT}),
    "prelu": Row("PReLU", {"init": "alpha_initializer"}),
    "embedding": Row("Embedding", {"init": "embeddings_initializer", "W_regularizer": "embeddings_regularizer",
                                   "W_constraint": "embeddings_constraint"}, embedding_kwargs_preprocessor),
    "batchnorm": Row("BatchNormalization", {"beta_init": "beta_initializer", "gamma_init": "gamma_initializer"},
                     batchnorm_args_preprocessor),
    "lambda": Row("Lambda", {}),
    "conv1d": Row("Conv1D Convolution1D LocallyConnected1D", {
        **_CONV, "filter_length": "kernel_size", "subsample_length": "strides"}, conv1d_args_preprocessor),
    "conv2d": Row("Conv2D Convolution2D LocallyConnected2D", {**_CONV, **_IMAGE}, conv2d_args_preprocessor),
    "conv3d": Row("Conv3D Convolution3D", {**_CONV, **_IMAGE}, conv3d_args_preprocessor),
    "separable_conv2d": Row("SeparableConv2D SeparableConvolution2D", {**_BIAS, **_POOL, **_IMAGE, "nb_filter":
                            "filters"}, separable_conv2d_args_preprocessor),
    "deconv2d": Row("Conv2DTranspose Deconvolution2D", {**_CONV, **_IMAGE}, deconv2d_args_preprocessor),
    "convlstm2d": Row("ConvLSTM2D", {**_RECURRENT, **_BIAS, **_POOL, **_IMAGE, "nb_filter": "filters"},
                      convlstm2d_args_preprocessor),
    "recurrent": Row("SimpleRNN GRU LSTM", {**_UNITS, **_RECURRENT, "consume_less": "implementation"},
                     recurrent_args_preprocessor),
    "pooling1d": Row("MaxPooling1D AveragePooling1D", {**_POOL, "pool_length": "pool_size", "stride": "strides"}),
    "pooling2d": Row("MaxPooling2D AveragePooling2D", {**_POOL, **_FORMAT}),
    "pooling3d": Row("MaxPooling3D AveragePooling3D", {**_POOL, **_FORMAT}),
    "global_pooling": Row(" ".join(f"Global{kind}Pooling{rank}D" for kind in ("Max", "Average") for rank in (2, 3)),
                          _FORMAT),
    "upsampling1d": Row("UpSampling1D", {"length": "size"}),
    "upsampling2d": Row("UpSampling2D", _FORMAT),
    "upsampling3d": Row("UpSampling3D", _FORMAT),
    "zeropadding2d": Row("ZeroPadding2D", _FORMAT, zeropadding2d_args_preprocessor),
    "zeropadding3d": Row("ZeroPadding3D", _FORMAT),
    "cropping2d": Row("Cropping2D", _FORMAT),
    "cropping3d": Row("Cropping3D", _FORMAT),
    "input": Row("", {"input_dtype": "dtype"}, object_type="function"),
    "model_constructor": Row("", {"input": "inputs", "output": "outputs"}),
    "fit": Row("", {"nb_epoch": "epochs"}, object_type="method"),
    "generator_methods": Row("", {
        "samples_per_epoch": "steps_per_epoch", "val_samples": "steps", "nb_epoch": "epochs", "nb_val_samples":
        "validation_steps", "nb_worker": "workers", "pickle_safe": "use_multiprocessing", "max_q_size":
        "max_queue_size"}, generator_methods_args_preprocessor, object_type="method"),
    "get_updates": Row("", {}, get_updates_arg_preprocessing, object_type="method"),
    "add_weight": Row("", {}, add_weight_args_preprocessing, object_type="method"),
}  # fmt: skip
ROW_OF_CLASS = {name: row for row in TABLE.values() for name in row.classes.split()}


# How it is applied


def _warn(text):
    """Warn at the caller of the decorated function: above this one, the preprocessor, `_translate` and the wrapper."""
    level, frame = 2, inspect.currentframe()
    while frame is not None and frame.f_globals is globals():
        level, frame = level + 1, frame.f_back
    warnings.warn(text, stacklevel=level - 1)


def raise_duplicate_arg_error(old_arg, new_arg):
    """Raise the TypeError of a call that gives an argument by its old and its new name."""
    raise TypeError(f"The argument `{new_arg}` is given twice: also as `{old_arg}`, its name in Keras 1.")


def _translate(row, args, kwargs, values=_VALUES):
    """(args, kwargs, [(new, old)]) of a call, in Keras 2's names."""
    converted = []
    if row.preprocess is not None:
        args, kwargs, converted = row.preprocess(args, kwargs)
        converted = list(converted)
    for old, new in row.names.items():
        if old in kwargs:
            if new in kwargs:
                raise_duplicate_arg_error(old, new)
            value = kwargs.pop(old)
            kwargs[new] = values[old].get(value, value) if old in values else value
            converted.append((new, old))
    return args, kwargs, converted


def generate_legacy_interface(allowed_positional_args=None, conversions=None, preprocessor=None,
                              value_conversions=None, object_type="class"):  # fmt: skip
    """A decorator that lets a function be called with the argument names of an older version, and warns then.

    allowed_positional_args: names of the arguments that may come without a name, None: all. conversions: (old, new)
    names. preprocessor: function of (args, kwargs) that returns them and a list of (new, old). value_conversions:
    {old name: {old value: new value}}. object_type: "class" for a constructor, else "method" or "function".
    """
    positional = None if allowed_positional_args is None else tuple(allowed_positional_args)
    row = Row("", dict(conversions or []), preprocessor, positional, object_type)
    return _decorator(row, value_conversions or {})


def _decorator(row, values=_VALUES):
    def legacy_support(func):
        @functools.wraps(func)
        def wrapper(*args, **kwargs):
            args, kwargs, converted = _translate(row, args, kwargs, values)
            own = 0 if row.object_type == "function" else 1
            name = type(args[0]).__name__ if row.object_type == "class" else func.__name__
            if row.positional is not None and len(args) - own > len(row.positional):
                raise TypeError(f"`{name}` takes the positional arguments {list(row.positional)} and no more; got "
                                f"{list(args[own:])}. Give the others by name.")  # fmt: skip
            if converted:
                given = [*map(_text, args[own:]), *(f"{key}={_text(value)}" for key, value in kwargs.items())]
                _warn(f"Update your `{name}` call to the Keras 2 API: `{name}({', '.join(given)})`")
            return func(*args, **kwargs)

        wrapper._original_function = func
        return wrapper

    return legacy_support


def _text(value):
    if isinstance(value, str):
        return f'"{value}"'
    plain = isinstance(value, (int, float, bool, tuple, list, type(None))) and len(str(value)) < 80
    return str(value) if plain else "..."


def support_of_class(cls):
    """Let the constructor of a layer class of the table take the old names."""
    if cls.__name__ in ROW_OF_CLASS:
        cls.__init__ = _decorator(ROW_OF_CLASS[cls.__name__])(cls.__init__)


globals().update({f"legacy_{name}_support": _decorator(row) for name, row in TABLE.items()})


# Configs of Keras 1 files

_MERGES = {"sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum", "concat": "Concatenate", "dot": "Dot",
           "cos": "Dot"}  # fmt: skip
_RENAMED_CLASSES = {"AtrousConvolution1D": "Conv1D", "AtrousConvolution2D": "Conv2D", "TimeDistributedDense": "Dense"}
_OLD_REGULARIZERS = {"L1L2Regularizer", "WeightRegularizer", "ActivityRegularizer", "L1L2"}


def modern_config(class_name, config):
    """(class name, config) in Keras 2's terms of a layer in a file of Keras 1; anything else comes back unchanged.

    config: dict, which is not changed. Layers inside of layers are not looked at. Raises ValueError for what Keras 2
    has no layer for: Merge by a function or by other modes than sum, mul, ave, max, concat, dot and cos, or of models.
    Warns of a dropout that is no part of the layer any more.
    """
    if class_name == "Merge":
        return _merge_config(config)
    class_name = _RENAMED_CLASSES.get(class_name, class_name)
    row = TABLE["input"] if class_name == "InputLayer" else ROW_OF_CLASS.get(class_name)
    if row is None:
        return class_name, config
    config = {key: _modern_value(key, value) for key, value in config.items()}
    if "atrous_rate" in config:
        config["dilation_rate"] = config.pop("atrous_rate")
    for key in ("input_dim", "input_length"):
        # They repeat batch_input_shape; of an Embedding they are arguments of its own.
        if class_name != "Embedding" and ("batch_input_shape" in config or config.get(key) is None):
            config.pop(key, None)
    if row is TABLE["recurrent"] and "input_dim" in config:
        config["input_shape"] = (config.pop("input_length", None), config.pop("input_dim"))
    if row is TABLE["deconv2d"]:
        config.pop("output_shape", None)
    return class_name, _translate(row, (None,), config)[1]


def _modern_value(key, value):
    """Regularizers and constraints had their class's name among their arguments."""
    if not key.endswith(("_regularizer", "_constraint")) or not isinstance(value, dict) or "name" not in value:
        return value
    arguments = dict(value)
    name = arguments.pop("name")
    if name in _OLD_REGULARIZERS:
        return {"class_name": "L1L2", "config": arguments}
    if "m" in arguments:
        arguments["max_value"] = arguments.pop("m")
    name = {"maxnorm": "MaxNorm", "nonneg": "NonNeg", "unitnorm": "UnitNorm"}.get(name, name)
    return {"class_name": name, "config": arguments}


def _merge_config(config):
    mode = config.get("mode", "sum")
    if "layers" in config:
        raise ValueError(f"Merge layer {config.get('name')!r} of models, at the start of a Sequential: Keras 2 has "
                         "no such model. Build it as a Model of several Inputs, and load the weights.")  # fmt: skip
    if config.get("mode_type", "raw") != "raw" or mode not in _MERGES:
        raise ValueError(f"Merge layer {config.get('name')!r} with mode {mode!r}: Keras 2 has no such layer. Build the "
                         "model anew, with a Lambda layer in its place, and load the weights.")  # fmt: skip
    kept = {key: config[key] for key in ("name", "trainable", "dtype") if key in config}
    if mode == "concat":
        kept["axis"] = config.get("concat_axis", -1)
    if mode in ("dot", "cos"):
        axes = config.get("dot_axes", -1)
        # Pairs of axes were lists inside a list.
        kept["axes"] = [a[0] if isinstance(a, (list, tuple)) else a for a in axes] if isinstance(axes, list) else axes
        kept["normalize"] = mode == "cos"
    return _MERGES[mode], kept
