"""The first scope scorer: a calibrated classifier over similarity features.

An encoder gives the cosine of query and edit; overlaps of words, names, numbers and letters
come beside it; a gradient-boosted classifier of scikit-learn, calibrated on pairs that it was
not fitted on, turns them into a probability. It is the baseline that a trained
cross-encoder has to beat: paraphrase and neighbour look alike to an encoder.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from classifiers.features import FEATURES, pair_features
from classifiers.scope import Probabilities
from classifiers.thresholds import ThresholdChoice
from memory_store.encoder import Encoder
from memory_store.errors import ArtifactError

MODEL_FILE = "model.skops"
CONFIG_FILE = "config.json"
FORMAT = 1

TRUSTED_TYPES = (
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)
"""The types outside skops' own list that a model file may name; all are data of scikit-learn."""


class SimilarityScorer:
    """Scores (query, edit) pairs by similarity features.

    Args:
        encoder: The encoder that the classifier was trained with.
        classifier: A fitted classifier with ``predict_proba`` over :data:`FEATURES`.
        thresholds: What was measured on dev, one for each stated false-fire rate.
        facts: What else is known of its training: seed, counts, figures on dev.
    """

    def __init__(
        self,
        encoder: Encoder,
        classifier: Any,
        thresholds: Sequence[ThresholdChoice],
        facts: dict[str, Any] | None = None,
    ) -> None:
        self.encoder = encoder
        self.classifier = classifier
        self.facts = facts or {}
        self.thresholds = tuple(sorted(thresholds, key=lambda choice: choice.false_fire))

    def score(self, query: str, edits: Sequence[str]) -> Probabilities:
        """Return (k,) probabilities that the query is in the scope of each of k edits."""
        if not edits:
            return np.empty(0)
        vectors = self.encoder.encode([query, *edits])
        features = pair_features(query, edits, vectors[0], vectors[1:])
        probabilities: Probabilities = self.classifier.predict_proba(features)[:, 1]
        return probabilities

    def threshold_for(self, false_fire: float) -> float:
        """Return the threshold that was chosen for a stated rate.

        Raises:
            ArtifactError: Nothing was measured for this rate; the message lists the others.
        """
        for choice in self.thresholds:
            if math.isclose(choice.false_fire, false_fire):
                return choice.threshold
        measured = ", ".join(f"{choice.false_fire:g}" for choice in self.thresholds)
        raise ArtifactError(
            f"no threshold was measured for a false-fire rate of {false_fire:g}; "
            f"use one of {measured}"
        )

    def save(self, folder: Path) -> None:
        """Write the artifact: the model, and a config with thresholds and facts."""
        import skops.io

        folder.mkdir(parents=True, exist_ok=True)
        model = skops.io.dumps(self.classifier)
        config = {
            "format": FORMAT,
            "kind": "similarity",
            "features": list(FEATURES),
            "encoder": self.encoder.fingerprint,
            "model_sha256": hashlib.sha256(model).hexdigest(),
            "thresholds": [_as_record(choice) for choice in self.thresholds],
            **self.facts,
        }
        (folder / MODEL_FILE).write_bytes(model)
        (folder / CONFIG_FILE).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, encoder: Encoder) -> SimilarityScorer:
        """Read an artifact; nothing in it is ever run.

        Raises:
            ArtifactError: A file is missing or damaged, names a type that is not trusted, or
                was trained with another encoder.
        """
        config = _read_config(folder)
        if config["encoder"] != encoder.fingerprint:
            raise ArtifactError(
                f"the scope classifier in {folder} was trained with {config['encoder']}, not "
                f"{encoder.fingerprint}; use that encoder, or train a classifier on yours with "
                "classifiers.training.train_similarity"
            )
        thresholds = [ThresholdChoice(**record) for record in config["thresholds"]]
        return cls(encoder, _read_model(folder, config["model_sha256"]), thresholds, config)


def _as_record(choice: ThresholdChoice) -> dict[str, Any]:
    return {name: getattr(choice, name) for name in ThresholdChoice.__slots__}


def _read_config(folder: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        known = config["format"] == FORMAT and config["features"] == list(FEATURES)
        complete = {"encoder", "model_sha256", "thresholds"} <= config.keys()
    except FileNotFoundError:
        raise ArtifactError(f"{folder} holds no scope classifier; train one there") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{folder / CONFIG_FILE} is damaged; train again") from error
    if not known or not complete:
        raise ArtifactError(f"{folder} was made by another version; train again")
    return config


def _read_model(folder: Path, expected_sha256: str) -> Any:
    import skops.io

    try:
        model = (folder / MODEL_FILE).read_bytes()
    except FileNotFoundError:
        raise ArtifactError(f"{folder / MODEL_FILE} is missing; train again") from None
    if hashlib.sha256(model).hexdigest() != expected_sha256:
        raise ArtifactError(f"{folder / MODEL_FILE} is not the file that {CONFIG_FILE} names")
    unknown = set(skops.io.get_untrusted_types(data=model)) - set(TRUSTED_TYPES)
    if unknown:
        raise ArtifactError(f"{folder / MODEL_FILE} names untrusted types: {sorted(unknown)}")
    return skops.io.loads(model, trusted=list(TRUSTED_TYPES))
