import numpy as np
import pytest
import torch

from benchmarks.peers import scoring
from benchmarks.peers.scoring import PlainModel, Remembered
from memory_store.errors import ModelError

SHARED = "What is known is this, and it is said before every one of the prompts alike:\n"
PROMPTS = ["The tower is in", "Oslo", "A longer prompt about a tower in Rome is", "Hm", "a"]
PAIRS = [(prompt, target) for prompt in PROMPTS for target in ("Paris", "a", "the river in Rome")]


def alone(base, prompt, target):
    """The mean log-probability of a target, token by token without any cache."""
    ids = base.tokenizer(prompt)["input_ids"]
    logs = []
    for token in base.tokenizer(f" {target}", add_special_tokens=False)["input_ids"]:
        with torch.inference_mode():
            logits = base.model(torch.tensor([ids])).logits[0, -1]
        logs.append(float(torch.log_softmax(logits, -1)[token]))
        ids = [*ids, token]
    return np.mean(logs)


def written_alone(base, prompt, most):
    ids = base.tokenizer(prompt)["input_ids"]
    start = len(ids)
    for _ in range(most):
        with torch.inference_mode():
            token = int(base.model(torch.tensor([ids])).logits[0, -1].argmax())
        if token == base.tokenizer.eos_token_id:
            break
        ids = [*ids, token]
    return base.tokenizer.decode(ids[start:], skip_special_tokens=True)


@pytest.mark.parametrize("before", ["", SHARED])
def test_a_batch_scores_as_each_pair_alone(base, plain, before):
    pairs = [(before + prompt, target) for prompt, target in PAIRS]
    expected = [alone(base, *pair) for pair in pairs]
    assert plain.log_probabilities(pairs) == pytest.approx(expected, abs=1e-4)
    assert plain.log_probabilities(pairs[:1]) == pytest.approx(expected[:1], abs=1e-4)


@pytest.mark.parametrize("before", ["", SHARED])
def test_a_batch_writes_what_each_prompt_alone_does(base, plain, before):
    prompts = [before + prompt for prompt in PROMPTS]
    assert plain.generate(prompts, 7) == [written_alone(base, p, 7) for p in prompts]


def test_a_batch_ends_each_row_where_its_text_ends(base, plain, monkeypatch):
    texts = plain.generate(PROMPTS, 7)
    with torch.inference_mode():
        ids = torch.tensor([base.tokenizer(PROMPTS[0])["input_ids"]])
        end = int(base.model(ids).logits[0, -1].argmax())
    monkeypatch.setattr(base.model.generation_config, "eos_token_id", [end])
    ended = plain.generate(PROMPTS, 7)
    assert ended[0] == ""
    assert all(text.startswith(short) for text, short in zip(texts, ended, strict=True))


def test_what_prompts_begin_with_is_read_once(plain, monkeypatch):
    read = []
    monkeypatch.setattr(plain.model, "forward", _noting(plain.model.forward, read), raising=False)
    plain.generate([SHARED + prompt for prompt in PROMPTS], 1)
    assert read[0] == (1, len(SHARED))
    assert all(tokens < len(SHARED) for _, tokens in read[1:])


def _noting(forward, read):
    def noted(*given, **named):
        read.append(tuple(named["input_ids"].shape))
        return forward(*given, **named)

    return noted


def test_batches_hold_no_more_than_they_may(plain, monkeypatch):
    monkeypatch.setattr(scoring, "READ_AT_ONCE", {"cpu": 30})
    sizes = [len(rows) for rows, _ in plain._batches(["aaaaaaaaaa"] * 7, 2)]
    assert sizes == [3, 3, 1]  # three tens of tokens, and three prompts


def test_nothing_gives_nothing_and_what_does_not_fit_is_refused(plain):
    assert plain.generate([], 3) == []
    assert plain.log_probabilities([]).shape == (0,)
    with pytest.raises(ModelError, match="the model holds 512"):
        plain.generate(["a" * 510], 3)
    with pytest.raises(ModelError, match="a prompt is empty"):
        plain.generate([""], 3)


def test_what_is_known_is_not_asked_again(said):
    model = Remembered(said)
    assert model.generate(["a b", "a b", "c"], 3) == said.generate(["a b", "a b", "c"], 3)
    asked = len(said.prompts)
    model.generate(["c", "a b"], 3)
    assert len(said.prompts) == asked
    pairs = [("a", "b"), ("a", "bb")]
    assert list(model.log_probabilities(pairs)) == [-1, -2]
    assert list(model.log_probabilities(pairs[::-1])) == [-2, -1]
    assert said.scored == pairs


def test_it_says_how_much_it_holds(base):
    model = PlainModel(base.model, base.tokenizer)
    assert model.positions == 512
    assert model.count_tokens("four") == 4
