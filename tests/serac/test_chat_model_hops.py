"""Multi-hop questions through the chat model: asked hop by hop, the inner model as base."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from chat_fakes import WAYS, RecordingModel, use
from fakes import FakeCompletionBase, FakeEncoder, FakeRewriter, FakeScorer
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from pydantic import BaseModel
from tiny_models import tiny_base

from mello import PlannedDecomposer
from memory_store import EditMemory
from memory_store.errors import ModelError
from serac.chat_model import OverlayChatModel
from serac.local_chat import LocalChatModel
from serac.overlay import FactOverlay
from serac.short_answers import ShortAnswers

NEEDLE = "The Space Needle is located in Paris."
WHERE = "In which city is the Space Needle located, Paris?"
QUESTION = "Who is the mayor of the city in which the Space Needle is located?"
MAYOR = "Who is the mayor of Paris?"
SAID = "It stands in Paris"
"""What the recording model says to a hop that names Paris, as a name."""


class Mayor(BaseModel):
    """Tell who is the mayor."""

    city: str


@tool
def find(city: str) -> str:
    """Find a city."""
    return city


class Planner:
    """Writes the plan of the question, and remembers the threads it was asked from."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.threads: set[int] = set()

    def __call__(self, question: str) -> str:
        self.asked.append(question)
        self.threads.add(threading.get_ident())
        return f"1. {WHERE}\n2. Who is the mayor of #1?"


def overlaid(
    inner: Any = None, answerer: str = "counterfactual", decomposer: Any = None
) -> OverlayChatModel:
    """A model whose overlay would fail if its own base model were asked."""
    overlay = FactOverlay(
        EditMemory.open(":memory:", FakeEncoder()),
        FakeScorer(),
        0.9,
        base="/no/such/model",
        answerer=answerer,
        counterfactual_model=FakeCompletionBase(" Paris", "."),
        decomposer=decomposer or PlannedDecomposer(Planner()),
    )
    overlay.add(NEEDLE, id="needle")
    return OverlayChatModel(inner=inner or RecordingModel(), overlay=overlay)


def planner(model: OverlayChatModel) -> Planner:
    return model.overlay.decomposer._write


def last_words(model: Any) -> list[str]:
    """What the inner model was asked, call by call: the last message of each."""
    return [call.messages[-1].text for call in model.inner.calls]


@pytest.mark.parametrize("way", WAYS)
def test_the_inner_model_answers_the_hop_that_no_edit_does(way: str) -> None:
    model = overlaid()

    answer = use(model, way, [SystemMessage("Be brief."), HumanMessage(QUESTION)])

    assert answer.text == SAID
    (asked,) = last_words(model)
    assert asked.startswith(f"{MAYOR}\n\n")
    record = answer.response_metadata["errata"]
    assert (record["route"], record["edit_ids"]) == ("multi_hop", ["needle"])
    assert [(hop["question"], hop["answer"], hop["source"]) for hop in record["hops"]] == [
        (WHERE, "Paris", "edit #needle"),
        (MAYOR, SAID, "base"),
    ]


@pytest.mark.parametrize("way", WAYS)
def test_the_inner_model_answers_the_edited_hop_too_under_ike(way: str) -> None:
    model = overlaid(answerer="ike")

    answer = use(model, way, QUESTION)

    edited, _ = last_words(model)
    assert WHERE in edited and NEEDLE in edited
    assert answer.response_metadata["errata"]["route"] == "multi_hop"


@pytest.mark.parametrize("way", WAYS)
def test_the_answer_obeys_stop_words(way: str) -> None:
    answer = use(overlaid(), way, QUESTION, stop=["in Par", "nowhere"])

    assert answer.text == "It stands"
    assert answer.response_metadata["errata"]["hops"][1]["answer"] == SAID


def test_a_stream_is_one_chunk_with_the_decision() -> None:
    (chunk,) = [one for one in overlaid().stream(QUESTION) if one.content]

    assert chunk.chunk_position == "last"
    assert chunk.response_metadata["errata"]["route"] == "multi_hop"


@pytest.mark.parametrize("way", WAYS)
def test_without_an_edited_hop_the_inner_model_gets_the_very_same_call(way: str) -> None:
    model, alone = overlaid(), RecordingModel()
    model.overlay.remove("needle")
    model.overlay.add("The Louvre was painted by Odile Brandt.")
    messages = [SystemMessage("Be brief."), HumanMessage(QUESTION)]

    answer = use(model, way, messages, stop=["\n"], temperature=0.3)
    expected = use(alone, way, messages, stop=["\n"], temperature=0.3)

    call = model.inner.calls[-1]
    assert all(a is b for a, b in zip(call.messages, messages, strict=True))
    assert (call.stop, call.kwargs) == (alone.calls[0].stop, alone.calls[0].kwargs)
    assert answer.response_metadata.pop("errata")["route"] == "base"
    assert answer.model_copy(update={"id": None}) == expected.model_copy(update={"id": None})


@pytest.mark.parametrize("way", WAYS)
def test_with_an_empty_memory_nothing_is_taken_apart(way: str) -> None:
    model = overlaid()
    model.overlay.remove("needle")

    use(model, way, QUESTION)

    assert planner(model).asked == [] and last_words(model) == [QUESTION]


@pytest.mark.parametrize("way", WAYS)
def test_with_tools_bound_the_question_goes_to_the_inner_model_as_it_is(way: str) -> None:
    model = overlaid()

    answer = use(model.bind_tools([find]), way, QUESTION)

    assert planner(model).asked == []
    assert last_words(model) == [QUESTION] and model.inner.calls[0].kwargs["tools"]
    assert answer.tool_calls[0]["args"] == {"city": "Seattle"}
    assert answer.response_metadata["errata"]["route"] == "base"


@pytest.mark.parametrize("way", WAYS)
def test_so_it_does_for_structured_output(way: str) -> None:
    model = overlaid()

    assert use(model.with_structured_output(Mayor), way, QUESTION) == Mayor(city="Seattle")
    assert planner(model).asked == [] and last_words(model) == [QUESTION]


@pytest.mark.parametrize(
    "messages",
    [
        [HumanMessage(QUESTION), ToolMessage("r", tool_call_id="1")],
        [
            HumanMessage(
                [{"type": "text", "text": QUESTION}, {"type": "image_url", "image_url": {}}]
            )
        ],
    ],
)
def test_so_it_does_with_a_picture_or_a_tool_result(messages: Any) -> None:
    model = overlaid()
    model.invoke(messages)
    assert planner(model).asked == [] and len(model.inner.calls) == 1


@pytest.mark.parametrize("way", WAYS)
def test_a_follow_up_that_refers_back_is_not_taken_apart(way: str) -> None:
    model = overlaid()
    before = [HumanMessage("Tell me about the Space Needle."), AIMessage("It is a tower.")]
    follow_up = HumanMessage("Who is the mayor of the city it is in?")

    use(model, way, [*before, follow_up])
    assert planner(model).asked == []

    use(model, way, [*before, HumanMessage(QUESTION)])
    assert planner(model).asked == [QUESTION]


def test_a_prompted_decomposer_asks_the_inner_model_and_no_other() -> None:
    model = overlaid(decomposer="prompted")

    model.invoke(QUESTION)

    # What it says to the chain is no step, so the question is asked as it is.
    chain, question = last_words(model)
    assert chain.endswith(f"\n\nQuestion: {QUESTION}") and question == QUESTION


def test_a_local_model_answers_hops_as_a_base_model() -> None:
    base = tiny_base()
    model = overlaid(LocalChatModel(base=base))

    hops = model.invoke(QUESTION).response_metadata["errata"]["hops"]

    assert hops[1]["answer"] == ShortAnswers(lambda: base).answer(MAYOR) != ""


@pytest.mark.parametrize("way", WAYS)
def test_what_the_inner_model_raises_in_a_hop_is_named(way: str) -> None:
    class Broken(RecordingModel):
        def _result(self, *_: Any) -> Any:
            raise RuntimeError("no more credit\nfor you")

    with pytest.raises(ModelError, match=r"'recording' failed: no more credit$"):
        use(overlaid(Broken()), way, QUESTION)


class Listener(BaseCallbackHandler):
    """Counts the runs that it hears of, and gathers their tokens."""

    def __init__(self) -> None:
        self.starts = 0
        self.tokens: list[str] = []

    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        self.starts += 1

    def on_llm_new_token(self, token: str, **kwargs: Any) -> None:
        self.tokens.append(token)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("answerer", ["ike", "counterfactual"])
@pytest.mark.parametrize("in_a_chain", [False, True])
def test_callbacks_hear_of_one_run_and_of_no_hop(way: str, answerer: str, in_a_chain: bool) -> None:
    listener = Listener()
    model: Any = overlaid(answerer=answerer)
    if in_a_chain:
        model = RunnableLambda(lambda text: text) | model

    answer = use(model, way, QUESTION, config={"callbacks": [listener]})

    assert listener.starts == 1
    assert "".join(listener.tokens) == (answer.text if "stream" in way else "")


async def test_asking_by_hops_leaves_the_event_loop_free() -> None:
    model = overlaid()
    await model.abatch([QUESTION, f"Please: {QUESTION}"])
    async for _ in model.astream(f"Well: {QUESTION}"):
        pass
    assert len(planner(model).asked) == 3
    assert threading.get_ident() not in planner(model).threads


def test_many_threads_may_ask_at_once() -> None:
    model = overlaid()
    questions = [f"{QUESTION if at % 2 else MAYOR} {at}" for at in range(30)]
    answers = model.batch(questions, config={"max_concurrency": 8})
    for answer in answers:
        record = answer.response_metadata["errata"]
        assert record["route"] == "multi_hop" and len(record["hops"]) == 2


@pytest.mark.parametrize("way", WAYS)
def test_a_follow_up_is_answered_as_it_was_made_to_stand_on_its_own(way: str) -> None:
    model = overlaid(decomposer="none")
    rewriter = FakeRewriter(**{"Where is it?": WHERE})
    model.overlay.router.rewriter = rewriter
    before = [HumanMessage("Tell me about the Space Needle."), AIMessage("It is a tower.")]

    answer = use(model, way, [SystemMessage("Be brief."), *before, HumanMessage("Where is it?")])

    assert "Paris" in answer.text and model.inner.calls == []
    record = answer.response_metadata["errata"]
    assert (record["route"], record["edit_ids"]) == ("counterfactual", ["needle"])
    assert record["rewritten"] == record["reading"] == WHERE
    assert [turn.role for turn in rewriter.shown[0][0]] == ["user", "assistant", "user"]
