"""Editors that leave the model as it is and choose, for each query, who continues which prompt."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.peers.editor import EditedModel, PeerEdit
from memory_store import Edit, Encoder
from memory_store.encoder import Vectors
from serac.stop_words import cut_at_stop


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt, and who continues it.

    Attributes:
        model: Who.
        prompt: The prompt, with all that an editor put before the query.
        stop: What ends the answer; it isn't part of it.
    """

    model: EditedModel
    prompt: str
    stop: tuple[str, ...] = ()


Choose = Callable[[Sequence[str]], Sequence[Asked]]


class RoutedModel:
    """A model whose queries are put to others; fits ``EditedModel``.

    Args:
        choose: Returns for each query who continues which prompt.
    """

    def __init__(self, choose: Choose) -> None:
        self._choose = choose
        self._known: dict[str, Asked] = {}

    def choose(self, queries: Sequence[str]) -> list[Asked]:
        """Return for each query who continues which prompt; each is asked about once."""
        new = [query for query in dict.fromkeys(queries) if query not in self._known]
        if new:
            self._known.update(zip(new, self._choose(new), strict=True))
        return [self._known[query] for query in queries]

    def log_probabilities(self, pairs: Sequence[tuple[str, str]]) -> npt.NDArray[np.float64]:
        """Return, for (query, continuation) pairs, the (n,) mean log-probability of a token."""
        asked = self.choose([query for query, _ in pairs])
        return log_probabilities(asked, [continuation for _, continuation in pairs])

    def generate(self, prompts: Sequence[str], max_new_tokens: int) -> list[str]:
        """Return what follows each query, decoded greedily."""
        return generate(self.choose(prompts), max_new_tokens)


def asked_of(model: EditedModel, queries: Sequence[str]) -> list[Asked]:
    """Return who continues which prompt when a model is asked, decided now."""
    if isinstance(model, RoutedModel):
        return model.choose(queries)
    return [Asked(model, query) for query in queries]


def log_probabilities(
    asked: Sequence[Asked], continuations: Sequence[str]
) -> npt.NDArray[np.float64]:
    """Return the (n,) mean log-probability of a token of continuations of prompts."""
    found = np.empty(len(asked))
    for model, places in _by_model(asked):
        pairs = [(asked[n].prompt, continuations[n]) for n in places]
        found[places] = model.log_probabilities(pairs)
    return found


def generate(asked: Sequence[Asked], max_new_tokens: int) -> list[str]:
    """Return what follows each prompt, up to its stop words, without space around it."""
    texts = [""] * len(asked)
    for model, places in _by_model(asked):
        written = model.generate([asked[n].prompt for n in places], max_new_tokens)
        for place, text in zip(places, written, strict=True):
            # A line may begin at once: what ends an answer can't stand before it.
            stop = asked[place].stop
            texts[place] = "".join(cut_at_stop([text.lstrip()], stop)).strip()
    return texts


def _by_model(asked: Sequence[Asked]) -> list[tuple[EditedModel, list[int]]]:
    models: dict[int, tuple[EditedModel, list[int]]] = {}
    for place, one in enumerate(asked):
        models.setdefault(id(one.model), (one.model, []))[1].append(place)
    return list(models.values())


class KeptText:
    """What the editors share that keep edits as text: a list of them.

    Attributes:
        edits: The texts, in the order in which they came.
    """

    def __init__(self) -> None:
        self.edits: list[Edit] = []

    def keep(self, edits: Sequence[PeerEdit]) -> None:
        """Add edits to those kept."""
        start = len(self.edits)
        self.edits += [
            Edit(f"e{start + n}", edit.text, subject=edit.subject) for n, edit in enumerate(edits)
        ]

    def undo(self) -> None:
        """Forget all edits."""
        self.edits.clear()

    def bytes_kept(self) -> int:
        """Return how many bytes the texts have as JSON lines."""
        lines = [json.dumps({"text": edit.text}, ensure_ascii=False) for edit in self.edits]
        return sum(len(line.encode()) + 1 for line in lines)


class NearestText(KeptText):
    """Edits kept with their vectors, of which the nearest to a query are found.

    Args:
        encoder: Makes the vectors.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.vectors: Vectors = np.zeros((0, encoder.dimension), dtype=np.float32)

    def keep(self, edits: Sequence[PeerEdit]) -> None:
        """Add edits to those kept, and their vectors."""
        super().keep(edits)
        fresh = self.encoder.encode([edit.text for edit in edits])
        self.vectors = np.concatenate([self.vectors, fresh])

    def undo(self) -> None:
        """Forget all edits and vectors."""
        super().undo()
        self.vectors = self.vectors[:0].copy()

    def bytes_kept(self) -> int:
        """Return how many bytes texts and vectors have."""
        return super().bytes_kept() + self.vectors.nbytes

    def nearest(self, queries: Sequence[str], k: int) -> list[list[Edit]]:
        """Return for each query the k nearest edits, the nearest first."""
        likeness = self.encoder.encode(queries) @ self.vectors.T
        order = np.argsort(-likeness, axis=1, kind="stable")[:, :k]
        return [[self.edits[n] for n in row] for row in order]


class TextEditor(ABC):
    """An editor that keeps edits as text and chooses, for each query, who continues which prompt.

    Args:
        model: Continues the queries as they are while there are no edits; it is never changed.

    Attributes:
        name: What rows and tables call it.
        kept: The edits.
    """

    name: str
    kept: KeptText

    def __init__(self, model: EditedModel) -> None:
        self.model = model
        self.kept = KeptText()

    def apply(self, edits: Sequence[PeerEdit]) -> EditedModel:
        """Keep the edits, and return who answers under all that are kept."""
        self.kept.keep(edits)
        return RoutedModel(self._choose)

    def undo(self) -> None:
        """Forget all edits."""
        self.kept.undo()

    def bytes_kept(self) -> int:
        """Return how many bytes are kept for the edits."""
        return self.kept.bytes_kept()

    def _choose(self, queries: Sequence[str]) -> Sequence[Asked]:
        if not self.kept.edits:
            return [Asked(self.model, query) for query in queries]
        return self.chosen(queries)

    @abstractmethod
    def chosen(self, queries: Sequence[str]) -> Sequence[Asked]:
        """Return for each query who continues which prompt; there is an edit at least."""
