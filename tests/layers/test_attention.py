"""MultiHeadAttention against its formula and against torch.nn."""

import numpy as np
import pytest

from minikeras import backend as K
from minikeras import layers as L
from minikeras.models import Model, clone_model
from tests.layers.harness import close, data, evaluate, inputs_for, randomized, run


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attention(weights, query, value, key, seen=True):
    """(output, weights [batch, heads, n, m]) by the formula, in float64."""
    wq, bq, wk, bk, wv, bv, wo, bo = (w.astype("float64") for w in weights)
    q, k, v = (np.einsum("btf,fhd->bhtd", x, w) + b[:, None] for x, w, b in
               ((query, wq, bq), (key, wk, bk), (value, wv, bv)))  # fmt: skip
    shares = softmax(np.where(seen, np.einsum("bhnd,bhmd->bhnm", q, k) / np.sqrt(q.shape[-1]), -1e9))
    return np.einsum("bhnd,hdo->bno", shares @ v, wo) + bo, shares


def test_output_and_weights_are_those_of_the_formula(backend):
    q, v, k = data(2, 3, 6), data(2, 5, 4), data(2, 5, 7)
    layer = L.MultiHeadAttention(2, 3, value_dim=5, output_shape=8)
    inputs = inputs_for([q, v, k])
    outputs = layer(*inputs, return_attention_scores=True)
    weights = randomized(layer)
    y, shares = evaluate(inputs, [q, v, k], outputs)
    for got, expected in zip((y, shares), attention(weights, q, v, k), strict=True):
        close(got, expected)
    fused = layer(inputs)  # without the scores the op may be another one
    close(evaluate(inputs, [q, v, k], [fused])[0], y)


@pytest.mark.parametrize("given", [1, 2])
def test_missing_values_are_the_query_and_missing_keys_the_values(backend, given):
    arrays = [data(2, 4, 6), data(2, 5, 3)][:given]
    y, weights = run(L.MultiHeadAttention(2, 3), *arrays)
    close(y, attention(weights, arrays[0], arrays[-1], arrays[-1])[0])


def test_attention_mask_and_causal_mask_hide_places(backend):
    x, seen = data(2, 4, 6), np.random.random((2, 4, 4)) < 0.6
    seen |= np.eye(4, dtype=bool)
    layer = L.MultiHeadAttention(3, 2)
    given, mask = inputs_for([x])[0], L.Input(shape=(4, 4))
    outputs = [layer(given, attention_mask=mask), layer(given, use_causal_mask=True),
               layer(given, attention_mask=mask, use_causal_mask=True), layer(given, attention_mask=seen)]  # fmt: skip
    weights = randomized(layer)
    causal = np.tril(np.ones((4, 4), bool))
    for y, hidden in zip(evaluate([given, mask], [x, seen], outputs),
                         [seen[:, None], causal, causal & seen[:, None], seen[:, None]], strict=True):  # fmt: skip
        close(y, attention(weights, x, x, x, hidden)[0])


def test_padding_is_not_looked_at_and_the_query_hands_its_mask_on(backend):
    ids, words = np.array([[1, 2, 3, 0], [3, 0, 0, 0]]), L.Input(shape=(None,), dtype="int32")
    x = L.Embedding(5, 6, mask_zero=True)(words)
    layer = L.MultiHeadAttention(2, 3)
    y = layer(x)
    weights = randomized(layer)
    found, embedded, mask = evaluate([words], [ids], [y, x, y._keras_history[0].output_mask])
    close(found, attention(weights, embedded, embedded, embedded, (ids != 0)[:, None, None])[0])
    np.testing.assert_array_equal(mask, ids != 0)


def test_dropout_drops_weights_in_training_only(backend):
    x = data(2, 5, 4)
    (given,) = inputs_for([x])
    layer = L.MultiHeadAttention(2, 3, dropout=0.5)
    outputs = layer(given)
    weights = randomized(layer)
    close(evaluate([given], [x], [outputs])[0], attention(weights, x, x, x)[0])
    drawn = [evaluate([given], [x], [outputs], training=1)[0] for _ in range(2)]
    assert np.abs(drawn[0] - drawn[1]).max() > 1e-3


def test_same_numbers_and_gradients_as_torch_nn(backend):
    torch = pytest.importorskip("torch")
    n, heads, features = 5, 2, 6
    x, g = data(3, n, features), data(3, n, features)
    (given,) = inputs_for([x])
    layer = L.MultiHeadAttention(heads, features // heads)
    y = layer(given)
    weights = randomized(layer)
    loss = K.sum(y * K.constant(g))
    got = evaluate([given], [x], [y, *K.gradients(loss, [given, *layer.weights])])
    theirs = torch.nn.MultiheadAttention(features, heads, batch_first=True)
    kernels = [w.reshape(features, features) for w in weights[::2]]
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.tensor(np.concatenate([w.T for w in kernels[:3]])))
        theirs.in_proj_bias.copy_(torch.tensor(np.concatenate([b.ravel() for b in weights[1:6:2]])))
        theirs.out_proj.weight.copy_(torch.tensor(kernels[3].T))
        theirs.out_proj.bias.copy_(torch.tensor(weights[7]))
    fed = torch.tensor(x, requires_grad=True)
    out = theirs(fed, fed, fed, need_weights=False)[0]
    (out * torch.tensor(g)).sum().backward()
    close(got[0], out.detach().numpy())
    close(got[1], fed.grad.numpy())
    close(np.concatenate([d.reshape(features, features).T for d in got[2:7:2]]), theirs.in_proj_weight.grad.numpy())
    close(got[8].reshape(features, features).T, theirs.out_proj.weight.grad.numpy())


def test_kernels_are_drawn_as_matrices():
    layer = L.MultiHeadAttention(4, 16)
    layer(L.Input(shape=(3, 64)))
    limit = np.sqrt(6 / (64 + 64))
    for kernel in layer.get_weights()[::2]:
        assert 0.95 * limit < np.abs(kernel).max() <= limit


def test_models_with_attention_can_be_cloned_and_trained(backend):
    words, mask = L.Input(shape=(None,), dtype="int32"), L.Input(shape=(None, None))
    x = L.Embedding(7, 8, mask_zero=True)(words)
    x = L.MultiHeadAttention(2, 4, dropout=0.1)(x, attention_mask=mask, use_causal_mask=True)
    x = L.LayerNormalization()(x)
    model = Model([words, mask], L.Dense(3, activation="softmax")(x))
    ids, seen = np.random.randint(1, 7, (16, 5)), np.ones((16, 5, 5))
    copy = clone_model(model)
    copy.set_weights(model.get_weights())
    close(copy.predict([ids, seen]), model.predict([ids, seen]))
    model.compile("adam", "sparse_categorical_crossentropy")
    losses = model.fit([ids, seen], (ids % 3)[..., None], epochs=40, verbose=0).history["loss"]
    assert losses[-1] < 0.6 * losses[0]


@pytest.mark.parametrize(("arguments", "shape", "message"), [
    ({"num_heads": 0, "key_dim": 2}, (3, 4), "at least 1"), ({"num_heads": 2, "key_dim": 2}, (4,), "three axes"),
    ({"num_heads": 2, "key_dim": 2}, (3, None), "features, axis -1"),
])  # fmt: skip
def test_what_cannot_be_is_refused(arguments, shape, message):
    with pytest.raises(ValueError, match=message):
        L.MultiHeadAttention(**arguments)(L.Input(shape=shape))
