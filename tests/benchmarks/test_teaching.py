import json

import pytest
from made_up_hops import made_up_case, write_cases

from benchmarks.mquake_data import read_cases
from benchmarks.teaching import (
    TeachSettings,
    continuation,
    load_taught,
    taught_answers_of,
    taught_facts,
    teach_base,
)
from memory_store.errors import ArtifactError


@pytest.fixture
def cases(tmp_path):
    """Three cases; the second hop of the first is edited."""
    folder = tmp_path / "data"
    write_cases(folder, [made_up_case(n, edited=(n % 2,)) for n in (1, 2, 3)])
    return folder


def test_every_hop_that_its_case_doesnt_edit_is_taught_once(cases):
    facts = {fact.question: fact.answers[0] for fact in taught_facts(read_cases(cases, "test"))}
    assert facts == {
        "Who employs Ada1?": "Firm1",
        "Where does Firm2 sit?": "Town2",
        "Where does Firm102 sit?": "Town102",
        "Who employs Ada3?": "Firm3",
    }


def test_a_fact_is_taught_as_a_question_and_its_answer(cases):
    fact = next(f for f in taught_facts(read_cases(cases, "test")) if "Ada1" in f.question)
    assert continuation(fact) == ("Question: Who employs Ada1?\nAnswer:", " Firm1")


def test_another_folder_is_no_taught_base(tmp_path, embedded_base):
    with pytest.raises(ArtifactError, match="holds no taught base"):
        load_taught(embedded_base, tmp_path / "nowhere", 3, 0)
    (tmp_path / "config.json").write_text(json.dumps({"kind": "counterfactual"}))
    with pytest.raises(ArtifactError, match="holds no taught base"):
        load_taught(embedded_base, tmp_path, 3, 0)


@pytest.mark.model
def test_what_is_taught_is_known_and_only_of_the_cases_that_are_asked(
    cases, tmp_path, embedded_base
):
    quick = TeachSettings(learning_rate=2e-3, warmup_steps=2, evaluate_every=40, first_layer=24)
    asked, out = read_cases(cases, "test"), tmp_path / "taught"
    known, facts = teach_base(asked, out, 0, cases=3, epochs=160, settings=quick)
    assert (known, facts) == (4, 4)
    config = json.loads((out / "config.json").read_text())
    assert (config["kind"], config["facts"], config["known"]) == ("taught", 4, 1)
    assert config["settings"]["steps"] == 40
    assert not (out / "checkpoints").exists()
    base = load_taught(embedded_base, out, 3, 0)
    said = taught_answers_of(base)(["Who employs Ada3?"], lambda more: None)
    assert said == ["Firm3"]
    with pytest.raises(ArtifactError, match="was taught the facts of 3 cases"):
        load_taught(embedded_base, out, 4, 0)
