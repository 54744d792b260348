import numpy as np
import pytest
import torch
from tiny_models import byte_tokenizer, tiny_llama

from benchmarks.generating import target_log_probabilities
from serac.completing import complete_all
from serac.transformers_base import TransformersBase

PROMPTS = ["The Space Needle is in", "Oslo", "A longer prompt about a tower in Rome is this", "Hm"]


@pytest.fixture(scope="module")
def base():
    model = tiny_llama(257)
    model.generation_config.pad_token_id = None
    return TransformersBase(model, byte_tokenizer(), max_new_tokens=6)


@pytest.mark.parametrize("stop", [(), ("\n", "a")])
def test_a_batch_says_what_each_prompt_alone_does(base, stop):
    done = []
    told = complete_all(base, PROMPTS, stop=stop, max_new_tokens=6, progress=done.append)
    alone = ["".join(base.complete(p, stop=stop, max_new_tokens=6)).strip() for p in PROMPTS]
    assert told == alone
    assert sum(done) == len(PROMPTS)


def test_no_prompt_gives_no_answer(base):
    assert complete_all(base, [], stop=(), max_new_tokens=3, progress=lambda n: None) == []


def test_the_probability_of_a_target_is_that_of_its_tokens_one_by_one(base):
    asked = [(prompt, target) for prompt in PROMPTS for target in ("Paris", "a")]
    found = target_log_probabilities(base, asked)
    for (prompt, target), value in zip(asked, found, strict=True):
        ids = base.tokenizer(prompt)["input_ids"]
        logs = []
        for token in base.tokenizer(f" {target}", add_special_tokens=False)["input_ids"]:
            with torch.inference_mode():
                logits = base.model(torch.tensor([ids])).logits[0, -1]
            logs.append(float(torch.log_softmax(logits, -1)[token]))
            ids = [*ids, token]
        assert value == pytest.approx(np.mean(logs), abs=1e-4)
