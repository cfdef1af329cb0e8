"""NumPy kernels of CTC: all samples at once, step after step, in logarithms."""

import numpy as np

from .nn import log_softmax


def _states(labels, blank):
    """The labels with blanks around them, [batch, 2 labels + 1], and where the blank before may be skipped."""
    states = np.full((labels.shape[0], 2 * labels.shape[1] + 1), blank, "int64")
    states[:, 1::2] = np.clip(labels, 0, blank)
    skips = np.zeros(states.shape, bool)
    skips[:, 2:] = (states[:, 2:] != blank) & (states[:, 2:] != states[:, :-2])
    return states, skips


def _shifted(a, by):
    """a moved along its last axis, filled up with -inf."""
    moved = np.full(a.shape, -np.inf, a.dtype)
    if by > 0:
        moved[:, by:] = a[:, :-by]
    else:
        moved[:, :by] = a[:, -by:]
    return moved


def _ends(label_length, n_states):
    """0 in the two states where a sample may end, else -inf."""
    last = 2 * label_length[:, None]
    state = np.arange(n_states)
    return np.where((state == last) | ((state == last - 1) & (last > 0)), 0.0, -np.inf)


def ctc_loss(logits, labels, input_length, label_length):
    states, skips = _states(labels, logits.shape[2] - 1)
    emitted = np.take_along_axis(log_softmax(logits, 2), states[:, None], 2)
    alpha = np.full(emitted.shape, -np.inf, logits.dtype)
    alpha[:, :1, :2] = emitted[:, :1, :2]
    for t in range(1, logits.shape[1]):
        a = alpha[:, t - 1]
        skipped = np.where(skips, _shifted(a, 2), -np.inf)
        alpha[:, t] = np.logaddexp(np.logaddexp(a, _shifted(a, 1)), skipped) + emitted[:, t]
    final = alpha[np.arange(len(labels)), input_length - 1] + _ends(label_length, states.shape[1])
    return -np.logaddexp.reduce(final, 1).astype(logits.dtype), alpha


def ctc_loss_gradient(g, logits, labels, input_length, label_length, loss, alpha):
    n_steps, n_classes = logits.shape[1:]
    states, skips = _states(labels, n_classes - 1)
    log_p = log_softmax(logits, 2)
    emitted = np.take_along_axis(log_p, states[:, None], 2)
    ends, last = _ends(label_length, states.shape[1]), input_length[:, None] - 1
    occupied = np.zeros(emitted.shape, logits.dtype)
    beta = np.full(ends.shape, -np.inf)
    for t in reversed(range(n_steps)):
        if t + 1 < n_steps:
            b = beta + emitted[:, t + 1]
            skipped = _shifted(np.where(skips, b, -np.inf), -2)
            beta = np.logaddexp(np.logaddexp(b, _shifted(b, -1)), skipped)
        beta = np.where(last == t, ends, beta)
        occupied[:, t] = np.exp(alpha[:, t] + beta + loss[:, None])
    shares = occupied @ (states[:, :, None] == np.arange(n_classes)).astype(logits.dtype)
    counts = (np.arange(n_steps) <= last) & np.isfinite(loss)[:, None]
    return np.where(counts[:, :, None], (np.exp(log_p) - shares) * g[:, None, None], 0).astype(logits.dtype)


# ---- decoding --------------------------------------------------------------------------------------------------------


def ctc_greedy(scores, input_length):
    batch, steps, classes = scores.shape
    best = np.argmax(scores, 2)
    inside = np.arange(steps) < input_length[:, None]
    fresh = np.ones((batch, steps), bool)
    fresh[:, 1:] = best[:, 1:] != best[:, :-1]
    said = inside & fresh & (best != classes - 1)
    decoded = np.full((batch, steps), -1, "int64")
    rows, places = np.nonzero(said)[0], (np.cumsum(said, 1) - 1)[said]
    decoded[rows, places] = best[said]
    total = np.sum(np.where(inside, np.max(scores, 2), 0), 1, keepdims=True)
    return decoded, -total.astype(scores.dtype)


def ctc_beam(scores, input_length, beam_width, top_paths, merge_repeated):
    log_p = log_softmax(scores.astype("float64"), 2)
    paths = np.full((top_paths, *scores.shape[:2]), -1, "int64")
    found = np.full((len(scores), top_paths), -np.inf)
    for i, length in enumerate(input_length):
        for k, (path, score) in enumerate(_search(log_p[i, :length], beam_width)[:top_paths]):
            if merge_repeated:
                path = [c for j, c in enumerate(path) if j == 0 or c != path[j - 1]]
            paths[k, i, : len(path)] = path
            found[i, k] = score
    return (*paths, found.astype(scores.dtype))


class _Beam:
    """Prefixes under search: their nodes in a tree, last labels, and log probabilities of ending in a blank or not."""

    def __init__(self):
        self.parents, self.labels, self.children = [-1], [-1], {}
        self.nodes = np.array([0])
        self.in_blank, self.in_label = np.zeros(1), np.full(1, -np.inf)

    def node(self, parent, label):
        """The tree's node for a prefix and one label more."""
        key = parent, label
        if key not in self.children:
            self.children[key] = len(self.parents)
            self.parents.append(parent)
            self.labels.append(label)
        return self.children[key]

    def step(self, log_p, width):
        """Takes in the log probabilities of one step, and keeps the best prefixes."""
        blank = len(log_p) - 1
        total = np.logaddexp(self.in_blank, self.in_label)
        last = np.array([self.labels[n] for n in self.nodes])
        longer = total[:, None] + log_p[:blank]
        tip = np.flatnonzero(last >= 0)
        longer[tip, last[tip]] = self.in_blank[tip] + log_p[last[tip]]  # a repeat needs a blank between
        in_blank = total + log_p[blank]
        in_label = np.where(last >= 0, self.in_label + log_p[last], -np.inf)
        index = {n: i for i, n in enumerate(self.nodes)}
        for i in tip:
            j = index.get(self.parents[self.nodes[i]])
            if j is not None:  # the prefix is there already: what leads to it is added up
                in_label[i] = np.logaddexp(in_label[i], longer[j, last[i]])
                longer[j, last[i]] = -np.inf
        self._select(in_blank, in_label, longer, width)

    def _select(self, in_blank, in_label, longer, width):
        n = len(in_blank)
        scores = np.concatenate([np.logaddexp(in_blank, in_label), longer.reshape(-1)])
        best = np.argsort(-scores, kind="stable")[:width]
        best = best[scores[best] > -np.inf]
        stay, grow = best[best < n], best[best >= n] - n
        new = [self.node(self.nodes[j], int(c)) for j, c in zip(*np.unravel_index(grow, longer.shape), strict=True)]
        self.nodes = np.concatenate([self.nodes[stay], np.array(new, dtype=int)])
        self.in_blank = np.concatenate([in_blank[stay], np.full(len(new), -np.inf)])
        self.in_label = np.concatenate([in_label[stay], longer.reshape(-1)[grow]])

    def path(self, node):
        labels = []
        while node:
            labels.append(self.labels[node])
            node = self.parents[node]
        return labels[::-1]


def _search(log_p, width):
    """(labels, log probability) of the prefixes that are left after the last step, best first."""
    beam = _Beam()
    for step in log_p:
        beam.step(step, width)
    total = np.logaddexp(beam.in_blank, beam.in_label)
    return [(beam.path(beam.nodes[i]), total[i]) for i in np.argsort(-total, kind="stable")]
