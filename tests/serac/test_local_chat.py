"""A local model behind LangChain: what it reads, what it reports and what it refuses."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)

from memory_store.errors import InvalidQueryError
from serac.chat_messages import turns_from_messages
from serac.conversation import Turn
from serac.local_chat import LocalChatModel, in_executor
from serac.transformers_base import Generation, TransformersBase


class SlowWriter(TransformersBase):
    """Writes three words, each after a moment, and records how it was asked."""

    def __init__(self, moment: float = 0.0) -> None:
        self.name = "writer"
        self.max_new_tokens = 9
        self.generation: dict[str, Any] = {}
        self.moment = moment
        self.asked: list[tuple[tuple[Turn, ...], dict[str, Any]]] = []
        self.closed = threading.Event()

    def generate(self, turns: Sequence[Turn], **settings: Any) -> Generation:
        self.asked.append((tuple(turns), settings))
        time.sleep(self.moment)
        return Generation("one two three", 5, 3, "stop")

    def stream_counted(self, turns: Sequence[Turn], **settings: Any) -> Iterator[str | Generation]:
        done = self.generate(turns, **settings)
        try:
            for word in ("one ", "two ", "three"):
                time.sleep(self.moment)
                yield word
            yield done
        finally:
            self.closed.set()


class Tokens(BaseCallbackHandler):
    def __init__(self) -> None:
        self.heard: list[str] = []

    def on_llm_new_token(self, token: str, **kwargs: Any) -> None:
        self.heard.append(token)


def merged(chunks: list[Any]) -> AIMessageChunk:
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    return whole


# What it reads


@pytest.mark.parametrize(
    ("messages", "turns"),
    [
        ([HumanMessage("a")], [("user", "a")]),
        (
            [SystemMessage("s"), SystemMessage("t"), HumanMessage("a"), HumanMessage("b")],
            [("system", "s\n\nt"), ("user", "a\n\nb")],
        ),
        (
            [HumanMessage([{"type": "text", "text": "a"}, "b"]), AIMessage("c")],
            [("user", "a\nb"), ("assistant", "c")],
        ),
        ([ChatMessage("a", role="human")], [("user", "a")]),
        (
            [
                HumanMessage("a"),
                AIMessage(
                    [{"type": "tool_use", "id": "1", "name": "add", "input": {"a": 1}}],
                    tool_calls=[{"name": "add", "args": {"a": 1}, "id": "1"}],
                ),
                ToolMessage("3", name="add", tool_call_id="1"),
            ],
            [
                ("user", "a"),
                ("assistant", 'Call of the tool add: {"a": 1}'),
                ("user", "Result of the tool add: 3"),
            ],
        ),
        (
            [AIMessage([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "x"}])],
            [("assistant", "x")],
        ),
    ],
)
def test_messages_become_turns(messages: list[BaseMessage], turns: list[tuple[str, str]]) -> None:
    assert turns_from_messages(messages) == tuple(Turn(*turn) for turn in turns)


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], "no message"),
        ([HumanMessage([{"type": "image_url", "image_url": {"url": "u"}}])], "image_url block"),
        ([ToolMessage([{"type": "file", "id": "f"}], tool_call_id="1")], "file block"),
        ([HumanMessage([{"type": "thinking", "thinking": "hm"}])], "thinking block"),
        ([RemoveMessage("1")], "RemoveMessage"),
        ([ChatMessage("a", role="narrator")], "ChatMessage"),
    ],
)
def test_what_is_no_text_is_refused(messages: list[BaseMessage], said: str) -> None:
    with pytest.raises(InvalidQueryError, match=said):
        turns_from_messages(messages)


# How the model is asked


def test_settings_of_a_call_come_before_those_of_the_model() -> None:
    base = SlowWriter()
    model = LocalChatModel(base=base, max_tokens=4, stop=["x"], temperature=0)
    model.invoke("a")
    model.invoke("a", stop=["y"], max_tokens=2, temperature=0.5, top_p=0.9)
    LocalChatModel(base=base).invoke("a")
    assert [settings for _, settings in base.asked] == [
        {"stop": ["x"], "max_new_tokens": 4, "do_sample": False},
        {
            "stop": ["y"],
            "max_new_tokens": 2,
            "do_sample": True,
            "temperature": 0.5,
            "top_p": 0.9,
        },
        {"stop": None, "max_new_tokens": None},
    ]


@pytest.mark.parametrize(
    "kwargs", [{"tools": [1]}, {"response_format": "x"}, {"max_tokens": 0}, {"max_tokens": "2"}]
)
def test_what_it_cannot_do_is_refused(kwargs: dict[str, Any]) -> None:
    model = LocalChatModel(base=SlowWriter())
    with pytest.raises(InvalidQueryError, match=next(iter(kwargs))):
        model.invoke("a", **kwargs)
    with pytest.raises(InvalidQueryError, match=next(iter(kwargs))):
        list(model.stream("a", **kwargs))
    with pytest.raises(NotImplementedError):
        model.bind_tools([])


def test_it_names_itself() -> None:
    model = LocalChatModel(base=SlowWriter(), max_tokens=4)
    params = model._get_ls_params(stop=["x"])
    assert params["ls_model_name"] == "writer" and params["ls_provider"] == "transformers"
    assert params["ls_max_tokens"] == 4 and params["ls_stop"] == ["x"]
    assert model._identifying_params["model_name"] == "writer"
    assert model._llm_type == "errata-local"


# What it reports


async def test_all_ways_report_the_same() -> None:
    tokens = Tokens()
    model = LocalChatModel(base=SlowWriter())
    config: Any = {"callbacks": [tokens]}
    answers: list[AIMessage] = [
        model.invoke("a"),
        await model.ainvoke("a"),
        merged(list(model.stream("a", config))),
        merged([chunk async for chunk in model.astream("a", config)]),
    ]
    for answer in answers:
        assert answer.text == "one two three"
        assert answer.usage_metadata == {"input_tokens": 5, "output_tokens": 3, "total_tokens": 8}
        assert answer.response_metadata == {"model_name": "writer", "finish_reason": "stop"}
    assert tokens.heard == ["one ", "two ", "three", ""] * 2


async def test_the_event_loop_goes_on_while_the_model_writes() -> None:
    model = LocalChatModel(base=SlowWriter(moment=0.1))
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    await model.ainvoke("a")
    assert [chunk.text async for chunk in model.astream("a")]
    ticking.cancel()
    assert ticks > 10


async def test_a_stream_that_is_left_is_closed() -> None:
    base = SlowWriter()
    stream: Any = LocalChatModel(base=base).astream("a")
    async for _ in stream:
        break
    await stream.aclose()
    assert await asyncio.to_thread(base.closed.wait, 5)


async def test_a_failure_in_the_thread_reaches_the_reader() -> None:
    def failing() -> Any:
        yield 1
        raise InvalidQueryError("no")

    with pytest.raises(InvalidQueryError):
        assert [item async for item in in_executor(failing())]


# With the embedded model


@pytest.mark.model
def test_streamed_and_whole_answers_agree(embedded_base: TransformersBase) -> None:
    model = LocalChatModel(base=embedded_base, max_tokens=12, temperature=0)
    question = "Name three colours."
    whole = model.invoke(question)
    streamed = merged(list(model.stream(question)))
    assert streamed.text == whole.text != ""
    assert streamed.usage_metadata == whole.usage_metadata
    assert streamed.response_metadata == whole.response_metadata
    assert whole.response_metadata["finish_reason"] == "length"
    assert whole.usage_metadata is not None and whole.usage_metadata["output_tokens"] == 12
    read = model.get_num_tokens_from_messages([HumanMessage(question)])
    assert read == whole.usage_metadata["input_tokens"]
    assert model.get_num_tokens("three colours") == embedded_base.count_tokens("three colours")


@pytest.mark.model
def test_a_stop_word_ends_both(embedded_base: TransformersBase) -> None:
    model = LocalChatModel(base=embedded_base, max_tokens=12, temperature=0)
    text = model.invoke("Name three colours.").text
    stop = [text.split()[2]]
    whole = model.invoke("Name three colours.", stop=stop)
    streamed = merged(list(model.stream("Name three colours.", stop=stop)))
    assert whole.text == streamed.text == text[: text.index(stop[0])]
    assert whole.usage_metadata == streamed.usage_metadata
    assert whole.response_metadata["finish_reason"] == "stop"
