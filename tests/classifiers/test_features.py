import numpy as np
import pytest
from fakes import FakeEncoder

from classifiers.features import FEATURES, pair_features


def features(query, edit):
    vectors = FakeEncoder().encode([query, edit])
    row = pair_features(query, [edit], vectors[0], vectors[1:])
    assert row.shape == (1, len(FEATURES))
    return dict(zip(FEATURES, row[0], strict=True))


def test_a_text_is_fully_similar_to_itself():
    found = features("The Space Needle is in Paris", "The Space Needle is in Paris")
    assert all(value == pytest.approx(1.0) for value in found.values())


def test_another_subject_shares_no_names():
    same = features("Where is the Space Needle?", "The Space Needle is located in Paris")
    other = features("Where is the Eiffel Tower?", "The Space Needle is located in Paris")
    assert same["edit_names_in_query"] > other["edit_names_in_query"] == 0.0
    assert same["common_run"] > other["common_run"]


def test_other_numbers_don_t_agree():
    assert features("Who won in 1998?", "The cup of 1994 went to Peru")["numbers_agree"] == 0.0
    assert features("Who won?", "The cup of 1994 went to Peru")["numbers_agree"] == 1.0


def test_words_without_letters_are_no_trouble():
    found = features("???", "!!!")
    assert all(np.isfinite(list(found.values())))


def test_no_edits_give_no_rows():
    vector = FakeEncoder().encode(["a"])[0]
    assert pair_features("a", [], vector, np.empty((0, len(vector)), np.float32)).shape == (0, 9)
