import pytest
from hypothesis import given
from hypothesis import strategies as st

from mello.loop import MAX_HOPS
from mello.plans import Plan, has_references, plan_prompt, read_plan, write_plan

CHAIN = Plan(
    ("In which city is the Space Needle?", "Who is the mayor of #1?", "Where was #2 born?")
)


def test_a_plan_is_a_numbered_step_a_line():
    assert write_plan(Plan(("Who?", "Where is #1?"))) == "\n1. Who?\n2. Where is #1?"
    assert write_plan(Plan()) == " none"
    assert plan_prompt("Who\n is  it?") == "Question: Who is it?\nSteps:"


@pytest.mark.parametrize(
    "text",
    [
        "1. Who?\n2. Where is #1?",
        "\n\n 1) Who?\n\n 2) Where is #1?\n",
        "1: Who?\r\n2: Where is #1?",
        "- Who?\n* Where is #1?",
        "Who?\nWhere is #1?",
    ],
)
def test_a_plan_is_read_however_it_is_numbered(text):
    assert read_plan(text) == Plan(("Who?", "Where is #1?"))


@pytest.mark.parametrize("text", ["", " \n", "none", " none", "None.", "1. none", "NONE\n1. Who?"])
def test_a_question_of_one_hop_has_no_steps(text):
    assert read_plan(text) == Plan()


def test_a_single_step_is_no_plan():
    assert read_plan("1. Who is the mayor of Paris?") == Plan()


@pytest.mark.parametrize(
    "text",
    [
        "1. Who is #1?",  # a single step
        "1. Who is #1?\n2. Where is #1?",  # itself
        "1. Who is #2?\n2. Where is he?",  # one after it
        "1. Who?\n2. Where is #3?",  # none
        "1. Who?\n2. Where is #0?",
        "1. Who?\n2. Where is # 2?",
        "1. Who?\n2. who?",  # said twice
        "\n".join(f"{n}. What is {n}?" for n in range(1, MAX_HOPS + 2)),
    ],
)
def test_a_plan_that_can_not_be_followed_is_none(text):
    assert read_plan(text) is None


def test_the_longest_plan_is_read():
    text = "\n".join(f"{n}. What is {n}?" for n in range(1, MAX_HOPS + 1))
    assert len(read_plan(text)) == MAX_HOPS


def test_a_step_knows_what_it_refers_to():
    plan = Plan(("A?", "B?", "Is # 1 older than #2, or #1?"))
    assert plan.references(0) == ()
    assert plan.references(2) == (0, 1, 0)
    assert len(plan) == 3


def test_answers_are_put_in_at_their_places():
    assert CHAIN.filled(0, []) == CHAIN.steps[0]
    assert CHAIN.filled(1, ["Paris"]) == "Who is the mayor of Paris?"
    assert CHAIN.filled(2, ["Paris", "Anne"]) == "Where was Anne born?"
    assert Plan(("A?", "B?", "#2 or #1?")).filled(2, ["one", "two"]) == "two or one?"


@pytest.mark.parametrize("answer", ["#1", "#2", r"\1", r"\g<0>", "\\", "{}", "$1", "#1 #1", "%s"])
def test_an_answer_is_put_in_as_it_is(answer):
    assert CHAIN.filled(1, [answer]) == f"Who is the mayor of {answer}?"
    plan = Plan(("A?", "B?", "#1 and #2?"))
    assert plan.filled(2, [answer, "#1"]) == f"{answer} and #1?"


@pytest.mark.parametrize(
    ("text", "has"),
    [("Who is #1?", True), ("Who is # 12?", True), ("C#", False), ("#one", False), ("1", False)],
)
def test_what_would_be_read_as_a_reference_is_known(text, has):
    assert has_references(text) is has


lines = st.lists(
    st.sampled_from(["1", ". ", "#1", "#2", "#", " ", "\n", "Who?", "none", "-", "\\", "9" * 30])
    | st.text(max_size=4),
    max_size=20,
).map("".join)


@given(lines)
def test_any_text_is_read_as_a_plan_that_can_be_followed_or_as_none(text):
    plan = read_plan(text)
    if plan is None:
        return
    assert len(plan) != 1 and len(plan) <= MAX_HOPS
    for place in range(len(plan)):
        assert all(0 <= at < place for at in plan.references(place))
        assert not has_references(plan.filled(place, ["x"] * place))


def test_an_endless_number_is_read_too():
    read_plan(f"1. Who?\n2. Where is #{'1' * 5000}?")


words = st.text(st.characters(codec="utf-8", exclude_characters="#"), min_size=1, max_size=20)
plain_steps = words.map(lambda text: f"Who is {' '.join(text.split())}?")


@given(st.lists(plain_steps, min_size=2, max_size=6, unique_by=str.casefold), st.data())
def test_a_plan_that_is_written_is_read_back(told, data):
    steps = [
        step
        if not place or data.draw(st.booleans())
        else f"{step} #{data.draw(st.integers(1, place))}"
        for place, step in enumerate(told)
    ]
    plan = Plan(tuple(steps))
    assert read_plan(write_plan(plan)) == plan


def test_no_plan_is_read_back_too():
    assert read_plan(write_plan(Plan())) == Plan()
    assert read_plan(write_plan(CHAIN)) == CHAIN


@given(st.lists(st.text(max_size=10), min_size=2, max_size=2))
def test_hostile_answers_are_put_in_once(answers):
    plan = Plan(("A?", "B?", "Is #1 like #2?"))
    assert plan.filled(2, answers) == f"Is {answers[0]} like {answers[1]}?"
