"""Connectionist temporal classification: the loss of label sequences without alignment, and decoding.

The last class is the blank. Source: Graves et al., Connectionist Temporal Classification (2006).
"""

import numpy as np

from .. import config, runtime
from ..op import Spec, as_tensor, op
from ..program import NeedsValue, Program, constant, input_positions
from ..tensor import Tensor, show
from .creation import arange
from .joining import stack
from .math import float_like, less, log, where
from .shape import broadcast_like, cast, expand_dims, flatten, reshape, shape, sizes_of
from .sparse import SparseTensor


@op
def ctc_loss(logits: Tensor, labels: Tensor, input_length: Tensor, label_length: Tensor):
    """-log of the probability of the labels, summed over all alignments; then log(alpha) for the gradient.

    logits: [batch, steps, classes]; a softmax makes them probabilities. labels: int32 [batch, labels], of which the
    first `label_length` count. input_length, label_length: int32 [batch]. Returns [batch] (inf where the labels do not
    fit into the steps), and the forward variables [batch, steps, 2 labels + 1].
    """
    float_like(logits)
    if logits.ndim != 3 or labels.ndim != 2:
        raise ValueError("logits must be [batch, steps, classes], labels [batch, labels].")
    states = None if labels.shape[1] is None else 2 * labels.shape[1] + 1
    return Spec(logits.shape[:1], logits.dtype), Spec((*logits.shape[:2], states), logits.dtype)


@op
def ctc_loss_gradient(g: Tensor, logits: Tensor, labels: Tensor, input_length: Tensor, label_length: Tensor,
                      loss: Tensor, alpha: Tensor):
    """What `ctc_loss` gives back to the logits: g times the softmax less the expected share of each class.

    0 after the end of the input, and where the loss is inf.
    """
    return Spec(logits.shape, logits.dtype)


ctc_loss.gradient(lambda g, y, *args: None if g[0] is None else ctc_loss_gradient(g[0], *args, *y))


def _lengths(lengths):
    return reshape(cast(lengths, "int32"), (-1,))


def ctc_batch_cost(y_true, y_pred, input_length, label_length):
    """The CTC loss of each sample: -log of the probability of its labels, in nats.

    y_true: class numbers [batch, labels], of any dtype. y_pred: probabilities [batch, steps, classes], the last class
    being the blank; epsilon is added, and they are scaled to sum to 1. input_length, label_length: [batch, 1], how many
    steps and labels count. Returns [batch, 1]; inf where the labels do not fit into the steps.
    """
    y_pred = as_tensor(y_pred)
    logits = log(y_pred + config.epsilon())
    logits = cast(logits, "float32") if y_pred.dtype == "float16" else logits
    loss = ctc_loss(logits, cast(y_true, "int32"), _lengths(input_length), _lengths(label_length))[0]
    return cast(expand_dims(loss, 1), y_pred.dtype)


def ctc_label_dense_to_sparse(labels, label_lengths):
    """The labels that count, as a sparse tensor [batch, labels] of their dtype.

    labels: [batch, labels]. label_lengths: [batch], how many of each row count. (An element is kept for each place:
    those that do not count are 0.)
    """
    labels = as_tensor(labels)
    rows, columns = (expand_dims(arange(n), 1 - i) for i, n in enumerate(sizes_of(labels)))
    indices = stack([flatten(broadcast_like(rows, labels)), flatten(broadcast_like(columns, labels))], 1)
    counts = less(columns, expand_dims(_lengths(label_lengths), 1))
    values = flatten(where(counts, labels, 0))
    return SparseTensor(indices, values, shape(labels), labels.shape, "ctc_labels:0")


# ---- decoding ----------------------------------------------------------------------------------------------------


@op
def ctc_greedy(scores: Tensor, input_length: Tensor):
    """The most probable class of each step, repeats merged and blanks taken out.

    scores: logarithms [batch, steps, classes]. Returns int64 [batch, steps], filled up with -1, and the negative sum of
    the largest scores, [batch, 1].
    """
    batch, steps, _ = scores.shape
    return Spec((batch, steps), "int64"), Spec((batch, 1), scores.dtype)


@op
def ctc_beam(scores: Tensor, input_length: Tensor, beam_width: int, top_paths: int, merge_repeated: bool):
    """The most probable label sequences, by a search over prefixes.

    scores: logarithms [batch, steps, classes], scaled by a softmax first. beam_width: how many prefixes are kept at
    each step. merge_repeated: merges equal neighbours in the results. Returns `top_paths` times int64 [batch, steps],
    filled up with -1, and their log probabilities [batch, top_paths].
    """
    batch, steps, _ = scores.shape
    return (*(Spec((batch, steps), "int64") for _ in range(top_paths)), Spec((batch, top_paths), scores.dtype))


@op
def trimmed(decoded: Tensor):
    """Sequences that are filled up with -1, cut to the longest one, where that is known before the run."""
    return Spec((decoded.shape[0], None), decoded.dtype)


@trimmed.meaning
def _trim(emit, decoded):
    try:
        positions = input_positions(decoded)
    except ValueError:
        # It depends on variables: the size stays the number of steps.
        return decoded
    if positions:
        raise NeedsValue(sorted(positions))
    known = decoded.kind == "constant"
    rows = decoded.source if known else runtime.load("numpy").run_once(Program([], [decoded], []))[0]
    longest = int(np.max(np.sum(rows >= 0, 1), initial=0))
    return constant(np.ascontiguousarray(rows[:, :longest]))


def ctc_decode(y_pred, input_length, greedy=True, beam_width=100, top_paths=1, merge_repeated=False):
    """Label sequences of what a network trained with CTC says.

    y_pred: probabilities [batch, steps, classes], the last class being the blank. input_length: [batch], how many steps
    count. greedy: takes the best class of each step (faster), else searches with `beam_width` prefixes for the
    `top_paths` best sequences; merge_repeated then merges equal neighbours in them.
    Returns (list of sequences, log probabilities): each int64 [batch, longest], filled up with -1 ([batch, steps] where
    it depends on variables: the longest is not known before the run); [batch, top_paths]. The greedy score is the
    negative sum of the largest log probabilities, [batch, 1], as in Keras.
    """
    y_pred = as_tensor(y_pred)
    if y_pred.ndim != 3:
        raise ValueError(f"K.ctc_decode: y_pred must be [batch, steps, classes], it is {show(y_pred)}.")
    scores, lengths = log(y_pred + config.epsilon()), _lengths(input_length)
    if greedy:
        decoded, score = ctc_greedy(scores, lengths)
        return [trimmed(decoded)], score
    if not 1 <= top_paths <= beam_width:
        raise ValueError(f"K.ctc_decode: {top_paths} top_paths cannot come out of a beam_width of {beam_width}.")
    *paths, scores = ctc_beam(scores, lengths, int(beam_width), int(top_paths), bool(merge_repeated))
    return [trimmed(path) for path in paths], scores
