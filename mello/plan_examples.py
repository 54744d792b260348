"""Questions with their plans, to train a decomposer on: from the data's training parts and our own.

MQuAKE's train cases, and of each set of decompositions the part that is meant for fitting; a set's
own steps are put into the one form of :mod:`mello.plans`. What figures are reported on is left out
by its words. Questions of one hop, which have no plan, are among them.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from classifiers import names, written
from classifiers.facts import FactBook, read_facts
from classifiers.pairs import folded, part_of, read_scope_data, records, texts_reported_on
from mello import labels
from mello.own_questions import own_question, own_single_questions
from mello.plans import Plan, has_references, read_plan, write_plan
from mello.two_wiki import two_wiki_plan
from mello.written_questions import written_questions

SHARES = {
    "mquake": 0.34,
    "2wiki": 0.08,
    "musique": 0.12,
    "strategyqa": 0.02,
    "break": 0.02,
    "own": 0.08,
    "single": 0.12,
    "written": 0.22,
}
"""How much of all examples each source makes up, at most."""

EXAMPLES = 16_000
DEV_EXAMPLES = 240
AROUND = 0.08
"""Share of the questions that stand in a longer message."""

CARELESS = 0.04
"""Share of the questions of one hop that are typed in haste."""

LONGEST_STRATEGY = 4
"""Steps of a StrategyQA question that is taken."""

OWN_QUESTIONS = {"fit": 3_000, "dev": 300}
"""Questions of our own wording that a gate is trained on and chosen by."""


@dataclass(frozen=True, slots=True)
class PlanExample:
    """A question with its plan.

    Attributes:
        question: The question.
        plan: Its plan; without steps for a question of one hop.
        source: Where it comes from.
        plain: The question before anything was put around it.
    """

    question: str
    plan: Plan
    source: str
    plain: str


@dataclass(frozen=True, slots=True)
class PlanExamples:
    """Examples to train on, and others to choose by.

    Attributes:
        fit: To train on.
        dev: To choose by.
    """

    fit: list[PlanExample]
    dev: list[PlanExample]

    def counts(self) -> dict[str, int]:
        """Return how many examples to train on there are of each source."""
        return dict(sorted(Counter(example.source for example in self.fit).items()))


def make_plan_examples(
    folder: Path,
    seed: int = 0,
    examples: int = EXAMPLES,
    dev_examples: int = DEV_EXAMPLES,
    draw: int = 0,
) -> PlanExamples:
    """Make examples of every source.

    Args:
        folder: The data folder.
        seed: Decides the parts and every random choice.
        examples: How many to train on, about.
        dev_examples: How many to choose by, about.
        draw: Of several trainings after one another, which: each draws examples of its own from
            the same parts.

    Raises:
        ErrataError: A file of the data is missing or malformed.
    """
    chances = {
        "fit": random.Random(f"{seed} {draw}" if draw else seed),  # noqa: S311
        "dev": random.Random(f"{seed} dev"),  # noqa: S311 - however many there are to train on
    }
    forbidden = _reported(folder, seed)
    book = read_facts(folder, seed)
    found: dict[str, list[list[PlanExample]]] = {}
    for part, chance in chances.items():
        for source, share in SHARES.items():
            wanted = round(share * (examples if part == "fit" else dev_examples))
            made = _of_source(folder, source, part, seed, book, wanted, chance)
            kept = [one for one in made if folded(one.question) not in forbidden]
            kept = [one for one in kept if not has_references(one.question)]
            chance.shuffle(kept)
            found.setdefault(part, []).append(kept[:wanted])
    fit, dev = ([one for part in found[name] for one in part] for name in ("fit", "dev"))
    asked = {one.question for one in dev}  # our own are drawn, some twice
    fit = [one for one in fit if one.question not in asked]
    chances["fit"].shuffle(fit)
    return PlanExamples([_roughened(one, chances["fit"]) for one in fit], dev)


def decompositions(folder: Path, name: str, part: str, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Yield the records of a set of decompositions that are in a part.

    Args:
        folder: The data folder.
        name: ``musique``, ``2wiki``, ``strategyqa_train`` or ``break_highlevel``.
        part: ``fit`` to train on, ``calibrate`` to choose by, ``dev`` to report on.
        seed: Decides the parts.
    """
    for record in records(folder / "decomposition" / f"{name}.jsonl"):
        asked = record.get("question") or record["question_text"]
        if part_of(asked, seed) == part:
            yield record


def questions_by_hops(
    folder: Path, part: str, seed: int = 0
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return the questions of several hops by source, and those of one hop likewise.

    Of our written questions those of one hop are a source of their own.

    Args:
        folder: The data folder.
        part: ``fit`` to train on, ``dev`` to choose by.
        seed: Decides the parts and every random choice.
    """
    chance = random.Random(f"{seed} {part}")  # noqa: S311
    book, forbidden = read_facts(folder, seed), _reported(folder, seed)
    several: dict[str, list[str]] = {}
    single: dict[str, list[str]] = {}
    for source in SHARES:
        if source != "single":
            made = _of_source(folder, source, part, seed, book, OWN_QUESTIONS[part], chance)
            found = [one for one in made if folded(one.question) not in forbidden]
            several[source] = sorted(one.question for one in found if one.plan.steps)
            single[f"{source}, one hop"] = sorted(o.question for o in found if not o.plan.steps)
    single = {source: questions for source, questions in single.items() if questions}
    single["own, one hop"] = own_single_questions(chance, OWN_QUESTIONS[part] // 2)
    wanted = "fit" if part == "fit" else "calibrate"
    for query in read_scope_data(folder, seed).queries:
        if query.part == wanted:
            single.setdefault(f"{query.source}, {query.kind}", []).append(query.text)
    hops = set(_hops(folder, part))
    if part == "fit":  # of the dev hops all are among those that are reported on
        hops = {question for question in hops if folded(question) not in forbidden}
    single["mquake, hop"] = sorted(hops)
    return several, single


def musique_plan(record: dict[str, Any]) -> Plan | None:
    """Return the plan of a MuSiQue record; ``X >> relation`` is put as a question."""
    return _readable([_as_question(one["question"]) for one in record["question_decomposition"]])


def mquake_plan(case: dict[str, Any]) -> Plan | None:
    """Return the plan of an MQuAKE case: each hop with the answer before it taken out."""
    steps: list[str] = []
    for place, hop in enumerate(case["single_hops"]):
        step = hop["question"]
        if place:
            before = case["single_hops"][place - 1]["answer"]
            if step.count(before) != 1:
                return None
            step = step.replace(before, f"#{place}")
        steps.append(step)
    return _readable(steps)


def _of_source(
    folder: Path,
    source: str,
    part: str,
    seed: int,
    book: FactBook,
    wanted: int,
    chance: random.Random,
) -> list[PlanExample]:
    if source == "mquake":
        pairs = _mquake(folder, part, wanted, chance)
    elif source == "single":
        pairs = _single(folder, part, seed)
    elif source == "own":
        persons = sorted({fact.subject for fact in book.facts if fact.of_person})
        known = {"person": persons if part == "fit" else []}
        pairs = iter([own_question(chance, known) for _ in range(wanted)])
    elif source == "written":
        pairs = _written(part, wanted, chance)
    else:
        pairs = _decomposed(folder, source, "fit" if part == "fit" else "calibrate", seed)
    unique = {question: plan for question, plan in pairs if plan is not None}
    return [PlanExample(question, plan, source, question) for question, plan in unique.items()]


def _mquake(
    folder: Path, part: str, wanted: int, chance: random.Random
) -> Iterator[tuple[str, Plan | None]]:
    """Yield the questions of the cases, and, as far as more are wanted, of other subjects."""
    split = "train" if part == "fit" else "dev"
    cases = [one for one in records(folder / "mquake" / "cases.jsonl") if one["split"] == split]
    found = [(question.strip(), case) for case in cases for question in case["questions"]]
    yield from ((question, mquake_plan(case)) for question, case in found)
    if part == "fit":
        of_relation: dict[str, list[str]] = defaultdict(list)
        for case in cases:
            of_relation[_first(case)[1]].append(_first(case)[0])
        for question, case in chance.choices(found, k=max(0, wanted - len(found))):
            subject, relation = _first(case)
            other = chance.choice(of_relation[relation])
            plan = mquake_plan(case)
            if plan is not None and subject in question and subject in plan.steps[0]:
                steps = (plan.steps[0].replace(subject, other), *plan.steps[1:])
                yield question.replace(subject, other), _readable(list(steps))


def _first(case: dict[str, Any]) -> tuple[str, str]:
    """Return subject and relation of a case's first hop."""
    return case["orig"]["triples_labeled"][0][0], case["orig"]["triples"][0][1]


def _written(part: str, wanted: int, chance: random.Random) -> Iterator[tuple[str, Plan | None]]:
    """Yield our written questions, those of one hop too, again and again with other names."""
    questions = written_questions(part)
    made = sum(len(one.wordings) for one in questions)
    for _ in range(-(-wanted // made)):
        for question in questions:
            yield from question.named(chance)


def _single(folder: Path, part: str, seed: int) -> Iterator[tuple[str, Plan | None]]:
    """Yield questions of one hop: prompts, paraphrases, everyday questions, hops of MQuAKE."""
    data = read_scope_data(folder, seed)
    for query in data.queries:
        if query.part == ("fit" if part == "fit" else "calibrate"):
            yield query.text, Plan()
    if part == "fit":
        yield from ((question, Plan()) for question in _hops(folder, part))


def _hops(folder: Path, part: str) -> Iterator[str]:
    split = "train" if part == "fit" else "dev"
    for case in records(folder / "mquake" / "cases.jsonl"):
        if case["split"] == split:
            yield from (hop["question"] for hop in case["single_hops"])


def _decomposed(
    folder: Path, source: str, part: str, seed: int
) -> Iterator[tuple[str, Plan | None]]:
    if source == "musique":
        for record in decompositions(folder, "musique", part, seed):
            yield record["question"], musique_plan(record)
    elif source == "2wiki":
        for record in decompositions(folder, "2wiki", part, seed):
            yield record["question"], two_wiki_plan(record)
    elif source == "strategyqa":
        for record in decompositions(folder, "strategyqa_train", part, seed):
            if len(record["decomposition"]) <= LONGEST_STRATEGY:
                yield record["question"], _readable(record["decomposition"])
    else:
        for record in decompositions(folder, "break_highlevel", part, seed):
            yield record["question_text"], _break_plan(record)


def _break_plan(record: dict[str, Any]) -> Plan | None:
    """Return the plan of a Break record whose steps are plain questions."""
    operators = set(re.findall(r"'(\w+)'", record["operators"]))
    if record["question_id"].startswith("DROP") or not operators <= {"select", "project"}:
        return None
    steps = [
        _as_question(" ".join(step.split()).removeprefix("return "))
        for step in record["decomposition"].split(";")
    ]
    return _readable(steps)


_ASKS = re.compile(
    r"^(?:who|whom|whose|what|when|where|which|how|in|on|at|from|by|of|to|is|are|was|were|did|does"
    r"|do|can|has|have)\b",
    re.IGNORECASE,
)


def _as_question(step: str) -> str:
    """Return a step as a question: ``X >> label`` in our words for it, a noun phrase too."""
    asked = labels.questions(step)
    if asked:
        return asked[0]
    step = step.strip().rstrip("?. ")
    if not _ASKS.match(step):
        article = "" if re.match(r"(?:the|an?|#\d)\b", step, re.IGNORECASE) else "the "
        return f"What is {article}{step}?"
    return f"{step[0].upper()}{step[1:]}?"


def _readable(steps: list[str]) -> Plan | None:
    """Return a plan that would be read back as it is, or ``None``."""
    plan = Plan(tuple(step.strip() for step in steps))
    return plan if len(plan) > 1 and read_plan(write_plan(plan)) == plan else None


def _roughened(example: PlanExample, chance: random.Random) -> PlanExample:
    """Return an example, now and then inside a longer message or typed in haste."""
    draw = chance.random()
    if draw < AROUND and example.plain.endswith("?"):
        asked = chance.choice(written.context()["requests"]).replace("{}", example.plain)
        return replace(example, question=asked)
    if draw < AROUND + CARELESS and not example.plan.steps:
        return replace(example, question=names.careless(example.plain))
    return example


def _reported(folder: Path, seed: int) -> frozenset[str]:
    """Return the questions, folded, that figures are reported on."""
    asked = [
        question
        for case in records(folder / "mquake" / "cases.jsonl")
        if case["split"] == "test"
        for question in case["questions"]
    ]
    for name in ("musique", "2wiki"):
        asked += [record["question"] for record in decompositions(folder, name, "dev", seed)]
    return texts_reported_on(folder) | frozenset(map(folded, asked))
