import numpy as np
import pytest
import torch
from tiny_models import byte_tokenizer

from serac.counterfactual.training import TrainingSettings as Counterfactual
from serac.decomposer.training import TrainingSettings as Decomposer
from serac.lm_training import (
    MAX_TOKENS,
    UNTRAINED,
    AdapterSettings,
    TokenRow,
    padded,
    tokenized,
)

PROMPT, CONTINUATION = "Question: Who?\nSteps:", "\n1. Who is é?"


@pytest.fixture(scope="module")
def tokenizer():
    return byte_tokenizer()


def trained(row):
    return row.tokens[row.untrained :].tolist()


def test_only_the_continuation_and_the_end_are_trained_on(tokenizer):
    [row] = tokenized(tokenizer, [(PROMPT, CONTINUATION)])

    assert tokenizer.decode(trained(row)[:-1]) == CONTINUATION
    assert trained(row)[-1] == tokenizer.eos_token_id
    assert tokenizer.decode(row.tokens[:-1].tolist()) == PROMPT + CONTINUATION


def test_of_a_long_example_the_beginning_is_cut_off(tokenizer):
    rows = tokenized(tokenizer, [("x" * 1000 + PROMPT, CONTINUATION), (PROMPT, "y" * 1000)])

    assert [len(row) for row in rows] == [MAX_TOKENS, MAX_TOKENS]
    assert tokenizer.decode(trained(rows[0])[:-1]) == CONTINUATION
    assert tokenizer.decode(rows[0].tokens.tolist()).startswith("xxx")
    assert rows[1].untrained == 0


def test_no_examples_are_no_rows(tokenizer):
    assert tokenized(tokenizer, []) == []


def test_a_batch_is_filled_up_on_the_right():
    rows = [TokenRow(np.array([5, 6], np.int32), 1), TokenRow(np.array([7], np.int32), 0)]

    batch = padded(rows, padding=2)

    assert torch.equal(batch["input_ids"], torch.tensor([[5, 6], [7, 2]]))
    assert torch.equal(batch["attention_mask"], torch.tensor([[1, 1], [1, 0]]))
    assert torch.equal(batch["labels"], torch.tensor([[UNTRAINED, 6], [7, UNTRAINED]]))


@pytest.mark.parametrize("kind", [Counterfactual, Decomposer])
def test_what_puts_an_adapter_on_its_body_again_is_a_part_of_the_settings(kind):
    settings = kind(rank=3, alpha=5, first_layer=7)

    assert isinstance(settings, AdapterSettings)
    assert settings.lora() == {"rank": 3, "alpha": 5, "first_layer": 7}
