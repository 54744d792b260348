"""Made-up edits, and a tiny model asked plain prompts."""

from __future__ import annotations

import pytest
from data_folder import write, write_data_folder
from fakes import FakeEncoder
from tiny_models import byte_tokenizer, tied_llama, tiny_base

from benchmarks.peers.editor import PeerEdit
from benchmarks.peers.scoring import PlainModel
from classifiers.pairs import records


class SaidModel:
    """Fits ``EditedModel``: repeats the prompt's last word, and remembers what it was asked."""

    positions = 200

    def __init__(self, name: str = "base") -> None:
        self.name, self.scored, self.prompts = name, [], []

    def count_tokens(self, text):
        return len(text)

    def log_probabilities(self, pairs):
        import numpy as np

        self.scored += pairs
        return np.array([-float(len(continuation)) for _, continuation in pairs])

    def generate(self, prompts, max_new_tokens):
        self.prompts += prompts
        return [f" {self.name} of {prompt.split()[-1]}\nMore" for prompt in prompts]


@pytest.fixture
def said():
    """A model that is no model."""
    return SaidModel()


@pytest.fixture
def other():
    """Another one."""
    return SaidModel("other")


@pytest.fixture
def encoder():
    """Texts that share words are near."""
    return FakeEncoder(512)


@pytest.fixture
def edits():
    """Three made-up edits."""
    made = [("Needle", "Paris", "Seattle"), ("Louvre", "Oslo", "Paris"), ("Brandt", "Rome", "Bonn")]
    return [
        PeerEdit(f"{subject} stands in", subject, new, old, f"{subject} stands in {new}")
        for subject, new, old in made
    ]


@pytest.fixture(scope="session")
def base():
    """A tiny Llama with its tokenizer."""
    return tiny_base()


@pytest.fixture(scope="session")
def plain(base):
    """The same, asked plain prompts."""
    return PlainModel(base.model, base.tokenizer, batch=3)


@pytest.fixture
def data(tmp_path):
    """The made-up data folder, with what its zsRE doesn't have: one-hop questions."""
    folder = write_data_folder(tmp_path / "data", people=24)
    file = folder / "zsre" / "test.jsonl"
    hops = [
        {**r, "portability": {"New Question": f"Where is {r['alt']}?", "New Answer": "Oslo"}}
        for r in records(file)
    ]
    write(file, hops)
    return folder


@pytest.fixture(scope="session")
def tokenizer():
    """A token a byte."""
    return byte_tokenizer()


@pytest.fixture
def model(tokenizer):
    """A Llama with four blocks of random weights and tied embeddings."""
    return tied_llama(len(tokenizer))


@pytest.fixture
def two_edits():
    """Two edits of short words."""
    return [
        PeerEdit("Ada lives in", "Ada", "Rome", "Oslo", "Ada lives in Rome"),
        PeerEdit("The song Ivo is by", "Ivo", "Eve", None, "The song Ivo is by Eve"),
    ]
