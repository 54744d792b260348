"""A decomposer that is any chat model, prompted with MeLLo's chain of thought.

After Zhong et al., "MQuAKE: Assessing Knowledge Editing in Language Models via Multi-Hop
Questions" (EMNLP 2023): the model writes a subquestion and what it takes for the answer, the
memory is asked, and where the two contradict each other the memory holds. Instructions and
demonstrations are our own.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mello.hops import Answer, Finish, Hop, Subquestion, folded_answer
from memory_store.errors import ErrataError, ModelError

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

FILE = Path(__file__).with_name("demonstrations.toml")

INSTRUCTIONS = """\
Questions are answered one fact at a time. A subquestion asks for one fact, and names what it asks \
about. The tentative answer is what you take for its answer, in a few words. The retrieved fact is \
what a memory of corrected facts says to it, or none; where that is something else than the \
tentative answer, there is a contradiction. The intermediate answer is what holds: the retrieved \
fact, whatever you know yourself. The final answer follows from the intermediate answers, in a few \
words.
Go on with the last question below. Write either its next subquestion and your tentative answer to \
it, and stop there, or, once nothing is left to ask, its final answer. Where the question itself \
asks for one fact only, write its final answer at once."""

Chat = Callable[[str], str]
"""From a prompt to what a model says to it; given from outside."""

_NOTHING = frozenset(["", "none", "n a", "unknown", "not known"])
"""What a model writes, folded, where it has nothing to say."""

_MARKUP = re.compile(r"\*\*|__|`")
_LEAD = r"^[ >#*•-]*(?:\(?\d+[.):] ?)?"
_COLON = r"(?: is)? ?[#(]?\d*\)? ?\*? ?[:\uff1a]\*?"
_LABELS = (
    r"sub[-_ ]?questions?|(?:tentative|intermediate|final) answer|retrieved facts?|contradiction"
)
_LABEL = re.compile(
    # A question is all that its line holds. Other labels, and a question after something else,
    # may also stand within a line.
    rf"{_LEAD}question{_COLON}(?P<question>.*)"
    rf"|(?:{_LEAD})?(?P<label>{_LABELS}|(?-i:Question)){_COLON}",
    re.IGNORECASE | re.MULTILINE,
)
"""A label in text without markup, in which a run of white space is one space."""


class PromptedDecomposer:
    """Asks a chat model for one subquestion after the other; fits :class:`mello.Decomposer`.

    It holds nothing of a question between two calls, and is as thread-safe as the chat is.

    Args:
        chat: Answers a prompt.
    """

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    @classmethod
    def over(cls, model: Runnable[Any, Any]) -> PromptedDecomposer:
        """Return a decomposer over a LangChain chat model.

        It should be the plain model: one with an overlay around it would look for edits in the
        demonstrations. Settings are bound to it, such as ``model.bind(stop=["Retrieved fact:"])``
        where the provider knows stop words: then it can't write on for nothing.

        Args:
            model: The chat model.

        Raises:
            ModelError: It is no such model. The decomposer raises the same, in one line, for
                whatever the model raises when it is asked.
        """
        from langchain_core.runnables import Runnable as Askable

        if not isinstance(model, Askable):
            raise ModelError(f"{type(model).__name__} is not a LangChain chat model")

        def chat(prompt: str) -> str:
            try:
                said = model.invoke(prompt)
            except ErrataError:  # a chat model may be ours
                raise
            except Exception as error:  # each provider raises its own kinds
                why = (str(error).strip() or type(error).__name__).splitlines()[0]
                raise ModelError(f"the chat model that takes questions apart failed: {why}") from (
                    error
                )
            return str(getattr(said, "text", said))

        return cls(chat)

    def next(self, question: str, hops: Sequence[Hop]) -> str | Subquestion | Finish:
        """Return the next subquestion, with the model's tentative answer, or that none is left.

        Nothing that could be read is the empty subquestion, for which the loop has a name.
        """
        return read_step(self._chat(chain_prompt(question, hops)), question, hops)


def chain_prompt(question: str, hops: Sequence[Hop] = ()) -> str:
    """Return the instructions, the demonstrations, and the chain of a question so far."""
    return "\n\n".join([_beginning(), _chain(question, hops)])


def read_step(text: str, question: str, hops: Sequence[Hop] = ()) -> str | Subquestion | Finish:
    """Return the first new step in what a model wrote; never fails.

    What stands around the labels, thoughts and markup are passed over. So is what was there
    already (a model may repeat the chain, or all of the prompt), a chain for another question,
    and whatever comes after the first new step: the model doesn't answer hops itself.

    A final answer before any hop is not taken over, for no memory was asked: the question is then
    one of a single hop, ``Finish()``. After hops it is taken over also where it isn't the last
    hop's answer, because it may weigh several hops against each other, as in a comparison. There is
    one exception: where an edit overruled the model at the last hop, and the final answer is just
    what the model had believed before, the edit's answer holds.

    Args:
        text: What the model wrote.
        question: The multi-hop question.
        hops: The hops before.

    Returns:
        The step; a text where it is a subquestion that has been asked, or empty if there is none.
    """
    asked = {folded_answer(hop.question) for hop in hops}
    parts = _labelled(text, question)
    again = ""
    for place, (label, value) in enumerate(parts):
        if label == "finalanswer":
            return _finish(value, hops)
        value = re.sub(_LEAD, "", value)  # the first of a numbered list
        if label.startswith("subquestion") and folded_answer(value) not in _NOTHING:
            if folded_answer(value) not in asked:
                after, tentative = parts[place + 1] if place + 1 < len(parts) else ("", "")
                return Subquestion(value, (tentative if after == "tentativeanswer" else "") or None)
            again = value
    return again


def _finish(said: str, hops: Sequence[Hop]) -> Finish:
    if not hops or not said:
        return Finish()
    held, believed = hops[-1].answer.text, hops[-1].tentative or ""
    believes = _has(said, believed) or _has(believed, said)
    if hops[-1].overruled and believes and not _has(said, held):
        return Finish()
    return Finish(said)


def _has(text: str, part: str) -> bool:
    """Say whether a text has the words of another, one after the other."""
    words = folded_answer(part)
    return bool(words) and f" {words} " in f" {folded_answer(text)} "


def _labelled(text: str, question: str) -> list[tuple[str, str]]:
    """Return each label, its letters alone, with the first line of what follows it.

    Labels in the chain of another question are left out.
    """
    spoken = text.rpartition("</think>")[2].partition("<think>")[0]
    plain = "\n".join(map(_line, _MARKUP.sub("", spoken).splitlines()))
    found = list(_LABEL.finditer(plain))
    ends = [*(match.start() for match in found), len(plain)][1:]
    ours, own = True, folded_answer(_MARKUP.sub("", question))
    parts: list[tuple[str, str]] = []
    for match, end in zip(found, ends, strict=True):
        if match["question"] is not None:
            ours = folded_answer(match["question"]) == own
        elif ours:
            label = "".join(filter(str.isalpha, match["label"])).casefold()
            parts.append((label, _value(plain[match.end() : end])))
    return parts


def _value(text: str) -> str:
    """Return the first line that is not blank, or nothing where that says nothing."""
    value = next((line for line in map(str.strip, text.split("\n")) if line), "")
    return "" if folded_answer(value) in _NOTHING else value


@cache
def _beginning() -> str:
    return "\n\n".join([INSTRUCTIONS, *(_chain(*shown) for shown in demonstrations())])


@cache
def demonstrations() -> tuple[tuple[str, tuple[Hop, ...], str], ...]:
    """Return (question, hops, final answer) of each demonstration."""
    with FILE.open("rb") as file:
        found = tomllib.load(file)["demonstration"]
    return tuple((one["question"], tuple(map(_hop, one["hop"])), one["final"]) for one in found)


def _hop(shown: dict[str, Any]) -> Hop:
    source = "shown" if shown.get("edited") else None
    return Hop(shown["question"], Answer(shown["answer"], source), shown["tentative"])


def _chain(question: str, hops: Sequence[Hop], final: str | None = None) -> str:
    """Return a chain; texts are put in a line each, so that no label in them can begin one."""
    lines = [f"Question: {_line(question)}"]
    for hop in hops:
        answer = _line(hop.answer.text)
        lines += [
            f"Subquestion: {_line(hop.question)}",
            f"Tentative answer: {_line(hop.tentative or '') or 'unknown'}",
            f"Retrieved fact: {'none' if hop.answer.edit_id is None else answer}",
            f"Contradiction: {'yes' if hop.overruled else 'no'}",
            f"Intermediate answer: {answer}",
        ]
    if final is not None:
        lines.append(f"Final answer: {final}")
    return "\n".join(lines)


def _line(text: str) -> str:
    return " ".join(text.split())
