"""`K`: the functions of keras.backend, and some that its users missed.

    from minikeras import backend as K

Every function here builds graph: `K.function` and `K.eval` run it, on the backend that `MINIKERAS_BACKEND` names.
Names such as `sum`, `max`, `any`, `slice` and `eval` are those of Keras, and shadow Python's in this module.
"""

# A line for each name would be most of the imports.
# isort: skip_file
from importlib import import_module as _import_module

from . import operators as _operators
from .config import (
    epsilon, floatx, image_data_format, normalize_data_format, set_epsilon, set_floatx, set_image_data_format,
)  # fmt: skip
from .function import (
    Function, batch_get_value, batch_set_value, eval, function, get_value, set_value, to_numpy,
)  # fmt: skip
from .gradients import gradients
from .op import OPS
from .ops.sparse import SparseTensor, to_dense
from .runtime import backend, set_backend
from .tensor import Placeholder, Tensor, Update, name_scope
from .variable import Variable

# Families of ops: every public function that a file of ops/ declares is a function of K.
FAMILIES = tuple(
    "math reduction shape indexing joining creation linalg control recurrence convolution pooling image nn "
    "normalization crossentropy random ctc selection recurrent_cells peaks extension".split()
)

# What the files of ops/ share among themselves: rules about shapes, and the like.
HELPERS = frozenset(
    "NewAxis binary cast_like comparison float_like index_tensor loop merge_axes neutral number_like python_index "
    "restore run_cond sizes_of slice_of spread".split()
)


def _collect(module):
    own = {n: f for n, f in vars(module).items() if getattr(f, "__module__", "") == module.__name__}
    return {n: f for n, f in own.items() if not n.startswith("_") and n not in HELPERS}


for _module in ("session", *(f"ops.{family}" for family in FAMILIES)):
    globals().update(_collect(_import_module(f"{__name__}.{_module}")))
