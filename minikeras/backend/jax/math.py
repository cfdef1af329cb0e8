"""JAX kernels of the elementwise ops."""

import jax.numpy as jnp
from jax import lax

add = jnp.add
subtract = jnp.subtract
multiply = jnp.multiply
true_divide = jnp.true_divide
floor_divide = jnp.floor_divide
mod = jnp.remainder
power = jnp.power
maximum = jnp.maximum
minimum = jnp.minimum

negative = jnp.negative
abs = jnp.abs
sign = jnp.sign
square = jnp.square
true_sqrt = jnp.sqrt
rsqrt = lax.rsqrt
exp = jnp.exp
expm1 = jnp.expm1
log = jnp.log
log1p = jnp.log1p
sin = jnp.sin
cos = jnp.cos
tanh = jnp.tanh
erf = lax.erf
floor = jnp.floor
round = jnp.rint

equal = jnp.equal
not_equal = jnp.not_equal
greater = jnp.greater
greater_equal = jnp.greater_equal
less = jnp.less
less_equal = jnp.less_equal
logical_and = jnp.logical_and
logical_or = jnp.logical_or
logical_not = jnp.logical_not
isnan = jnp.isnan
isinf = jnp.isinf
where = jnp.where


def clip(x, min_value, max_value):
    return jnp.minimum(jnp.maximum(x, min_value), max_value)
