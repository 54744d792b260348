"""What all scope artifacts share: a config that names its files by hash, and thresholds."""

from __future__ import annotations

import hashlib
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from classifiers.scope import Probabilities
from classifiers.thresholds import Threshold, ThresholdChoice, by_rate, is_number
from memory_store.errors import ArtifactError

CONFIG_FILE = "config.json"
FORMAT = 1
REQUIRED = {"kind", "thresholds", "default_false_fire", "model_sha256"}
SCALE = ("body", "lora", "calibration", "recall_floor")
"""What a probability depends on, beside the weights."""


class TrainedScorer(ABC):
    """A scope scorer that was trained, and what it knows of itself.

    Args:
        config: The artifact's config: thresholds, default rate, and facts of its training.

    Attributes:
        facts: The config.
        thresholds: What was measured on dev, one for each stated false-fire rate, the strictest
            first.
        default_false_fire: The stated rate to use unless another is asked for.
        fingerprint: Names weights and calibration; thresholds of two can't be compared.
        recall_floor: Closeness below which an edit is not worth judging.
        turn_threshold: Probability that a turn made to stand on its own must reach at least;
            ``None`` where none was measured.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self.facts = config
        self.thresholds = by_rate(ThresholdChoice(**record) for record in config["thresholds"])
        self.default_false_fire = float(config["default_false_fire"])
        scale = json.dumps([config["model_sha256"], *map(config.get, SCALE)])
        self.fingerprint = f"{config['kind']}@{hashlib.sha256(scale.encode()).hexdigest()[:12]}"
        floor = config.get("recall_floor")
        self.recall_floor = -math.inf if floor is None else float(floor)
        turns = config.get("turn_threshold")
        self.turn_threshold = None if turns is None else float(turns)

    @abstractmethod
    def score(self, pairs: Sequence[tuple[str, str]]) -> Probabilities:
        """Return (n,) probabilities that each query is in the scope of the edit beside it."""

    def threshold_for(self, false_fire: float | None = None) -> Threshold:
        """Return the threshold that was chosen for a stated rate, or for the default one.

        Raises:
            ArtifactError: Nothing was measured for this rate; the message lists the others.
        """
        wanted = self.default_false_fire if false_fire is None else false_fire
        for threshold in self.thresholds if is_number(wanted) else ():
            if math.isclose(threshold.false_fire, wanted):
                return threshold
        measured = ", ".join(f"{threshold.false_fire:g}" for threshold in self.thresholds)
        raise ArtifactError(
            f"no threshold was measured for a false-fire rate of {wanted}; use one of "
            f"{measured}, or choose one on your own queries with errata calibrate"
        )

    def threshold_within(self, false_fire: float) -> Threshold:
        """Return the threshold of the highest measured rate that is no more than a stated one.

        Where none is as strict, it is the strictest there is.
        """
        allowed = [one for one in self.thresholds if one.false_fire <= false_fire * (1 + 1e-9)]
        return allowed[-1] if allowed else self.thresholds[0]


TURNS = "turns"
"""What a turn classifier's config says that it reads: turns with those before them, no queries."""


def as_records(thresholds: Sequence[ThresholdChoice]) -> list[dict[str, Any]]:
    """Return thresholds as they stand in a config."""
    return [asdict(choice) for choice in thresholds]


def write_config(folder: Path, config: dict[str, Any]) -> None:
    """Write the config of an artifact; to be called when its other files are there."""
    text = json.dumps({"format": FORMAT, **config}, indent=2, ensure_ascii=False)
    (folder / CONFIG_FILE).write_text(text + "\n", encoding="utf-8")


def read_config(folder: Path) -> dict[str, Any]:
    """Return the config of an artifact.

    Raises:
        ArtifactError: There is none, or it is damaged or of another version.
    """
    file = folder / CONFIG_FILE
    try:
        config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"), parse_constant=float)
        readable = config["format"] == FORMAT and config.keys() >= REQUIRED
    except (FileNotFoundError, NotADirectoryError):
        raise ArtifactError(f"{folder} holds no scope classifier; train one there") from None
    except OSError as error:
        raise ArtifactError(f"{file} can't be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ArtifactError(f"{file} is damaged; train again") from error
    if not readable:
        raise ArtifactError(f"{folder} was made by another version; train again")
    floor = config.get("recall_floor")
    try:
        thresholds = by_rate(ThresholdChoice(**record) for record in config["thresholds"])
    except (TypeError, ValueError, AttributeError) as error:
        raise ArtifactError(f"{file} is damaged: {error}; train again") from error
    if not thresholds:
        raise ArtifactError(f"{file} is damaged: it has no thresholds; train again")
    optional = [0.0 if given is None else given for given in (floor, config.get("turn_threshold"))]
    check_numbers(file, [config["default_false_fire"], *optional])
    return config


def check_numbers(file: Path, numbers: Sequence[Any]) -> None:
    """Refuse a config with something else than finite numbers where these belong.

    Raises:
        ArtifactError: One of them is none.
    """
    for number in numbers:
        if not is_number(number):
            raise ArtifactError(f"{file} is damaged: {number!r} is no number; train again")


def read_hashed(file: Path, sha256: str) -> bytes:
    """Return the bytes of a file that a config names.

    Raises:
        ArtifactError: It is missing, or another file than the one named.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise ArtifactError(f"{file} is missing; train again") from None
    except OSError as error:
        raise ArtifactError(f"{file} can't be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ArtifactError(f"{file} is not the file that {CONFIG_FILE} names")
    return content
