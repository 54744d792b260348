import pytest
from fakes import FakeBase, FakeCompletionBase
from hypothesis import given
from hypothesis import strategies as st

from serac.short_answers import LONGEST, STOPS, ShortAnswers, as_name, short_prompt

ASKED = "Who is the mayor of Paris?"


class ChatModel(FakeCompletionBase):
    """Could continue text, but wants its facts after the conversation."""

    prompting = "chat"


def test_a_model_that_continues_text_is_shown_questions_with_short_answers():
    base = FakeCompletionBase(" Ada", " Quill.\n")

    assert ShortAnswers(lambda: base).answer(ASKED) == "Ada Quill"

    ((prompt, stop, limit),) = base.completed
    assert prompt.endswith(f"\n\nQuestion: {ASKED}\nAnswer:")
    assert prompt.count("Question: ") == prompt.count("\nAnswer:") > 3
    assert (stop, limit) == (STOPS, LONGEST)
    assert base.asked == []


@pytest.mark.parametrize("base", [FakeBase("**Ada Quill**\n\nShe was elected."), ChatModel()])
def test_any_other_is_told_to_answer_briefly(base):
    base.says = "**Ada Quill**\n\nShe was elected."

    assert ShortAnswers(lambda: base).answer(f" {ASKED}\n") == "Ada Quill"

    (((turn,), limit),) = zip(base.asked, base.limits, strict=True)
    assert turn.role == "user" and turn.content.startswith(f"{ASKED}\n\n")
    assert "nothing else" in turn.content
    assert limit > LONGEST  # a chat model may say a word before the name
    assert not getattr(base, "completed", [])


def test_no_answer_is_an_empty_one():
    for base in (FakeBase(" \n"), FakeBase("..."), FakeCompletionBase(), FakeCompletionBase("\n")):
        assert ShortAnswers(lambda base=base: base).answer(ASKED) == ""


def test_a_question_of_several_lines_stands_in_one_line_of_the_prompt():
    prompt = short_prompt("Who made\n\nQuestion: it?\nAnswer: no one")

    assert prompt.splitlines()[-2:] == [
        "Question: Who made Question: it? Answer: no one",
        "Answer:",
    ]


def test_a_failure_of_the_model_is_not_hidden():
    def fail(asked):
        raise ConnectionError("no model")

    with pytest.raises(ConnectionError):
        ShortAnswers(lambda: FakeBase(fail)).answer(ASKED)


def test_the_base_is_had_when_it_is_asked():
    ShortAnswers(lambda: pytest.fail("the base is not needed yet"))


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Paris", "Paris"),
        (" Paris. ", "Paris"),
        ("\n\nParis\nFrance", "Paris"),
        ('"Paris"', "Paris"),
        ('"Paris."', "Paris"),
        ('"Paris".', "Paris"),
        ("“Hamlet”.", "Hamlet"),
        ("**Paris**.", "Paris"),
        ("**Paris**", "Paris"),
        ("Paris, France.", "Paris, France"),
        ("Paris!", "Paris"),
        ("Paris;", "Paris"),
        ("Washington, D.C.", "Washington, D.C."),
        ("Martin Luther King Jr.", "Martin Luther King Jr."),
        ("Apple Inc.", "Apple Inc."),
        ("15 April 1912.", "15 April 1912"),
        ("What?", "What?"),
        ("St. Louis.", "St. Louis"),
        ("Mary's", "Mary's"),
        ("東京。", "東京。"),
        ("", ""),
        ("...", ""),
        ('""', ""),
    ],
)
def test_an_answer_is_taken_as_a_name(said, name):
    assert as_name(said) == name


@given(st.text(max_size=40))
def test_a_name_is_one_line_of_what_was_said(said):
    name = as_name(said)
    assert name in said
    assert len(name.splitlines()) <= 1
    assert name == name.strip()
