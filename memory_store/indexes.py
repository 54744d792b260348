"""Indexes over the vectors of edits, and the one place that chooses between them.

An exact search takes under 10 ms up to about 50,000 vectors of length 384 on two cores.
Above that an inverted file (Jégou et al., Product Quantization for Nearest Neighbor
Search, TPAMI 2011; Johnson et al., Billion-scale similarity search with GPUs, 2017) looks
into the few lists nearest to the query; unlike a graph it can delete.
"""

from __future__ import annotations

import logging
import math
from typing import Any, Protocol

import faiss
import numpy as np
import numpy.typing as npt

from memory_store.encoder import Vectors

logger = logging.getLogger(__name__)

Keys = npt.NDArray[np.int64]

_faiss: Any = faiss  # its stubs lack part of what it has

FLAT_LIMIT = 50_000
GROWTH_BEFORE_RETRAINING = 4
RECALL_AIM = 0.97  # on the vectors themselves; leaves room for queries, which lie further off
_POINTS_PER_LIST = 39  # the least that FAISS trains on without a warning
_CALIBRATION_QUERIES = 200


class EditIndex(Protocol):
    """Finds the keys of the vectors nearest to a query. Not thread-safe."""

    def add(self, keys: Keys, vectors: Vectors) -> None:
        """Add (n, d) unit vectors under n keys; a key that is there gets the new vector."""
        ...

    def remove(self, keys: Keys) -> None:
        """Remove keys; those that are not there are passed over."""
        ...

    def search(self, vectors: Vectors, k: int) -> tuple[Vectors, Keys]:
        """Return cosine similarities (m, k) and keys (m, k), nearest first.

        Each row holds min(k, len) keys; what is left is filled with key -1 and
        similarity -inf.
        """
        ...

    def __len__(self) -> int:
        """Number of vectors."""
        ...


class _FaissIndex:
    """What both indexes share: FAISS allows a key twice and reports absence with -3e38."""

    def __init__(self, index: Any, dimension: int) -> None:
        self._index = index
        self._dimension = dimension
        self._keys: set[int] = set()

    def add(self, keys: Keys, vectors: Vectors) -> None:
        """Add (n, d) unit vectors under n keys; a key that is there gets the new vector.

        Raises:
            ValueError: The shapes do not fit each other or the index.
        """
        keys, vectors = self._checked(keys, vectors)
        if len(set(keys.tolist())) < len(keys):
            last = {key: row for row, key in enumerate(keys.tolist())}
            rows = np.fromiter(last.values(), dtype=np.int64)
            keys, vectors = keys[rows], vectors[rows]
        self.remove(keys)
        if len(keys):
            self._index.add_with_ids(vectors, keys)
            self._keys.update(keys.tolist())

    def remove(self, keys: Keys) -> None:
        """Remove keys; those that are not there are passed over."""
        present = self._keys.intersection(np.asarray(keys, dtype=np.int64).tolist())
        if present:
            self._index.remove_ids(np.fromiter(present, dtype=np.int64))
            self._keys -= present

    def search(self, vectors: Vectors, k: int) -> tuple[Vectors, Keys]:
        """Return cosine similarities (m, k) and keys (m, k), nearest first.

        Raises:
            ValueError: ``k`` is below 1, or the vectors have another dimension.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        if vectors.ndim != 2 or vectors.shape[1] != self._dimension:
            raise ValueError(f"vectors must be (m, {self._dimension}), not {vectors.shape}")
        similarities = np.full((len(vectors), k), -np.inf, dtype=np.float32)
        keys = np.full((len(vectors), k), -1, dtype=np.int64)
        width = min(k, len(self))
        if width and len(vectors):
            similarities[:, :width], keys[:, :width] = self._find(vectors, width)
            similarities[keys == -1] = -np.inf
        return similarities, keys

    def __len__(self) -> int:
        return len(self._keys)

    def _find(self, vectors: Vectors, k: int) -> tuple[Vectors, Keys]:
        similarities, keys = self._index.search(vectors, k)
        return similarities, keys

    def _checked(self, keys: Keys, vectors: Vectors) -> tuple[Keys, Vectors]:
        keys = np.ascontiguousarray(keys, dtype=np.int64)
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        if keys.ndim != 1 or vectors.shape != (len(keys), self._dimension):
            raise ValueError(
                f"keys {keys.shape} and vectors {vectors.shape} do not fit; "
                f"(n,) and (n, {self._dimension}) are needed"
            )
        if len(keys) and keys.min() < 0:
            raise ValueError("keys must not be negative")
        return keys, vectors


class FlatIndex(_FaissIndex):
    """Exact: compares a query with every vector.

    Args:
        dimension: Length d of a vector.
    """

    def __init__(self, dimension: int) -> None:
        super().__init__(_faiss.IndexIDMap2(_faiss.IndexFlatIP(dimension)), dimension)


class IVFIndex(_FaissIndex):
    """Inverted file: about 4·√n lists, of which a query visits those nearest to it.

    It is trained on the vectors that it is built from. How many lists a query visits is
    chosen on these vectors, so that 97% of the eight nearest are found.

    Args:
        keys: Keys (n,), n > 0.
        vectors: Unit vectors (n, d).

    Attributes:
        trained_on: Number of vectors that it was built from.
        lists: Number of lists.
        probes: Number of lists that a query visits.
    """

    def __init__(self, keys: Keys, vectors: Vectors) -> None:
        if not len(keys):
            raise ValueError("an inverted file can't be trained on no vectors")
        dimension = vectors.shape[1]
        self.trained_on = len(keys)
        self.lists = max(1, min(round(4 * math.sqrt(len(keys))), len(keys) // _POINTS_PER_LIST))
        self._quantizer = _faiss.IndexFlatIP(dimension)
        index = _faiss.IndexIVFFlat(
            self._quantizer, dimension, self.lists, _faiss.METRIC_INNER_PRODUCT
        )
        index.cp.spherical = True
        # A rough clustering will do: how many lists to visit is measured afterwards.
        index.cp.max_points_per_centroid = _POINTS_PER_LIST
        index.cp.niter = 4
        super().__init__(index, dimension)
        keys, vectors = self._checked(keys, vectors)
        # A short set is trained on as it is; FAISS would only advise to bring more.
        index.cp.min_points_per_centroid = 1
        index.train(vectors)
        index.set_direct_map_type(_faiss.DirectMap.Hashtable)
        self.add(keys, vectors)
        self.probes = self._calibrate(vectors)

    def _calibrate(self, vectors: Vectors) -> int:
        """Return the least number of probes (doubling) that reaches the recall aimed at."""
        rng = np.random.default_rng(0)
        rows = rng.choice(len(vectors), min(_CALIBRATION_QUERIES, len(vectors)), replace=False)
        queries = vectors[rows]
        k = min(8, len(self))
        _, truth = self._probe(queries, k, self.lists)
        probes = max(1, self.lists // 64)
        while probes < self.lists:
            _, found = self._probe(queries, k, probes)
            hits = sum(len(set(a) & set(b)) for a, b in zip(found, truth, strict=True))
            if hits >= RECALL_AIM * truth.size:
                break
            probes *= 2
        return min(probes, self.lists)

    def _probe(self, vectors: Vectors, k: int, probes: int) -> tuple[Vectors, Keys]:
        parameters = _faiss.SearchParametersIVF(nprobe=probes)
        similarities, keys = self._index.search(vectors, k, params=parameters)
        return similarities, keys

    def _find(self, vectors: Vectors, k: int) -> tuple[Vectors, Keys]:
        similarities, keys = self._probe(vectors, k, self.probes)
        # The visited lists may hold fewer than k vectors: then all are visited.
        short = np.flatnonzero(keys[:, -1] == -1)
        if len(short):
            similarities[short], keys[short] = self._probe(vectors[short], k, self.lists)
        return similarities, keys


def build_index(
    keys: Keys, vectors: Vectors, *, dimension: int | None = None, flat_limit: int = FLAT_LIMIT
) -> EditIndex:
    """Build the index that fits the number of vectors: exact up to ``flat_limit``, then IVF.

    Args:
        keys: Keys (n,), int64, each once.
        vectors: Unit vectors (n, d), float32.
        dimension: d, where ``vectors`` can't tell because there are none.
        flat_limit: Greatest number of vectors that are searched exactly.

    Raises:
        ValueError: The shapes do not fit each other.
    """
    if len(keys) > flat_limit:
        index = IVFIndex(keys, vectors)
        logger.info("%d vectors: inverted file with %d lists", len(keys), index.lists)
        return index
    flat = FlatIndex(vectors.shape[1] if dimension is None else dimension)
    flat.add(keys, vectors)
    return flat


def needs_rebuild(index: EditIndex, *, flat_limit: int = FLAT_LIMIT) -> bool:
    """Say whether the index no longer fits the number of its vectors.

    An exact index becomes an inverted file above the limit, an inverted file becomes exact
    below half of it, so that a memory near the limit does not go back and forth; an
    inverted file is trained again when it has grown to four times what it was trained on.
    """
    if isinstance(index, IVFIndex):
        return (
            len(index) < flat_limit // 2 or len(index) > GROWTH_BEFORE_RETRAINING * index.trained_on
        )
    return len(index) > flat_limit
