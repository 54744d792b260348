"""What an edit would do before it is added: how many everyday questions it would answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from classifiers import ScopeScorer, shortlist, text_views
from classifiers.thresholds import exact_interval
from memory_store import Encoder
from memory_store.errors import InvalidQueryError
from memory_store.live import encode

BROAD_SHARE = 0.01
"""Share of everyday questions above which an edit is called broad."""

CLOSEST = 5
"""Reference questions that are shown."""

REFERENCE = Path(__file__).parent / "reference_questions.txt"


@dataclass(frozen=True, slots=True)
class CloseQuestion:
    """A reference question, and how close it comes to the edit.

    Attributes:
        question: The question.
        probability: Probability that it is in the edit's scope; 0 where it is too far to be
            judged.
        similarity: Cosine similarity of the edit to the nearest view of the question.
    """

    question: str
    probability: float
    similarity: float


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """The share of reference questions that an edit would answer.

    Attributes:
        text: The edit.
        threshold: Probability from which on a question fires.
        questions: How many reference questions there were.
        fired: How many of them fire.
        share: ``fired / questions``.
        low: Lower end of the exact (Clopper-Pearson) 95% interval of the share.
        high: Upper end of it.
        closest: The five most probable questions, the most probable first.
        broad: Whether the share is above :data:`BROAD_SHARE`.
        warning: One line for a person where it is broad.
    """

    text: str
    threshold: float
    questions: int
    fired: int
    share: float
    low: float
    high: float
    closest: tuple[CloseQuestion, ...]
    broad: bool
    warning: str | None


def reference_questions() -> list[str]:
    """Return the shipped everyday questions.

    They are a reference to hold an edit against and no test set: the scope classifier was
    trained on some of the same wordings and subjects. An edit about one of their subjects
    may well answer a question or two with good reason.
    """
    return REFERENCE.read_text(encoding="utf-8").splitlines()


def preview(
    text: str,
    scorer: ScopeScorer,
    threshold: float,
    encoder: Encoder,
    reference: Sequence[str],
    recall_floor: float = float("-inf"),
) -> BlastRadius:
    """Return what an edit would do to the reference questions, as the router would judge them.

    Args:
        text: The edit, checked.
        scorer: Gives the probability that a query is in an edit's scope.
        threshold: Probability from which on it is.
        encoder: What the memory is searched with.
        reference: Questions that the edit should leave alone, but for a few.
        recall_floor: Closeness below which a question is not judged.

    Raises:
        InvalidQueryError: There are no reference questions.
    """
    if not reference:
        raise InvalidQueryError("there are no reference questions; give at least one")
    judged = _judged(text, scorer, encoder, reference, recall_floor)
    fired = sum(question.probability >= threshold for question in judged)
    share = fired / len(reference)
    low, high = exact_interval(fired, len(reference))
    broad = share > BROAD_SHARE
    closest = sorted(judged, key=lambda q: (-q.probability, -q.similarity))[:CLOSEST]
    return BlastRadius(
        text=text,
        threshold=threshold,
        questions=len(reference),
        fired=fired,
        share=share,
        low=low,
        high=high,
        closest=tuple(closest),
        broad=broad,
        warning=_warning(fired, len(reference)) if broad else None,
    )


def _judged(
    text: str,
    scorer: ScopeScorer,
    encoder: Encoder,
    reference: Sequence[str],
    recall_floor: float,
) -> list[CloseQuestion]:
    """Return every reference question with its probability, in order."""
    viewed = [text_views(question) for question in reference]
    flat = list(dict.fromkeys(view for views in viewed for view in views))
    vectors = encode(encoder, [text, *flat])
    similarity_of = dict(zip(flat, map(float, vectors[1:] @ vectors[0]), strict=True))
    near = [
        shortlist(
            question,
            ((0, text, view, similarity_of[view]) for view in views),
            most=1,
            floor=recall_floor,
        )
        for question, views in zip(reference, viewed, strict=True)
    ]
    shown = [(listed[0].shown, text) for listed in near if listed]
    probabilities = iter(map(float, scorer.score(shown)) if shown else ())
    return [
        CloseQuestion(
            question,
            next(probabilities) if listed else 0.0,
            max(similarity_of[view] for view in views),
        )
        for question, views, listed in zip(reference, viewed, near, strict=True)
    ]


def _warning(fired: int, questions: int) -> str:
    return (
        f"this edit is broad: it would answer {fired} of {questions:,} questions "
        f"({fired / questions:.1%}); name its subject more exactly"
    )
