"""Others on the same cases and the same base: MeLLo, chain of thought, IKE with what is near."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.mquake import AS_MANY, H_ACC, M_ACC, MEAN, SETTINGS, Put, add, as_record, judge
from benchmarks.mquake_mello import (
    CALLS,
    MOST,
    PUBLISHED_CALLS,
    STOPS,
    MelloTrace,
    run_mello,
)
from benchmarks.mquake_memory import Worlds
from benchmarks.mquake_models import writer
from benchmarks.multi_hop import Asked, MultiHopRun, Progress, Said, Write
from benchmarks.rows import Rows
from mello import Answer, Hop, Outcome, Trace
from memory_store import Edit
from serac.answerers import SHORT_ANSWER, PromptAnswerer
from serac.answerers import STOPS as IKE_STOPS
from serac.prompts import MAX_EDITS
from serac.short_answers import as_name
from serac.transformers_base import TransformersBase

ANSWERS_ONLY = (M_ACC, MEAN)
WITH_HOPS = (M_ACC, MEAN, H_ACC, AS_MANY)

THOUGHTS = """\
Question: What is the capital of the country that the author of Norwegian Wood is a citizen of?
Thoughts: The author of Norwegian Wood is Haruki Murakami. Haruki Murakami is a citizen of Japan. \
The capital of Japan is Tokyo.
Answer: Tokyo

Question: On which continent does the company that makes the Corolla have its headquarters?
Thoughts: The Corolla is made by Toyota. Toyota has its headquarters in Asia.
Answer: Asia

Question: What language is spoken in the country where the singer of Waterloo was born?
Thoughts: The singer of Waterloo is Agnetha Fältskog. Agnetha Fältskog was born in Sweden. The \
language spoken in Sweden is Swedish.
Answer: Swedish

Question: Who is the head of state of the country where the sport of the club of Yao Ming was \
created?
Thoughts: Yao Ming plays for the Houston Rockets. The Houston Rockets play basketball. Basketball \
was created in the United States of America. The head of state of the United States of America is \
Joe Biden.
Answer: Joe Biden"""


class Peers:
    """Asks the cases of the first part that are given, one method after the other.

    Args:
        base: Continues the prompts of all of them.
        ike: Makes the prompt of IKE.
        worlds: What is in memory.
    """

    def __init__(self, base: TransformersBase, ike: PromptAnswerer, worlds: Worlds) -> None:
        self.worlds = worlds
        self.mello: Write = writer(base, str, STOPS, MOST)
        self.thoughts: Write = writer(base, _thoughts_prompt, ("\n\n", "\nQuestion:"), MOST)
        self.ike: Write = writer(base, str, IKE_STOPS, SHORT_ANSWER, as_name)
        self.ike_prompt: Callable[[str, Sequence[Edit]], str] = ike.prompt

    def measure(
        self,
        rows: Rows,
        run: MultiHopRun,
        put: Sequence[Put],
        progress: Progress,
        told: Callable[[dict[str, Any]], None],
    ) -> None:
        """Ask the cases of each method, ours among them, and add the rows."""
        asked = [Asked(question, one.world) for one in put for question in one.case.questions]
        traces = self._mello(asked, progress)
        said = {
            "ours": (run.ask(asked, "embedded", progress), WITH_HOPS),
            f"MeLLo, {PUBLISHED_CALLS} calls": (_said(asked, traces, PUBLISHED_CALLS), WITH_HOPS),
            f"MeLLo, {CALLS} calls": (_said(asked, traces, CALLS), WITH_HOPS),
            "IKE, nearest 4 edits": (self._ike(asked, progress), ANSWERS_ONLY),
            "chain of thought, no editing": (self._thoughts(asked, progress), ANSWERS_ONLY),
        }
        for answerer, (answers, only) in said.items():
            left = iter(answers)
            judged = [[judge(next(left), one.gold) for _ in one.case.questions] for one in put]
            notes = {"base": "embedded", "memory": SETTINGS["all"], "answerer": answerer}
            add(rows, "edited: all", judged, only, **notes)
            for one, wordings in zip(put, judged, strict=True):
                for wording in wordings:
                    told({"setting": "peers", **notes, **as_record(one, wording)})

    def _mello(self, asked: Sequence[Asked], progress: Progress) -> list[MelloTrace]:
        def nearest(subquestions: Sequence[tuple[int, str]]) -> list[Edit | None]:
            found = self._nearest([(asked[place], text) for place, text in subquestions], 1)
            return [edits[0] if edits else None for edits in found]

        return run_mello([one.question for one in asked], self.mello, nearest, progress)

    def _thoughts(self, asked: Sequence[Asked], progress: Progress) -> list[Said]:
        written = self.thoughts([one.question for one in asked], progress)
        return [
            _answered(
                one, as_name(text.rpartition("Answer:")[2]) if "Answer:" in text else "", text
            )
            for one, text in zip(asked, written, strict=True)
        ]

    def _ike(self, asked: Sequence[Asked], progress: Progress) -> list[Said]:
        near = self._nearest([(one, one.question) for one in asked], MAX_EDITS)
        prompts = [
            self.ike_prompt(one.question, edits) for one, edits in zip(asked, near, strict=True)
        ]
        answers = self.ike(prompts, progress)
        return [_answered(one, answer) for one, answer in zip(asked, answers, strict=True)]

    def _nearest(self, asked: Sequence[tuple[Asked, str]], number: int) -> list[list[Edit]]:
        """Return the edits nearest to each text in the world of its question."""
        places = defaultdict(list)
        for place, (one, _) in enumerate(asked):
            places[one.world].append(place)
        found: list[list[Edit]] = [[] for _ in asked]
        for world, at in places.items():
            memory = self.worlds.memory(world)
            for place, hits in zip(
                at, memory.search_many([asked[n][1] for n in at], number), strict=True
            ):
                found[place] = [hit.edit for hit in hits]
        return found


def _said(asked: Sequence[Asked], traces: Sequence[MelloTrace], calls: int) -> list[Said]:
    """Return MeLLo's traces as if it had been stopped after so many calls."""
    said = []
    for one, trace in zip(asked, traces, strict=True):
        final, found = trace.within(calls)
        hops = tuple(
            Hop(subquestion, Answer(answer, fact.id if fact and contradicts else None))
            for subquestion, answer, fact, contradicts in found
        )
        if final is None:
            # No final answer, so no hop counts either: as where our own loop ends without one.
            outcome: Outcome = "empty_subquestion" if trace.failed else "too_many_hops"
            kept = Trace(one.question, hops, "", outcome)
            said.append(Said(one, trace.text.strip(), kept, Answer("")))
        else:
            kept = Trace(one.question, hops, final, "finished")
            said.append(Said(one, trace.text.strip(), kept, None))
    return said


def _answered(asked: Asked, answer: str, text: str = "") -> Said:
    trace = Trace(asked.question, (), answer, "single_hop")
    return Said(asked, text, trace, Answer(answer))


def _thoughts_prompt(question: str) -> str:
    return f"{THOUGHTS}\n\nQuestion: {question}\nThoughts:"
