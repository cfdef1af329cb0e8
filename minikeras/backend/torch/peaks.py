"""PyTorch kernels around largest elements: on CPUs a cotangent with few elements is a list of them."""

import torch
from torch.nn.functional import embedding_bag, pad

from ..numpy.peaks import convolved, peaks
from .convolution import convolution_input_gradient, convolution_kernel_gradient
from .reduction import extremum_gradient

CONVOLUTIONS = convolution_input_gradient, convolution_kernel_gradient


def peak_gradients(g, x, y, images, kernel, strides, padding, dilation_rate, with_images):
    window, depth, filters = kernel.shape[:-2], *kernel.shape[-2:]
    sizes = [a + n + b for n, (a, b) in zip(images.shape[1:-1], padding, strict=True)]
    found = None
    if x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64):  # others would wait for the count
        found = peaks(g.numpy(), x.numpy(), y.numpy(), sizes, window, strides, dilation_rate)
    if found is None:
        back = extremum_gradient(g, x, y, tuple(range(1, x.ndim - 1)))
        return convolved(CONVOLUTIONS, back, images, kernel, (strides, padding, dilation_rate, False), with_images)
    rows, channels, weights = map(torch.from_numpy, found)
    padded = pad(images, [0, 0, *(n for pair in reversed(padding) for n in pair)]).contiguous()
    taps = rows.shape[1]
    # A bag is a row of the result: [taps, filters] bags of the pixels that were seen there.
    order = torch.argsort(channels, stable=True)
    starts = torch.searchsorted(channels[order], torch.arange(filters)) + torch.arange(taps)[:, None] * len(channels)
    seen = rows[order].t().reshape(-1)
    to_kernel = embedding_bag(
        seen, padded.reshape(-1, depth), starts.reshape(-1), mode="sum", per_sample_weights=weights[order].repeat(taps)
    )
    to_kernel = to_kernel.view(*window, filters, depth).transpose(-1, -2)
    if not with_images:
        return to_kernel
    # A bag for each pixel, of the filters that saw it.
    pixels, order = torch.sort(rows.reshape(-1))
    starts = torch.searchsorted(pixels, torch.arange(padded.numel() // depth))
    which = channels.repeat_interleave(taps) * taps + torch.arange(taps).repeat(len(channels))
    table = kernel.movedim(-1, 0).reshape(-1, depth)
    back = embedding_bag(
        which[order], table, starts, mode="sum", per_sample_weights=weights.repeat_interleave(taps)[order]
    )
    inner = (slice(before, before + n) for n, (before, _) in zip(images.shape[1:-1], padding, strict=True))
    return back.view(padded.shape)[:, *inner], to_kernel
