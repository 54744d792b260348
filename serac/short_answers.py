"""The base model's answer to a subquestion: a name or a few words, fit to be put into the next."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import cast

from serac.bases import BaseModel, CompletionModel
from serac.conversation import Turn

LONGEST = 24
"""Tokens."""

LONGEST_CHAT_ANSWER = 96
"""Tokens of a chat model, which may say a few words around the name."""

STOPS = ("\n", "Question:")

LONGEST_NAME = 200
"""Characters."""

_THOUGHT = re.compile(r"<think>.*?(?:</think>|$)", re.DOTALL)

_SHOWN = (
    ("Who wrote the novel Emma?", "Jane Austen"),
    ("What is the capital of Portugal?", "Lisbon"),
    ("Which sport does Serena Williams play?", "tennis"),
    ("What is the country of citizenship of Marie Curie?", "France"),
    ("Who founded Ikea?", "Ingvar Kamprad"),
    ("When did the Titanic sink?", "15 April 1912"),
)
"""Questions and answers that a model which continues text is shown."""

_INSTRUCTION = "Answer with the name or the few words asked for, and nothing else."


class ShortAnswers:
    """Asks the base model one question at a time, and takes what it says as a name.

    A model whose ``prompting`` is ``completion`` continues a list of questions with short answers;
    any other is told to answer briefly.

    Args:
        base: Returns the base model; called when it is first needed.
    """

    def __init__(self, base: Callable[[], BaseModel]) -> None:
        self._base = base

    def _completes(self) -> CompletionModel | None:
        base = self._base()
        completes = isinstance(base, CompletionModel) and base.prompting == "completion"
        return cast(CompletionModel, base) if completes else None

    def answer(self, question: str) -> str:
        """Return the answer, without closing punctuation; empty where there is none."""
        if model := self._completes():
            pieces = model.complete(short_prompt(question), stop=STOPS, max_new_tokens=LONGEST)
            return as_name("".join(pieces))
        turn = Turn("user", self.asked(question))
        return as_name(self._base().reply([turn], max_new_tokens=LONGEST_CHAT_ANSWER))

    def asked(self, question: str) -> str:
        """Return a question as it is put to the model in chat: to be answered briefly."""
        return question if self._completes() else f"{question.strip()}\n\n{_INSTRUCTION}"


def short_prompt(question: str) -> str:
    """Return the prompt that a short answer continues."""
    shown = [f"Question: {asked}\nAnswer: {answer}\n" for asked, answer in _SHOWN]
    return "\n".join([*shown, f"Question: {' '.join(question.split())}\nAnswer:"])


def as_name(answer: str) -> str:
    """Return an answer's first line without quotation marks and closing punctuation.

    A dot that belongs to a name ("Washington, D.C.", "Jr.") stays.
    """
    said = _THOUGHT.sub("", answer)
    first = next((line for line in said.splitlines() if line.strip()), "")[:LONGEST_NAME]
    while True:
        before = first
        first = first.strip().strip("\"'“”*")
        if not re.search(r"(?:\b\w\.|\b(?:Jr|Sr|Inc|Ltd|Co|Corp|Bros|St)\.)$", first):
            first = first.rstrip(" .!;,")
        if first == before:
            return first
