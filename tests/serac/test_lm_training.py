import pytest
import torch
from tiny_models import byte_tokenizer

from serac.counterfactual.training import TrainingSettings as Counterfactual
from serac.decomposer.training import TrainingSettings as Decomposer
from serac.lm_training import MAX_TOKENS, UNTRAINED, AdapterSettings, padded, tokenized

PROMPT, CONTINUATION = "Question: Who?\nSteps:", "\n1. Who is é?"


@pytest.fixture(scope="module")
def tokenizer():
    return byte_tokenizer()


def trained(item):
    return [token for token in item["labels"] if token != UNTRAINED]


def test_only_the_continuation_and_the_end_are_trained_on(tokenizer):
    item = tokenized(tokenizer, PROMPT, CONTINUATION)

    assert tokenizer.decode(trained(item)[:-1]) == CONTINUATION
    assert trained(item)[-1] == tokenizer.eos_token_id
    assert tokenizer.decode(item["input_ids"][:-1]) == PROMPT + CONTINUATION
    assert item["attention_mask"] == [1] * len(item["input_ids"])
    assert len(item["labels"]) == len(item["input_ids"])


def test_of_a_long_example_the_beginning_is_cut_off(tokenizer):
    item = tokenized(tokenizer, "x" * 1000 + PROMPT, CONTINUATION)

    assert {len(row) for row in item.values()} == {MAX_TOKENS}
    assert tokenizer.decode(trained(item)[:-1]) == CONTINUATION
    assert tokenizer.decode(item["input_ids"]).startswith("xxx")


def test_a_batch_is_filled_up_on_the_right():
    rows = [{"input_ids": [5, 6], "attention_mask": [1, 1], "labels": [UNTRAINED, 6]}]
    rows.append({"input_ids": [7], "attention_mask": [1], "labels": [7]})

    batch = padded(rows, padding=2)

    assert torch.equal(batch["input_ids"], torch.tensor([[5, 6], [7, 2]]))
    assert torch.equal(batch["attention_mask"], torch.tensor([[1, 1], [1, 0]]))
    assert torch.equal(batch["labels"], torch.tensor([[UNTRAINED, 6], [7, UNTRAINED]]))


@pytest.mark.parametrize("kind", [Counterfactual, Decomposer])
def test_what_puts_an_adapter_on_its_body_again_is_a_part_of_the_settings(kind):
    settings = kind(rank=3, alpha=5, first_layer=7)

    assert isinstance(settings, AdapterSettings)
    assert settings.lora() == {"rank": 3, "alpha": 5, "first_layer": 7}
