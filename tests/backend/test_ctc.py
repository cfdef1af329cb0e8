"""CTC: what is decoded, and what happens at the edges of the loss."""

import itertools

import numpy as np
import pytest

from minikeras import backend as K


def steps(*best, classes=3):
    """Probabilities [1, steps, classes] with 0.9 for the best class of each step."""
    rest = 0.1 / (classes - 1)
    return np.array([[[0.9 if c == b else rest for c in range(classes)] for b in best]])


def decode(p, lengths, **kwargs):
    """The decoded sequences and scores of fed probabilities."""
    x = K.placeholder(p.shape)
    paths, score = K.ctc_decode(x, K.constant(lengths, dtype="int32"), **kwargs)
    *paths, score = K.function([x], [*paths, score])([p])
    return [q.tolist() for q in paths], score


def collapsed(path, blank):
    return tuple(k for k, _ in itertools.groupby(path) if k != blank)


def sequence_probabilities(p):
    """All label sequences of one sample with their probabilities, by going through all paths."""
    p = p / p.sum(-1, keepdims=True)
    found = {}
    for path in itertools.product(range(p.shape[1]), repeat=p.shape[0]):
        key = collapsed(path, p.shape[1] - 1)
        found[key] = found.get(key, 0.0) + np.prod(p[np.arange(len(p)), path])
    return sorted(found.items(), key=lambda item: -item[1])


@pytest.mark.parametrize("greedy", [True, False])
def test_repeats_merge_unless_a_blank_is_between(greedy, backend):
    paths, _ = decode(steps(0, 0, 2, 0, 1, 1, 2), [7], greedy=greedy)
    assert paths == [[[0, 0, 1]]]


@pytest.mark.parametrize("greedy", [True, False])
def test_only_the_steps_that_count_are_decoded(greedy, backend):
    p = np.concatenate([steps(0, 2, 1, 0), steps(1, 1, 1, 1)])
    paths, _ = decode(p, [3, 0], greedy=greedy)
    assert paths == [[[0, 1], [-1, -1]]]


def test_greedy_score_is_the_negative_sum_of_the_best(backend):
    _, score = decode(steps(0, 1), [2])
    np.testing.assert_allclose(score, [[-2 * np.log(0.9)]], rtol=1e-5)


def test_the_search_finds_the_most_probable_sequences(backend):
    p = np.random.default_rng(0).uniform(0.05, 1.0, (1, 5, 3))
    expected = sequence_probabilities(p[0])[:3]
    paths, scores = decode(p, [5], greedy=False, beam_width=50, top_paths=3)
    assert [tuple(c for c in q[0] if c >= 0) for q in paths] == [k for k, _ in expected]
    np.testing.assert_allclose(scores[0], [np.log(v) for _, v in expected], rtol=1e-4)


def test_merge_repeated_merges_in_the_results_of_the_search(backend):
    paths, _ = decode(steps(0, 2, 0), [3], greedy=False, merge_repeated=True)
    assert paths == [[[0]]]


def test_inside_a_model_the_result_has_all_steps(backend):
    w = K.variable(np.eye(3))
    x = K.placeholder((1, 3, 3))
    paths, _ = K.ctc_decode(K.dot(x, w), K.constant([3], dtype="int32"))
    assert K.function([x], paths)([steps(1, 1, 2)])[0].tolist() == [[1, -1, -1]]


def test_more_paths_than_the_beam_is_wide_are_refused():
    with pytest.raises(ValueError, match="beam_width"):
        K.ctc_decode(K.placeholder((1, 3, 3)), [3], greedy=False, beam_width=1, top_paths=2)


def test_labels_that_do_not_fit_cost_inf_and_give_no_gradient(backend):
    p = K.placeholder((2, 2, 3))
    # "0 0" needs a blank between, so three steps.
    loss = K.ctc_batch_cost(np.array([[0, 0], [0, 1]]), p, np.array([[2], [2]]), np.array([[2], [2]]))
    value, g = K.function([p], [loss, K.gradients(loss, [p])[0]])([np.full((2, 2, 3), 1 / 3)])
    np.testing.assert_allclose(value[:, 0], [np.inf, np.log(9)], rtol=1e-5)
    assert not g[0].any() and g[1].any() and np.isfinite(g).all()


def test_a_sample_without_labels_costs_the_path_of_blanks(backend):
    p = steps(2, 2, 0)
    loss = K.ctc_batch_cost(np.array([[0]]), K.constant(p), np.array([[3]]), np.array([[0]]))
    np.testing.assert_allclose(K.eval(loss), [[-np.log(0.9 * 0.9 * 0.05)]], rtol=1e-5)


def test_labels_as_a_sparse_tensor_are_those_that_count(backend):
    labels = np.array([[1, 2, 3], [4, 5, 6]], dtype="int32")
    x = K.placeholder((None, None), dtype="int32")
    sparse = K.ctc_label_dense_to_sparse(x, K.constant([2, 0], dtype="int32"))
    assert K.is_sparse(sparse)
    np.testing.assert_array_equal(K.function([x], [K.to_dense(sparse)])([labels])[0], [[1, 2, 0], [0, 0, 0]])
