from collections import Counter

import pytest
from data_folder import write_data_folder

from classifiers.pairs import read_scope_data
from memory_store.errors import ErrataError


@pytest.fixture
def folder(tmp_path):
    return write_data_folder(tmp_path)


def test_every_kind_and_every_part_is_there(folder):
    data = read_scope_data(folder)
    assert {query.kind for query in data.queries} == {
        "prompt",
        "paraphrase",
        "alias",
        "neighborhood",
        "same_subject",
        "unrelated",
        "everyday",
    }
    assert set(Counter(query.part for query in data.queries)) == {"fit", "calibrate", "dev"}


def test_an_edit_s_queries_all_stand_in_one_part(folder):
    parts = {}
    for query in read_scope_data(folder).queries:
        own = query.edit or query.against
        if own is not None:
            assert parts.setdefault(own, query.part) == query.part


def test_reported_records_are_neither_asked_nor_in_memory(folder):
    data = read_scope_data(folder)
    everything = " ".join([*data.edits, *(query.text for query in data.queries)])
    assert "Mor10ton" in everything  # a record of the train split
    assert "Mor40ton" not in everything  # one of the test split


def test_only_the_first_half_of_the_everyday_questions_is_used(folder):
    texts = {query.text for query in read_scope_data(folder).queries}
    assert "how do i do nq_open job 29" in texts
    assert "how do i do nq_open job 30" not in texts


def test_the_seed_alone_decides(folder):
    assert read_scope_data(folder, seed=3) == read_scope_data(folder, seed=3)
    assert read_scope_data(folder, seed=3) != read_scope_data(folder, seed=4)


def test_a_missing_file_is_named(folder):
    (folder / "zsre" / "train.jsonl").unlink()
    with pytest.raises(ErrataError, match=r"zsre.train\.jsonl is missing"):
        read_scope_data(folder)


def test_a_malformed_file_is_named(folder):
    (folder / "zsre" / "train.jsonl").write_text("{")
    with pytest.raises(ErrataError, match="is not JSONL"):
        read_scope_data(folder)
