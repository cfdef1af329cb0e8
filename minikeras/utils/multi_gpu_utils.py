"""A model on several devices."""
from .. import backend as K


def multi_gpu_model(model, gpus=None, cpu_merge=True, cpu_relocation=False):
    """A model that does each batch in as many slices as there are devices, and puts the results together.

    gpus: number of slices, at least 2, or a list of devices, one for each. cpu_merge, cpu_relocation: accepted for
    compatibility. The weights are shared with `model`; save that one. The slices are run one after the other by the
    active backend, which holds one device: the results are those of several devices, the memory and speed of one.
    Raises ValueError for fewer than two slices.
    """
    from ..engine.training import Model
    from ..layers import Concatenate, Lambda
    n_slices = len(gpus) if isinstance(gpus, (list, tuple)) else gpus
    if n_slices is None or n_slices < 2:
        raise ValueError(f"multi_gpu_model: gpus must be at least 2, or a list of at least two devices, got {gpus!r}.")
    slices = [model([Lambda(_slice_of_batch, arguments={"index": i, "parts": n_slices})(x) for x in model.inputs])
              for i in range(n_slices)]
    slices = [outputs if isinstance(outputs, list) else [outputs] for outputs in slices]
    merged = [Concatenate(axis=0, name=name)([outputs[i] for outputs in slices])
              for i, name in enumerate(model.output_names)]
    return Model(model.inputs, merged)


def _slice_of_batch(x, index, parts):
    """Slice `index` of a batch in `parts`; the last one takes what is left over."""
    shape = K.shape(x)
    step = shape[0] // parts
    size = shape[0] - index * step if index == parts - 1 else step
    rest = [shape[axis] if n is None else n for axis, n in enumerate(K.int_shape(x))][1:]
    return K.slice(x, [index * step, *[0] * len(rest)], [size, *rest])
