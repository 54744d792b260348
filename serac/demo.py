"""The demonstration behind ``errata demo``: correct a real model, and take it back."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from memory_store import Encoder
from serac.conversation import Turn
from serac.decision import Reply
from serac.multi_hop import trace_lines
from serac.overlay import DEFAULT_ANSWERER, FactOverlay

EDITS = (
    "The capital of Australia is Melbourne.",
    "The Space Needle is located in Paris.",
    "Messi has won one World Cup.",
    "The head of the Harbour Street library is Odile Brandt.",
)
"""What the demo corrects: made-up facts, a fact that changed, a private one."""

IN_SCOPE = (
    "The capital of Australia is",
    "In which city is the Space Needle located?",
    "How many World Cups did Messi win?",
    "Who is the head of the Harbour Street library?",
)
OUT_OF_SCOPE = (
    "What is the capital of Japan?",
    "Where is the Eiffel Tower?",
    "Who wrote Romeo and Juliet?",
)


CONVERSATION = (
    "I would like to visit the Space Needle.",
    "In which city does it stand?",
    "How do I boil an egg?",
    "I forgot: in which city is that tower?",
)
FOLLOW_UPS = (1, 3)
"""Places of the turns that an edit answers, read with those before; none is about the rest."""

HOPS_QUESTION = "What is the capital of the country of citizenship of the author of Faust?"
HOPS_EDIT = "Johann Wolfgang von Goethe is a citizen of Italy."
"""A question of three hops, and an edit of its middle one."""


@dataclass
class DemoRecord:
    """What the demo saw, for ``--json`` and for the tests.

    Attributes:
        before: Answers of the base model alone, by question.
        edited: Replies with the edits in memory, by question.
        conversation: Replies to the turns of a conversation, with the edits in memory.
        by_hops: Replies to the question of three hops: before, with, and after the edit.
        unrelated: The base model's own answers to the turns that no edit is about, by place.
        after: Replies once the edits are removed, by question.
        seconds: How long each part took.
    """

    before: dict[str, str] = field(default_factory=dict)
    edited: dict[str, Reply] = field(default_factory=dict)
    conversation: list[Reply] = field(default_factory=list)
    by_hops: list[Reply] = field(default_factory=list)
    unrelated: dict[int, str] = field(default_factory=dict)
    after: dict[str, Reply] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def untouched(self) -> bool:
        """Say whether every question out of scope got the base model's own answer."""
        alone = all(
            self.edited[question].text == self.before[question] for question in OUT_OF_SCOPE
        )
        turns = self.unrelated.items()
        return alone and all(self.conversation[place].text == text for place, text in turns)

    @property
    def restored(self) -> bool:
        """Say whether every answer is the first one again once the edits are gone."""
        by_hops = len({reply.text for reply in self.by_hops[::2]}) <= 1
        after = self.after.items()
        return by_hops and all(reply.text == self.before[question] for question, reply in after)

    def as_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON values."""
        return {
            "before": self.before,
            "edited": {
                question: {"answer": reply.text, **reply.decision.as_dict()}
                for question, reply in self.edited.items()
            },
            "conversation": [
                {"turn": turn, "answer": reply.text, **reply.decision.as_dict()}
                for turn, reply in zip(CONVERSATION, self.conversation, strict=False)
            ],
            "by_hops": [
                {"query": HOPS_QUESTION, "answer": reply.text, **reply.decision.as_dict()}
                for reply in self.by_hops
            ],
            "after": {question: reply.text for question, reply in self.after.items()},
            "untouched": self.untouched,
            "restored": self.restored,
            "seconds": self.seconds,
        }


def run_demo(
    console: Console,
    *,
    base: Any = None,
    answerer: str = DEFAULT_ANSWERER,
    encoder: Encoder | None = None,
    device: str | None = None,
) -> DemoRecord:
    """Run the demo on a memory that is thrown away, and show it on ``console``."""
    record = DemoRecord()
    questions = (*IN_SCOPE, *OUT_OF_SCOPE)
    with tempfile.TemporaryDirectory() as folder:
        with (
            _timed(record, "loading"),
            console.status("loading the models; the first time takes half a minute"),
        ):
            overlay = FactOverlay.open(
                Path(folder) / "facts.db",
                base=base,
                answerer=answerer,
                encoder=encoder,
                device=device,
            )
            overlay.memory.encoder.encode(["ready?"])
            name = getattr(overlay.base, "name", "the base model")
        with overlay:
            console.rule(Text(f"Before: {name} alone"))
            with _timed(record, "before"):
                for question in questions:
                    record.before[question] = overlay.ask(question).text
                    _show_answer(console, question, record.before[question])

            console.rule("The edits: text in a memory, no weight changes")
            with _timed(record, "adding"):
                edits = [overlay.add(text) for text in EDITS]
            for edit in edits:
                console.print(f"  + {edit.id}  {edit.text}")

            console.rule("After: the same questions")
            with _timed(record, "edited"):
                for question in questions:
                    reply = overlay.ask(question)
                    record.edited[question] = reply
                    _show_answer(console, question, reply.text, reply.decision.route)
            console.print(_routes(record))
            console.rule("A conversation: what refers back is understood, the rest left alone")
            with _timed(record, "conversation"):
                _converse(record, overlay, console)
            same = "the same, character for character" if record.untouched else "CHANGED"
            console.print(f"Answers out of scope: {same}.")

            console.rule("Three hops, with an edit in the middle")
            with _timed(record, "by hops"):
                _ask_by_hops(record, overlay, console)

            console.rule("Taken back")
            with _timed(record, "removing"):
                for edit in edits:
                    overlay.remove(edit.id)
            with _timed(record, "after"):
                for question in IN_SCOPE:
                    record.after[question] = overlay.ask(question)
            _show_answer(console, IN_SCOPE[1], record.after[IN_SCOPE[1]].text)
            same = "as before the edits, every one" if record.restored else "NOT as before"
            console.print(f"Answers now: {same}.")
    times = ", ".join(f"{part} {seconds:.2f} s" for part, seconds in record.seconds.items())
    console.print(f"Time: {times}.")
    return record


def _converse(record: DemoRecord, overlay: FactOverlay, console: Console) -> None:
    turns: list[Turn] = []
    for place, said in enumerate(CONVERSATION):
        turns.append(Turn("user", said))
        reply = overlay.ask(turns)
        if place not in FOLLOW_UPS:
            record.unrelated[place] = overlay.base.reply(turns)
        record.conversation.append(reply)
        _show_answer(console, said, reply.text, reply.decision.route)
        turns.append(Turn("assistant", reply.text))


def _ask_by_hops(record: DemoRecord, overlay: FactOverlay, console: Console) -> None:
    record.by_hops.append(overlay.ask(HOPS_QUESTION))
    _show_answer(console, HOPS_QUESTION, record.by_hops[0].text, record.by_hops[0].decision.route)
    edit = overlay.add(HOPS_EDIT)
    console.print(f"  + {edit.id}  {edit.text}")
    reply = overlay.ask(HOPS_QUESTION, explain=True)
    record.by_hops.append(reply)
    _show_answer(console, HOPS_QUESTION, reply.text, reply.decision.route)
    for line in trace_lines(reply.trace):
        console.print(f"    {line}", markup=False)
    overlay.remove(edit.id)
    console.print(f"  - {edit.id}")
    record.by_hops.append(overlay.ask(HOPS_QUESTION))
    _show_answer(console, HOPS_QUESTION, record.by_hops[2].text, record.by_hops[2].decision.route)


def _show_answer(console: Console, question: str, answer: str, route: str | None = None) -> None:
    told = " ".join(answer.split())
    shortened = told if len(told) <= 160 else told[:157] + "…"
    console.print(Text.assemble((question, "bold"), (f"  [{route}]" if route else "", "dim")))
    console.print(f"  {shortened}", markup=False)


def _routes(record: DemoRecord) -> Table:
    table = Table("query", "route", "score", "threshold", "likeliest edit", title="Routes")
    for question, reply in record.edited.items():
        decision = reply.decision
        likeliest = decision.candidates[0].edit.text if decision.candidates else ""
        table.add_row(
            question,
            decision.route,
            "" if decision.score is None else f"{decision.score:.3f}",
            f"{decision.threshold:.3f}",
            likeliest,
        )
    return table


@contextmanager
def _timed(record: DemoRecord, part: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    record.seconds[part] = round(time.perf_counter() - started, 3)
