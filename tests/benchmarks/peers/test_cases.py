import pytest
from data_folder import write

from benchmarks.peers.cases import PeerCases, everyday_questions
from classifiers.pairs import records
from memory_store.errors import ErrataError


def test_the_seed_fixes_order_and_samples(data):
    first, again, other = (PeerCases("counterfact", data, seed) for seed in (0, 0, 1))
    assert first.all == again.all != other.all
    assert first.size == 12 and first.left_out == 0
    assert first.edited(5) == first.all[:5]
    assert first.sample(10, 4) == again.sample(10, 4)
    assert all(case in first.all[:10] for case in first.sample(10, 4))
    assert first.sample(3, 10) == first.all[:3]


def test_a_case_of_counterfact_has_its_prompts(data):
    case = PeerCases("counterfact", data, 0).all[0]
    edit = case.edit
    assert edit.prompt == f"{edit.subject} was born in"
    assert edit.text == f"{edit.prompt} {edit.target}"
    assert case.asked["exact"] == (edit.prompt,)
    assert case.asked["neighborhood"][0].startswith("Stranger")
    assert case.begins == f"{edit.subject} grew up in"
    assert not case.hops


def test_neighbours_that_are_edited_themselves_are_dropped(data):
    file = data / "counterfact" / "test.jsonl"
    tests = list(records(file))
    edited = tests[1]["requested_rewrite"]["subject"]
    for record in tests:
        record["neighborhood_prompts"].append(f"{edited} was born in")
    write(file, tests)
    cases = PeerCases("counterfact", data, 0)
    alone = next(case for case in cases.all if case.edit.subject != edited)
    near, dropped = cases.out_of_scope([alone], [alone])
    assert len(near[alone.number]) == 2 and dropped == 0
    near, dropped = cases.out_of_scope([alone], cases.all)
    assert near[alone.number][0].startswith("Stranger") and dropped == 1
    fewer = PeerCases("counterfact", data, 0, neighbors=1)
    assert {len(case.asked["neighborhood"]) for case in fewer.all} == {1}


def test_zsre_asks_questions_with_what_follows(data):
    file = data / "zsre" / "test.jsonl"
    tests = list(records(file))
    tests[0]["src"] = "Who made it?"
    write(file, tests)
    cases = PeerCases("zsre", data, 0)
    assert (cases.size, cases.left_out) == (11, 1)
    case = cases.all[0]
    assert case.edit.subject in case.edit.prompt
    assert case.hops == ((f"Where is {case.edit.target}?", "Oslo"),)
    assert case.asked["neighborhood"][0].startswith("what is thing")
    assert cases.out_of_scope([case], cases.all)[1] == 0


def test_everyday_questions_are_drawn_once(data):
    assert len(set(everyday_questions(data, 7, 0))) == 7
    assert everyday_questions(data, 7, 0) == everyday_questions(data, 7, 0)


def test_another_set_is_refused(data):
    with pytest.raises(ErrataError, match="there is no set"):
        PeerCases("else", data, 0)


def test_of_zsre_a_subject_is_edited_once(data):
    file = data / "zsre" / "test.jsonl"
    tests = list(records(file))
    write(file, [*tests, {**tests[0], "alt": "Another"}])
    cases = PeerCases("zsre", data, 0)
    assert cases.left_out == 1 and cases.size == len(tests)
    assert "Another" not in {case.edit.target for case in cases.all}


@pytest.mark.parametrize("name", ["counterfact", "zsre"])
@pytest.mark.parametrize("record", [{}, {"requested_rewrite": "x"}, {"src": None, "subject": "x"}])
def test_a_record_of_another_form_is_named(tmp_path, name, record):
    write(tmp_path / name / "test.jsonl", [record])
    with pytest.raises(ErrataError, match=rf"test\.jsonl has a record that is none of {name}'s"):
        PeerCases(name, tmp_path, 0)
