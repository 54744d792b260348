"""Objects that fit the seams, for tests that need no model."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict

import numpy as np

from classifiers import ThresholdChoice, TrainedScorer
from mello import Answer, Finish, Hop, Subquestion
from memory_store import Edit, SearchHit
from serac.conversation import Turn
from serac.view import Guess


def words(text: str) -> set[str]:
    """The words of a text, folded."""
    return set(re.findall(r"\w+", text.casefold()))


class FakeEncoder:
    """Fits ``Encoder``: hashed bags of words, so texts that share words are near."""

    fingerprint = "fake-words"

    def __init__(self, dimension: int = 64) -> None:
        self.dimension = dimension

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        rows = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in words(text):
                digest = hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=4).digest()
                row[int.from_bytes(digest, "big") % self.dimension] += 1
            if not row.any():
                row[0] = 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class FakeScorer:
    """Fits ``ScopeScorer``: the share of an edit's words that the query has; remembers calls.

    Small words count nothing, so that "Where is X?" is not near every edit.
    """

    small = frozenset(["is", "the", "in", "of", "a", "was", "by", "to", "at"])

    def __init__(self) -> None:
        self.calls: list[list[tuple[str, str]]] = []

    def score(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        self.calls.append(list(pairs))
        told = [(words(query), words(edit) - self.small) for query, edit in pairs]
        return np.array([len(asked & said) / max(1, len(said)) for asked, said in told])


class FunctionScorer:
    """Fits ``ScopeScorer`` by a function of query and edit."""

    def __init__(self, function: Callable[[str, str], float]) -> None:
        self.function = function

    def score(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        return np.array([self.function(query, edit) for query, edit in pairs], dtype=np.float64)


class FakeTrainedScorer(TrainedScorer):
    """A trained scorer without weights: judges by a function, or as ``FakeScorer`` does."""

    def __init__(
        self,
        function: Callable[[str, str], float] | None = None,
        weights: str = "0" * 12,
        lowest: float = 0.25,
    ) -> None:
        thresholds = [
            ThresholdChoice(0.01, 0.75, 0.01, 0.005, 0.02, 1000),
            ThresholdChoice(0.05, lowest, 0.05, 0.04, 0.06, 1000),
        ]
        config = {"kind": "fake", "model_sha256": weights, "default_false_fire": 0.01}
        super().__init__({**config, "thresholds": [asdict(choice) for choice in thresholds]})
        self._scorer = FunctionScorer(function) if function else FakeScorer()

    def score(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        return self._scorer.score(pairs)


class FakeMemory:
    """Fits ``Searchable``: every query finds the same edits, in the order given."""

    def __init__(self, *texts: str) -> None:
        self.edits = [Edit(f"e{number}", text) for number, text in enumerate(texts, start=1)]
        self.searched: list[list[str]] = []

    def __len__(self) -> int:
        return len(self.edits)

    def search_many(self, queries: Sequence[str], k: int = 8) -> list[list[SearchHit]]:
        self.searched.append(list(queries))
        hits = [SearchHit(edit, 1 - n / 100) for n, edit in enumerate(self.edits[:k])]
        return [list(hits) for _ in queries]


class FakeBase:
    """Fits ``BaseModel`` as a chat model does; repeats what it was asked unless told otherwise."""

    def __init__(self, says: str | Callable[[str], str] = lambda asked: f"base: {asked}") -> None:
        self.says = says
        self.asked: list[tuple[Turn, ...]] = []
        self.limits: list[int | None] = []

    def _text(self, turns: Sequence[Turn], max_new_tokens: int | None) -> str:
        self.asked.append(tuple(turns))
        self.limits.append(max_new_tokens)
        return self.says if isinstance(self.says, str) else self.says(turns[-1].content)

    def reply(
        self,
        turns: Sequence[Turn],
        *,
        stop: Sequence[str] | None = None,
        max_new_tokens: int | None = None,
    ) -> str:
        return self._text(turns, max_new_tokens)

    def stream(
        self,
        turns: Sequence[Turn],
        *,
        stop: Sequence[str] | None = None,
        max_new_tokens: int | None = None,
    ) -> Iterator[str]:
        return iter(re.findall(r"\s*\S+|\s+$", self._text(turns, max_new_tokens)))


class FakeCompletionBase(FakeBase):
    """Fits ``CompletionModel`` too: continues every prompt with the same pieces.

    Where it is told what to begin with, it may say something else, and remembers what it was told.
    """

    prompting = "completion"

    def __init__(
        self, *pieces: str, knows_turns: bool = False, begun: Sequence[str] | None = None
    ) -> None:
        super().__init__()
        self.knows_turns = knows_turns
        self.pieces = pieces
        self.begun = pieces if begun is None else begun
        self.begins: list[Sequence[str]] = []
        self.completed: list[tuple[str, Sequence[str] | None, int | None]] = []

    def complete(
        self,
        prompt: str,
        *,
        stop: Sequence[str] | None = None,
        max_new_tokens: int | None = None,
        least: int = 1,
        begins: Sequence[str] = (),
    ) -> Iterator[str]:
        self.completed.append((prompt, stop, max_new_tokens))
        if begins:
            self.begins.append(begins)
        return iter(self.begun if begins else self.pieces)


class FakeRewriter:
    """Fits ``Rewriter``: writes last turns again by a table, and remembers what it was shown."""

    def __init__(self, **queries: str) -> None:
        self.queries = queries
        self.shown: list[list[tuple[Turn, ...]]] = []

    @property
    def asked(self) -> list[list[str]]:
        """The last turns that it was shown, call by call."""
        return [[turns[-1].content for turns in call] for call in self.shown]

    def rewrite_all(self, conversations: Sequence[Sequence[Turn]]) -> list[str | None]:
        self.shown.append([tuple(turns) for turns in conversations])
        return [self.queries.get(turns[-1].content) for turns in conversations]


class GuessingRewriter(FakeRewriter):
    """Fits ``Rewriter``, with several guesses, by a table from last turns to (query, chance)."""

    def __init__(self, **guesses: Sequence[tuple[str | None, float]]) -> None:
        super().__init__()
        self.guesses = guesses

    def guess_all(self, conversations: Sequence[Sequence[Turn]]) -> list[list[Guess]]:
        self.shown.append([tuple(turns) for turns in conversations])
        told = [self.guesses.get(turns[-1].content, [(None, 1.0)]) for turns in conversations]
        return [[Guess(*one) for one in own] for own in told]


class ScriptedDecomposer:
    """Fits ``Decomposer``: gives its steps one after the other, the last one for ever."""

    def __init__(self, *steps: str | Subquestion | Finish) -> None:
        self.steps = steps
        self.seen: list[tuple[str, tuple[Hop, ...]]] = []

    def next(self, question: str, hops: Sequence[Hop]) -> str | Subquestion | Finish:
        self.seen.append((question, tuple(hops)))
        return self.steps[min(len(self.seen), len(self.steps)) - 1]


class ScriptedAsk:
    """Fits ``Ask``: answers by a table, and remembers what it was asked."""

    def __init__(self, **answers: Answer) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, question: str) -> Answer:
        self.asked.append(question)
        return self.answers.get(question, Answer(f"answer to {question}"))
