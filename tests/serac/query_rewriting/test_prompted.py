import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fakes import FakeBase
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.runnables import RunnableLambda

from memory_store.errors import InvalidQueryError, ModelError
from serac.conversation import Turn
from serac.query_rewriting import PromptedRewriter
from serac.query_rewriting.prompted import LONGEST_QUERY, prompt_of, read_query

TURNS = (
    Turn("system", "Be brief."),
    Turn("user", "Tell me about the Space Needle."),
    Turn("assistant", "It is a tower."),
    Turn("user", "Who designed it?"),
)
ASKED = "Who designed the Space Needle?"


def rewritten(text, turns=TURNS):
    return PromptedRewriter.of(lambda: FakeBase(text)).rewrite_all([turns])


def test_the_prompt_ends_with_the_conversation():
    prompt = prompt_of(TURNS)
    assert prompt.endswith(
        "\n\nUser: Tell me about the Space Needle.\nAssistant: It is a tower.\n"
        "User: Who designed it?\nQuery:"
    )
    assert "Be brief." not in prompt
    assert prompt.count("\nQuery: same\n") == 2


@pytest.mark.parametrize(
    "text",
    [
        ASKED,
        f"Query: {ASKED}",
        f"**Query:** {ASKED}",
        f'"{ASKED}"',
        f"They mean the tower.\nQuery: none yet\n\nQuery: {ASKED}\nIt is a tower.",
        f"Here it is:\n\n{ASKED}\n",
        f"{ASKED} (it = the tower)",
        f'"{ASKED}" (it = the tower)',
        f"<think>It wants a line after Query: with names.</think>\n{ASKED}",
        f'{ASKED}\n\nNote: "it" stands for the Space Needle.',
        f"{ASKED}\n\nUser: And how tall is it?\nQuery: How tall is the Space Needle?",
        f"Query: {ASKED}\nAssistant: Mona Reyes.\nQuery: same",
    ],
)
def test_the_query_is_found_in_what_a_model_writes(text):
    assert read_query(text) == ASKED
    assert rewritten(text) == [ASKED]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "same",
        "Query: Same.",
        "same (it asks for nothing)",
        "Query:",
        "Who designed it?",  # the turn as it is
        "Who designed the Eiffel Tower?",  # nobody has named that
        "Who " + "x" * LONGEST_QUERY,
        '"same".',
        "**same**.",
        "**Query**: same",
        "same, because it stands alone",
        'The query is "same".',
        "None",
        "N/A",
        "unchanged",
        "I'm sorry, but I can't help with that.",
        "<think>They speak of the Space Needle, so who designed",  # cut off
        "What do foxes eat?",  # of a demonstration
        "User: Who designed the Space Needle?\nQuery: What do foxes eat?",  # another conversation
    ],
)
def test_a_turn_is_left_as_it_is(text):
    assert rewritten(text) == [None]


@given(st.text())
def test_whatever_a_model_writes_a_query_is_one_line_or_none(text):
    query = read_query(text)
    assert query is None or (query.strip() == query != "" and len(query.splitlines()) == 1)


@pytest.mark.parametrize("said", [None, 3])
def test_a_reply_that_is_no_text_is_told(said):
    class Odd(FakeBase):
        def reply(self, turns, *, stop=None, max_new_tokens=None):
            return said

    with pytest.raises(ModelError, match="not with text"):
        PromptedRewriter.of(Odd).rewrite_all([TURNS])


def test_the_model_is_loaded_once_by_many_threads(monkeypatch):
    loaded = []

    def load(spec, device):
        loaded.append(spec)
        time.sleep(0.05)
        return FakeBase(ASKED)

    monkeypatch.setattr("serac.query_rewriting.prompted.load_base", load)
    rewriter = PromptedRewriter.over("a model")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(rewriter.rewrite_all, [[TURNS]] * 8))
    assert found == [[ASKED]] * 8
    assert loaded == ["a model"]


def test_handlers_of_a_chain_do_not_hear_of_the_call():
    heard = []

    class Handler(BaseCallbackHandler):
        def on_chat_model_start(self, *_, **__):
            heard.append("start")

    rewriter = PromptedRewriter.over(FakeListChatModel(responses=[ASKED]))
    chain = RunnableLambda(lambda turns: rewriter.rewrite_all([turns]))
    assert chain.invoke(TURNS, {"callbacks": [Handler()]}) == [ASKED]
    assert heard == []


def test_a_local_model_is_stopped_before_it_goes_on():
    class Local(FakeBase):
        prompting = "chat"
        knows_turns = True

        def reply(self, turns, *, stop=None, max_new_tokens=None):
            stopped.append(stop)
            return ASKED

        def complete(self, prompt, **_):
            return iter(())

    stopped = []
    assert PromptedRewriter.of(Local).rewrite_all([TURNS]) == [ASKED]
    assert stopped == [("User:", "Assistant:")]


def test_brackets_of_a_name_stay():
    assert read_query("How long is Jaws (1975)") == "How long is Jaws (1975)"


def test_each_conversation_is_asked_about_once():
    base = FakeBase(ASKED)
    rewriter = PromptedRewriter.of(lambda: base)
    assert rewriter.rewrite_all([TURNS, TURNS[1:]]) == [ASKED, ASKED]
    assert rewriter.rewrite_all([TURNS]) == [ASKED]
    assert len(base.asked) == 1


def test_a_model_without_room_leaves_the_turn_as_it_is(caplog):
    def says(prompt):
        raise InvalidQueryError("the prompt is too long")

    assert rewritten(says) == [None]
    assert "can't rewrite a turn: the prompt is too long" in caplog.text


def test_a_failure_is_not_remembered():
    found = iter([ModelError("out of reach"), ASKED])

    def says(prompt):
        one = next(found)
        if isinstance(one, Exception):
            raise one
        return one

    rewriter = PromptedRewriter.of(lambda: FakeBase(says))
    with pytest.raises(ModelError, match="out of reach"):
        rewriter.rewrite_all([TURNS])
    assert rewriter.rewrite_all([TURNS]) == [ASKED]


def test_any_chat_model_can_be_asked():
    model = FakeListChatModel(responses=[f"Query: {ASKED}"])
    assert PromptedRewriter.over(model).rewrite_all([TURNS]) == [ASKED]


def test_what_is_no_model_is_told_when_it_is_needed():
    rewriter = PromptedRewriter.over(3)
    assert rewriter.rewrite_all([]) == []
    with pytest.raises(ModelError, match="int is not a base model"):
        rewriter.rewrite_all([TURNS])
