"""Shared by all tests: the embedded models, each loaded once, and everyday questions."""

from __future__ import annotations

from pathlib import Path

import pytest

from memory_store import SentenceTransformerEncoder
from serac.transformers_base import TransformersBase

EVERYDAY_QUESTIONS = Path(__file__).parent / "data" / "everyday_questions.txt"


@pytest.fixture(scope="session")
def embedded_base() -> TransformersBase:
    """The embedded base model, with answers short enough for two cores."""
    from serac.embedded import load_embedded_base

    base = load_embedded_base("cpu")
    base.max_new_tokens = 16
    return base


@pytest.fixture(scope="session")
def embedded_encoder() -> SentenceTransformerEncoder:
    """The embedded encoder."""
    return SentenceTransformerEncoder.embedded("cpu")


@pytest.fixture(scope="session")
def everyday_questions() -> list[str]:
    """200 questions, requests and beginnings of sentences that no made-up edit is about."""
    return EVERYDAY_QUESTIONS.read_text(encoding="utf-8").splitlines()
