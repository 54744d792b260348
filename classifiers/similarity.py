"""The first scope scorer: a calibrated classifier over similarity features.

An encoder gives the cosine of query and edit; overlaps of words, names, numbers and letters
come beside it; a gradient-boosted classifier of scikit-learn, calibrated on pairs that it was
not fitted on, turns them into a probability. It is the baseline that a trained
cross-encoder has to beat: paraphrase and neighbour look alike to an encoder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from classifiers.artifact_files import TrainedScorer, read_config, read_hashed, write_config
from classifiers.features import FEATURES, pair_features
from classifiers.scope import Probabilities
from memory_store.encoder import Encoder
from memory_store.errors import ArtifactError

MODEL_FILE = "model.skops"
KIND = "similarity"

TRUSTED_TYPES = (
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)
"""The types outside skops' own list that a model file may name; all are data of scikit-learn."""


class SimilarityScorer(TrainedScorer):
    """Scores (query, edit) pairs by similarity features.

    Args:
        encoder: The encoder that the classifier was trained with.
        classifier: A fitted classifier with ``predict_proba`` over :data:`FEATURES`.
        config: What the artifact says of itself: thresholds and facts of its training.
    """

    reads_context = False  # shared words would drown in it

    def __init__(self, encoder: Encoder, classifier: Any, config: dict[str, Any]) -> None:
        super().__init__({"kind": KIND, "model_sha256": "", **config})
        self.encoder = encoder
        self.classifier = classifier

    def score(self, pairs: Sequence[tuple[str, str]]) -> Probabilities:
        """Return (n,) probabilities that each query is in the scope of the edit beside it."""
        if not pairs:
            return np.empty(0)
        texts = list(dict.fromkeys(text for pair in pairs for text in pair))
        vectors = dict(zip(texts, self.encoder.encode(texts), strict=True))
        features = [pair_features(q, [e], vectors[q], vectors[e][None]) for q, e in pairs]
        probabilities: Probabilities = self.classifier.predict_proba(np.concatenate(features))[:, 1]
        return probabilities

    def save(self, folder: Path) -> None:
        """Write the artifact: the model, and a config with thresholds and facts."""
        import skops.io

        folder.mkdir(parents=True, exist_ok=True)
        model = skops.io.dumps(self.classifier)
        config = {
            **self.facts,
            "features": list(FEATURES),
            "encoder": self.encoder.fingerprint,
            "model_sha256": hashlib.sha256(model).hexdigest(),
        }
        (folder / MODEL_FILE).write_bytes(model)
        write_config(folder, config)

    @classmethod
    def load(cls, folder: Path, encoder: Encoder) -> SimilarityScorer:
        """Read an artifact; nothing in it is ever run.

        Raises:
            ArtifactError: A file is missing or damaged, names a type that is not trusted, or
                was trained with another encoder.
        """
        config = read_config(folder)
        if config.get("features") != list(FEATURES):
            raise ArtifactError(f"{folder} was made by another version; train again")
        if config.get("encoder") != encoder.fingerprint:
            raise ArtifactError(
                f"the scope classifier in {folder} was trained with {config.get('encoder')}, not "
                f"{encoder.fingerprint}; use that encoder, or train a classifier on yours with "
                "classifiers.train_similarity.train_similarity"
            )
        return cls(encoder, _read_model(folder, config["model_sha256"]), config)


def _read_model(folder: Path, sha256: str) -> Any:
    import skops.io

    model = read_hashed(folder / MODEL_FILE, sha256)
    unknown = set(skops.io.get_untrusted_types(data=model)) - set(TRUSTED_TYPES)
    if unknown:
        raise ArtifactError(f"{folder / MODEL_FILE} names untrusted types: {sorted(unknown)}")
    return skops.io.loads(model, trusted=list(TRUSTED_TYPES))
