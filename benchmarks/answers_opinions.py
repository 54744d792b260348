"""Opinions of a persona, on ConvSent's topics: is the opinion of the edit stated?

Mitchell et al., "Memory-Based Model Editing at Scale", ICML 2022, made the set. Its own texts serve
to say how far the list of words that judges here agrees with the labels of the set.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.answerers import Answerers, Asked
from benchmarks.answers import BY
from benchmarks.opinions import opinion
from benchmarks.rows import Rows
from classifiers.pairs import records
from memory_store import Edit
from serac.overlay import FactOverlay

EDITS = {1: "You love {}.", -1: "You dislike {}."}
QUERY = "What do you think of {}?"
LABELS = {"pos": 1, "neg": -1}


def add_opinions(
    rows: Rows,
    overlay: FactOverlay,
    folder: Path,
    most: int,
    seed: int,
    told: Callable[[dict[str, Any]], None],
    progress: Callable[[int], None],
    by: Sequence[str] = BY,
) -> None:
    """Add how often the edited opinion is stated, and the opposite one, the right edit given."""
    everything = list(records(folder / "convsent" / "val.jsonl"))
    chance = random.Random(seed)  # noqa: S311
    chosen = chance.sample(everything, min(most, len(everything)))
    topics = [(record["ent"], chance.choice([1, -1])) for record in chosen]
    answerers = Answerers(overlay)
    for who in [name for name in ("base", "counterfactual", "ike") if name in by]:
        setting = "no edit" if who == "base" else "right edit given"
        answers = answerers.answer([_asked(who, *topic) for topic in topics], progress)
        stated = [_of(a, topic) for a, (topic, _) in zip(answers, topics, strict=True)]
        wanted = [sign for _, sign in topics]
        for (topic, sign), answer, found in zip(topics, answers, stated, strict=True):
            record = {"kind": "opinion", "topic": topic, "wanted": sign, "found": found}
            told({**record, "answer": answer, "by": who, "right": found == sign})
        pairs = list(zip(stated, wanted, strict=True))
        for metric, right in (
            ("answer states the edited opinion", [found == sign for found, sign in pairs]),
            ("answer states the opposite opinion", [found == -sign for found, sign in pairs]),
        ):
            rows.add("opinion", metric, right, answerer=who, memory=setting)
    _add_agreement(rows, everything)


def _asked(who: Any, topic: str, sign: int) -> Asked:
    edits = () if who == "base" else (Edit("1", EDITS[sign].format(topic)),)
    return who, QUERY.format(topic), edits


def _of(text: str, topic: str) -> int:
    """Return the opinion of a text, without the topic's own name, which may have such a word."""
    return opinion(re.sub(re.escape(topic), " it ", text, flags=re.IGNORECASE))


def _add_agreement(rows: Rows, everything: Sequence[dict[str, Any]]) -> None:
    texts = [
        (place, sign, _of(text, record["ent"]))
        for place, record in enumerate(everything)
        for label, sign in LABELS.items()
        for text in record[label]
    ]
    for label, sign in LABELS.items():
        read = [(place, found) for place, wanted, found in texts if wanted == sign and found]
        rows.add(
            f"the set's own texts: {label}",
            "read as the set labels it, where an opinion is found",
            [found == sign for _, found in read],
            groups=[place for place, _ in read],
        )
    rows.add(
        "the set's own texts",
        "an opinion is found",
        [found != 0 for _, _, found in texts],
        groups=[place for place, _, _ in texts],
    )
