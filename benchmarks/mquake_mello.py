"""MeLLo as published, with demonstrations of our own writing.

Zhong et al., "MQuAKE: Assessing Knowledge Editing in Language Models via Multi-Hop Questions"
(EMNLP 2023): the model writes a subquestion and its own answer; the fact nearest to the
subquestion is put below, whatever it says; the model decides whether it contradicts, takes an
intermediate answer, and goes on, until it gives a final answer. Four calls of the model are made,
so that a question of four hops never ends; that many and one more are reported.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.multi_hop import Progress, Write
from memory_store import Edit
from serac.prompts import sentence
from serac.short_answers import as_name

CALLS = 5
"""Calls of the model that are made; the published number is derived from the same trace."""

PUBLISHED_CALLS = 4
STOPS = ("Retrieved fact:", "\n\n", "\nQuestion:")
MOST = 96
"""Tokens that are written in a call."""

DEMONSTRATIONS = """\
Question: Which city is the capital of the country that the author of Norwegian Wood is a citizen of?
Subquestion: Who is the author of Norwegian Wood?
Generated answer: The author of Norwegian Wood is Haruki Murakami.
Retrieved fact: The author of The Wind in the Reeds is Paul Auster.
Retrieved fact does not contradict to generated answer, so the intermediate answer is: Haruki Murakami
Subquestion: What is the country of citizenship of Haruki Murakami?
Generated answer: Haruki Murakami is a citizen of Japan.
Retrieved fact: Haruki Murakami is a citizen of Peru.
Retrieved fact contradicts to generated answer, so the intermediate answer is: Peru
Subquestion: What is the capital of Peru?
Generated answer: The capital of Peru is Lima.
Retrieved fact: The capital of Chile is Gothenburg.
Retrieved fact does not contradict to generated answer, so the intermediate answer is: Lima
Final answer: Lima

Question: On which continent does the company that makes the Corolla have its headquarters?
Subquestion: Which company makes the Corolla?
Generated answer: The Corolla is made by Toyota.
Retrieved fact: The company that makes the Corolla is Fiat.
Retrieved fact contradicts to generated answer, so the intermediate answer is: Fiat
Subquestion: On which continent does Fiat have its headquarters?
Generated answer: Fiat has its headquarters in Europe.
Retrieved fact: The headquarters of Nestle is in the city of Quito.
Retrieved fact does not contradict to generated answer, so the intermediate answer is: Europe
Final answer: Europe

Question: What language is spoken by the spouse of the founder of the band Abba?
Subquestion: Who founded the band Abba?
Generated answer: Abba was founded by Benny Andersson.
Retrieved fact: The band Abba was founded by Carlos Santana.
Retrieved fact contradicts to generated answer, so the intermediate answer is: Carlos Santana
Subquestion: Who is the spouse of Carlos Santana?
Generated answer: The spouse of Carlos Santana is Cindy Blackman.
Retrieved fact: Carlos Gardel is married to Nina Simone.
Retrieved fact does not contradict to generated answer, so the intermediate answer is: Cindy Blackman
Subquestion: What language does Cindy Blackman speak?
Generated answer: Cindy Blackman speaks English.
Retrieved fact: Cindy Blackman speaks the language of Danish.
Retrieved fact contradicts to generated answer, so the intermediate answer is: Danish
Final answer: Danish

Question: Who is the head of government of the country where the sport of the club of Yao Ming was created?
Subquestion: Which club does Yao Ming play for?
Generated answer: Yao Ming plays for the Houston Rockets.
Retrieved fact: Yao Chen works in the field of opera.
Retrieved fact does not contradict to generated answer, so the intermediate answer is: Houston Rockets
Subquestion: Which sport do the Houston Rockets play?
Generated answer: The Houston Rockets play basketball.
Retrieved fact: Houston Rockets is associated with the sport of curling.
Retrieved fact contradicts to generated answer, so the intermediate answer is: curling
Subquestion: Which country was curling created in?
Generated answer: Curling was created in Scotland.
Retrieved fact: Hurling was created in the country of Brazil.
Retrieved fact does not contradict to generated answer, so the intermediate answer is: Scotland
Subquestion: Who is the head of government of Scotland?
Generated answer: The head of government of Scotland is Nicola Sturgeon.
Retrieved fact: The head of government of Scotland is Emma Thompson.
Retrieved fact contradicts to generated answer, so the intermediate answer is: Emma Thompson
Final answer: Emma Thompson"""  # noqa: E501

_SUBQUESTION = re.compile(r"^Subquestion:\s*(.+)$", re.MULTILINE)
_INTERMEDIATE = re.compile(r"^(.*)intermediate answer is:\s*(.+)$", re.MULTILINE)
_FINAL = re.compile(r"^Final answer:\s*(.+)$", re.MULTILINE)

Nearest = Callable[[Sequence[tuple[int, str]]], list[Edit | None]]
"""Finds the edit nearest to each subquestion, given the place of its question."""


@dataclass(slots=True)
class MelloTrace:
    """A question as MeLLo answered it.

    Attributes:
        question: The question.
        text: All that was written and retrieved, after the demonstrations.
        subquestions: The subquestions, and the call that each was written in.
        facts: The edit that was put below each.
        answers: The intermediate answers with the place of their subquestion, whether the model
            found a contradiction, and the call that each was written in.
        final: The final answer, if it came, and the call that it came in.
        failed: Whether the model left the form.
    """

    question: str
    text: str = ""
    subquestions: list[tuple[str, int]] = field(default_factory=list)
    facts: list[Edit | None] = field(default_factory=list)
    answers: list[tuple[str, bool, int]] = field(default_factory=list)
    final: tuple[str, int] | None = None
    failed: bool = False

    @property
    def open(self) -> bool:
        """Say whether the model is to be called again."""
        return self.final is None and not self.failed

    def read(self, written: str, call: int) -> None:
        """Take in what the model wrote in a call, counted from 1."""
        self.text += f"\n{written}"
        found = _INTERMEDIATE.search(written)
        if found and call > 1:
            contradicts = "does not contradict" not in found[1]
            self.answers.append((as_name(found[2]), contradicts, call))
        final = _FINAL.search(written)
        if final:
            self.final = as_name(final[1]), call
            return
        asked = _SUBQUESTION.findall(written)
        if asked:
            self.subquestions.append((asked[-1].strip(), call))
        else:
            self.failed = True

    def retrieve(self, fact: Edit | None) -> None:
        """Put the fact nearest to the last subquestion below it."""
        self.facts.append(fact)
        self.text += f"\nRetrieved fact: {sentence(fact.text) if fact else 'none.'}"

    def within(self, calls: int) -> tuple[str | None, list[tuple[str, str, Edit | None, bool]]]:
        """Return what stood after that many calls.

        Returns:
            The final answer, or ``None`` where it had not come; and the hops: subquestion,
            intermediate answer, the fact put below it, and whether it was found to contradict.
        """
        hops = [
            (subquestion, answer, fact, contradicts)
            for (subquestion, _), fact, (answer, contradicts, call) in zip(
                self.subquestions, self.facts, self.answers, strict=False
            )
            if call <= calls
        ]
        if self.final is None or self.final[1] > calls:
            return None, hops
        return self.final[0], hops


def run_mello(
    questions: Sequence[str],
    write: Write,
    nearest: Nearest,
    progress: Progress,
    calls: int = CALLS,
) -> list[MelloTrace]:
    """Return how each question is answered.

    Args:
        questions: The questions.
        write: Continues prompts.
        nearest: Finds the edit nearest to each (place of the question, subquestion).
        progress: Told how many prompts were continued.
        calls: How often the model is called for a question at most.
    """
    traces = [MelloTrace(question) for question in questions]
    for call in range(1, calls + 1):
        left = [place for place, trace in enumerate(traces) if trace.open]
        if not left:
            break
        prompts = [
            f"{DEMONSTRATIONS}\n\nQuestion: {traces[place].question}{traces[place].text}"
            for place in left
        ]
        for place, written in zip(left, write(prompts, progress), strict=True):
            traces[place].read(written, call)
        waiting = [place for place in left if traces[place].open]
        if not waiting:
            break
        asked = [(place, traces[place].subquestions[-1][0]) for place in waiting]
        for place, fact in zip(waiting, nearest(asked), strict=True):
            traces[place].retrieve(fact)
    return traces
