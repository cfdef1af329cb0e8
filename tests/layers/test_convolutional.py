import itertools

import numpy as np
import pytest

from minikeras import backend as K
from minikeras import layers as L
from tests.layers.harness import close, data, run


def same_padding(length, kernel, stride, dilation):
    """Elements to add before and after an axis for padding "same": the odd one at the end."""
    total = max((-(-length // stride) - 1) * stride + (kernel - 1) * dilation + 1 - length, 0)
    return total // 2, total - total // 2


def padded(x, kernel, strides, dilation, padding):
    """x [batch, *spatial, channels] with zeros around it."""
    if padding == "valid":
        return x
    if padding == "causal":
        return np.pad(x, [(0, 0), ((kernel[0] - 1) * dilation[0], 0), (0, 0)])
    sizes = zip(x.shape[1:-1], kernel, strides, dilation, strict=True)
    return np.pad(x, [(0, 0), *(same_padding(*s) for s in sizes), (0, 0)])


def windows(x, size, strides, dilation):
    """Yields (place, window [batch, *size, channels])."""
    spans = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    counts = [(n - span) // s + 1 for n, span, s in zip(x.shape[1:-1], spans, strides, strict=True)]
    for place in itertools.product(*map(range, counts)):
        cut = (slice(p * s, p * s + span, d) for p, s, span, d in zip(place, strides, spans, dilation, strict=True))
        yield place, x[(slice(None), *cut)]


def convolved(x, kernel, bias, strides, dilation, padding):
    """The convolution by its definition, channels last."""
    size = kernel.shape[:-2]
    found = list(windows(padded(x, size, strides, dilation, padding), size, strides, dilation))
    y = np.zeros((len(x), *(n + 1 for n in found[-1][0]), kernel.shape[-1]))
    for place, window in found:
        y[(slice(None), *place)] = np.tensordot(window, kernel, axes=len(size) + 1)
    return y + bias


def first(x):
    """Channels last to channels first."""
    return np.moveaxis(x, -1, 1)


SHAPES = {1: (2, 7, 3), 2: (2, 6, 5, 3), 3: (2, 4, 5, 4, 2)}
CONVS = {1: L.Conv1D, 2: L.Conv2D, 3: L.Conv3D}


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("strides", "dilation"), [(1, 1), (2, 1), (1, 2)])
def test_convolution_is_its_definition_in_both_formats(backend, rank, padding, strides, dilation):
    x = data(*SHAPES[rank])
    options = {"strides": strides, "dilation_rate": dilation, "padding": padding}
    y, weights = run(CONVS[rank](4, 2, **options), x)
    expected = convolved(x, *weights, (strides,) * rank, (dilation,) * rank, padding)
    close(y, expected)
    layer = CONVS[rank](4, 2, data_format="channels_first", **options)
    y, weights = run(layer, first(x))
    close(y, first(convolved(x, *weights, (strides,) * rank, (dilation,) * rank, padding)))


def test_causal_convolution_does_not_look_ahead(backend):
    x = data(2, 7, 3)
    y, weights = run(L.Conv1D(4, 3, padding="causal", dilation_rate=2), x)
    close(y, convolved(x, *weights, (1,), (2,), "causal"))
    with pytest.raises(ValueError, match="causal"):
        L.Conv2D(4, 3, padding="causal")


@pytest.mark.parametrize("rank", [2, 3])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_transposed_convolution_is_the_adjoint(backend, rank, padding):
    transposed = {2: L.Conv2DTranspose, 3: L.Conv3DTranspose}[rank]
    x = data(2, *(4, 6, 4)[:rank], 3)
    down, (kernel,) = run(CONVS[rank](4, 2, strides=2, padding=padding, use_bias=False), x)
    g = data(*down.shape)
    layer = transposed(3, 2, strides=2, padding=padding, use_bias=False)
    run(layer, g)
    layer.set_weights([kernel])
    up = L.Input(batch_shape=(None, *g.shape[1:]))
    (y,) = K.function([up], [layer(up)])([g])
    assert y.shape == x.shape
    close((y * x).sum(), (g * down).sum(), 1e-3)


def test_output_padding_lengthens_the_output_and_is_smaller_than_the_strides(backend):
    y, _ = run(L.Conv2DTranspose(2, 3, strides=2, padding="same", output_padding=1), data(1, 4, 3, 2))
    assert y.shape == (1, 8, 6, 2)
    with pytest.raises(ValueError, match="smaller than the strides"):
        L.Conv2DTranspose(2, 3, strides=2, output_padding=2)


def depthwise(x, kernel):
    """Channel by channel, outputs of one channel side by side; [..., channels, multiplier] to channels * multiplier."""
    channels = zip(np.split(x, x.shape[-1], -1), np.split(kernel, x.shape[-1], -2), strict=True)
    return np.concatenate([convolved(a, k, 0.0, (1, 1), (1, 1), "valid") for a, k in channels], -1)


def test_depthwise_convolution_keeps_channels_apart(backend):
    x = data(2, 5, 4, 3)
    y, (kernel, bias) = run(L.DepthwiseConv2D(2, depth_multiplier=2), x)
    close(y, depthwise(x, kernel) + bias)


def test_separable_convolution_is_depthwise_then_pointwise(backend):
    x = data(2, 5, 4, 3)
    y, (deep, point, bias) = run(L.SeparableConv2D(4, 2, depth_multiplier=2), x)
    close(y, depthwise(x, deep) @ point[0, 0] + bias)
    x = data(2, 6, 3)
    y, (deep, point, bias) = run(L.SeparableConv1D(4, 2, depth_multiplier=2), x)
    close(y, depthwise(x[:, :, None], deep[:, None])[:, :, 0] @ point[0] + bias)


def test_up_sampling_repeats(backend):
    x = data(2, 3, 2, 2)
    close(run(L.UpSampling2D((2, 3)), x)[0], x.repeat(2, 1).repeat(3, 2))
    close(run(L.UpSampling2D((2, 3), "channels_first"), x)[0], x.repeat(2, 2).repeat(3, 3))
    x = data(2, 3, 2)
    close(run(L.UpSampling1D(3), x)[0], x.repeat(3, 1))
    x = data(1, 2, 2, 3, 2)
    close(run(L.UpSampling3D((2, 1, 2)), x)[0], x.repeat(2, 1).repeat(2, 3))


PADDED = [
    (L.ZeroPadding1D, L.Cropping1D, (1, 2), (2, 3, 2), [(1, 2)]),
    (L.ZeroPadding2D, L.Cropping2D, ((1, 2), 1), (2, 3, 2, 2), [(1, 2), (1, 1)]),
    (L.ZeroPadding3D, L.Cropping3D, (1, (0, 2), 1), (2, 3, 2, 2, 2), [(1, 1), (0, 2), (1, 1)]),
]


@pytest.mark.parametrize(("pad", "crop", "amount", "shape", "pairs"), PADDED)
def test_zero_padding_is_undone_by_cropping(backend, pad, crop, amount, shape, pairs):
    x = data(*shape)
    y, _ = run(pad(amount), x)
    close(y, np.pad(x, [(0, 0), *pairs, (0, 0)]))
    close(run(crop(amount), y)[0], x)
    if len(shape) > 3:
        y, _ = run(pad(amount, data_format="channels_first"), first(x))
        close(y, np.pad(first(x), [(0, 0), (0, 0), *pairs]))
        close(run(crop(amount, data_format="channels_first"), y)[0], first(x))


def test_cropping_refuses_to_leave_nothing():
    with pytest.raises(ValueError, match="leaves nothing"):
        L.Cropping1D((2, 2))(L.Input(shape=(4, 1)))


def test_padding_refuses_the_wrong_number_of_axes():
    with pytest.raises(ValueError, match="each of 2 spatial axes"):
        L.ZeroPadding2D((1, 1, 1))


@pytest.mark.parametrize(("layer", "shape"), [
    (L.LocallyConnected1D(2, 3, strides=2), (2, 7, 3)),
    (L.LocallyConnected2D(2, (2, 3), strides=(2, 1)), (2, 5, 4, 3)),
])  # fmt: skip
def test_locally_connected_has_a_kernel_for_each_place(backend, layer, shape):
    x = data(*shape)
    layer = type(layer).from_config(layer.get_config())
    y, (kernel, bias) = run(layer, x)
    ones = (1,) * len(layer.kernel_size)
    found = list(windows(x, layer.kernel_size, layer.strides, ones))
    for i, (place, window) in enumerate(found):
        close(y[(slice(None), *place)], window.reshape(len(x), -1) @ kernel[i] + bias[place])


@pytest.mark.parametrize("make", [lambda: L.LocallyConnected1D(2, 4), lambda: L.LocallyConnected2D(2, (1, 4))])
def test_locally_connected_windows_have_to_fit(make):
    layer = make()
    with pytest.raises(ValueError, match=r"locally_connected.*windows of \[.*4\] do not fit into an input of \(None, "):
        layer(L.Input((3,) * layer.rank + (2,)))


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("layers", "shape"), [
    ((L.MaxPooling1D, L.AveragePooling1D), (2, 7, 3)),
    ((L.MaxPooling2D, L.AveragePooling2D), (2, 5, 6, 3)),
    ((L.MaxPooling3D, L.AveragePooling3D), (2, 4, 5, 3, 2)),
])  # fmt: skip
def test_pooling_takes_maximum_and_mean_of_real_elements(backend, layers, shape, padding):
    x, rank = data(*shape), len(shape) - 2
    size, strides, ones = (3,) * rank, (2,) * rank, (1,) * rank
    around = padded(x + 10.0, size, strides, ones, padding)  # so that padding is told by being 0
    found = list(windows(around, size, strides, ones))
    axes = tuple(range(1, rank + 1))
    for make, pool in zip(layers, (np.max, lambda w, axis: w.sum(axis) / (w != 0).sum(axis)), strict=True):
        y, _ = run(make(3, 2, padding), x)
        z, _ = run(make(3, 2, padding, "channels_first"), first(x))
        close(z, first(y))
        for place, window in found:
            close(y[(slice(None), *place)] + 10.0, pool(window, axis=axes), 1e-4)


def test_pooling_strides_are_the_window_by_default(backend):
    assert run(L.MaxPooling2D(), data(1, 4, 6, 1))[0].shape == (1, 2, 3, 1)


@pytest.mark.parametrize(("mean", "maximum", "shape"), [
    (L.GlobalAveragePooling1D, L.GlobalMaxPooling1D, (2, 4, 3)),
    (L.GlobalAveragePooling2D, L.GlobalMaxPooling2D, (2, 4, 2, 3)),
    (L.GlobalAveragePooling3D, L.GlobalMaxPooling3D, (2, 4, 2, 2, 3)),
])  # fmt: skip
def test_global_pooling_leaves_the_channels(backend, mean, maximum, shape):
    x = data(*shape)
    axes = tuple(range(1, len(shape) - 1))
    close(run(mean(), x)[0], x.mean(axes))
    close(run(maximum(), x)[0], x.max(axes))
    close(run(mean(data_format="channels_first"), first(x))[0], x.mean(axes))
    close(run(maximum(data_format="channels_first"), first(x))[0], x.max(axes))


def test_global_average_over_time_leaves_masked_steps_out(backend):
    x = data(2, 4, 3)
    x[0, 1:3] = 0.0
    given = L.Input(shape=(4, 3))
    y = L.GlobalAveragePooling1D()(L.Masking()(given))
    (value,) = K.function([given], [y])([x])
    close(value, np.stack([x[0, [0, 3]].mean(0), x[1].mean(0)]))
