from dataclasses import replace
from datetime import UTC, datetime

import pytest
from fakes import FunctionScorer

from memory_store import Edit
from serac.contradictions import without_contradictions


def edit(id, text, day=1, **fields):
    return Edit(id, text, created_at=datetime(2026, 1, day, tzinfo=UTC), **fields)


def never(query, text):
    return 0.0


def always(query, text):
    return 1.0


PARIS = edit("paris", "The Space Needle is located in Paris.", 1)
ROME = edit("rome", "The Space Needle is located in Rome", 2)
OSLO = edit("oslo", "You can find the Space Needle in Oslo.", 3)


def kept(*edits, judge=never, reading="Where is it?"):
    used, aside = without_contradictions(edits, FunctionScorer(judge), reading)
    assert sorted(e.id for e in (*used, *aside)) == sorted(e.id for e in edits)
    return [e.id for e in used]


def test_of_two_of_one_wording_the_newer_is_used():
    asked = []

    def judge(query, text):
        asked.append(query)
        return 0.9

    assert kept(PARIS, ROME, judge=judge) == kept(ROME, PARIS, judge=judge) == ["rome"]
    assert set(asked) == {"The Space Needle is located in"}


def test_one_wording_of_two_subjects_is_no_contradiction_by_itself():
    assert kept(PARIS, ROME) == ["paris", "rome"]
    mine, hers = (
        edit("a", "The capital of Peru is Cusco.", 1),
        edit("b", "The capital of Chad is Lima.", 2),
    )
    assert kept(mine, hers) == ["a", "b"]


def test_of_two_that_ask_for_each_other_the_newer_is_used():
    asked = []

    def judge(query, text):
        asked.append(query)
        return 0.9

    assert kept(PARIS, OSLO, judge=judge) == ["oslo"]
    assert asked == ["The Space Needle is located in", "You can find the Space Needle in"]


def test_both_must_ask_for_each_other():
    assert kept(PARIS, OSLO, judge=lambda q, t: 0.9 if t == PARIS.text else 0.1) == [
        "paris",
        "oslo",
    ]


def test_the_question_of_an_edit_is_its_beginning():
    asked = edit("q", "Where is the Space Needle? Oslo", 5)
    seen = []

    def judge(query, text):
        seen.append(query)
        return 0.9

    assert kept(PARIS, asked, judge=judge) == ["q"]
    assert "Where is the Space Needle?" in seen


def test_edits_of_different_matters_are_all_used():
    coach = edit("coach", "The coach of the Rovers is Bilal Stenmark.", 1)
    home = edit("home", "The Rovers play their home games at Candle Park.", 2)
    assert kept(coach, home) == ["coach", "home"]


def test_keys_decide_where_both_have_them():
    older = replace(PARIS, subject="Space Needle", relation="city")
    newer = replace(ROME, subject="Space Needle", relation="city")
    other = replace(ROME, subject="Space Needle", relation="architect")
    assert kept(older, newer) == ["rome"]
    assert kept(older, other, judge=always) == ["paris", "rome"]


def test_the_one_that_holds_from_later_on_is_the_newer():
    dated = replace(PARIS, valid_from=datetime(2026, 6, 1, tzinfo=UTC))
    earlier = replace(ROME, valid_from=datetime(2026, 5, 1, tzinfo=UTC))
    assert kept(dated, earlier, judge=always) == ["paris"]
    assert kept(dated, ROME, judge=always) == ["rome"]  # not dated: the one stored later


def test_of_two_stored_at_one_time_the_more_probable_is_used():
    assert kept(PARIS, replace(ROME, created_at=PARIS.created_at), judge=always) == ["paris"]


def test_of_many_the_newest_alone_is_left():
    assert kept(PARIS, ROME, OSLO, judge=always) == ["oslo"]


def test_one_edit_asks_no_scorer():
    def judge(query, text):
        raise AssertionError

    assert kept(PARIS, judge=judge) == ["paris"]


def test_an_edit_without_a_time_is_the_older():
    assert kept(Edit("none", "The Space Needle is located in Bonn."), PARIS, judge=always) == [
        "paris"
    ]


@pytest.mark.parametrize(
    "reading",
    [
        "Which languages does Ann speak?",
        "When and where was Ann born?",
        "Where was Ann born and when was it?",
        "Who are Bob's children?",
        "Name all towns on the Elbe.",
    ],
)
def test_a_query_for_several_things_sets_none_aside(reading):
    assert kept(PARIS, ROME, judge=always, reading=reading) == ["paris", "rome"]


@pytest.mark.parametrize(
    "reading",
    [
        "What does Ann play?",
        "What is the capital of Peru?",
        "Which city was it in?",
        "What was his job?",
        "What city has the Space Needle?",
        "The Space Needle is located in",
    ],
)
def test_a_query_for_one_thing_has_one_answer(reading):
    assert kept(PARIS, ROME, judge=always, reading=reading) == ["rome"]


def test_a_number_doesn_t_contradict_a_name():
    place = edit("a", "Ann was born in Oslo.", 1)
    year = edit("b", "Ann was born in 1950.", 2)
    assert kept(place, year, judge=always) == ["a", "b"]


def test_keys_are_compared_without_case():
    older = replace(PARIS, subject="Space Needle", relation="city")
    assert kept(older, replace(ROME, subject="space needle", relation="City")) == ["rome"]


def test_many_edits_of_one_matter_leave_the_newest():
    towns = ["Paris", "Rome", "Oslo", "Bonn", "Kyiv", "Riga", "Bern", "Lima", "Cairo"]
    edits = [edit(t, f"The Space Needle is located in {t}.", n) for n, t in enumerate(towns, 1)]
    assert kept(*edits, judge=always) == ["Cairo"]


def test_subjects_that_are_given_and_differ_are_no_contradiction():
    always = FunctionScorer(lambda query, edit: 1.0)
    one = Edit("a", "The capital of Ireland is Cork", subject="Ireland")
    other = Edit("b", "The capital of Northern Ireland is Derry", subject="Northern Ireland")
    assert without_contradictions([one, other], always) == ((one, other), ())
    same = Edit("b", "The capital of Ireland is Derry", subject="IRELAND ")
    assert len(without_contradictions([one, same], always)[0]) == 1
