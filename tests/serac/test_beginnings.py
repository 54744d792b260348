import pytest
import torch
from tiny_models import byte_tokenizer, tiny_base, tiny_llama, word_tokenizer

from serac.beginnings import Beginnings, beginnings
from serac.completing import complete_all
from serac.transformers_base import TransformersBase

WORDS = ["Paris", "Parma", "Oslo"]


def left_after(rows, written, beams=1):
    """The tokens that may be next after what was written to one prompt of two tokens."""
    tokens = torch.tensor([[7, 7, *written]] * (beams * len(rows)))
    scores = torch.zeros(len(tokens), 9)
    left = Beginnings(rows, 2)(tokens, scores)
    assert not scores.any()
    return [torch.isfinite(row).nonzero().flatten().tolist() for row in left]


def test_only_tokens_of_the_words_may_be_next_until_one_is_whole():
    rows = [[[1, 2, 3], [1, 4], [5]]]
    everything = list(range(9))
    assert left_after(rows, []) == [[1, 5]]
    assert left_after(rows, [1]) == [[2, 4]]
    assert left_after(rows, [1, 2]) == [[3]]
    for whole in ([5], [1, 4], [1, 4, 8], [1, 2, 3]):
        assert left_after(rows, whole) == [everything]


def test_a_word_that_is_the_beginning_of_another_is_whole():
    assert left_after([[[1], [1, 2]]], [1]) == [list(range(9))]


def test_a_row_has_its_own_words_and_beams_have_those_of_their_row():
    assert left_after([[[1]], [], [[2, 3]]], [], beams=2) == [
        *[[1]] * 2,
        *[list(range(9))] * 2,
        *[[2]] * 2,
    ]


def test_the_tokens_of_a_word_are_those_after_the_prompt():
    bytewise = byte_tokenizer()
    assert beginnings(bytewise, "One line\nIt is in", ["Oslo"]) == [
        bytewise(" Oslo", add_special_tokens=False)["input_ids"]
    ]
    assert beginnings(bytewise, "It is in", []) == []
    assert beginnings(bytewise, "It is in\n", ["a"]) == [
        bytewise(" a", add_special_tokens=False)["input_ids"]
    ]


def test_so_it_is_with_a_tokenizer_of_words():
    tokenizer = word_tokenizer()
    assert beginnings(tokenizer, "the tower is in", ["Paris"]) == [
        tokenizer("Paris", add_special_tokens=False)["input_ids"]
    ]


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_a_completion_begins_with_a_word_alone_and_in_a_batch(kind):
    base = tiny_base(kind, byte_tokenizer())
    prompts = ["The Space Needle is in", "Hm", "Oslo is near"]
    begins = [WORDS, ["Rome"], []]

    alone = [
        "".join(base.complete(prompt, max_new_tokens=8, begins=words)).strip()
        for prompt, words in zip(prompts, begins, strict=True)
    ]
    together = complete_all(
        base, prompts, stop=(), max_new_tokens=8, progress=lambda more: None, begins=begins
    )

    assert alone == together
    assert alone[0].startswith(tuple(WORDS)) and alone[1].startswith("Rome")
    assert alone[2] == "".join(base.complete(prompts[2], max_new_tokens=8)).strip()


def test_a_processor_of_one_s_own_is_kept():
    seen = []

    def look(input_ids, scores):
        seen.append(len(input_ids))
        return scores

    base = TransformersBase(tiny_llama(257), byte_tokenizer(), logits_processor=[look])
    said = "".join(base.complete("abc", max_new_tokens=6, begins=["Oslo"]))
    assert said.startswith(" Oslo") and len(seen) == 6


def test_where_the_model_s_own_settings_bar_every_beginning_all_is_left_as_it_is():
    scores = torch.zeros(1, 9)
    scores[0, [1, 5]] = float("-inf")
    left = Beginnings([[[1, 2], [5]]], 2)(torch.tensor([[7, 7]]), scores)
    assert torch.equal(left, scores)
    base = tiny_base("llama", byte_tokenizer(), prompting="completion")
    base.model.generation_config.no_repeat_ngram_size = 3
    text = "".join(base.complete("Paris Paris", max_new_tokens=4, begins=["Paris"]))
    assert isinstance(text, str)


def test_a_word_that_the_tokenizer_does_not_know_is_left_out():
    assert beginnings(word_tokenizer(), "The tower is in", ["Zürichland"]) == []
