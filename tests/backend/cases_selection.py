"""Records of sorting, selection, splitting and scattering."""

import numpy as np
from records import case, ints

from minikeras import backend as K


def top(x, k, axis=-1):
    return np.take(np.flip(np.sort(x, axis), axis), range(k), axis)


def top_positions(x, k, axis=-1):
    return np.take(np.argsort(-x, axis, kind="stable"), range(k), axis)


def scattered(indices, updates, shape):
    out = np.zeros(shape)
    np.add.at(out, tuple(np.moveaxis(indices, -1, 0)), updates)
    return out


def updated(x, indices, updates):
    out = x.copy()
    out[tuple(np.moveaxis(indices, -1, 0))] = updates
    return out


TIES = np.array([[2.0, 1.0, 2.0, 0.0], [1.0, 1.0, 1.0, 3.0]])
PLACES = np.array([[0, 1], [2, 3], [-1, 0]], dtype="int32")  # distinct places in [3, 4], or [3, 4, ...]

ORDER = [
    case(K.sort, (3, 5), reference=lambda x: np.sort(x)),
    case(K.sort, (3, 5), axis=0, descending=True, reference=lambda x, **_: np.flip(np.sort(x, 0), 0)),
    case(K.argsort, TIES, gradient=False, reference=lambda x: np.argsort(x, kind="stable")),
    case(K.argsort, TIES, descending=True, gradient=False, reference=lambda x, **_: np.argsort(-x, kind="stable")),
    case(K.argsort, ints(9, 4, 3), axis=0, gradient=False, reference=lambda x, axis: np.argsort(x, 0, kind="stable")),
    case(K.topk, (3, 5), k=2, reference=top),
    case(K.topk, (4, 3, 2), k=3, axis=0, reference=top),
    case(K.topk, TIES, k=3, index=1, gradient=False, reference=top_positions),
    case(K.take_along_axis, (3, 4), ints(4, 3, 5), axis=1, edges=False, reference=np.take_along_axis),
    case(K.take_along_axis, (3, 4), ints(3, 2, 4), axis=0, edges=False, reference=np.take_along_axis),
]

PARTS = [
    case(K.split, (3, 6), n_or_sizes=3, axis=1, index=1, edges=False, reference=lambda x, **_: x[:, 2:4]),
    case(K.split, (5, 3), n_or_sizes=[1, -1, 2], axis=0, index=1, edges=False, reference=lambda x, **_: x[1:3]),
    case(K.split, (3, 6), n_or_sizes=[2, 4], axis=-1, index=1, edges=False, reference=lambda x, **_: x[:, 2:]),
    case(lambda x: K.unstack(K.reshape(x, (3, 4)), 1)[2], (3, 4), name="unstack", edges=False,
         reference=lambda x: x[:, 2]),
    case(K.moveaxis, (2, 3, 4), source=0, destination=-1, reference=np.moveaxis),
    case(K.moveaxis, (2, 3, 4, 5), source=[0, 2], destination=[3, 0], reference=np.moveaxis),
]  # fmt: skip

ROWS = ints(3, 6, 1)


def placed(function, *inputs, name, reference):
    """A record with index vectors of a known length, as these ops need them."""
    return case(function, *inputs, name=name, edges=False, reference=reference)


PLACED = [
    placed(lambda x: K.gather_nd(x, PLACES), (3, 4), name="gather_nd", reference=lambda x: x[tuple(PLACES.T)]),
    placed(lambda x: K.gather_nd(x, ROWS), (3, 2), name="gather_nd-rows", reference=lambda x: x[ROWS[:, 0]]),
    placed(lambda u: K.scatter(PLACES, u, (3, 4)), (3,), name="scatter",
           reference=lambda u: scattered(PLACES, u, (3, 4))),
    placed(lambda u: K.scatter(ROWS, u, (3, 2)), (6, 2), name="scatter-rows",
           reference=lambda u: scattered(ROWS, u, (3, 2))),
    placed(lambda x, u: K.scatter_update(x, PLACES, u), (3, 4), (3,), name="scatter_update",
           reference=lambda x, u: updated(x, PLACES, u)),
    placed(lambda x, u: K.scatter_update(x, PLACES, u), (3, 4, 2), (3, 2), name="scatter_update-rows",
           reference=lambda x, u: updated(x, PLACES, u)),
    placed(lambda x: K.scatter_update(x, PLACES, 5.0), (3, 4), name="scatter_update-number",
           reference=lambda x: updated(x, PLACES, 5.0)),
]  # fmt: skip

NUMBERS = [
    case(K.isfinite, np.array([1.0, np.nan, np.inf, -np.inf]), gradient=False, reference=np.isfinite),
    case(K.check_numerics, (3, 4), message="activations", reference=lambda x, message: x),
]

CASES = [*ORDER, *PARTS, *PLACED, *NUMBERS]
