"""The overlay in front of a LangChain chat model: what reaches the inner one, and what returns."""

from __future__ import annotations

import dataclasses
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from chat_fakes import (
    NEEDLE,
    USAGE,
    WAYS,
    FakeOverlay,
    RecordingModel,
    WordlessModel,
    merged,
    use,
)
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler, UsageMetadataCallbackHandler
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langchain_core.tracers.base import BaseTracer
from pydantic import BaseModel, ValidationError

from serac.chat_model import OverlayChatModel
from serac.prompts import fact_note

NOTE = fact_note([NEEDLE])
ASKED = "Where is the Space Needle?"
OTHER = "What is the tallest mountain?"


def overlaid(route: Any = "ike", **fields: Any) -> OverlayChatModel:
    return OverlayChatModel(inner=RecordingModel(**fields), overlay=FakeOverlay(route=route))


def conversation(question: str) -> list[BaseMessage]:
    return [
        SystemMessage("Be brief."),
        HumanMessage("Hi", id="h-1"),
        AIMessage("Hello", additional_kwargs={"a": 1}),
        HumanMessage(question, id="h-2", name="ann", additional_kwargs={"b": 2}),
    ]


class Weather(BaseModel):
    """Tell where something stands."""

    city: str


@tool
def find(city: str) -> str:
    """Find a city."""
    return city


# Out of scope


@pytest.mark.parametrize("way", WAYS)
def test_out_of_scope_the_inner_model_gets_the_very_same_call(way: str) -> None:
    model, alone = overlaid(), RecordingModel()
    blocks = [{"type": "text", "text": OTHER}, {"type": "image_url", "image_url": {"url": "u"}}]
    messages = [*conversation("x")[:-1], HumanMessage(blocks)]
    kwargs = {"stop": ["\n"], "temperature": 0.3, "unknown": [1]}
    use(model, way, messages, **kwargs)
    use(alone, way, messages, **kwargs)
    (call,), (expected,) = model.inner.calls, alone.calls
    assert all(a is b for a, b in zip(call.messages, messages, strict=True))
    assert call.messages[-1].content == blocks
    assert (call.how, call.stop, call.kwargs) == (expected.how, expected.stop, expected.kwargs)
    assert call.how == {"invoke": "generate", "ainvoke": "agenerate"}.get(way, way)


@pytest.mark.parametrize("way", WAYS)
def test_out_of_scope_the_answer_is_the_inner_models(way: str) -> None:
    answer = use(overlaid(), way, conversation(OTHER))
    expected = use(RecordingModel(), way, conversation(OTHER))
    decision = answer.response_metadata.pop("errata")
    assert decision["route"] == "base" and decision["edit_ids"] == []
    assert answer.model_copy(update={"id": None}) == expected.model_copy(update={"id": None})


def test_all_generations_and_the_output_of_the_inner_model_come_back() -> None:
    model = overlaid(generations=2)
    result = model.generate([conversation(OTHER)])
    expected = RecordingModel(generations=2).generate([conversation(OTHER)])
    assert result.llm_output == expected.llm_output == {"system_fingerprint": "fp"}
    assert [g.generation_info for g in result.generations[0]] == [{"place": 0}, {"place": 1}]
    assert [g.message.usage_metadata for g in result.generations[0]] == [USAGE, USAGE]
    assert all("errata" in g.message.response_metadata for g in result.generations[0])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "messages",
    [
        [SystemMessage("Needle")],
        [AIMessage("Needle")],
        [HumanMessage(" ")],
        [HumanMessage([{"type": "image_url", "image_url": {"url": "Needle"}}])],
    ],
)
def test_without_words_of_the_user_nothing_is_decided(
    way: str, messages: list[BaseMessage]
) -> None:
    model = overlaid()
    answer = use(model, way, messages)
    assert model.overlay.asked == model.overlay.asked_by_hops == []
    assert model.inner.calls[0].messages[0] is messages[0]
    assert "errata" not in answer.response_metadata


def test_an_overlong_turn_is_judged_by_its_end() -> None:
    model = overlaid()
    answer = model.invoke([HumanMessage("x" * 200_000), AIMessage("ok"), HumanMessage(OTHER)])
    assert answer.response_metadata["errata"]["route"] == "base"
    answer = model.invoke("x " * 100_000 + ASKED)
    assert answer.response_metadata["errata"]["route"] == "ike"


# In scope


@pytest.mark.parametrize("way", WAYS)
def test_in_scope_the_note_stands_after_the_last_question(way: str) -> None:
    model = overlaid()
    messages = conversation(ASKED)
    answer = use(model, way, messages, stop=["x"], top_p=0.5)
    (call,) = model.inner.calls
    assert all(a is b for a, b in zip(call.messages[:-1], messages[:-1], strict=True))
    assert call.messages[-1].content == f"{ASKED}\n\n{NOTE}"
    assert call.messages[-1] == messages[-1].model_copy(
        update={"content": call.messages[-1].content}
    )
    assert messages[-1].content == ASKED
    assert (call.stop, call.kwargs["top_p"]) == (["x"], 0.5)
    assert "Paris" in answer.text
    assert answer.usage_metadata == USAGE
    assert answer.response_metadata["errata"]["edit_ids"] == ["needle"]


@pytest.mark.parametrize("question", [ASKED, OTHER])
def test_no_message_of_the_system_is_added_or_changed(question: str) -> None:
    for messages in (conversation(question), conversation(question)[1:]):
        model = overlaid()
        model.invoke(messages)
        sent = [m for m in model.inner.calls[0].messages if isinstance(m, SystemMessage)]
        given = [m for m in messages if isinstance(m, SystemMessage)]
        assert len(sent) == len(given) and all(a is b for a, b in zip(sent, given, strict=True))


def test_list_content_gets_the_note_as_one_more_block() -> None:
    model = overlaid()
    blocks = [{"type": "text", "text": ASKED}, {"type": "image_url", "image_url": {"url": "u"}}]
    model.invoke([HumanMessage(list(blocks))])
    sent = model.inner.calls[0].messages[0].content
    assert sent == [*blocks, {"type": "text", "text": NOTE}]


def test_after_the_result_of_a_tool_the_note_stays_with_the_question() -> None:
    model = overlaid()
    call = {"name": "find", "args": {"city": "x"}, "id": "1", "type": "tool_call"}
    first = [SystemMessage("s"), HumanMessage(ASKED)]
    after = [*first, AIMessage("", tool_calls=[call]), ToolMessage("y", tool_call_id="1")]
    model.invoke(first)
    answer = model.invoke(after)
    step, later = (recorded.messages for recorded in model.inner.calls)
    assert later[:2] == step
    assert later[2] is after[2] and later[3] is after[3]
    assert answer.response_metadata["errata"]["route"] == "ike"


def test_a_chat_message_of_the_user_counts() -> None:
    model = overlaid()
    model.invoke([ChatMessage(ASKED, role="user")])
    assert NOTE in model.inner.calls[0].messages[0].content


def test_at_most_the_usual_number_of_facts_is_stated() -> None:
    class Many(FakeOverlay):
        def decide(self, query: Any) -> Any:
            return dataclasses.replace(super().decide(query), edits=(NEEDLE,) * 9)

    inner = RecordingModel()
    OverlayChatModel(inner=inner, overlay=Many()).invoke(ASKED)
    assert inner.calls[0].messages[0].content.count(NEEDLE.text) == 4


# The counterfactual route


@pytest.mark.parametrize("way", WAYS)
def test_the_counterfactual_model_answers_alone(way: str) -> None:
    model = overlaid(route="counterfactual")
    answer = use(model, way, conversation(ASKED), max_tokens=5)
    assert answer.text == "In Paris."
    assert answer.response_metadata["errata"]["route"] == "counterfactual"
    assert model.inner.calls == []
    ((turns, edits),) = model.overlay.answers.asked
    assert [turn.role for turn in turns] == ["system", "user", "assistant", "user"]
    assert edits == (NEEDLE,)


@pytest.mark.parametrize("way", WAYS)
def test_the_counterfactual_answer_obeys_stop_words(way: str) -> None:
    answer = use(overlaid(route="counterfactual"), way, ASKED, stop=["ris"])
    assert answer.text == "In Pa"


@pytest.mark.parametrize("way", WAYS)
def test_the_counterfactual_answer_is_no_longer_than_asked_for(way: str) -> None:
    answer = use(overlaid(route="counterfactual"), way, ASKED, max_tokens=2)
    assert answer.text == "In Paris"


@pytest.mark.parametrize("tokens", [0, -1, "5", True])
def test_a_length_that_can_not_be_obeyed_is_the_inner_model_s_to_refuse(tokens: Any) -> None:
    model = overlaid(route="counterfactual")
    model.invoke(ASKED, max_tokens=tokens)
    assert model.inner.calls[0].kwargs == {"max_tokens": tokens}


@pytest.mark.parametrize(
    "kwargs",
    [
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"response_format": {"type": "json_object"}},
        {"functions": []},
        {"something_new": 1},
    ],
)
def test_a_call_for_more_than_text_goes_to_the_inner_model(kwargs: dict[str, Any]) -> None:
    model = overlaid(route="counterfactual")
    model.invoke(ASKED, **kwargs)
    assert model.overlay.answers.asked == model.overlay.asked_by_hops == []
    assert NOTE in model.inner.calls[0].messages[0].content
    assert model.inner.calls[0].kwargs == kwargs


def test_a_picture_or_a_tool_result_goes_to_the_inner_model() -> None:
    model = overlaid(route="counterfactual")
    picture = {"type": "image_url", "image_url": {"url": "u"}}
    model.invoke([HumanMessage([{"type": "text", "text": ASKED}, picture])])
    model.invoke([HumanMessage(ASKED), ToolMessage("r", tool_call_id="1")])
    model.invoke([ToolMessage("r", tool_call_id="1"), HumanMessage(ASKED)])
    assert len(model.inner.calls) == 3 and model.overlay.answers.asked == []


# Streaming


@pytest.mark.parametrize("route", ["ike", "counterfactual"])
@pytest.mark.parametrize("question", [ASKED, OTHER])
def test_one_chunk_alone_holds_the_decision(question: str, route: str) -> None:
    chunks = list(overlaid(route=route).stream(question))
    assert len(chunks) > 2
    assert ["errata" in chunk.response_metadata for chunk in chunks].count(True) == 1
    decision = merged(chunks).response_metadata["errata"]
    assert decision["reason"] == "because" and decision["threshold"] == 0.5
    assert chunks[-1].chunk_position == "last"


def test_events_hold_the_decision_too() -> None:
    stream = overlaid().stream_events(ASKED, version="v3")
    assert list(stream)
    assert stream.output.response_metadata["errata"]["route"] == "ike"


@pytest.mark.parametrize("way", WAYS)
def test_a_model_that_cannot_stream_answers_in_one_chunk(way: str) -> None:
    answer = use(OverlayChatModel(inner=WordlessModel(), overlay=FakeOverlay()), way, OTHER)
    assert answer.text == "whole" and answer.response_metadata["errata"]["route"] == "base"


# Callbacks, caches, threads


class Listener(BaseCallbackHandler):
    def __init__(self) -> None:
        self.heard: Counter[str] = Counter()
        self.tokens: list[str] = []

    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        self.heard["start"] += 1

    def on_llm_new_token(self, token: str, **kwargs: Any) -> None:
        self.tokens.append(token)

    def on_llm_end(self, *args: Any, **kwargs: Any) -> None:
        self.heard["end"] += 1


class Tree(BaseTracer):
    def __init__(self) -> None:
        super().__init__()
        self.roots: list[Any] = []

    def _persist_run(self, run: Any) -> None:
        self.roots.append(run)


@pytest.mark.parametrize("way", ["stream", "astream"])
@pytest.mark.parametrize("question", [ASKED, OTHER])
@pytest.mark.parametrize("in_a_chain", [False, True])
def test_callbacks_hear_each_token_once(way: str, question: str, in_a_chain: bool) -> None:
    listener = Listener()
    model: Any = overlaid()
    if in_a_chain:
        model = RunnableLambda(lambda text: text) | model
    answer = use(model, way, question, config={"callbacks": [listener]})
    assert "".join(listener.tokens) == answer.text
    assert listener.heard == {"start": 1, "end": 1}


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_the_inner_run_is_nested_and_its_tokens_are_counted_once(way: str) -> None:
    tree, usage, own = Tree(), UsageMetadataCallbackHandler(), Listener()
    model = OverlayChatModel(inner=RecordingModel(callbacks=[own]), overlay=FakeOverlay())
    use(model, way, ASKED, config={"callbacks": [tree, usage], "tags": ["mine"]})
    (root,) = tree.roots
    (child,) = root.child_runs
    assert child.parent_run_id == root.id and "mine" in child.tags
    assert NOTE in child.inputs["prompts"][0] and NOTE not in root.inputs["prompts"][0]
    assert root.extra["metadata"]["ls_model_name"] == "recorder"
    assert usage.usage_metadata["recorder"]["total_tokens"] == USAGE["total_tokens"]
    assert own.heard == {"start": 1, "end": 1}


@pytest.mark.parametrize("way", WAYS)
def test_a_cache_of_the_inner_model_works_and_is_not_written_to(way: str) -> None:
    cache = InMemoryCache()
    model = OverlayChatModel(inner=RecordingModel(cache=cache), overlay=FakeOverlay())
    for question in (ASKED, ASKED, OTHER, OTHER):
        assert "errata" in use(model, way, question).response_metadata
    assert len(model.inner.calls) == (2 if "invoke" in way else 4)
    kept = [generation for found in cache._cache.values() for generation in found]
    assert all("errata" not in generation.message.response_metadata for generation in kept)


def test_no_cache_may_stand_in_front_of_the_memory() -> None:
    with pytest.raises(ValidationError, match="give the cache to the inner model"):
        OverlayChatModel(inner=RecordingModel(), overlay=FakeOverlay(), cache=True)


def test_batches_and_many_threads() -> None:
    model = overlaid()
    questions = [f"{ASKED if at % 2 else OTHER} {at}" for at in range(40)]
    answers = model.batch(questions, config={"max_concurrency": 8})
    with ThreadPoolExecutor(16) as pool:
        answers += pool.map(model.invoke, questions)
    for at, answer in enumerate(answers):
        decision = answer.response_metadata["errata"]
        assert decision["route"] == ("ike" if at % 2 else "base")
        assert ("Paris" in answer.text) == bool(at % 2)


async def test_deciding_leaves_the_event_loop_free() -> None:
    model = overlaid()
    await model.abatch([ASKED, OTHER])
    async for _ in model.astream(ASKED):
        pass
    assert threading.get_ident() not in model.overlay.threads


# Tools and structured output


@pytest.mark.parametrize("binding", ["plain", "nested", "copy", "sequence"])
@pytest.mark.parametrize("route", ["ike", "counterfactual"])
@pytest.mark.parametrize("way", WAYS)
def test_tools_reach_the_inner_model(way: str, route: str, binding: str) -> None:
    for question, city in ((ASKED, "Paris"), (OTHER, "Seattle")):
        model = overlaid(route=route, binding=binding)
        answer = use(model.bind_tools([find], tool_choice="any"), way, conversation(question))
        (call,) = model.inner.calls
        assert [t["function"]["name"] for t in call.kwargs["tools"]] == ["find"]
        assert call.kwargs["tool_choice"] == "any"
        assert call.kwargs.get("strict") == (True if binding == "nested" else None)
        assert answer.tool_calls[0]["args"] == {"city": city}
        assert (NOTE in call.messages[-1].content) == (question == ASKED)
        if binding != "sequence":  # a chain has no place for the decision
            assert "errata" in answer.response_metadata


def test_an_inner_model_without_tools_says_so() -> None:
    model = OverlayChatModel(inner=WordlessModel(), overlay=FakeOverlay())
    with pytest.raises(NotImplementedError):
        model.bind_tools([find])
    with pytest.raises(NotImplementedError):
        model.with_structured_output(Weather)


@pytest.mark.parametrize("route", ["ike", "counterfactual"])
@pytest.mark.parametrize("way", WAYS)
def test_structured_output(way: str, route: str) -> None:
    for question, city in ((ASKED, "Paris"), (OTHER, "Seattle")):
        model = overlaid(route=route)
        messages = conversation(question)
        assert use(model.with_structured_output(Weather), way, messages) == Weather(city=city)
        sent = model.inner.calls[0].messages
        assert all(a is b for a, b in zip(sent[:-1], messages[:-1], strict=True))
        assert (sent[-1] is messages[-1]) == (question == OTHER)
        raw = use(model.with_structured_output(Weather, include_raw=True), way, question)
        assert raw["parsed"] == Weather(city=city) and raw["parsing_error"] is None


# What it says of itself


def test_it_names_the_inner_model_and_tells_no_secrets() -> None:
    model = overlaid()
    assert model._llm_type == "errata-overlay"
    assert model._identifying_params == {"model": "recorder", "inner": "recording"}
    assert model._get_ls_params()["ls_model_name"] == "recorder"
    told = repr(model) + str(model.asdict()) + str(model._serialized) + model.model_dump_json()
    assert "hunter2" not in told and "FakeOverlay" not in told


def test_the_profile_and_token_counts_are_the_inner_models() -> None:
    inner = RecordingModel(
        profile={"max_input_tokens": 9}, custom_get_token_ids=lambda text: list(range(len(text)))
    )
    model = OverlayChatModel(inner=inner, overlay=FakeOverlay())
    assert model.profile == {"max_input_tokens": 9}
    assert model.get_num_tokens("abc") == 3
    messages = conversation(ASKED)
    expected = inner.get_num_tokens_from_messages(messages)
    assert model.get_num_tokens_from_messages(messages) == expected
