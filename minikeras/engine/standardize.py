"""Users' data, in whatever form, to a list of arrays in the order of the model's inputs or outputs; with the checks."""

import warnings

import numpy as np

from .. import backend as K
from .. import losses


def standardize_single_array(x):
    """`x` with at least two axes: a 1D array becomes a column. Tensors, and None, stay."""
    if x is None or K.is_tensor(x):
        return x
    return np.expand_dims(x, 1) if np.ndim(x) == 1 else x


def as_array(x, name="data"):
    """`x` as an array of numbers, or as it is where it can be read by slices (HDF5 data, sparse matrices) or is a
    tensor. name: of what it is, for errors."""
    if is_sparse(x):
        return x.tocsr()  # the form that has rows
    if x is None or (isinstance(x, np.ndarray) and x.dtype.kind in "fiub") or K.is_tensor(x) or is_sliceable(x):
        return x
    try:
        array = np.asarray(x)
        if array.dtype == object and any(item is None for item in array.flat):
            raise TypeError("there is a None")
        return array.astype(K.floatx()) if array.dtype.kind in "OSU" else array
    except (TypeError, ValueError) as error:
        raise ValueError(f"The data for {name!r} cannot be made an array of numbers: {error}. Are all samples of one "
                         f"shape, and nothing missing? Got {str(x)[:100]}") from error  # fmt: skip


def is_sliceable(x):
    """Whether `x` is no array but read slice by slice: an h5py data set, an HDF5Matrix, a sparse matrix."""
    if K.is_tensor(x) or isinstance(x, np.ndarray):
        return False
    return is_sparse(x) or type(x).__module__.startswith("h5py") or any(
        base.__name__ == "HDF5Matrix" for base in type(x).__mro__)  # fmt: skip


def is_sparse(x):
    """Whether `x` is a matrix of scipy.sparse."""
    return hasattr(x, "tocsr")


def _is_data(x):
    return x is None or hasattr(x, "shape") or hasattr(x, "__array__")


def standardize_input_data(data, names, shapes=None, check_batch_axis=True, exception_prefix=""):
    """The list of arrays for the inputs (or outputs) `names`.

    data: array, list of arrays, dict of name -> array, or None. shapes: for each name the shape to have, with None for
    any size, or None for no check. check_batch_axis: whether axis 0 counts. exception_prefix: 'input' or 'target', for
    errors. Raises ValueError when number, names or shapes do not fit.
    """
    what = exception_prefix or "data"
    if not names:
        if data is not None and hasattr(data, "__len__") and len(data):
            raise ValueError(f"Error when checking {what}: expected no data, but got {str(data)[:200]}.")
        return []
    if data is None:
        return [None for _ in names]
    found = [as_array(x, name) for x, name in zip(_listed(data, names, what), names, strict=True)]
    shapes = shapes or [None] * len(names)
    arrays = [x if shape is not None and len(shape) == 1 else standardize_single_array(x)
              for x, shape in zip(found, shapes, strict=True)]  # fmt: skip
    for array, x, name, shape in zip(arrays, found, names, shapes, strict=True):
        if shape is not None and array is not None and not K.is_tensor(array):
            _check_shape(array, name, tuple(shape), check_batch_axis, what, tuple(x.shape))
    return arrays


def _listed(data, names, what):
    if isinstance(data, dict):
        missing = [name for name in names if name not in data]
        if missing:
            raise ValueError(f"Error when checking {what}: no data for {missing}; the model needs {names}, and the "
                             f"dict has {list(data)}.")  # fmt: skip
        return [data[name] for name in names]
    listed = isinstance(data, (list, tuple))
    arrays = list(data) if listed else [data]
    if listed and len(names) == 1 and not all(_is_data(x) for x in arrays):
        return [as_array(data, names[0])]  # the samples themselves, as nested lists
    if len(arrays) != len(names):
        hint = " Are they its samples? Then make one array of them: np.array(x)." if len(names) == 1 else ""
        raise ValueError(f"Error when checking {what}: the model expects {len(names)} arrays, for {names}, but got "
                         f"{len(arrays)}, of shapes {[getattr(a, 'shape', None) for a in arrays][:20]}.{hint}"
                         )  # fmt: skip
    return arrays


def _fits(shape, got):
    """Whether data have a shape; where it is known, theirs has to be, too."""
    return len(shape) == len(got) and all(size in (None, found) for size, found in zip(shape, got, strict=True))


def _check_shape(array, name, shape, check_batch_axis, what, given):
    """Raise ValueError unless the array has this shape. given: the shape before it was made a column, if it was."""
    got = tuple(array.shape)
    first = 0 if check_batch_axis else 1
    if len(got) == len(shape) and _fits(shape[first:], got[first:]):
        return
    hint = " Is it a single sample? Then give it as x[None], a batch of one." if _fits(shape[1:], given) else ""
    wanted = f"shape {shape}" if len(got) == len(shape) else f"{len(shape)} dimensions, with shape {shape},"
    raise ValueError(f"Error when checking {what}: expected {name} to have {wanted} but got array with shape {given}."
                     + hint)  # fmt: skip


# Weights of samples and classes


def standardize_sample_or_class_weights(x_weight, output_names, weight_type):
    """A list of weights, one for each output (None: no weights).

    x_weight: None, a list, a dict by output name, or, for a model of one output, the weights themselves.
    weight_type: 'sample_weight' or 'class_weight', for errors.
    """
    if x_weight is None or (isinstance(x_weight, (list, dict)) and len(x_weight) == 0):
        return [None for _ in output_names]
    if len(output_names) == 1:
        if isinstance(x_weight, list) and len(x_weight) == 1:
            return x_weight
        if isinstance(x_weight, dict) and output_names[0] in x_weight:
            return [x_weight[output_names[0]]]
        return [x_weight]
    if isinstance(x_weight, (list, tuple)):
        if len(x_weight) != len(output_names):
            raise ValueError(f"{weight_type}: the model has {len(output_names)} outputs, but the list has "
                             f"{len(x_weight)} items. Give one an output.")  # fmt: skip
        return list(x_weight)
    if isinstance(x_weight, dict):
        unknown = [key for key in x_weight if key not in output_names]
        if unknown:
            raise ValueError(f"{weight_type}: {unknown} are no outputs of the model; it has {output_names}.")
        return [x_weight.get(name) for name in output_names]
    raise TypeError(f"{weight_type}: the model has several outputs, {output_names}: give a list or a dict by name, not "
                    f"{type(x_weight).__name__}.")  # fmt: skip


def standardize_class_weights(class_weight, output_names):
    """A list of dicts class -> weight, or None, one for each output."""
    return standardize_sample_or_class_weights(class_weight, output_names, "class_weight")


def standardize_sample_weights(sample_weight, output_names):
    """A list of arrays, or None, one for each output."""
    return standardize_sample_or_class_weights(sample_weight, output_names, "sample_weight")


def standardize_weights(y, sample_weight=None, class_weight=None, sample_weight_mode=None):
    """The weights of the samples of one output: those given, times those of their classes; ones without any.

    y: targets [samples, ...]. sample_weight: [samples], or [samples, steps] with sample_weight_mode 'temporal'.
    class_weight: dict of class -> weight; the class is the argmax of axis 1, or the number in a column.
    """
    if sample_weight_mode not in (None, "temporal"):
        raise ValueError(f"sample_weight_mode has to be None or 'temporal', got {sample_weight_mode!r}.")
    temporal = sample_weight_mode == "temporal"
    if temporal and len(y.shape) < 3:
        raise ValueError(f"sample_weight_mode='temporal' needs targets of at least 3 dimensions; got shape {y.shape}.")
    if sample_weight is not None:
        sample_weight = np.asarray(sample_weight)
        _check_sample_weight(y, sample_weight, temporal)
    by_class = None
    if isinstance(class_weight, dict):
        by_class = _class_weights(y, class_weight)
    elif class_weight is not None:
        warnings.warn(f"class_weight has to be a dict of class -> weight; {class_weight!r} is ignored.", stacklevel=6)
    given = [np.asarray(w, dtype=K.floatx()) for w in (sample_weight, by_class) if w is not None]
    if not given:
        return np.ones(y.shape[: 2 if temporal else 1], dtype=K.floatx())
    return given[0] if len(given) == 1 else given[0] * given[1].reshape((-1,) + (1,) * (given[0].ndim - 1))


def _check_sample_weight(y, weight, temporal):
    ndim = 2 if temporal else 1
    if weight.ndim != ndim:
        hint = "" if temporal else " For weights of single timesteps, pass sample_weight_mode='temporal' to compile()."
        raise ValueError(f"sample_weight has shape {weight.shape}, for targets of shape {y.shape}; it has to have "
                         f"{ndim} dimension{'s' * temporal}.{hint}")  # fmt: skip
    if tuple(y.shape[:ndim]) != weight.shape:
        raise ValueError(f"sample_weight has shape {weight.shape}, for targets of shape {y.shape}: the leading sizes "
                         "have to agree.")  # fmt: skip


def _class_weights(y, class_weight):
    if len(y.shape) > 2:
        raise ValueError(f"class_weight: the targets have shape {y.shape}; it works for at most 2 dimensions.")
    y = np.asarray(y)
    classes = y.argmax(axis=1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(-1)
    kinds, places = np.unique(classes, return_inverse=True)
    missing = [kind.item() for kind in kinds if kind not in class_weight]
    if missing:
        raise ValueError(f"class_weight has no weight for the classes {missing}, which occur in the data; it has "
                         f"{class_weight}.")  # fmt: skip
    return np.array([class_weight[kind] for kind in kinds], dtype=K.floatx())[places.reshape(-1)]


# Checks


def check_array_length_consistency(inputs, targets, weights=None):
    """Raise ValueError unless all arrays have as many samples."""
    arrays = {"input": inputs, "target": targets, "sample_weight": weights}
    counts = {what: sorted({int(a.shape[0]) for a in given or [] if a is not None and not K.is_tensor(a)})
              for what, given in arrays.items()}  # fmt: skip
    for what, found in counts.items():
        if len(found) > 1:
            shapes = [a.shape for a in arrays[what] if a is not None]
            raise ValueError(f"All {what} arrays should have the same number of samples. Got array shapes: {shapes}.")
    for what in ("target", "sample_weight"):
        if counts["input"] and counts[what] and counts["input"] != counts[what]:
            raise ValueError(f"Input arrays should have the same number of samples as {what} arrays. Found "
                             f"{counts['input'][0]} input samples and {counts[what][0]} {what} samples.")  # fmt: skip


def is_loss(loss, name):
    """Whether a loss is the one of this name in `losses`, as a function, wrapped or as a class."""
    function = getattr(loss, "fn", loss)
    return getattr(function, "__name__", None) == name and function is getattr(losses, name)


_ELEMENT_BY_ELEMENT = ("mean_squared_error", "binary_crossentropy", "categorical_crossentropy")


def check_loss_and_target_compatibility(targets, loss_fns, output_shapes):
    """Raise ValueError when a target cannot be meant for its loss: class numbers where one-hot rows belong, other
    shapes than the output's where the loss compares element by element."""
    for y, loss, shape in zip(targets, loss_fns, output_shapes, strict=True):
        if y is None or loss is None or K.is_tensor(y):
            continue
        if is_loss(loss, "categorical_crossentropy") and y.shape[-1] == 1 and shape[-1] != 1:
            raise ValueError(f"The target has shape {y.shape}, for an output of shape {shape} and the loss "
                             "categorical_crossentropy, which expects one-hot rows, [samples, classes]. For class "
                             "numbers use the loss sparse_categorical_crossentropy, or make rows of them with "
                             "utils.to_categorical(y).")  # fmt: skip
        differ = any(b not in (None, a) for a, b in zip(y.shape[1:], shape[1:], strict=False))
        if differ and any(is_loss(loss, name) for name in _ELEMENT_BY_ELEMENT):
            raise ValueError(f"A target of shape {y.shape} was given for an output of shape {shape} and the loss "
                             f"{loss.name}, which expects targets of the shape of the output.")  # fmt: skip


def target_shape(output_shape, loss):
    """The shape that targets have for this output and loss; None if the loss is a user's own and may take any."""
    if is_loss(loss, "sparse_categorical_crossentropy"):
        if K.image_data_format() == "channels_first" and len(output_shape) in (4, 5):
            return (output_shape[0], 1, *output_shape[2:])
        return (*output_shape[:-1], 1)
    function = getattr(loss, "fn", None)
    known = function is not None and getattr(losses, getattr(function, "__name__", ""), None) is function
    return output_shape if known else None


def check_num_samples(ins, batch_size=None, steps=None, steps_name="steps"):
    """The number of samples in a list of arrays, or None when the data are tensors and `steps` says how much to do.

    Raises ValueError when both batch_size and steps are given, or neither samples nor steps are known.
    """
    if steps is not None and batch_size is not None:
        raise ValueError(f"Give {steps_name} or batch_size, not both: {steps_name} is for data without a known size.")
    if not ins or any(K.is_tensor(x) for x in ins):
        if steps is None:
            raise ValueError(f"The data are symbolic tensors, or there are none: give {steps_name}, the number of "
                             "batches.")  # fmt: skip
        return None
    return int(ins[0].shape[0])


def check_generator_arguments(y=None, sample_weight=None, validation_split=None):
    """Raise ValueError for arguments that make no sense when batches come from a generator or Sequence."""
    for name, value, where in (("y", y, "not an argument"), ("sample_weight", sample_weight, "as the third item")):
        if value is not None:
            raise ValueError(f"x is a generator, Sequence or other iterable of batches, so `{name}` has to be in its "
                             f"batches, {where}.")  # fmt: skip
    if validation_split:
        raise ValueError("validation_split takes the end of arrays; x is a generator, Sequence or other iterable. Give "
                         "validation_data.")  # fmt: skip
