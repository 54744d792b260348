"""The artifact of an adapter on the embedded body: its config, and the body with it on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from classifiers.artifact_files import CONFIG_FILE, FORMAT, check_numbers, read_hashed
from classifiers.lora_training import ADAPTER_FILE
from memory_store.errors import ArtifactError
from serac.adapters import AdaptedBase
from serac.transformers_base import TransformersBase

NAMES = {
    "counterfactual": "counterfactual model",
    "decomposer": "decomposer",
    "query-rewriter": "query rewriter",
}
"""The kinds of adapters, and what a person calls them."""


def adapted(body: TransformersBase, folder: Path, kind: str) -> tuple[AdaptedBase, dict[str, Any]]:
    """Return an artifact's adapter beside the embedded body, and what the artifact says of itself.

    Args:
        body: The embedded model, as :func:`serac.embedded.load_embedded_base` returns it.
        folder: Where the artifact lies.
        kind: Which adapter it is.

    Raises:
        ArtifactError: A file is missing or damaged, or was made for another body.
    """
    facts = read_adapter_config(folder, kind)
    if facts["body"] != body.fingerprint:
        raise ArtifactError(
            f"the {NAMES[kind]} in {folder} was trained on {facts['body']}, not on "
            f"{body.fingerprint or body.name}; train it again with: errata train {kind}"
        )
    adapter = read_hashed(folder / ADAPTER_FILE, facts["model_sha256"])
    name = f"{kind}-{facts['model_sha256'][:12]}"
    lora = {key: facts["lora"][key] for key in ("rank", "alpha", "first_layer")}
    return AdaptedBase(body, name, adapter, **lora), facts


def read_adapter_config(folder: Path, kind: str) -> dict[str, Any]:
    """Return the config of an adapter's artifact.

    Raises:
        ArtifactError: It is missing, damaged, of another kind or of another version.
    """
    file = folder / CONFIG_FILE
    try:
        config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"), parse_constant=float)
        found, lora = config["kind"], config["lora"]
        numbers = [lora["rank"], lora["alpha"], lora["first_layer"]]
        texts = [config["body"], config["model_sha256"]]
        readable = config["format"] == FORMAT and all(isinstance(text, str) for text in texts)
    except (FileNotFoundError, NotADirectoryError):
        raise ArtifactError(f"{folder} holds no {NAMES[kind]}; train one there") from None
    except OSError as error:
        raise ArtifactError(f"{file} can't be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ArtifactError(f"{file} is damaged; train again") from error
    if found != kind:
        raise ArtifactError(f"{folder} holds no {NAMES[kind]} but a {found}")
    if not readable:
        raise ArtifactError(f"{folder} was made by another version; train again")
    check_numbers(file, numbers)
    if not (isinstance(lora["rank"], int) and isinstance(lora["first_layer"], int)):
        raise ArtifactError(f"{file} is damaged; train again")
    return config
