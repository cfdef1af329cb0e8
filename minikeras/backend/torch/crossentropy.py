"""PyTorch kernels of the cross-entropies."""

import torch
from torch.nn import functional

from ..numpy.crossentropy import check_labels

_losses = torch.ops.aten.nll_loss_forward.default


def softmax_crossentropy(target, logits):
    log_p = torch.log_softmax(logits, -1)
    return torch.mul(target, log_p).sum(-1).neg_(), log_p.exp()


_NO_LABEL = -(2**62)  # what PyTorch would pass over


def sparse_softmax_crossentropy(target, logits):
    log_p = torch.log_softmax(logits, -1)
    if target.device.type == "cpu":
        rows = log_p.reshape(-1, logits.shape[-1])
        try:
            loss = _losses(rows, target.reshape(-1), None, 0, _NO_LABEL)[0].view(target.shape)
        except IndexError:
            check_labels(target, logits.shape[-1])
            raise
        return loss, log_p.exp()
    # Labels that are no class give nan there: an error would need to wait for the device, or stop it for good.
    known = (target >= 0) & (target < logits.shape[-1])
    target = target.clamp(0, logits.shape[-1] - 1)
    loss = log_p.gather(-1, target.unsqueeze(-1)).squeeze(-1).neg_()
    return torch.where(known, loss, torch.nan), log_p.exp()


def sparse_softmax_crossentropy_gradient(g, probabilities, target):
    share = g.unsqueeze(-1)
    if target.device.type != "cpu":
        target = target.clamp(0, probabilities.shape[-1] - 1)
    return (probabilities * share).scatter_add_(-1, target.unsqueeze(-1), -share)


def sigmoid_crossentropy(target, logits):
    return functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
