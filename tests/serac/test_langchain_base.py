import importlib.util
from typing import Any

import pytest
from chat_fakes import RecordingModel, WordlessModel
from fakes import FakeEncoder, FakeScorer
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGenerationChunk
from pydantic import Field

from memory_store import EditMemory
from memory_store.errors import InvalidQueryError, MissingExtraError, ModelError
from serac.conversation import Turn
from serac.langchain_base import LangChainBase, load_langchain_base
from serac.overlay import FactOverlay

TURNS = (
    Turn("system", "Be brief."),
    Turn("user", "Hi"),
    Turn("assistant", "Hello."),
    Turn("user", "How are you?\n  😀 "),
)
MESSAGES = [
    SystemMessage("Be brief."),
    HumanMessage("Hi"),
    AIMessage("Hello."),
    HumanMessage("How are you?\n  😀 "),
]


@pytest.fixture
def model() -> RecordingModel:
    return RecordingModel()


@pytest.fixture
def overlay(model):
    """An overlay with one edit over the recording model."""
    memory = EditMemory.open(":memory:", FakeEncoder())
    with FactOverlay(memory, FakeScorer(), 0.9, base=model, answerer="ike") as one:
        one.add("The Space Needle is located in Paris.")
        yield one


def recorded(call: Any) -> tuple[Any, ...]:
    return call.messages, call.stop, call.kwargs


def test_turns_become_messages_and_nothing_is_added(model):
    assert LangChainBase(model).reply(TURNS) == "It stands in Seattle ."
    assert recorded(model.calls[0]) == (MESSAGES, None, {})


def test_a_reply_is_plain_text(model):
    assert type(LangChainBase(model).reply(TURNS)) is str
    assert all(type(piece) is str for piece in LangChainBase(model).stream(TURNS))


def test_a_stream_asks_the_same(model):
    pieces = list(LangChainBase(model).stream(TURNS))

    assert pieces == ["It ", "stands ", "in ", "Seattle ", ". "]
    assert recorded(model.calls[0]) == (MESSAGES, None, {})


def test_stop_words_and_length_are_named_when_they_are_given(model):
    base = LangChainBase(model)

    base.reply(TURNS, stop=("\n", "END"), max_new_tokens=7)
    list(base.stream(TURNS, stop=["\n"]))

    assert recorded(model.calls[0]) == (MESSAGES, ["\n", "END"], {"max_tokens": 7})
    assert recorded(model.calls[1]) == (MESSAGES, ["\n"], {})


def test_a_model_that_can_not_stream_answers_in_one_piece():
    assert list(LangChainBase(WordlessModel()).stream(TURNS)) == ["whole"]


def test_content_in_blocks_is_read_as_its_text():
    blocks = AIMessage([{"type": "text", "text": "Par"}, {"type": "text", "text": "is"}])

    assert LangChainBase(GenericFakeChatModel(messages=iter([blocks]))).reply(TURNS) == "Paris"


def test_it_is_called_what_the_model_calls_itself(model):
    assert LangChainBase(model).name == "recording"


@pytest.mark.parametrize("asked", [TURNS, "What is the weather like?"])
def test_out_of_scope_the_model_is_asked_exactly_the_same(model, overlay, asked):
    turns = TURNS if asked is TURNS else (Turn("user", asked),)
    alone = LangChainBase(model)

    reply = overlay.ask(asked)
    streamed = list(overlay.stream(asked).chunks)

    assert not reply.decision.in_scope
    assert (reply.text, streamed) == (alone.reply(turns), list(alone.stream(turns)))
    asked_by_overlay, streamed_by_overlay, asked_alone, streamed_alone = map(recorded, model.calls)
    assert asked_by_overlay == asked_alone
    assert streamed_by_overlay == streamed_alone


def test_in_scope_the_model_sees_the_conversation_and_then_the_edit(model, overlay):
    turns = (*TURNS[:3], Turn("user", "In Paris is the Space Needle located?"))

    reply = overlay.ask(turns)

    assert reply.decision.in_scope
    assert reply.text == "It stands in Paris ."
    sent = model.calls[0].messages
    assert sent[:3] == MESSAGES[:3]
    assert sent[3].content.startswith(turns[3].content)
    assert '> "The Space Needle is located in Paris."' in sent[3].content


class Failing(RecordingModel):
    """Fails as a provider does, with an error of its own kind."""

    error: Exception = Field(default=ConnectionError("refused\nby the host"), exclude=True)

    def _generate(self, *args, **kwargs):
        raise self.error

    def _stream(self, *args, **kwargs):
        yield ChatGenerationChunk(message=AIMessageChunk(content="Par"))
        raise self.error


def test_what_a_provider_raises_is_one_line():
    told = "^the chat model 'recording' failed: refused$"
    with pytest.raises(ModelError, match=told) as caught:
        LangChainBase(Failing()).reply(TURNS)
    assert isinstance(caught.value.__cause__, ConnectionError)

    pieces = LangChainBase(Failing()).stream(TURNS)
    assert next(pieces) == "Par"
    with pytest.raises(ModelError, match=told):
        next(pieces)


def test_our_own_errors_pass_as_they_are():
    error = InvalidQueryError("too long")
    for ask in (LangChainBase.reply, lambda *asked: list(LangChainBase.stream(*asked))):
        with pytest.raises(InvalidQueryError) as caught:
            ask(LangChainBase(Failing(error=error)), TURNS)
        assert caught.value is error


@pytest.mark.parametrize("spec", ["langchain:", "langchain:openai", "langchain::x", "langchain:a:"])
def test_a_malformed_name_says_its_form(spec):
    with pytest.raises(ModelError, match="not of the form langchain:PROVIDER:MODEL"):
        load_langchain_base(spec)


@pytest.mark.skipif(importlib.util.find_spec("langchain") is not None, reason="needs its absence")
def test_a_missing_package_is_answered_with_the_install_line():
    with pytest.raises(MissingExtraError, match=r"pip install langchain langchain-google-genai$"):
        load_langchain_base("langchain:google_genai:some-model:8b")
