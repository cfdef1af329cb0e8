"""`K`: the functions of keras.backend, and some that its users missed.

    from minikeras import backend as K

Every function here builds graph: `K.function` and `K.eval` run it, on the backend that `MINIKERAS_BACKEND` names.
Names such as `sum`, `max`, `any`, `slice` and `eval` are those of Keras, and shadow Python's in this module.
"""

# A line for each name would be most of the imports.
# isort: skip_file
from importlib import import_module as _import_module

from . import operators as _operators
from .config import (epsilon, floatx, image_data_format, normalize_data_format, set_epsilon, set_floatx,
                     set_image_data_format)
from .function import Function, batch_get_value, batch_set_value, eval, function, get_value, set_value, to_numpy
from .gradients import gradients
from .op import OPS
from .ops.sparse import SparseTensor, to_dense
from .runtime import backend, set_backend
from .tensor import Placeholder, Tensor, Update, is_sparse, name_scope
from .variable import Variable

# Families of ops: the public functions that the files of ops/ declare are functions of K, but for ...
FAMILIES = tuple(
    "math reduction shape indexing joining creation linalg control recurrence convolution pooling image nn "
    "normalization crossentropy random ctc selection recurrent_cells peaks extension".split()
)

# ... the parts of which those functions and their gradients are made. (OPS has all ops.)
_PARTS = frozenset(
    "add_along_axis along average_pooling batch_moments bernoulli binary cast_like choose clipped_normal concat "
    "convolution ctc_beam ctc_greedy ctc_loss dynamic_put dynamic_slice float_like getitem index_tensor keep kept "
    "leaky_relu loop max_pooling max_pooling_select merge_axes neutral normal number_like part partly_known "
    "peak_gradients put python_index rectify restore row_moments run_cond scatter_add shape_of sigmoid_crossentropy "
    "sizes_of slice_of softmax_crossentropy sparse_softmax_crossentropy spread static sum_to trimmed true_divide "
    "uniform".split()
)


def _collect(module):
    own = {n: f for n, f in vars(module).items() if getattr(f, "__module__", "") == module.__name__}
    hidden = {*_PARTS, *(n for n in own if n[0] == "_"), *(n for n in own if n.endswith("_gradient") and n in OPS)}
    return {n: f for n, f in own.items() if n not in hidden}


for _module in ("session", *(f"ops.{family}" for family in FAMILIES)):
    globals().update(_collect(_import_module(f"{__name__}.{_module}")))
_import_module(f"{__name__}.loop_gradients")

__all__ = sorted(n for n, v in globals().items() if not n.startswith("_") and (callable(v) or n == "OPS"))
