import json
from collections import Counter

import pytest
from data_folder import write, write_data_folder

from classifiers.pairs import folded, read_scope_data, texts_reported_on
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


def test_no_text_and_no_edit_stands_in_two_parts(folder):
    # Records share texts: the neighbours of the first are the neighbours of all.
    edit_lines(
        folder / "counterfact" / "train.jsonl",
        lambda record: record.update(neighborhood_prompts=["Stranger Unknown was born in"]),
    )
    data = read_scope_data(folder)
    parts = {}
    for query in data.queries:
        for what in filter(None, (folded(query.text), query.edit)):
            assert parts.setdefault(what, query.part) == query.part
    assert data.left_out["in another part already"] > 0


def test_texts_that_are_reported_on_are_left_out_by_their_words(folder):
    shared = "stranger40 unknown was born in?"  # a neighbour of a test record, in other case
    edit_lines(
        folder / "counterfact" / "train.jsonl",
        lambda record: record["neighborhood_prompts"].append(shared),
    )
    edit_lines(
        folder / "zsre" / "test.jsonl",
        lambda record: record.update(loc="nq question: how do i do nq_open job 3"),
    )
    data = read_scope_data(folder)
    texts = {folded(query.text) for query in data.queries}
    assert not texts & texts_reported_on(folder)
    assert folded(shared) not in texts
    assert "how do i do nq_open job 3" not in texts
    assert "how do i do nq_open job 4" in texts
    assert data.left_out["reported on"] > 1


def test_questions_of_multi_hop_cases_are_reported_on_unless_they_are_for_training(folder):
    reported = texts_reported_on(folder)
    assert {"where does river2 end", "river2 flows into"} <= reported
    assert not any("river1 " in text for text in reported)


def test_recent_facts_are_trained_on_too(folder):
    sources = Counter(query.source for query in read_scope_data(folder).queries)
    assert sources["wiki_recent"] == sources["wiki_counterfact"] > 0


def test_a_question_about_another_edit_is_not_out_of_scope(folder):
    for name, place in (("wiki_counterfact", "Isle1"), ("wiki_recent", "Reee1")):
        prompts = [{"prompt": f"The capital of {place} is"}]
        edit_lines(
            folder / "knowedit" / f"{name}_train.jsonl",
            lambda record, prompts=prompts: record["locality"].update(Relation_Specificity=prompts),
        )
    data = read_scope_data(folder)
    assert not any(query.kind == "same_subject" for query in data.queries)
    assert data.left_out["in the scope of another edit"] > 0


def test_a_neighbour_edited_under_a_near_synonym_is_not_out_of_scope(folder):
    def speaks(record):
        record["requested_rewrite"]["relation_id"] = "P1412"

    def asks_a_near_synonym(record):
        record["requested_rewrite"]["relation_id"] = "P103"
        record["neighborhood_prompts"] = ["The mother tongue of EL1 Mor is"]

    file, facts = folder / "counterfact" / "train.jsonl", folder / "counterfact" / "facts.jsonl"
    first, second, *others = [json.loads(line) for line in file.read_text().splitlines()]
    speaks(first)
    asks_a_near_synonym(second)
    write(file, [first, second, *others])
    known = [json.loads(line) for line in facts.read_text().splitlines()]
    asked = {"prompt": "El1 Mor speaks", "subject": "El1 Mor", "case_id": 999}

    def out_of_scope():
        found = [query.text for query in read_scope_data(folder).queries if query.edit is None]
        return "The mother tongue of EL1 Mor is" in found

    assert out_of_scope()
    first["requested_rewrite"]["prompt"] = "{} speaks"
    write(file, [first, second, *others])
    write(facts, [*known, {**known[0], **asked}])
    assert not out_of_scope()


def edit_lines(file, change):
    records = [json.loads(line) for line in file.read_text().splitlines()]
    for record in records:
        change(record)
    write(file, records)


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
