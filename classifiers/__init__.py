"""Does an edit apply? The scope of an edit, judged for (query, edit) pairs."""

from __future__ import annotations

from pathlib import Path

from classifiers.artifact_files import TURNS, TrainedScorer, read_config
from classifiers.cross_encoder import KIND as CROSS_ENCODER
from classifiers.cross_encoder import CrossEncoderScorer
from classifiers.scope import Probabilities, ScopeScorer
from classifiers.shortlist import FOUND, JUDGED, Listed, shortlist
from classifiers.similarity import KIND as SIMILARITY
from classifiers.similarity import SimilarityScorer
from classifiers.thresholds import Threshold, ThresholdChoice, choose_threshold
from classifiers.views import text_views, window
from memory_store.encoder import Encoder
from memory_store.errors import ArtifactError

ARTIFACTS = Path(__file__).parent / "artifacts"
SHIPPED = ARTIFACTS / CROSS_ENCODER
"""The artifact that is used unless another is named."""


def load_scope_classifier(
    encoder: Encoder, folder: Path | None = None, device: str | None = None
) -> TrainedScorer:
    """Return the scope classifier of ``folder``, or the shipped one.

    Args:
        encoder: What the memory is searched with; the similarity classifier needs it.
        folder: Where the artifact lies.
        device: Where the cross-encoder runs; by default the best device there is.

    Raises:
        ArtifactError: It is missing, damaged, a turn classifier, or was trained with another
            encoder.
    """
    folder = folder or SHIPPED
    config = read_config(folder)
    if config.get("reads") == TURNS:
        raise ArtifactError(f"{folder} holds a turn classifier, which judges no single queries")
    kind = config["kind"]
    if kind == CROSS_ENCODER:
        return CrossEncoderScorer.load(folder, device)
    if kind == SIMILARITY:
        return SimilarityScorer.load(folder, encoder)
    raise ArtifactError(f"{folder} holds a classifier of an unknown kind, {kind!r}; train again")


__all__ = [
    "ARTIFACTS",
    "FOUND",
    "JUDGED",
    "SHIPPED",
    "CrossEncoderScorer",
    "Listed",
    "Probabilities",
    "ScopeScorer",
    "SimilarityScorer",
    "Threshold",
    "ThresholdChoice",
    "TrainedScorer",
    "choose_threshold",
    "load_scope_classifier",
    "shortlist",
    "text_views",
    "window",
]
