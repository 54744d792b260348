import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from benchmarks.answers_text import generation_entropy, likeness


def test_text_that_repeats_itself_has_no_entropy():
    assert generation_entropy(["a"] * 30) == 0
    assert generation_entropy([]) == 0


def test_the_entropy_is_that_of_bigrams_and_trigrams():
    words = "a b c d".split()  # three bigrams and two trigrams, each once
    assert generation_entropy(words) == pytest.approx(1 / 3 * 1.584963 + 2 / 3 * 1.0, abs=1e-5)


def test_likeness_is_one_for_the_same_words_and_nought_for_others():
    weigh = TfidfVectorizer().fit(["the river Elbe", "the river Rhine", "jazz music"])
    assert likeness(weigh, "the river Elbe", "Elbe the river") == pytest.approx(1)
    assert likeness(weigh, "the river Elbe", "jazz music") == 0
    rare = likeness(weigh, "the river Elbe", "Elbe")
    assert rare > likeness(weigh, "the river Elbe", "river") > 0
