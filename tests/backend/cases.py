"""One record an op: arithmetic, reductions, shapes, products. The other families have files of their own."""

import importlib
import pathlib

import numpy as np
from records import case, ints

from minikeras import backend as K


def over(function):
    """NumPy's reduction with the argument names of K."""
    return lambda x, axis=None, keepdims=False: function(
        x, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=keepdims
    )


MATH = [
    case(K.add, (3, 4), (3, 4), reference=np.add),
    case(K.add, (3, 1), (4,), reference=np.add),
    case(K.subtract, (2, 3, 4), (3, 1), reference=np.subtract),
    case(K.multiply, (3, 4), (4,), reference=np.multiply),
    case(K.divide, (3, 4), (3, 1), low=0.5, reference=np.divide),
    case(K.mod, (3, 4), (4,), low=0.6, high=5.0, reference=np.mod, gradient=False),
    case(K.floor_divide, (3, 4), (4,), low=0.6, high=5.0, reference=np.floor_divide, gradient=False),
    case(K.power, (3, 4), (4,), low=0.2, high=2.0, reference=np.power),
    case(K.pow, (3, 4), a=3, reference=lambda x, a: x**a),
    case(K.pow, (3, 4), a=2, reference=lambda x, a: x**a),
    case(K.pow, (3, 4), low=0.1, a=0.5, reference=lambda x, a: x**a),
    case(K.maximum, (3, 4), (4,), reference=np.maximum),
    case(K.minimum, (3, 4), (3, 1), reference=np.minimum),
    case(K.negative, (3, 4), reference=np.negative),
    case(K.abs, (3, 4), reference=np.abs),
    case(K.sign, (3, 4), reference=np.sign, gradient=False),
    case(K.square, (3, 4), reference=np.square),
    case(K.sqrt, (3, 4), low=0.1, reference=np.sqrt),
    case(K.rsqrt, (3, 4), low=0.1, reference=lambda x: 1 / np.sqrt(x)),
    case(K.exp, (3, 4), reference=np.exp),
    case(K.expm1, (3, 4), reference=np.expm1),
    case(K.log, (3, 4), low=0.1, reference=np.log),
    case(K.log1p, (3, 4), low=-0.5, reference=np.log1p),
    case(K.sin, (3, 4), reference=np.sin),
    case(K.cos, (3, 4), reference=np.cos),
    case(K.tanh, (3, 4), reference=np.tanh),
    case(K.erf, (3, 4)),
    case(K.floor, (3, 4), reference=np.floor, gradient=False),
    case(K.round, (3, 4), reference=np.round, gradient=False),
    case(
        K.clip,
        (3, 4),
        min_value=-0.7,
        max_value=0.9,
        reference=lambda x, min_value, max_value: np.clip(x, min_value, max_value),
    ),
    case(K.equal, ints(3, 3, 4), ints(3, 4), reference=np.equal, gradient=False),
    case(K.not_equal, ints(3, 3, 4), ints(3, 4), reference=np.not_equal, gradient=False),
    case(K.greater, (3, 4), (4,), reference=np.greater, gradient=False),
    case(K.greater_equal, (3, 4), (4,), reference=np.greater_equal, gradient=False),
    case(K.less, (3, 4), (4,), reference=np.less, gradient=False),
    case(K.less_equal, (3, 4), (4,), reference=np.less_equal, gradient=False),
    case(K.logical_and, ints(2, 3, 4), ints(2, 4), reference=np.logical_and, gradient=False),
    case(K.logical_or, ints(2, 3, 4), ints(2, 4), reference=np.logical_or, gradient=False),
    case(K.logical_xor, ints(2, 3, 4), ints(2, 4), reference=np.logical_xor, gradient=False),
    case(K.logical_not, ints(2, 3, 4), reference=np.logical_not, gradient=False),
    case(K.isnan, np.array([1.0, np.nan, np.inf]), reference=np.isnan, gradient=False),
    case(K.isinf, np.array([1.0, np.nan, -np.inf]), reference=np.isinf, gradient=False),
    case(K.where, ints(2, 3, 4), (3, 4), (4,), reference=lambda c, x, y: np.where(c, x, y)),
]

AXES = [{}, {"axis": 1}, {"axis": [0, -1], "keepdims": True}]
REDUCTION = [
    *(case(K.sum, (2, 3, 4), reference=over(np.sum), **a) for a in AXES),
    *(case(K.mean, (2, 3, 4), reference=over(np.mean), edges=False, **a) for a in AXES),
    *(case(K.prod, (2, 3, 4), reference=over(np.prod), **a) for a in AXES),
    *(case(K.max, (2, 3, 4), reference=over(np.max), edges=False, **a) for a in AXES),
    *(case(K.min, (2, 3, 4), reference=over(np.min), edges=False, **a) for a in AXES),
    *(case(K.var, (2, 3, 4), reference=over(np.var), edges=False, **a) for a in AXES),
    *(case(K.std, (2, 3, 4), reference=over(np.std), edges=False, **a) for a in AXES),
    *(case(K.logsumexp, (2, 3, 4), reference=over(lambda x, **k: np.log(np.sum(np.exp(x), **k))), **a) for a in AXES),
    case(
        K.prod,
        np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 1.5], [1.0, 2.0, 0.5]]),
        axis=1,
        reference=over(np.prod),
    ),
    case(K.any, ints(2, 3, 4), axis=1, reference=over(np.any), gradient=False),
    case(K.all, ints(2, 3, 4), axis=0, reference=over(np.all), gradient=False),
    case(K.argmax, (3, 4), axis=1, reference=np.argmax, gradient=False, edges=False),
    case(K.argmin, (3, 4), axis=0, reference=np.argmin, gradient=False, edges=False),
    case(K.cumsum, (3, 4), axis=1, reference=np.cumsum),
    case(K.cumprod, (3, 4), axis=1, reference=np.cumprod),
    case(K.cumprod, np.array([[2.0, 0.0, 3.0, 4.0], [1.0, 2.0, 0.0, 0.0]]), axis=1, reference=np.cumprod),
]

SHAPE = [
    case(K.reshape, (3, 4), shape=(2, -1), reference=lambda x, shape: x.reshape(shape), edges=False),
    case(K.permute_dimensions, (2, 3, 4), pattern=(2, 0, 1), reference=lambda x, pattern: x.transpose(pattern)),
    case(K.transpose, (3, 4), reference=np.transpose),
    case(K.expand_dims, (3, 4), axis=1, reference=np.expand_dims),
    case(K.squeeze, (3, 1, 4), axis=1, reference=np.squeeze),
    case(K.flatten, (2, 3, 4), reference=np.ravel),
    case(K.batch_flatten, (2, 3, 4), reference=lambda x: x.reshape(len(x), -1)),
    case(
        lambda a, b: K.concatenate([a, b], 1),
        (2, 3),
        (2, 4),
        name="concatenate",
        edges=False,
        reference=lambda a, b: np.concatenate([a, b], 1),
    ),
    case(
        lambda a, b: K.stack([a, b], axis=1), (3, 4), (3, 4), name="stack", reference=lambda a, b: np.stack([a, b], 1)
    ),
    case(K.tile, (3, 4), n=(2, 3), reference=lambda x, n: np.tile(x, n)),
    case(K.repeat_elements, (3, 4), rep=2, axis=1, reference=lambda x, rep, axis: np.repeat(x, rep, axis)),
    case(K.repeat, (3, 4), n=2, reference=lambda x, n: np.repeat(x[:, None], n, 1)),
    case(K.reverse, (3, 4), axes=1, reference=lambda x, axes: np.flip(x, axes)),
    case(K.pad, (3, 4), padding=((1, 0), (2, 1)), reference=lambda x, padding: np.pad(x, padding)),
    case(
        K.temporal_padding, (2, 3, 4), padding=(1, 2), reference=lambda x, padding: np.pad(x, [(0, 0), padding, (0, 0)])
    ),
    case(K.spatial_2d_padding, (2, 3, 4, 2), padding=((1, 0), (0, 2)),
         reference=lambda x, padding: np.pad(x, [(0, 0), *padding, (0, 0)])),
    case(K.spatial_3d_padding, (2, 2, 3, 2, 2), padding=((1, 0), (0, 2), (1, 1)), data_format="channels_first",
         edges=False, reference=lambda x, padding, **_: np.pad(x, [(0, 0), (0, 0), *padding])),
    case(K.broadcast_to, (3, 1), shape=(2, 3, 4), edges=False, reference=lambda x, shape: np.broadcast_to(x, shape)),
    case(K.reshape_like, (3, 4), (2, 6), edges=False, reference=lambda x, y: x.reshape(y.shape)),
    case(K.reverse_cumsum, (3, 4), axis=1, reference=lambda x, axis: np.flip(np.cumsum(np.flip(x, axis), axis), axis)),
    case(K.gather, (5, 3), ints(5, 2, 4), reference=lambda x, i: x[i], edges=False),
    case(lambda x: x[:, 1], (3, 4), name="getitem-int", reference=lambda x: x[:, 1], edges=False),
    case(lambda x: x[..., None, ::-2], (3, 5), name="getitem-step", reference=lambda x: x[..., None, ::-2]),
    case(lambda x: x[1:, -2:], (3, 4), name="getitem-slice", reference=lambda x: x[1:, -2:]),
    case(K.slice, (3, 4), start=[1, 0], size=[-1, 2], reference=lambda x, start, size: x[1:, :2], edges=False),
    case(K.cast, (3, 4), dtype="float32", reference=lambda x, dtype: x.astype(dtype), gradient=False),
    case(K.one_hot, ints(5, 2, 3), num_classes=4, gradient=False),
    case(K.identity, (3, 4), reference=lambda x: x),
    case(K.zeros_like, (3, 4), reference=np.zeros_like, gradient=False),
    case(K.ones_like, (3, 4), reference=np.ones_like, gradient=False),
    case(K.broadcast_like, (3, 1), (3, 4), reference=lambda x, y: np.broadcast_to(x, y.shape)),
]

LINALG = [
    case(K.dot, (5, 3), (3, 2), reference=np.dot),
    case(K.dot, (2, 4, 3), (3, 2), reference=np.dot),
    case(K.dot, (2, 4, 3), (5, 3, 2), reference=np.dot),
    case(K.dot, (2, 4, 3), (3,), reference=np.dot),
    case(K.dot, (3,), (5, 3, 2), reference=np.dot),
    case(K.matmul, (2, 4, 3), (2, 3, 5), reference=np.matmul),
    case(K.matmul, (2, 1, 4, 3), (6, 3, 5), reference=np.matmul),
    case(K.batch_dot, (2, 4, 3), (2, 3, 5), reference=lambda x, y: np.einsum("bij,bjk->bik", x, y)),
    case(K.batch_dot, (2, 3), (2, 3), axes=1, reference=lambda x, y, axes: np.sum(x * y, 1, keepdims=True)),
    case(K.batch_dot, (2, 4, 3), (2, 5, 3), axes=(2, 2), reference=lambda x, y, axes: np.einsum("bij,bkj->bik", x, y)),
    case(K.tensordot, (2, 3, 4), (4, 3, 5), axes=((1, 2), (1, 0)),
         reference=lambda x, y, axes: np.tensordot(x, y, axes)),
    case(lambda x, y: K.einsum("bij,bkj->bik", x, y), (2, 4, 3), (2, 5, 3), name="einsum",
         reference=lambda x, y: np.einsum("bij,bkj->bik", x, y)),
    *(case(lambda *x, e=e: K.einsum(e, *x), *shapes, name=f"einsum-{e}", edges=False,
           reference=lambda *x, e=e: np.einsum(e, *x))
      for e, *shapes in [("...ij,...jk", (2, 3, 4), (4, 5)), ("b...i,...i->b...", (2, 3, 4), (3, 4)),
                         ("iij->ji", (3, 3, 4)), ("ii", (3, 3)), ("i,j,k->kij", (2,), (3,), (4,)),
                         ("...ii->...i", (2, 3, 3))]),
    case(K.norm, (3, 4), axis=1, reference=lambda x, axis: np.linalg.norm(x, axis=axis)),
]  # fmt: skip

CASES = [*MATH, *REDUCTION, *SHAPE, *LINALG]
for path in sorted(pathlib.Path(__file__).parent.glob("cases_*.py")):
    CASES += importlib.import_module(path.stem).CASES
