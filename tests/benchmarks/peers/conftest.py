import pytest
import torch
from tiny_models import byte_tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

from benchmarks.peers.editor import PeerEdit


@pytest.fixture(scope="session")
def tokenizer():
    return byte_tokenizer()


@pytest.fixture
def model(tokenizer):
    """A Llama with four blocks of random weights and tied embeddings."""
    return tiny(tokenizer)


@pytest.fixture
def edits():
    """Two edits of short words."""
    return [
        PeerEdit("Ada lives in", "Ada", "Rome", "Oslo", "Ada lives in Rome"),
        PeerEdit("The song Ivo is by", "Ivo", "Eve", None, "The song Ivo is by Eve"),
    ]


def tiny(tokenizer, **options):
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        bos_token_id=None,
        eos_token_id=None,
        tie_word_embeddings=True,
        initializer_range=0.2,
        **options,
    )
    return LlamaForCausalLM(config).eval()
