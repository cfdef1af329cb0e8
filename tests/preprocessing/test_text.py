"""Words and their numbers."""
import json
from hashlib import md5

import numpy as np
import pytest

from minikeras.preprocessing.text import (
    Tokenizer,
    hashing_trick,
    one_hot,
    text_to_word_sequence,
    tokenizer_from_json,
)

TEXTS = ["The cat sat on the mat.", "The dog sat!", "A bird"]


@pytest.mark.parametrize(("text", "options", "words"), [
    ("Hello, World! hello", {}, ["hello", "world", "hello"]),
    ("Hello, World", {"lower": False, "filters": ","}, ["Hello", "World"]),
    ("a,b c", {"filters": "", "split": ","}, ["a", "b c"]),
    ("a b\tc", {"split": "stop"}, ["a b", "c"]),
    ("ali! veli? été", {"filters": "!?"}, ["ali", "veli", "été"]),
    ("", {}, []),
])
def test_texts_are_split_into_words(text, options, words):
    assert text_to_word_sequence(text, **options) == words


def test_hashes_lie_between_1_and_n():
    assert hashing_trick("The cat, the", 10, "md5") == [
        int(md5(word).hexdigest(), 16) % 9 + 1 for word in (b"the", b"cat", b"the")]
    assert hashing_trick("a bb", 100, len) == [2, 3]
    assert one_hot("The cat", 50) == [hash("the") % 49 + 1, hash("cat") % 49 + 1]
    assert set(one_hot(" ".join(map(str, range(200))), 4)) == {1, 2, 3}


def test_words_are_numbered_by_frequency_then_by_first_sight():
    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(TEXTS)
    assert tokenizer.word_index == {"the": 1, "sat": 2, "cat": 3, "on": 4, "mat": 5, "dog": 6, "a": 7, "bird": 8}
    assert tokenizer.word_counts["the"] == 3
    assert tokenizer.word_docs["the"] == tokenizer.index_docs[1] == 2
    assert tokenizer.document_count == 3
    assert tokenizer.texts_to_sequences(["the BIRD sat on a fish"]) == [[1, 8, 2, 4, 7]]
    assert tokenizer.sequences_to_texts([[1, 8, 99], []]) == ["the bird", ""]
    tokenizer.fit_on_texts(["bird bird bird"])
    assert tokenizer.word_index["bird"] == 1
    assert tokenizer.index_docs[tokenizer.word_index["the"]] == 2


def test_rare_and_unknown_words_are_left_out_or_replaced():
    rare = Tokenizer(num_words=3)
    rare.fit_on_texts(TEXTS)
    assert rare.texts_to_sequences(["the cat sat fish"]) == [[1, 2]]
    assert rare.sequences_to_texts([[1, 2, 3]]) == ["the sat"]
    replaced = Tokenizer(num_words=4, oov_token="?")
    replaced.fit_on_texts(TEXTS)
    assert replaced.word_index["?"] == 1
    assert replaced.texts_to_sequences(["the cat sat fish"]) == [[2, 1, 3, 1]]
    assert replaced.sequences_to_texts([[2, 4, 99]]) == ["the ? ?"]


def test_characters_and_lists_of_words():
    letters = Tokenizer(char_level=True)
    letters.fit_on_texts(["aAb", "b c"])
    assert letters.word_index == {"a": 1, "b": 2, " ": 3, "c": 4}
    assert letters.texts_to_sequences(["cab"]) == [[4, 1, 2]]
    words = Tokenizer()
    words.fit_on_texts([["Big cat", "small"], ["small"]])
    assert words.texts_to_sequences([["small", "big cat"]]) == [[1, 2]]


@pytest.mark.parametrize(("mode", "row"), [
    ("binary", [0, 1, 1, 0, 0]), ("count", [0, 2, 1, 0, 0]), ("freq", [0, 2 / 3, 1 / 3, 0, 0]),
    ("tfidf", [0, (1 + np.log(2)) * np.log(1 + 2 / 3), np.log(1 + 2 / 2), 0, 0]),
])
def test_matrices(mode, row):
    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(["a b a", "a c d"])
    np.testing.assert_allclose(tokenizer.texts_to_matrix(["a b a", "zzz"], mode), [row, [0] * 5])


def test_matrices_of_sequences_alone():
    tokenizer = Tokenizer(num_words=4)
    sequences = [[1, 2, 2], [2, 3, 9]]
    tokenizer.fit_on_sequences(sequences)
    expected = [[0, np.log(1 + 2 / 2), (1 + np.log(2)) * np.log(1 + 2 / 3), 0], [0, 0, np.log(5 / 3), np.log(2)]]
    np.testing.assert_allclose(tokenizer.sequences_to_matrix(sequences, "tfidf"), expected)
    assert tokenizer.sequences_to_matrix(sequences, "freq")[1].tolist() == [0, 0, 1 / 3, 1 / 3]


def test_matrices_need_a_size_a_mode_and_counts():
    with pytest.raises(ValueError, match="num_words"):
        Tokenizer().sequences_to_matrix([[1]])
    with pytest.raises(ValueError, match="mode must be"):
        Tokenizer(3).sequences_to_matrix([[1]], "sum")
    with pytest.raises(ValueError, match="fit_on_texts or fit_on_sequences"):
        Tokenizer(3).sequences_to_matrix([[1]], "tfidf")


def test_arguments_of_keras_1_and_none_else():
    with pytest.warns(DeprecationWarning, match="num_words"):
        assert Tokenizer(nb_words=3).num_words == 3
    with pytest.raises(TypeError, match="'words'"):
        Tokenizer(words=3)


def test_a_tokenizer_goes_to_json_and_back():
    tokenizer = Tokenizer(num_words=5, oov_token="<oov>", lower=False, filters="!.")
    tokenizer.fit_on_texts(TEXTS)
    text = tokenizer.to_json(indent=2)
    assert json.loads(text)["class_name"] == "Tokenizer"
    again = tokenizer_from_json(text)
    assert again.get_config() == tokenizer.get_config()
    assert again.index_word == tokenizer.index_word
    np.testing.assert_array_equal(again.texts_to_matrix(TEXTS, "tfidf"), tokenizer.texts_to_matrix(TEXTS, "tfidf"))
    again.fit_on_texts(["new words"])
    assert again.document_count == 4
    assert again.word_counts["The"] == 2
