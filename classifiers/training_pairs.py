"""(query, edit) pairs to train the cross-encoder on, each of a named and counted kind."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from classifiers.facts import FactBook, neighbourhood_prompts, read_facts
from classifiers.names import folded_name
from classifiers.pairs import (
    ScopeData,
    ScopeQuery,
    folded,
    part_of,
    read_scope_data,
    statement,
    texts_reported_on,
)
from classifiers.shortlist import FOUND, Listed, shortlist
from classifiers.training_queries import (
    WRITTEN_FACTS,
    TrainingQuery,
    alike,
    training_queries,
    usable_scope_pair,
)
from classifiers.views import text_views, window
from memory_store.devices import has_bfloat16_instructions
from memory_store.encoder import Encoder

MINED = 2
"""Edits among the nearest that a query is told apart from."""

NEAREST_KIND = "among the nearest edits"
ENCODED_AT_ONCE = 512

Report = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Pair:
    """A query, or the part of it that is judged, with an edit.

    Attributes:
        query: The text.
        edit: The edit.
        label: Whether the query is in the edit's scope.
        kind: What sort of pair it is.
    """

    query: str
    edit: str
    label: bool
    kind: str


@dataclass(frozen=True, slots=True)
class TrainingPairs:
    """All pairs, in a fixed order.

    Attributes:
        pairs: The pairs.
        left_out: How many queries or pairs were left out, by reason.
    """

    pairs: tuple[Pair, ...]
    left_out: dict[str, int]

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many pairs there are of each kind, in scope and out of it."""
        found: dict[str, Counter[str]] = {"in scope": Counter(), "out of scope": Counter()}
        for pair in self.pairs:
            found["in scope" if pair.label else "out of scope"][pair.kind] += 1
        return {name: dict(counter.most_common()) for name, counter in found.items()}


def make_training_pairs(
    folder: Path,
    encoder: Encoder,
    seed: int = 0,
    report: Report | None = None,
    written_facts: int = WRITTEN_FACTS,
) -> TrainingPairs:
    """Return the pairs made of every training file of a data folder and of our own wordings.

    Args:
        folder: The data folder.
        encoder: Finds the edits that are near a query, as in use.
        seed: Decides the parts and every random choice.
        report: Told the name of a stage, how much is done, and how much there is.
        written_facts: How many facts to make up from our own wordings.

    Raises:
        ErrataError: A file is missing or malformed.
    """
    data, book = read_scope_data(folder, seed), read_facts(folder, seed)
    forbidden = texts_reported_on(folder) | {
        folded(query.text) for query in dev_queries(folder, data, book, seed)
    }
    neighbours = list(_neighbours(folder, seed))
    queries = training_queries(data, book, neighbours, seed, forbidden, written_facts)
    edits = _edits_in_memory(data, book)
    pairs, left_out = _paired(queries, edits, book, encoder, seed, report or silent)
    random.Random(seed).shuffle(pairs)  # noqa: S311
    return TrainingPairs(tuple(pairs), dict(left_out))


def encode_all(
    encoder: Encoder, texts: Sequence[str], done: Callable[[int], None]
) -> npt.NDArray[np.float32]:
    """Return (n, d) vectors of many texts."""
    rows = []
    with _fast():
        for start in range(0, len(texts), ENCODED_AT_ONCE):
            rows.append(encoder.encode(texts[start : start + ENCODED_AT_ONCE]))
            done(min(start + ENCODED_AT_ONCE, len(texts)))
    return np.concatenate(rows) if rows else np.empty((0, encoder.dimension), np.float32)


@contextmanager
def _fast() -> Iterator[None]:
    """Run in bfloat16 where the processor has it: near enough for what is near."""
    import torch

    with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16_instructions()):
        yield


def shortlists(
    texts: Sequence[str],
    edits: Sequence[str],
    encoder: Encoder,
    report: Report,
    views: Callable[[str], tuple[str, ...]] = text_views,
) -> Iterator[list[Listed]]:
    """Yield the shortlist of each text among edits, as the router makes it.

    Args:
        texts: The texts.
        edits: The edits.
        encoder: What the memory is searched with.
        report: Told how far it is.
        views: From a text to what edits are looked up by.
    """
    edit_vectors = encode_all(encoder, edits, lambda n: report("edits", n, len(edits)))
    viewed = list(map(views, texts))
    flat = [view for own in viewed for view in own]
    vectors = encode_all(encoder, flat, lambda n: report("queries", n, len(flat)))
    found = _nearest(vectors, edit_vectors)
    for text, own in zip(texts, viewed, strict=True):
        near = [(view, *next(found)) for view in own]
        yield shortlist(
            text,
            (
                (int(place), edits[place], view, float(similarity))
                for view, places, similarities in near
                for place, similarity in zip(places, similarities, strict=True)
            ),
        )


def _nearest(
    vectors: npt.NDArray[np.float32], edit_vectors: npt.NDArray[np.float32], batch: int = 256
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]]:
    most = min(FOUND, len(edit_vectors))
    for start in range(0, len(vectors), batch):
        similarities = vectors[start : start + batch] @ edit_vectors.T
        places = np.argpartition(-similarities, most - 1, axis=1)[:, :most]
        yield from zip(places, np.take_along_axis(similarities, places, axis=1), strict=True)


def dev_queries(folder: Path, data: ScopeData, book: FactBook, seed: int) -> list[ScopeQuery]:
    """Return the queries that training is stopped, calibrated and given its thresholds by.

    To the recorded ones come the neighbourhood prompts of all CounterFact edits of the dev part.
    """
    known = {fact.edit: fact for fact in book.facts}
    found = [
        query
        for query in data.queries
        if (
            usable_scope_pair(query, known.get(query.edit or ""), ("dev",))
            if query.source == "scope_pairs"
            else query.part == "dev"
        )
    ]
    seen, reported = {folded(query.text) for query in found}, texts_reported_on(folder)
    for text, fact in neighbourhood_prompts(folder):
        if part_of(fact["subject"], seed) != "dev" or folded(text) in reported:
            continue
        if folded(text) not in seen:
            seen.add(folded(text))
            against = statement(fact)
            found.append(ScopeQuery(text, None, against, "neighborhood", "counterfact", "dev"))
    return found


def _neighbours(folder: Path, seed: int) -> Iterator[tuple[str, str]]:
    """Yield the neighbourhood prompt of every CounterFact edit that may be trained on."""
    for text, fact in neighbourhood_prompts(folder):
        if part_of(fact["subject"], seed) != "dev":
            yield text, statement(fact)


def _edits_in_memory(data: ScopeData, book: FactBook) -> list[str]:
    recorded = [
        edit
        for query in data.queries
        if query.part != "dev"
        for edit in (query.edit, query.against)
        if edit
    ]
    return list(dict.fromkeys([*(f.edit for f in book.facts if f.part != "dev"), *recorded]))


def _paired(
    queries: Sequence[TrainingQuery],
    edits: Sequence[str],
    book: FactBook,
    encoder: Encoder,
    seed: int,
    report: Report,
) -> tuple[list[Pair], Counter[str]]:
    chance = random.Random(seed)  # noqa: S311
    about = {fact.edit: fact.about for fact in book.facts}
    pairs: dict[tuple[str, str], Pair] = {}
    left_out: Counter[str] = Counter()
    for query, near in zip(
        queries, shortlists([q.text for q in queries], edits, encoder, report), strict=True
    ):
        shown = {edits[one.place]: one.shown for one in near}
        own = window(query.text, text_views(query.text)[-1])

        def add(
            edit: str, label: bool, kind: str, shown: dict[str, str] = shown, own: str = own
        ) -> None:
            text = shown.get(edit, own)
            first = pairs.setdefault((text, edit), Pair(text, edit, label, kind))
            left_out["the same pair with another label"] += first.label != label

        if query.edit is not None:
            add(query.edit, True, query.kind)
        for edit, kind in query.against:
            add(edit, False, kind)
        told_apart = []
        for one in near:
            edit = edits[one.place]
            if edit != query.edit and edit not in dict(query.against):
                verdict = _tell(query, about.get(edit), book)
                if verdict == "apart":
                    told_apart.append(edit)
                else:
                    left_out[verdict] += 1
        # The nearest one is the one to be confused with; others are drawn.
        chosen = told_apart[:1] + chance.sample(told_apart[1:], min(MINED - 1, len(told_apart[1:])))
        for edit in chosen:
            add(edit, False, NEAREST_KIND)
    return list(pairs.values()), left_out


def _tell(query: TrainingQuery, told: tuple[str, str, str] | None, book: FactBook) -> str:
    """Say whether a query that is near an edit is told ``apart``, or why it is left out."""
    asked = query.about
    if told is None:
        return "a near edit of unknown subject" if query.edit is not None else "apart"
    if asked is None:
        named = folded_name(told[2]) in folded_name(query.plain)
        return "a near edit whose subject is named" if named else "apart"
    if folded_name(asked[2]) != folded_name(told[2]):
        return "apart"
    if asked[0] != told[0] or asked[0] == "zsre":  # zsRE's relations are known by chance alone
        return "a near edit of the same subject, relations not comparable"
    if alike(asked[1], told[1], book):
        return "a near edit of the same subject and relation"
    return "apart"


def silent(stage: str, done: int, total: int) -> None:
    """Tell nobody how far a stage is."""
