"""Padding, windows and skip-grams."""
import json
import random

import numpy as np
import pytest

from minikeras.layers import Dense, Flatten
from minikeras.models import Sequential
from minikeras.preprocessing.sequence import (
    TimeseriesGenerator,
    make_sampling_table,
    pad_sequences,
    skipgrams,
    timeseries_generator_from_json,
)

RAGGED = [[1], [1, 2], [1, 2, 3]]


@pytest.mark.parametrize(("options", "expected"), [
    ({}, [[0, 0, 1], [0, 1, 2], [1, 2, 3]]),
    ({"padding": "post"}, [[1, 0, 0], [1, 2, 0], [1, 2, 3]]),
    ({"maxlen": 2}, [[0, 1], [1, 2], [2, 3]]),
    ({"maxlen": 2, "truncating": "post"}, [[0, 1], [1, 2], [1, 2]]),
    ({"maxlen": 4, "value": 7}, [[7, 7, 7, 1], [7, 7, 1, 2], [7, 1, 2, 3]]),
    ({"maxlen": 0}, [[], [], []]),
])
def test_sequences_are_padded_and_cut(options, expected):
    padded = pad_sequences(RAGGED, **options)
    assert padded.dtype == "int32"
    assert padded.tolist() == expected


def test_items_may_be_vectors_or_strings():
    padded = pad_sequences([[[1, 1]], [[2, 1], [2, 2]], []], dtype="float64", value=-1.0)
    assert padded.tolist() == [[[-1, -1], [1, 1]], [[2, 1], [2, 2]], [[-1, -1], [-1, -1]]]
    assert pad_sequences([["a"], ["b", "c"]], dtype=object, value="-").tolist() == [["-", "a"], ["b", "c"]]
    assert pad_sequences([["a"], ["b", "long"]], dtype="str", value="pad").tolist() == [["pad", "a"], ["b", "long"]]
    assert pad_sequences([]).shape == (0, 0)
    assert pad_sequences(iter_free := [np.arange(3), np.arange(2)]).shape == (len(iter_free), 3)


@pytest.mark.parametrize(("arguments", "message"), [
    (([1, 2],), "item 0 is 1"), ((3,), "got int"), ((RAGGED, None, "int32", "left"), "padding must be"),
    ((RAGGED, None, "int32", "pre", "right"), "truncating must be"),
    ((RAGGED, None, "int32", "pre", "pre", "x"), "does not hold the value 'x'"),
    (([[[1, 2]], [[1, 2, 3]]],), r"sequence 1 have shape \(3,\)"),
])
def test_what_cannot_be_padded_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        pad_sequences(*arguments)


def test_sampling_table_follows_zipf():
    table = make_sampling_table(100, sampling_factor=1e-2)
    inverse = lambda rank: rank * (np.log(rank) + 0.577) + 0.5 - 1 / (12 * rank)
    assert table[0] == table[1]
    np.testing.assert_allclose(table[[1, 2, 10]], [np.sqrt(1e-2 * inverse(rank)) for rank in (1, 2, 10)])
    assert table[-1] == 1


def test_skipgrams_are_the_pairs_within_the_window():
    couples, labels = skipgrams([1, 2, 0, 3], 4, window_size=1, negative_samples=0, shuffle=False)
    assert couples == [[1, 2], [2, 1]]
    assert labels == [1, 1]
    couples, _ = skipgrams([1, 2, 0, 3], 4, window_size=2, negative_samples=0)
    assert sorted(couples) == [[1, 2], [2, 1], [2, 3], [3, 2]]


def test_negative_samples_have_the_words_of_the_couples_and_labels_move_along():
    couples, labels = skipgrams(range(1, 9), 100, window_size=1, negative_samples=2.0, categorical=True, seed=3)
    assert len(couples) == 3 * 14
    positive = [couple for couple, label in zip(couples, labels, strict=True) if label == [0, 1]]
    assert sorted(positive) == sorted([a, b] for a in range(1, 9) for b in (a - 1, a + 1) if 1 <= b <= 8)
    negative = [couple for couple, label in zip(couples, labels, strict=True) if label == [1, 0]]
    assert len(negative) == 28
    assert {word for word, _ in negative} <= set(range(1, 9))
    assert all(1 <= other < 100 for _, other in negative)
    assert (couples, labels) == skipgrams(range(1, 9), 100, 1, 2.0, True, True, seed=3)
    assert couples != skipgrams(range(1, 9), 100, 1, 2.0, True, True, seed=4)[0]


def test_skipgrams_without_a_seed_follow_pythons_generator():
    random.seed(5)
    first = skipgrams([1, 2, 3, 4], 9, sampling_table=[0.5] * 5)
    random.seed(5)
    assert first == skipgrams([1, 2, 3, 4], 9, sampling_table=[0.5] * 5)


def test_a_sampling_table_drops_words():
    couples, _ = skipgrams([1, 2, 1, 2], 3, window_size=1, negative_samples=0, sampling_table=[0, 0, 1])
    assert sorted(couples) == [[2, 1]] * 3


DATA = np.arange(50).reshape(25, 2)


def test_windows_end_right_before_their_targets():
    batches = TimeseriesGenerator(DATA, np.arange(25), length=4, sampling_rate=2, batch_size=8)
    assert len(batches) == 3                                     # targets 4 to 24 are 21
    x, y = batches[0]
    assert x.shape == (8, 2, 2)
    assert x[0].tolist() == [[0, 1], [4, 5]]
    assert y.tolist() == list(range(4, 12))
    assert batches[2][1].tolist() == list(range(20, 25))


def test_windows_with_stride_bounds_and_reverse():
    batches = TimeseriesGenerator(list(range(25)), list(range(25)), 3, stride=4, start_index=2, end_index=20,
                                  reverse=True, batch_size=2)
    assert [batches[i][1].tolist() for i in range(len(batches))] == [[5, 9], [13, 17]]
    assert batches[0][0].tolist() == [[4, 3, 2], [8, 7, 6]]


def test_shuffled_windows_stay_with_their_targets():
    x, y = TimeseriesGenerator(np.arange(100), np.arange(100), 5, shuffle=True, batch_size=40, start_index=50)[0]
    assert np.array_equal(x[:, -1] + 1, y)
    assert y.min() >= 55
    assert len(y) == 40


def test_a_generator_goes_to_json_and_back():
    batches = TimeseriesGenerator(DATA, DATA[:, 0], 4, sampling_rate=2, stride=3, start_index=1, end_index=20,
                                  reverse=True, batch_size=2)
    assert json.loads(batches.to_json())["class_name"] == "TimeseriesGenerator"
    assert batches.get_config()["start_index"] == 1
    again = timeseries_generator_from_json(batches.to_json(indent=1))
    assert again.get_config() == batches.get_config()
    for i in range(len(batches)):
        np.testing.assert_array_equal(again[i][0], batches[i][0])
        np.testing.assert_array_equal(again[i][1], batches[i][1])
    with pytest.raises(TypeError, match="not JSON serializable"):
        TimeseriesGenerator([object()] * 3, [1, 2, 3], 1).to_json()


def test_generators_without_a_window_are_refused():
    with pytest.raises(ValueError, match="no window fits"):
        TimeseriesGenerator(DATA, DATA, length=25)
    with pytest.raises(ValueError, match="one length"):
        TimeseriesGenerator(DATA, DATA[1:], length=2)


def test_models_train_on_windows():
    series = np.sin(np.arange(60) / 3)[:, None]
    batches = TimeseriesGenerator(series, series, length=6, batch_size=9)
    model = Sequential([Flatten(input_shape=(6, 1)), Dense(1)])
    model.compile("adam", "mse")
    losses = model.fit(batches, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert model.predict(batches).shape == (54, 1)
