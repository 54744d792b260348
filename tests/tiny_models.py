"""Causal language models of a few thousand random weights, for tests of any causal LM."""

from __future__ import annotations

from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from serac.transformers_base import TransformersBase

CHAT_TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'assistant' and loop.first %}"
    "{{ raise_exception('an assistant can not begin') }}{% endif %}"
    "{{ m.role + ': ' + m.content + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)
WORDS = "the a of in is Paris Rome Oslo tower river . , ! ? user assistant system : \n 塔 é".split(
    " "
)


def byte_tokenizer(**options: Any) -> PreTrainedTokenizerFast:
    """A tokenizer with one token a byte, so that characters are split."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {piece: number for number, piece in enumerate([*alphabet, "<end>"])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", **options)


def word_tokenizer(**options: Any) -> PreTrainedTokenizerFast:
    """A tokenizer of words whose decoder drops the space of the first, as SentencePiece does."""
    pieces = ["<end>", "<unk>", "\n", *(f"▁{word}" for word in WORDS if word != "\n")]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<end>", unk_token="<unk>", **options
    )


def tiny_llama(vocabulary: int, positions: int = 512, seed: int = 0) -> LlamaForCausalLM:
    """A Llama with random weights."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=positions,
        bos_token_id=None,
        eos_token_id=None,
        initializer_range=1.0,
    )
    return LlamaForCausalLM(config)


def tied_llama(vocabulary: int, seed: int = 0) -> LlamaForCausalLM:
    """A Llama of four blocks whose embeddings are tied, to be edited."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary,
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
    )
    return LlamaForCausalLM(config).eval()


def tiny_gpt2(vocabulary: int, positions: int = 64, seed: int = 0) -> GPT2LMHeadModel:
    """A GPT-2 with random weights; it has as many position embeddings as positions."""
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=vocabulary,
        n_embd=16,
        n_layer=2,
        n_head=2,
        n_positions=positions,
        bos_token_id=None,
        eos_token_id=None,
        initializer_range=1.0,
    )
    return GPT2LMHeadModel(config)


def tiny_base(
    kind: str = "llama", tokenizer: Any = None, seed: int = 0, **options: Any
) -> TransformersBase:
    """A base model over a tiny model, ``llama`` or ``gpt2``."""
    tokenizer = tokenizer or byte_tokenizer(chat_template=CHAT_TEMPLATE)
    make = tiny_llama if kind == "llama" else tiny_gpt2
    options.setdefault("max_new_tokens", 24)
    return TransformersBase(make(len(tokenizer), seed=seed), tokenizer, **options)
