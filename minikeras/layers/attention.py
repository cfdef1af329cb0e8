"""Attention: means of values, weighted by how well queries and keys go together."""

import functools

import numpy as np

from .. import backend as K
from ..engine.base_layer import Layer
from ..engine.config import who
from .common import adopt, known, new_weight, sizes_of


class MultiHeadAttention(Layer):
    """softmax(Q K^T / sqrt(key_dim)) V in each of `num_heads` heads, and a linear map of all heads' outputs.

    Inputs: query [batch, ..., n, features], value and key [batch, ..., m, features]. Called on one tensor it is
    self-attention; else on (query, value), where the keys are the values, or (query, value, key): as arguments, or as a
    list. Output [batch, ..., n, output_shape].

    num_heads: of heads. key_dim, value_dim: sizes of keys and values in a head, value_dim like key_dim by default.
    dropout: share of the attention weights that is dropped in training; seed: of it. output_shape: number of features
    of the output, by default that of the query.

    Call arguments: attention_mask: bools that broadcast to [batch, n, m], or to [batch, ..., heads, n, m], False where
    nothing is to be looked at. use_causal_mask: to look at no place after one's own. return_attention_scores: give
    [output, weights], the latter [batch, ..., heads, n, m]. The masks of value and key hide places too; that of the
    query becomes the output's.

    Weights: query, key and value kernels [features, heads, size] and biases [heads, size], output kernel [heads,
    value_dim, output_shape] and bias [output_shape]; initializers see kernels as matrices.
    Source: Vaswani et al., Attention Is All You Need (2017), section 3.2.2.
    """

    def __init__(self, num_heads, key_dim, value_dim=None, dropout=0.0, use_bias=True, output_shape=None,
                 kernel_initializer="glorot_uniform", bias_initializer="zeros", kernel_regularizer=None,
                 bias_regularizer=None, activity_regularizer=None, kernel_constraint=None, bias_constraint=None,
                 seed=None, **kwargs):  # fmt: skip
        super().__init__(**kwargs)
        adopt(self, {name: value for name, value in locals().items() if name != "output_shape"})
        self.features_out = output_shape  # `output_shape` is what any layer tells about its output
        self.value_dim = value_dim = key_dim if value_dim is None else value_dim
        self.supports_masking = True
        if min(num_heads, key_dim, value_dim) < 1:
            raise ValueError(f"{who(self)}: num_heads, key_dim and value_dim must be at least 1, got {num_heads}, "
                             f"{key_dim} and {value_dim}.")  # fmt: skip

    def __call__(self, query, value=None, key=None, attention_mask=None, **kwargs):
        inputs = list(query) if isinstance(query, (list, tuple)) else [query]
        inputs[1:2] = inputs[1:2] if value is None else [value]
        inputs = inputs if key is None else [inputs[0], inputs[-1], key]
        if attention_mask is not None and hasattr(attention_mask, "_keras_history"):
            inputs = [*self._parts(inputs)[:3], attention_mask]
        elif attention_mask is not None:
            kwargs["attention_mask"] = attention_mask
        return super().__call__(inputs if len(inputs) > 1 else inputs[0], **kwargs)

    def _parts(self, inputs):
        """[query, value, key, attention mask] of the inputs, or of what there is for each of them."""
        inputs = inputs if isinstance(inputs, list) else [inputs]
        value = inputs[min(1, len(inputs) - 1)]
        return [inputs[0], value, inputs[2] if len(inputs) > 2 else value, inputs[3] if len(inputs) > 3 else None]

    def build(self, input_shape):
        query, value, key, _ = self._parts(input_shape)
        if min(len(query), len(value), len(key)) < 3:
            raise ValueError(f"{who(self)} needs inputs of at least three axes, [batch, places, features]; got shapes "
                             f"{query}, {value} and {key}.")  # fmt: skip
        for name, shape, size in (("query", query, self.key_dim), ("key", key, self.key_dim),
                                  ("value", value, self.value_dim)):  # fmt: skip
            self._add(name, (known(self, shape, -1),), (self.num_heads, size))
        self._add("output", (self.num_heads, self.value_dim), (self.features_out or known(self, query, -1),))
        self.built = True

    def _add(self, name, fan_in, fan_out):
        def as_matrix(shape, dtype=None):
            return K.reshape(self.kernel_initializer((int(np.prod(fan_in)), int(np.prod(fan_out))), dtype=dtype), shape)

        kernel = new_weight(self, f"{name}_kernel", fan_in + fan_out, "kernel", initializer=as_matrix)
        bias = new_weight(self, f"{name}_bias", fan_out, "bias") if self.use_bias else None
        setattr(self, f"{name}_kernel", kernel)
        setattr(self, f"{name}_bias", bias)

    def call(self, inputs, mask=None, attention_mask=None, training=None, use_causal_mask=False,
             return_attention_scores=False):  # fmt: skip
        query, value, key, asked = self._parts(inputs)
        n, m = sizes_of(query)[-2], sizes_of(key)[-2]
        seen = self._seen(mask, attention_mask if asked is None else asked, (n, m) if use_causal_mask else None, query)
        query, key, value = (self._heads(x, name) for x, name in ((query, "query"), (key, "key"), (value, "value")))

        scores = K.matmul(query * float(self.key_dim) ** -0.5, _turned(key, -1, -2))
        lowest = -6e4 if K.dtype(scores) == "float16" else -1e9
        shares = K.softmax(scores if seen is None else K.where(seen, scores, lowest))
        if return_attention_scores:
            outputs = K.matmul(shares, value)
        else:
            outputs = K.scaled_dot_product_attention(query, key, value, seen)
        if 0.0 < self.dropout < 1.0:
            kept = lambda: K.dropout(shares, self.dropout, seed=self.seed)
            outputs = K.in_train_phase(lambda: K.matmul(kept(), value), outputs, training)
        outputs = self._joined(outputs)
        return [outputs, shares] if return_attention_scores else outputs

    def _heads(self, x, name):
        """[batch, ..., places, features] -> [batch, ..., heads, places, size]."""
        kernel, bias = getattr(self, f"{name}_kernel"), getattr(self, f"{name}_bias")
        features, heads, size = K.int_shape(kernel)
        y = K.dot(x, K.reshape(kernel, (features, heads * size)))
        y = y if bias is None else y + K.reshape(bias, (heads * size,))
        return _turned(K.reshape(y, (*sizes_of(x)[:-1], heads, size)), -2, -3)

    def _joined(self, heads):
        """[batch, ..., heads, places, size] -> [batch, ..., places, features of the output]."""
        heads = _turned(heads, -2, -3)
        _, _, features = K.int_shape(self.output_kernel)
        y = K.reshape(heads, (*sizes_of(heads)[:-2], self.num_heads * self.value_dim))
        y = K.dot(y, K.reshape(self.output_kernel, (self.num_heads * self.value_dim, features)))
        return y if self.output_bias is None else y + self.output_bias

    def _seen(self, mask, attention_mask, causal, query):
        """Bools that broadcast to [batch, ..., heads, n, m], False where nothing is to be looked at; or None."""
        rank = K.ndim(query) + 1
        _, of_value, of_key, _ = self._parts(mask if isinstance(mask, list) else [mask])
        found = [K.expand_dims(K.expand_dims(m, -2), -2) for m in {id(m): m for m in (of_value, of_key)}.values()
                 if m is not None]  # fmt: skip
        if attention_mask is not None:
            asked = K.cast(attention_mask if K.is_tensor(attention_mask) else K.constant(attention_mask), "bool")
            found.append(K.expand_dims(asked, -3) if K.ndim(asked) == rank - 1 else asked)
        if causal is not None:
            n, m = causal
            found.append(K.greater_equal(K.expand_dims(K.arange(n), -1), K.expand_dims(K.arange(m), 0)))
        return functools.reduce(K.logical_and, found) if found else None

    def compute_output_shape(self, input_shape):
        query = self._parts(input_shape)[0]
        return (*query[:-1], self.features_out or query[-1])

    def compute_mask(self, inputs, mask=None):
        return self._parts(mask)[0]

    def get_config(self):
        return {**super().get_config(), "output_shape": self.features_out}


def _turned(x, a, b):
    """x with two axes swapped."""
    axes = list(range(K.ndim(x)))
    axes[a], axes[b] = axes[b], axes[a]
    return K.permute_dimensions(x, axes)
