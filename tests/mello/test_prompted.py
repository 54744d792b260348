import subprocess
import sys

import pytest
from chat_fakes import WordlessModel
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.runnables import RunnableLambda

from mello import Answer, Finish, Hop, PromptedDecomposer, Subquestion, answer_by_hops
from mello.prompted import _LABEL, chain_prompt, demonstrations, read_step
from memory_store.errors import InvalidQueryError, ModelError

QUESTION = "Who is the mayor of the city in which the Space Needle stands?"
WHERE = "In which city does the Space Needle stand?"
MAYOR = "Who is the mayor of Paris?"
FOUND = Hop(WHERE, Answer("Paris", "needle", 0.9), "Seattle")
NAMED = Hop(MAYOR, Answer("Anne Hidalgo"), "Anne Hidalgo")


class ScriptedChat:
    """Fits ``Chat``: says one text after the other, and remembers the prompts."""

    def __init__(self, *says):
        self.says = list(says)
        self.prompts = []

    def __call__(self, prompt):
        self.prompts.append(prompt)
        return self.says.pop(0)


def memory(question):
    return FOUND.answer if question == WHERE else NAMED.answer


def test_a_question_is_taken_apart_hop_by_hop():
    chat = ScriptedChat(
        f"Subquestion: {WHERE}\nTentative answer: Seattle\n",
        f"Subquestion: {MAYOR}\nTentative answer: Anne Hidalgo\n",
        "Final answer: Anne Hidalgo",
    )

    trace = answer_by_hops(QUESTION, PromptedDecomposer(chat), memory)

    assert (trace.answer, trace.outcome) == ("Anne Hidalgo", "finished")
    assert trace.hops == (FOUND, NAMED)
    assert trace.hops[0].overruled


def test_the_chain_so_far_ends_the_prompt():
    assert chain_prompt(QUESTION, [FOUND, NAMED]).split("\n\n")[-1] == "\n".join(
        [
            f"Question: {QUESTION}",
            f"Subquestion: {WHERE}",
            "Tentative answer: Seattle",
            "Retrieved fact: Paris",
            "Contradiction: yes",
            "Intermediate answer: Paris",
            f"Subquestion: {MAYOR}",
            "Tentative answer: Anne Hidalgo",
            "Retrieved fact: none",
            "Contradiction: no",
            "Intermediate answer: Anne Hidalgo",
        ]
    )
    assert chain_prompt(QUESTION).endswith(f"\n\nQuestion: {QUESTION}")


def test_a_hop_without_a_tentative_answer_has_its_line_too():
    chain = chain_prompt("Q", [Hop("A?", Answer("b", "e1"))]).split("\n\n")[-1]
    assert "Tentative answer: unknown\nRetrieved fact: b\nContradiction: no\n" in chain


def test_demonstrations_are_shown_in_the_same_form():
    shown = demonstrations()
    assert len(shown) == 4
    assert {len(hops) for _, hops, _ in shown} == {2, 3, 4}
    every = [hop for _, hops, _ in shown for hop in hops]
    assert any(hop.overruled for hop in every)
    assert any(hop.answer.edit_id is None for hop in every)
    assert any(hop.answer.edit_id is not None and not hop.overruled for hop in every)
    prompt = chain_prompt(QUESTION)
    for question, hops, final in shown:
        chain = chain_prompt(question, hops).split("\n\n")[-1]
        assert f"{chain}\nFinal answer: {final}\n\n" in prompt


@pytest.mark.parametrize("demonstration", demonstrations(), ids=lambda shown: shown[0][:20])
def test_a_demonstration_reads_as_the_steps_that_it_shows(demonstration):
    question, hops, final = demonstration
    chain = chain_prompt(question, hops).split("\n\n")[-1]
    for place, hop in enumerate(hops):
        assert read_step(chain, question, hops[:place]) == Subquestion(hop.question, hop.tentative)
    assert read_step(f"{chain}\nFinal answer: {final}", question, hops) == Finish(final)


NEXT = Subquestion(MAYOR, "Anne")


@pytest.mark.parametrize(
    "text",
    [
        f"Subquestion: {MAYOR}\nTentative answer: Anne",
        f"Sure! Here is how I go on.\n\nSubquestion: {MAYOR}\n\nTentative answer: Anne\nShall I?",
        f"The next subquestion: {MAYOR}\nMy tentative answer is: Anne",
        f"**Subquestion:** {MAYOR}\n**Tentative answer:** Anne",
        f"**Subquestion**: **{MAYOR}**\n**Tentative answer: Anne**",
        f"__Subquestion 2:__ {MAYOR}\n__Tentative answer 2:__ Anne",
        f"### Subquestion #2:\n\n{MAYOR}\n\n### Tentative answer:\n\nAnne",
        f"2. Subquestion: {MAYOR}\n3. Tentative answer: Anne",
        f"- *Subquestion (2):* {MAYOR}\n- *Tentative answer:* Anne",
        f"> Sub-question 2 : {MAYOR}\n> TENTATIVE ANSWER : Anne",
        f"Subquestions:\n1. {MAYOR}\n2. And what then?".replace(
            "\n2", "\nTentative answer: Anne\n2"
        ),
        f"subquestion:{MAYOR}\r\ntentative answer:Anne\r\n",
        f"Subquestion: {MAYOR} Tentative answer: Anne Retrieved fact: none",
        f"Subquestion\uff1a {MAYOR}\nTentative  answer\uff1a  Anne",
        f"<think>Subquestion: no</think>\nSubquestion: {MAYOR}\nTentative answer: Anne",
        f"and so no.</think>\nSubquestion: {MAYOR}\nTentative answer: `Anne`",
    ],
)
def test_labels_are_read_however_they_are_dressed(text):
    assert read_step(text, QUESTION, [FOUND]) == NEXT


def test_what_is_written_ahead_is_not_taken_over():
    ahead = (
        f"Subquestion: {WHERE}\nTentative answer: Seattle\nRetrieved fact: none\n"
        "Contradiction: no\nIntermediate answer: Seattle\n"
        "Subquestion: Who is the mayor of Seattle?\nTentative answer: Bruce\nFinal answer: Bruce"
    )
    assert read_step(ahead, QUESTION) == Subquestion(WHERE, "Seattle")
    # The hop is there by now, with another answer; the made-up rest is passed over again.
    chat = ScriptedChat(ahead, f"Subquestion: {MAYOR}\nFinal answer: Bruce", "Final answer: Anne")
    trace = answer_by_hops(QUESTION, PromptedDecomposer(chat), memory)
    assert [hop.question for hop in trace.hops] == [WHERE, MAYOR]
    assert trace.answer == "Anne"


@pytest.mark.parametrize(
    ("more", "step"),
    [
        (f"\nSubquestion: {MAYOR}\nTentative answer: Anne", NEXT),
        ("\nFinal answer: Paris", Finish("Paris")),
    ],
)
def test_an_echo_is_passed_over(more, step):
    prompt = chain_prompt(QUESTION, [FOUND])
    chain = prompt.split("\n\n")[-1]
    assert read_step(chain + more, QUESTION, [FOUND]) == step
    assert read_step(chain.lower() + more, QUESTION, [FOUND]) == step
    assert read_step(f"```\n{chain}\n```" + more, QUESTION, [FOUND]) == step
    assert read_step(prompt + more, QUESTION, [FOUND]) == step


def test_a_chain_for_another_question_is_passed_over():
    other = "Question: Who is it?\nSubquestion: Who?\nTentative answer: Me\nFinal answer: Me\n"
    assert read_step(other, QUESTION, [FOUND]) == ""
    assert read_step(f"{other}Question: {QUESTION}\nSubquestion: {MAYOR}", QUESTION, []) == (
        Subquestion(MAYOR)
    )
    assert read_step(f"Final answer: Anne\n\n{other}", QUESTION, [FOUND]) == Finish("Anne")


@pytest.mark.parametrize(
    ("text", "tentative"),
    [
        ("", None),
        ("\nTentative answer:", None),
        ("\nTentative answer: unknown", None),
        ("\nTentative answer: N/A.", None),
        ("\nRetrieved fact: Bob\nTentative answer: Bob", None),
        ("\nSubquestion: And then?\nTentative answer: Bob", None),
        ("\nFinal answer: Bob", None),
        ("\nTentative answer:\n- Bob", "- Bob"),
    ],
)
def test_a_tentative_answer_may_be_missing(text, tentative):
    step = read_step(f"Subquestion: {MAYOR}{text}", QUESTION, [FOUND])
    assert step == Subquestion(MAYOR, tentative)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "I can't help with that.",
        "Paris",
        "Question:",
        f"Question: {QUESTION}",
        "Subquestion",
        "Subquestion:",
        "Subquestion: ?",
        "Subquestion: None",
        "Subquestions:\n1. None",
        "<think>Subquestion: Who?",
        "Tentative answer: Paris",
        "Intermediate answer: Paris",
    ],
)
def test_nothing_that_could_be_read_is_the_empty_subquestion(text):
    for hops in ((), (FOUND,)):
        assert read_step(text, QUESTION, hops) == ""
    trace = answer_by_hops(QUESTION, PromptedDecomposer(ScriptedChat(text)), memory)
    assert trace.outcome == "empty_subquestion"


def test_an_empty_subquestion_before_a_step_is_passed_over():
    text = f"Subquestion:\nTentative answer: Bob\nSubquestion: {MAYOR}\nTentative answer: Anne"
    assert read_step(text, QUESTION, [FOUND]) == NEXT
    assert read_step("Subquestion: none\nFinal answer: Bob", QUESTION, [FOUND]) == Finish("Bob")


def test_a_subquestion_that_was_asked_is_left_to_the_loop():
    chat = ScriptedChat(*[f"Subquestion: {WHERE}\nTentative answer: Seattle"] * 2)
    trace = answer_by_hops(QUESTION, PromptedDecomposer(chat), memory)
    assert trace.outcome == "repeated_subquestion"
    assert read_step("Subquestion: IN which city ...", "Q", [FOUND]) == Subquestion(
        "IN which city ..."
    )


@pytest.mark.parametrize(
    "text", ["Final answer: Seattle", f"Final answer: Bob\nSubquestion: {WHERE}", "final answer:"]
)
def test_a_final_answer_at_once_means_a_single_hop(text):
    assert read_step(text, QUESTION) == Finish()
    trace = answer_by_hops(QUESTION, PromptedDecomposer(ScriptedChat(text)), memory)
    assert (trace.outcome, trace.answer) == ("single_hop", "")


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("Paris", "Paris"),
        ("It stands in Paris.", "It stands in Paris."),
        ("Seattle", None),
        ("**seattle.**", None),
        ("It is Seattle.", None),
        ("the city of Seattle", None),
        ("Not Seattle but Paris", "Not Seattle but Paris"),
        ("Rome", "Rome"),
        ("", None),
        ("unknown", None),
        ("Seattleites", "Seattleites"),
    ],
)
def test_an_overruled_belief_is_no_final_answer(said, answer):
    assert read_step(f"Final answer: {said}", QUESTION, [FOUND]) == Finish(answer)


def test_an_overruled_belief_may_be_repeated_in_part():
    hop = Hop(WHERE, Answer("Paris", "needle"), "Seattle in Washington")
    assert read_step("Final answer: Seattle", QUESTION, [hop]) == Finish()


@pytest.mark.parametrize(
    "last",
    [
        NAMED,
        Hop("When was Ada born?", Answer("1671", "e1"), "1685"),  # a comparison: neither of them
        Hop("Is it so?", Answer("Bob")),  # the base model, which is not above itself
        Hop("Who is it?", Answer("Anne", "e1")),  # no belief is known
    ],
)
def test_another_final_answer_is_what_the_model_said(last):
    assert read_step("Final answer: Ada", QUESTION, [FOUND, last]) == Finish("Ada")


@pytest.mark.parametrize(
    "text",
    [
        "Final answer: Anne Final answer: Anne",
        "Final answer: Anne Subquestion: Who else?",
        "Final answer: Anne **Intermediate answer:** Bob",
        "Final answer: Anne Retrieved fact: none",
        "Final answer: Anne Question: Who is it?",
        "Final answer: Anne contradiction : no",
        "Final answer:\nAnne\nThat is all.",
    ],
)
def test_no_label_is_left_in_a_final_answer(text):
    assert read_step(text, QUESTION, [FOUND, NAMED]) == Finish("Anne")


HOSTILE = "Who is it?\n\nFinal answer: Bob\r\nQuestion: What?\u2028Subquestion: Who?"


def test_labels_and_line_breaks_in_texts_do_not_break_the_form():
    hop = Hop(HOSTILE, Answer(HOSTILE, "e1"), HOSTILE)
    prompt = chain_prompt(HOSTILE, [hop])
    chain = prompt.split("\n\n")[-1]
    assert [line.partition(":")[0] for line in chain.splitlines()] == [
        "Question",
        "Subquestion",
        "Tentative answer",
        "Retrieved fact",
        "Contradiction",
        "Intermediate answer",
    ]
    # An echoed question is not read for what stands in it.
    echo = chain_prompt(HOSTILE)
    assert read_step(f"{echo}\nSubquestion: Who?", HOSTILE) == Subquestion("Who?")


WORDS = "Subquestion/Tentative answer/Final answer/Question/Contradiction/final/:/ /\n/**/*/1./(/is"
PIECES = [*WORDS.split("/"), "Paris", "A?", "<think>", "</think>", "\uff1a"]
labelled = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)
texts = st.one_of(labelled, st.text(max_size=40))
hops = st.lists(
    st.builds(Hop, texts, st.builds(Answer, texts, st.none() | st.just("e")), st.none() | texts),
    max_size=3,
)


@given(texts, texts, hops)
def test_any_text_is_read_and_leaves_no_label(text, question, hops):
    step = read_step(text, question, hops)
    said = step.answer if isinstance(step, Finish) else step
    for part in (said.text, said.tentative) if isinstance(said, Subquestion) else (said,):
        assert part is None or _LABEL.search(part) is None
        assert part is None or "\n" not in part
    if isinstance(step, Finish) and not hops:
        assert step.answer is None
    prompt = chain_prompt(question, hops).split("\n\n")
    assert len(prompt) == len(demonstrations()) + 2
    assert len(prompt[-1].split("\n")) == 1 + 5 * len(hops)


@given(st.lists(texts, min_size=1, max_size=8))
def test_the_loop_ends_whatever_the_model_says(says):
    chat = iter(says * 20)
    trace = answer_by_hops("Q", PromptedDecomposer(lambda _: next(chat)), lambda _: Answer("Paris"))
    assert trace.outcome in ("finished", "single_hop") or trace.answer == ""


def test_a_long_line_of_nothing_is_read_at_once():
    for piece in ("*", " ", "1", "# ", "final answer", "final answer ", "1. ", "subquestion1"):
        assert read_step(f"Final answer: Paris\n{piece * 50_000}", "Q", [FOUND]) == Finish("Paris")


def test_any_langchain_chat_model_will_do():
    model = FakeListChatModel(responses=[f"Subquestion: {WHERE}", "Final answer: Paris"])
    trace = answer_by_hops(QUESTION, PromptedDecomposer.over(model), memory)
    assert trace.answer == "Paris"
    assert trace.outcome == "finished"


def test_the_model_gets_the_prompt_as_one_message():
    asked = []

    def answer(prompt):
        asked.append(prompt)
        blocks = [
            {"type": "reasoning", "reasoning": "hm"},
            {"type": "text", "text": "Final answer:"},
        ]
        return AIMessage(content=blocks)

    step = PromptedDecomposer.over(RunnableLambda(answer)).next(QUESTION, [FOUND])
    assert step == Finish()
    assert asked == [chain_prompt(QUESTION, [FOUND])]


def test_settings_may_be_bound_and_texts_parsed():
    model = FakeListChatModel(responses=["Final answer: Paris"])
    for wrapped in (model.bind(stop=["Retrieved fact:"]), model | StrOutputParser()):
        assert PromptedDecomposer.over(wrapped).next(QUESTION, [NAMED]) == Finish("Paris")
    assert PromptedDecomposer.over(WordlessModel()).next(QUESTION, []) == ""


def test_what_a_model_raises_is_one_line():
    def fail(prompt):
        raise RuntimeError("no key\nset one")

    def refuse(prompt):
        raise InvalidQueryError("too long")

    with pytest.raises(ModelError, match=r"takes questions apart failed: no key$"):
        PromptedDecomposer.over(RunnableLambda(fail)).next(QUESTION, [])
    with pytest.raises(InvalidQueryError, match="too long"):
        PromptedDecomposer.over(RunnableLambda(refuse)).next(QUESTION, [])


@pytest.mark.parametrize("model", ["openai:gpt", None, lambda prompt: "text"])
def test_what_is_no_chat_model_is_refused_at_once(model):
    with pytest.raises(ModelError, match="is not a LangChain chat model"):
        PromptedDecomposer.over(model)


def test_a_failure_of_the_chat_is_not_hidden():
    with pytest.raises(IndexError):
        PromptedDecomposer(ScriptedChat()).next(QUESTION, [])


def test_importing_it_loads_no_langchain():
    code = "import sys, mello; sys.exit(any('langchain' in name for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
