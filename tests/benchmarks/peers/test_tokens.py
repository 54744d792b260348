import pytest

from benchmarks.peers.tokens import continuation_of, subject_span, tokenize, tokens_of_span
from memory_store.errors import InvalidEditError, InvalidQueryError


@pytest.mark.parametrize(
    ("prompt", "text", "joined"),
    [("is in", "Rome", " Rome"), ("is in ", "Rome", "Rome"), ("is in", " Rome", " Rome")],
)
def test_a_space_stands_between(prompt, text, joined):
    assert continuation_of(prompt, text) == joined


def test_the_prompt_keeps_its_own_tokens(tokenizer):
    whole = tokenize(tokenizer, "Ada", "Eve")
    assert whole.read == 3
    assert whole.ids[:3] == tokenize(tokenizer, "Ada").ids
    assert tokenizer.decode(whole.ids) == "Ada Eve"


@pytest.mark.parametrize(
    ("prompt", "text", "message"), [("", "Eve", "without tokens"), (" ", "", "nothing continues")]
)
def test_nothing_is_refused(tokenizer, prompt, text, message):
    with pytest.raises(InvalidQueryError, match=message):
        tokenize(tokenizer, prompt, text)


def test_the_last_standing_of_a_subject_counts():
    assert subject_span("Ada and Ada", "Ada") == (8, 11)
    assert subject_span("the song", "The") == (0, 3)


def test_a_subject_elsewhere_is_refused():
    with pytest.raises(InvalidEditError, match="'Ivo' is not in"):
        subject_span("Ada lives", "Ivo")


def test_the_tokens_of_a_subject(tokenizer):
    assert tokens_of_span(tokenizer, "by Ada, in", (3, 6)) == (3, 5)
