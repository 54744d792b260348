"""Does an edit apply? The scope of an edit, judged for (query, edit) pairs."""

from __future__ import annotations

from pathlib import Path

from classifiers.scope import Probabilities, ScopeScorer
from classifiers.similarity import SimilarityScorer
from classifiers.views import text_views
from memory_store.encoder import Encoder

SHIPPED = Path(__file__).parent / "artifacts" / "similarity"
"""The artifact that is used unless another is named."""


def load_scope_classifier(encoder: Encoder, folder: Path | None = None) -> SimilarityScorer:
    """Return the scope classifier of ``folder``, or the shipped one.

    Raises:
        ArtifactError: It is missing, damaged, or was trained with another encoder.
    """
    return SimilarityScorer.load(folder or SHIPPED, encoder)


__all__ = [
    "SHIPPED",
    "Probabilities",
    "ScopeScorer",
    "SimilarityScorer",
    "load_scope_classifier",
    "text_views",
]
