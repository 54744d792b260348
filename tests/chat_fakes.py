"""Fakes that fit the seams of the chat model: an overlay, and an inner model that records.

Beside them stand the ways of asking a chat model.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import RunnableBinding, RunnableLambda
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field

from memory_store import Edit
from serac.bases import BaseModel
from serac.conversation import Query, Turn, as_turns
from serac.decision import Candidate, Decision, Reply, Route

NEEDLE = Edit("needle", "The Space Needle is located in Paris.")
WAYS = ("invoke", "ainvoke", "stream", "astream")
USAGE = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
ARGUMENTS = {
    "input": 3,
    "setup": "Why did the cat sit?",
    "punchline": "It could.",
    "location": "San Francisco",
    "customer_name": "你好啊集团 こんにちは株式会社",
    "description": "A company",
    "answer_style": "pirate",
}
"""What the recording model gives to a tool that asks for it."""


class FakeAnswerer:
    """Answers each conversation with the same words."""

    def __init__(self, pieces: Sequence[str] = ("In ", "Paris", ".")) -> None:
        self.pieces = pieces
        self.asked: list[tuple[tuple[Turn, ...], tuple[Edit, ...]]] = []

    def answer(
        self,
        turns: Sequence[Turn],
        edits: Sequence[Edit],
        reading: str | None = None,
        max_new_tokens: int | None = None,
    ) -> str:
        return "".join(self.stream(turns, edits, reading, max_new_tokens))

    def stream(
        self,
        turns: Sequence[Turn],
        edits: Sequence[Edit],
        reading: str | None = None,
        max_new_tokens: int | None = None,
    ) -> Iterator[str]:
        """Yield the pieces, each of which counts as a token."""
        self.asked.append((tuple(turns), tuple(edits)))
        yield from self.pieces[:max_new_tokens]


class FakeOverlay:
    """Decides by a word in the last turn; no question has hops."""

    def __init__(self, word: str = "Needle", route: Route = "ike", edit: Edit = NEEDLE) -> None:
        self.word = word
        self.route = route
        self.edit = edit
        self.answers = FakeAnswerer()
        self.asked: list[tuple[Turn, ...]] = []
        self.asked_by_hops: list[tuple[Turn, ...]] = []
        self.threads: set[int] = set()

    def answerer(self, route: Route) -> FakeAnswerer:
        assert route == "counterfactual"
        return self.answers

    def decide(self, query: Query) -> Decision:
        turns = as_turns(query)
        self.asked.append(turns)
        self.threads.add(threading.get_ident())
        last = turns[-1].content
        found = self.word in last
        probability = 0.9 if found else 0.1
        return Decision(
            query=last,
            route=self.route if found else "base",
            edits=(self.edit,) if found else (),
            candidates=(Candidate(self.edit, 0.5, probability, last),),
            threshold=0.5,
            reason="because",
        )

    def ask_by_hops(self, query: Query, base: BaseModel | None = None) -> Reply | None:
        self.asked_by_hops.append(as_turns(query))
        self.threads.add(threading.get_ident())
        return None


class Call:
    """What the inner model was asked."""

    def __init__(self, how: str, messages: Sequence[BaseMessage], stop: Any, kwargs: Any) -> None:
        self.how = how
        self.messages = list(messages)
        self.stop = stop
        self.kwargs = kwargs


class RecordingModel(BaseChatModel):
    """Answers Paris where its messages say so and Seattle otherwise; calls tools when bound.

    ``binding`` is the form in which it binds tools: ``plain``, ``nested``, ``copy`` or
    ``sequence``.
    """

    model: str = "recorder"
    binding: str = "plain"
    generations: int = 1
    calls: list[Call] = Field(default_factory=list, exclude=True, repr=False)
    secret: str = Field(default="hunter2", exclude=True, repr=False)

    @property
    def _llm_type(self) -> str:
        return "recording"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model}

    def _record(self, how: str, messages: Any, stop: Any, kwargs: dict[str, Any]) -> None:
        # A deep copy would not show that the objects are the same; a list does.
        self.calls.append(Call(how, messages, stop, kwargs))

    def _message(self, messages: list[BaseMessage], kwargs: dict[str, Any]) -> AIMessage:
        text = json.dumps([message.content for message in messages], ensure_ascii=False)
        city = "Paris" if "Paris" in text else "Seattle"
        tools = kwargs.get("tools")
        if tools and not isinstance(messages[-1], ToolMessage):
            functions = {tool["function"]["name"]: tool["function"] for tool in tools}
            name = kwargs.get("tool_choice")
            name = name if name in functions else next(iter(functions))
            wanted = functions[name].get("parameters", {}).get("properties", {})
            known = {**ARGUMENTS, "city": city}
            args = {key: known[key] for key in wanted if key in known}
            call = {"name": name, "args": args, "id": "call-1", "type": "tool_call"}
            return AIMessage(content="", tool_calls=[call], usage_metadata=USAGE)
        return AIMessage(
            content=f"It stands in {city} .",
            usage_metadata=USAGE,
            response_metadata={"model_name": kwargs.get("model", self.model)},
            additional_kwargs={"extra": 1},
        )

    def _result(self, messages: list[BaseMessage], kwargs: dict[str, Any]) -> ChatResult:
        return ChatResult(
            generations=[
                ChatGeneration(
                    message=self._message(messages, kwargs), generation_info={"place": at}
                )
                for at in range(self.generations)
            ],
            llm_output={"system_fingerprint": "fp"},
        )

    def _combine_llm_outputs(self, outputs: list[dict[str, Any] | None], /) -> dict[str, Any]:
        return {key: value for output in outputs for key, value in (output or {}).items()}

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        self._record("generate", messages, stop, kwargs)
        return self._result(messages, kwargs)

    async def _agenerate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        self._record("agenerate", messages, stop, kwargs)
        return self._result(messages, kwargs)

    def _chunks(self, messages: list[BaseMessage], kwargs: Any) -> Iterator[ChatGenerationChunk]:
        whole = self._message(messages, kwargs)
        for word in whole.text.split():
            yield ChatGenerationChunk(message=AIMessageChunk(content=f"{word} "))
        last = AIMessageChunk(
            content="",
            tool_calls=whole.tool_calls,
            usage_metadata=USAGE,
            response_metadata={"model_name": kwargs.get("model", self.model)},
            chunk_position="last",
        )
        yield ChatGenerationChunk(message=last)

    def _stream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        self._record("stream", messages, stop, kwargs)
        yield from self._chunks(messages, kwargs)

    async def _astream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        self._record("astream", messages, stop, kwargs)
        for chunk in self._chunks(messages, kwargs):
            yield chunk

    def bind_tools(self, tools: Any, *, tool_choice: str | None = None, **kwargs: Any) -> Any:
        settings = {"tools": [convert_to_openai_tool(tool) for tool in tools], **kwargs}
        if tool_choice is not None:
            settings["tool_choice"] = tool_choice
        if self.binding == "copy":
            return self.model_copy(update={"model": "copied"}).bind(**settings)
        if self.binding == "nested":
            inside = self.bind(**settings, strict=False)
            return RunnableBinding(bound=inside, kwargs={"strict": True}, config={"tags": ["t"]})
        if self.binding == "sequence":
            return self.bind(**settings) | RunnableLambda(lambda message: message)
        return self.bind(**settings)


class WordlessModel(BaseChatModel):
    """Neither streams nor calls tools."""

    @property
    def _llm_type(self) -> str:
        return "wordless"

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage("whole"))])


def use(model: Any, way: str, messages: Any, **kwargs: Any) -> Any:
    """Ask in one of the four ways; streamed chunks come back merged."""
    if way == "invoke":
        return model.invoke(messages, **kwargs)
    if way == "ainvoke":
        return asyncio.run(model.ainvoke(messages, **kwargs))
    if way == "stream":
        return merged(list(model.stream(messages, **kwargs)))

    async def collect() -> list[Any]:
        return [chunk async for chunk in model.astream(messages, **kwargs)]

    return merged(asyncio.run(collect()))


def merged(chunks: list[Any]) -> Any:
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    return whole
