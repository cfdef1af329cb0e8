"""PyTorch kernels of CTC, on the loss that it has; the search runs on the host."""

import torch

from ..numpy import ctc as host

aten = torch.ops.aten


def _arguments(logits, labels, input_length, label_length):
    """Time first, lengths as int64, and the labels that do not count made harmless."""
    log_p = torch.log_softmax(logits, 2).transpose(0, 1)
    labels = labels.clamp(0, logits.shape[2] - 1).long()
    return log_p, labels, input_length.long(), label_length.long()


def ctc_loss(logits, labels, input_length, label_length):
    blank = logits.shape[2] - 1
    return aten._ctc_loss.Tensor(*_arguments(logits, labels, input_length, label_length), blank, False)


def ctc_loss_gradient(g, logits, labels, input_length, label_length, loss, alpha):
    log_p, *rest = _arguments(logits, labels, input_length, label_length)
    blank = logits.shape[2] - 1
    # PyTorch's formula is already that of the logits: a log-softmax would give it back unchanged.
    return aten._ctc_loss_backward.Tensor(g, log_p, *rest, loss, alpha, blank, True).transpose(0, 1)


def _on_host(kernel, scores, input_length, *args):
    results = kernel(scores.cpu().numpy(), input_length.cpu().numpy(), *args)
    return tuple(torch.from_numpy(r).to(scores.device) for r in results)


def ctc_greedy(scores, input_length):
    return _on_host(host.ctc_greedy, scores, input_length)


def ctc_beam(scores, input_length, beam_width, top_paths, merge_repeated):
    return _on_host(host.ctc_beam, scores, input_length, beam_width, top_paths, merge_repeated)
