import pytest
from tiny_models import byte_tokenizer, tied_llama

from benchmarks.peers.editor import PeerEdit


@pytest.fixture(scope="session")
def tokenizer():
    return byte_tokenizer()


@pytest.fixture
def model(tokenizer):
    """A Llama with four blocks of random weights and tied embeddings."""
    return tied_llama(len(tokenizer))


@pytest.fixture
def edits():
    """Two edits of short words."""
    return [
        PeerEdit("Ada lives in", "Ada", "Rome", "Oslo", "Ada lives in Rome"),
        PeerEdit("The song Ivo is by", "Ivo", "Eve", None, "The song Ivo is by Eve"),
    ]
