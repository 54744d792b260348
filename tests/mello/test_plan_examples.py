import re
from collections import Counter

import pytest
from data_folder import break_record, musique_record, write, write_plan_folder

from classifiers.pairs import folded, part_of, records
from mello.plan_examples import (
    SHARES,
    _as_question,
    _break_plan,
    decompositions,
    make_plan_examples,
    mquake_plan,
    musique_plan,
    questions_by_hops,
)
from mello.plans import Plan, has_references, read_plan, write_plan
from memory_store.errors import ErrataError

PEOPLE = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_plan_folder(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def made(folder):
    return make_plan_examples(folder, 0, examples=300, dev_examples=60)


def test_every_source_is_in_both_parts(made):
    assert set(made.counts()) == set(SHARES)
    assert sum(made.counts().values()) == len(made.fit)
    assert {example.source for example in made.dev} == set(SHARES)


def test_no_source_is_more_than_its_share(made):
    for part, examples in ((made.fit, 300), (made.dev, 60)):
        for source, number in Counter(example.source for example in part).items():
            assert number <= round(SHARES[source] * examples)


def test_every_plan_can_be_followed_and_single_hops_have_none(made):
    for example in made.fit + made.dev:
        assert read_plan(write_plan(example.plan)) == example.plan
        assert example.source == "written" or (not example.plan) is (example.source == "single")
        assert not has_references(example.question)


def test_our_written_questions_are_of_several_hops_and_of_one(made):
    written = [example for example in made.fit if example.source == "written"]
    assert {bool(example.plan) for example in written} == {True, False}


def test_nothing_that_is_reported_on_is_among_them_even_in_disguise(folder, made):
    reported = {
        folded(question)
        for case in records(folder / "mquake" / "cases.jsonl")
        if case["split"] == "test"
        for question in case["questions"]
    }
    for name in ("musique", "2wiki"):
        reported |= {folded(one["question"]) for one in decompositions(folder, name, "dev")}
    assert len(reported) > PEOPLE
    for example in made.fit + made.dev:
        assert folded(example.plain) not in reported
        assert not any(folded(example.question).endswith(f" {text}") for text in reported)


def test_what_is_reported_on_is_left_out_by_its_words(tmp_path):
    folder = write_plan_folder(tmp_path)
    file = folder / "decomposition" / "break_highlevel.jsonl"
    asked = "in which country does RIVER{} end"  # as in the cases, in other case
    write(file, [{**break_record("X"), "question_text": asked.format(n)} for n in range(PEOPLE)])

    made = make_plan_examples(folder, 0, examples=300, dev_examples=60)

    numbers = [int(re.findall(r"\d+", one.plain)[0]) for one in made.fit if one.source == "break"]
    assert numbers
    assert all(number % 3 != 2 for number in numbers)  # every third case is reported on


def test_questions_of_train_cases_are_fitted_on_and_of_dev_cases_chosen_by(folder, made):
    splits = {
        question.strip(): case["split"]
        for case in records(folder / "mquake" / "cases.jsonl")
        for question in case["questions"]
    }
    for part, split in ((made.fit, "train"), (made.dev, "dev")):
        asked = [example.plain for example in part if example.source == "mquake"]
        assert asked
        assert all(splits[question] == split for question in asked)


def test_a_question_is_in_one_part_only(made):
    fit = {folded(example.plain) for example in made.fit}
    shared = [one for one in made.dev if folded(one.plain) in fit and one.source != "own"]
    assert shared == []


def test_an_own_question_is_in_one_part_only(folder):
    made = make_plan_examples(folder, 0, examples=4_000, dev_examples=1_000)
    fit = {folded(example.plain) for example in made.fit if example.source == "own"}
    assert not [one for one in made.dev if one.source == "own" and folded(one.plain) in fit]


def test_some_questions_to_train_on_stand_in_a_longer_message(folder):
    made = make_plan_examples(folder, 0, examples=1_500, dev_examples=60)
    changed = [example for example in made.fit if example.question != example.plain]
    assert 0.04 < len(changed) / len(made.fit) < 0.2
    for example in changed:
        assert example.plain in example.question or not example.plan
    assert all(example.question == example.plain for example in made.dev)


def test_a_question_with_a_reference_in_it_is_left_out(tmp_path):
    folder = write_plan_folder(tmp_path)
    file = folder / "decomposition" / "musique.jsonl"
    write(file, [{**one, "question": f"{one['question']} #1"} for one in records(file)])

    made = make_plan_examples(folder, 0, examples=300, dev_examples=60)

    assert "musique" not in made.counts()


def test_the_seed_decides_everything(folder, made):
    assert make_plan_examples(folder, 0, examples=300, dev_examples=60) == made
    assert make_plan_examples(folder, 1, examples=300, dev_examples=60) != made


def test_a_missing_file_is_named(tmp_path):
    folder = write_plan_folder(tmp_path)
    (folder / "decomposition" / "2wiki.jsonl").unlink()
    with pytest.raises(ErrataError, match=r"2wiki\.jsonl is missing; name the data folder"):
        make_plan_examples(folder, 0, examples=300, dev_examples=60)


def test_decompositions_are_parted_by_their_questions(folder):
    parts = {
        part: [one["question"] for one in decompositions(folder, "musique", part)]
        for part in ("fit", "calibrate", "dev")
    }
    assert sum(map(len, parts.values())) == PEOPLE
    for part, questions in parts.items():
        assert questions
        assert all(part_of(question, 0) == part for question in questions)
    other = [one["question"] for one in decompositions(folder, "musique", "fit", seed=1)]
    assert other != parts["fit"]


def case(*hops):
    return {"single_hops": [{"question": question, "answer": answer} for question, answer in hops]}


def test_a_case_s_answers_become_references():
    found = mquake_plan(
        case(
            ("Who made Tin Lanterns?", "Ada Quill"),
            ("Where was Ada Quill born?", "Arden"),
            ("Which country is Arden in?", "Bolt"),
        )
    )
    assert found == Plan(
        ("Who made Tin Lanterns?", "Where was #1 born?", "Which country is #2 in?")
    )


@pytest.mark.parametrize(
    "found",
    [
        case(("Who made Tin Lanterns?", "Ada Quill")),
        case(("Who made Tin Lanterns?", "Ada Quill"), ("Where was she born?", "Arden")),
        case(("Who made X?", "Ada"), ("Is Ada the Ada of X?", "yes")),
        case(("Who made #2?", "Ada"), ("Where was Ada born?", "Arden")),
    ],
)
def test_a_case_whose_hops_do_not_follow_on_each_other_has_no_plan(found):
    assert mquake_plan(found) is None


def test_relations_are_put_as_questions():
    found = musique_plan(musique_record("Tin Lanterns"))
    assert found == Plan(("What is the writer of Tin Lanterns?", "Who is the spouse of #1?"))


@pytest.mark.parametrize(
    ("step", "question"),
    [
        ("Salt >> publisher", "Who published Salt?"),
        ("Salt >> writer", "What is the writer of Salt?"),
        ("#1 >> country of citizenship ", "What is the country of citizenship of #1?"),
        ("who made Salt", "Who made Salt?"),
        ("In which town does #1 lie ?", "In which town does #1 lie?"),
        ("town of Salt", "What is the town of Salt?"),
        ("the town of Salt.", "What is the town of Salt?"),
        ("a town", "What is a town?"),
        ("#1's town", "What is #1's town?"),
        ("whole towns", "What is the whole towns?"),
    ],
)
def test_a_step_of_any_set_becomes_a_question(step, question):
    assert _as_question(step) == question


def test_plain_steps_of_break_become_questions():
    assert _break_plan(break_record("Ada")) == Plan(
        ("What is the town where Ada plays?", "What is the size of #1?")
    )


@pytest.mark.parametrize(
    "found",
    [
        break_record("Ada", operators="['select', 'filter']"),
        break_record("Ada", source="DROP"),
        break_record("Ada", steps="return town where Ada plays"),
        break_record("Ada", steps="return size of #2 ;return towns"),
    ],
)
def test_other_steps_of_break_have_no_plan(found):
    assert _break_plan(found) is None


def test_long_strategies_are_left_out(tmp_path):
    folder = write_plan_folder(tmp_path)
    file = folder / "decomposition" / "strategyqa_train.jsonl"
    long = [f"What is {n}?" for n in range(5)]
    write(file, [{**one, "decomposition": long} for one in records(file)])

    made = make_plan_examples(folder, 0, examples=300, dev_examples=60)

    assert "strategyqa" not in made.counts()


def test_more_of_mquake_than_there_is_comes_with_the_first_subjects_of_other_cases(folder):
    few, many = (make_plan_examples(folder, 0, n, 40) for n in (40, 1_600))
    own, more = ({one.plain for one in e.fit if one.source == "mquake"} for e in (few, many))
    assert len(more) > len(own)
    for example in (one for one in many.fit if one.source == "mquake"):
        river = re.search(r"River\d+", example.plain).group()
        assert river in example.plan.steps[0]


def test_what_is_chosen_by_does_not_depend_on_how_much_is_trained_on(folder):
    few, many = (make_plan_examples(folder, 0, examples, 60) for examples in (90, 900))
    again = make_plan_examples(folder, 0, 90, 60, draw=1)
    asked = [{one.question for one in made.dev} for made in (few, many, again)]
    assert len(asked[0] & asked[1] & asked[2]) > 30
    assert len(asked[0] | asked[1] | asked[2]) <= 60


def test_our_questions_of_one_hop_are_a_source_of_their_own(folder):
    several, single = questions_by_hops(folder, "dev")
    assert len(several["written"]) > len(single["written, one hop"]) > 50
    assert not set(several["written"]) & set(single["written, one hop"])
    assert "mquake, one hop" not in single
