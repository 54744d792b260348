from collections import Counter

import pytest
from made_up_hops import made_up_case, write_cases

from benchmarks.mquake_data import (
    EditedQuestions,
    groups_of,
    is_answer,
    plain_answer,
    read_cases,
    read_edits,
    unedited_cases,
)
from memory_store.errors import ErrataError


def test_a_case_has_both_worlds_and_knows_which_hops_its_edits_answer(tmp_path):
    write_cases(tmp_path, [made_up_case(1, hops=3, edited=(1,))])
    (case,) = read_cases(tmp_path, "test")
    assert case.hops == 3
    assert case.questions[0] == "What is at the end of chain 1, wording 0?"
    assert [hop.answers[0] for hop in case.old.hops] == ["Firm1", "Town1", "Land1"]
    assert [hop.answers[0] for hop in case.new.hops] == ["Firm1", "Town101", "Land101"]
    assert [hop.edited for hop in case.new.hops] == [False, True, False]
    assert [hop.edited for hop in case.old.hops] == [False, True, False]
    assert case.new.hops[2].subjects[0] == "Town101"
    assert case.old.answers[0] == "Land1"
    assert case.edits == {"0"}


def test_the_subject_of_a_first_hop_is_that_of_its_edit_or_of_the_triple(tmp_path):
    cases = [made_up_case(n, edited=(n,)) for n in (0, 1)]
    cases.append({**made_up_case(2, edited=(1,)), "orig": {"triples_labeled": [["Ada2", "", ""]]}})
    write_cases(tmp_path, cases)
    read = {case.id: case for case in read_cases(tmp_path, "test")}
    assert read[0].old.hops[0].subjects == ("Ada0",)
    assert read[1].old.hops[0].subjects == ()
    assert read[2].old.hops[0].subjects == ("Ada2",)


def test_every_beginning_of_the_cases_has_each_number_of_hops_in_its_share(tmp_path):
    cases = [made_up_case(n, hops=2 + n % 3) for n in range(60)]
    cases += [made_up_case(n, hops=2, split="dev") for n in range(60, 90)]
    write_cases(tmp_path, cases)
    read = read_cases(tmp_path, "test", seed=3)
    assert len(read) == 60
    for most in (3, 6, 30):
        counted = Counter(case.hops for case in read[:most])
        assert set(counted.values()) == {most // 3}
    assert read == read_cases(tmp_path, "test", seed=3)
    assert read != read_cases(tmp_path, "test", seed=4)


def test_edits_are_statements_with_their_subject(tmp_path):
    write_cases(tmp_path, [made_up_case(1, edited=(0, 1))])
    edits = read_edits(tmp_path)
    assert [edit.text for edit in edits] == [
        "Ada1 works for Firm101",
        "Firm101 has its seat in Town201",
    ]
    assert [edit.subject for edit in edits] == ["Ada1", "Firm101"]


def test_a_case_on_whose_old_path_another_edit_sits_is_left_out(tmp_path):
    cases = write_cases(
        tmp_path,
        [
            made_up_case(1),  # its own edit is hidden
            made_up_case(2, edited=(1,)),
            made_up_case(3, edited=(0,)),
        ],
    )
    cases[2]["requested_rewrite"] += cases[0]["requested_rewrite"]  # another edit on path 1
    write_cases(tmp_path, cases)
    read = read_cases(tmp_path, "test")
    kept, left_out = unedited_cases(read, EditedQuestions(tmp_path))
    assert {case.id for case in kept} == {2, 3}
    assert left_out == 1


def test_a_masked_edit_on_the_old_path_leaves_no_case_out(tmp_path):
    cases = [made_up_case(1), made_up_case(3)]
    cases[1]["requested_rewrite"] += cases[0]["requested_rewrite"]
    cases[0]["masked_edit_ids"] = [2]
    write_cases(tmp_path, cases)
    kept, left_out = unedited_cases(read_cases(tmp_path, "test"), EditedQuestions(tmp_path))
    assert (len(kept), left_out) == (2, 0)


def test_groups_have_about_as_many_edits_as_asked_for_and_the_last_is_filled_up(tmp_path):
    write_cases(tmp_path, [made_up_case(n, edited=(0, 1)) for n in range(10)])
    read = read_cases(tmp_path, "test")
    groups = groups_of(read[:5], read[5:], size=4)
    assert [len(members) for members, _ in groups] == [2, 2, 1]
    assert [len(held) for _, held in groups] == [4, 4, 4]
    assert [case for members, _ in groups for case in members] == read[:5]
    for members, held in groups:
        assert all(case.edits <= held for case in members)


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ("the United States", True),
        ("U.S.A", True),
        ("united  states!", True),
        ("United States of America", False),
        ("A states", False),
        ("", False),
        ("🏴", False),
    ],
)
def test_an_answer_is_right_but_for_case_punctuation_and_an_article(said, right):
    assert is_answer(said, ["United States", "U.S.A.", "🏴", ""]) is right


def test_an_article_is_taken_away_once():
    assert plain_answer("The The") == "the"
    assert plain_answer("Theodore") == "theodore"


def test_missing_data_are_named(tmp_path):
    with pytest.raises(ErrataError, match="--data"):
        read_cases(tmp_path, "test")
