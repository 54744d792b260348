"""The scope seam: the probability that a query is in the scope of an edit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Probabilities = npt.NDArray[np.float64]


class ScopeScorer(Protocol):
    """Judges (query, edit) pairs. It knows an edit's text alone, and never the answer.

    A scorer may have an attribute ``reads_context``; where it is false, it is shown the view that
    found an edit alone, without what stands around it.
    """

    def score(self, pairs: Sequence[tuple[str, str]]) -> Probabilities:
        """Return (n,) probabilities that each query is in the scope of the edit beside it."""
        ...
