"""How questions are taken apart: plans against the decompositions of MuSiQue and 2WikiMultihopQA.

Trivedi et al., TACL 2022, and Ho et al., COLING 2020. A chain is equivalent to the data's if its
steps, asked of a base that knows the data's hops, give the data's answers hop by hop.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from typing import Any

from benchmarks.knowing import KnownFact
from benchmarks.knowing_hops import KnowingHops
from benchmarks.mquake_data import is_answer
from benchmarks.multi_hop import Progress, Write
from benchmarks.rows import Rows
from mello import Plan, PlannedDecomposer, labels
from mello.plan_examples import decompositions, musique_plan
from mello.plans import filled
from mello.two_wiki import two_wiki_plan
from memory_store import Encoder

SETS = ("musique", "2wiki")
COMBINED = frozenset({"2wiki"})
"""Sets in which a last step over two answers and more compares them, and is no hop of the data."""

AS_MANY = "right number of hops"
EQUIVALENT = "equivalent chain"
SINGLE = "no plan"
"""It is taken for a question of one hop, or its plan can't be followed."""

_OPENING = re.compile(
    r"^(?:(?:in|on|at|from|by|of|to|for) )?(?:who|whom|whose|what|when|where|which|how)\b",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"(?:[A-Z0-9][^\s,?;]*)(?:[ ,]+(?:(?:of|the|and|in|de|la|von|van|du|del|a|to|for|on|with)[ ]+)*"
    r"[A-Z0-9(][^\s,?;]*)*"
)


@dataclass(frozen=True, slots=True)
class Decomposition:
    """A question as the data take it apart.

    Attributes:
        question: The question.
        plan: Its steps.
        answers: The answers to each step that is a hop, in order; a last step that only compares
            the answers before it has none.
        wordings: Other questions for a step, by its place.
    """

    question: str
    plan: Plan
    answers: tuple[tuple[str, ...], ...]
    wordings: Mapping[int, Sequence[str]] = field(default_factory=dict)

    @property
    def hops(self) -> int:
        """Number of hops."""
        return len(self.answers)

    def facts(self) -> Iterator[KnownFact]:
        """Yield each hop as a fact, the answers before it put in."""
        first = [answers[0] for answers in self.answers]
        for place in range(self.hops):
            question = self.plan.filled(place, first)
            about = tuple(first[at] for at in self.plan.references(place)) or named_in(question)
            asked = tuple(filled(one, first) for one in self.wordings.get(place, ()))
            yield KnownFact(question, "", first[place], about, asked)

    def has(self, said: Sequence[str]) -> bool:
        """Say whether answers are those of the hops, in an order in which they can be asked."""
        if len(said) != self.hops:
            return False
        return any(
            all(is_answer(text, self.answers[at]) for text, at in zip(said, order, strict=True))
            for order in permutations(range(self.hops))
            if all(
                order.index(before) < place
                for place, at in enumerate(order)
                for before in self.plan.references(at)
            )
        )


def read_decompositions(
    folder: Path, name: str, seed: int, most: int
) -> tuple[list[Decomposition], dict[str, int]]:
    """Return some decompositions of a set's dev part, and how many of it there are.

    Args:
        folder: The data folder.
        name: ``musique`` or ``2wiki``.
        seed: Decides the part, and which of it are taken.
        most: How many.

    Raises:
        ErrataError: The file is missing.
    """
    made = [_decomposition(name, record) for record in decompositions(folder, name, "dev", seed)]
    usable = [one for one in made if one is not None]
    random.Random(seed).shuffle(usable)  # noqa: S311
    return usable[:most], {"left_out": len(made) - len(usable), "of": len(made)}


def named_in(question: str) -> tuple[str, ...]:
    """Return the longest name in a question, or nothing where there is none."""
    rest = _OPENING.sub("", question.strip())
    names = [found.rstrip(".'\"") for found in _NAME.findall(rest)]
    return (max(names, key=len),) if names else ()


def measure_decompositions(
    rows: Rows,
    name: str,
    data: Sequence[Decomposition],
    write: Write,
    encoder: Encoder,
    progress: Progress,
    told: Callable[[dict[str, Any]], None],
    **notes: Any,
) -> None:
    """Have the questions of a set taken apart, and add the rows.

    Args:
        rows: Where rows go.
        name: Name of the set.
        data: Its decompositions.
        write: Writes the plans of questions.
        encoder: Measures nearness for the base that knows the hops.
        progress: Told how many plans were written.
        told: Told what was asked and answered.
        **notes: What else holds for the rows.
    """
    written = write([one.question for one in data], progress)
    plans = dict(zip((one.question for one in data), written, strict=True))
    decomposer = PlannedDecomposer(plans.__getitem__)
    facts = {fact.question: fact for one in data for fact in one.facts()}
    base = KnowingHops(list(facts.values()), encoder)
    found: list[tuple[bool, bool, bool]] = []
    for one in data:
        plan = decomposer.plan(one.question)
        hops = _asked(plan, base)
        said = [answer for _, answer in hops]
        if name in COMBINED and len(plan) > 1 and len(set(plan.references(len(plan) - 1))) > 1:
            said.pop()
        found.append((len(said) == one.hops, one.has(said), not plan.steps))
        told(_as_record(name, one, plans[one.question], hops, found[-1]))
    for kind, places in _subsets(data).items():
        for metric, column in ((AS_MANY, 0), (EQUIVALENT, 1), (SINGLE, 2)):
            rows.add(f"{name}: {kind}", metric, [found[n][column] for n in places], **notes)


def _asked(plan: Plan, base: KnowingHops) -> list[tuple[str, str]]:
    """Return each step as it is asked, with its answer."""
    found: list[tuple[str, str]] = []
    for place in range(len(plan)):
        step = plan.filled(place, [answer for _, answer in found])
        found.append((step, base.answer(step)))
    return found


def _decomposition(name: str, record: dict[str, Any]) -> Decomposition | None:
    plan = musique_plan(record) if name == "musique" else two_wiki_plan(record)
    if plan is None:
        return None
    wordings: dict[int, Sequence[str]] = {}
    if name == "musique":
        hops = record["question_decomposition"]
        answers = [[hop["answer"]] for hop in hops]
        answers[-1] += [record["answer"], *record["answer_aliases"]]
        wordings = {at: labels.questions(hop["question"])[1:] for at, hop in enumerate(hops)}
    else:
        answers = [[str(triple[2])] for triple in record["evidences"]]
    return Decomposition(record["question"], plan, tuple(map(tuple, answers)), wordings)


def _subsets(data: Sequence[Decomposition]) -> dict[str, list[int]]:
    """Return the places of all, and of those of each number of hops."""
    found = {"all": list(range(len(data)))}
    for hops in sorted(Counter(one.hops for one in data)):
        found[f"{hops} hops"] = [n for n, one in enumerate(data) if one.hops == hops]
    return found


def _as_record(
    name: str,
    one: Decomposition,
    written: str,
    hops: Sequence[tuple[str, str]],
    found: tuple[bool, bool, bool],
) -> dict[str, Any]:
    return {
        "set": name,
        "question": one.question,
        "plan": written,
        "gold_plan": list(one.plan.steps),
        "gold": [answers[0] for answers in one.answers],
        "hops": [{"question": step, "answer": answer} for step, answer in hops],
        "right_number": found[0],
        "equivalent": found[1],
    }
