import pytest
from tiny_models import tiny_base

from benchmarks.multi_hop_generating import _shared, complete_alike
from serac.completing import complete_all
from serac.short_answers import STOPS, short_prompt

BEGINNING = "Question: Where is the tower? Answer: in Oslo. " * 3


@pytest.mark.parametrize("rests", [("a", "river", "the old tower of Rome"), ("a", "b"), ("a",)])
@pytest.mark.parametrize("beginning", [BEGINNING, ""])
def test_what_is_written_is_what_each_prompt_alone_gives(beginning, rests):
    base = tiny_base()
    prompts = [f"{beginning}{rest}" for rest in rests]
    told = []
    how = {"stop": [], "max_new_tokens": 8, "progress": told.append}
    alone = [complete_all(base, [prompt], **how)[0] for prompt in prompts]
    told.clear()
    assert complete_alike(base, prompts, **how) == alone
    assert sum(told) == len(prompts)


def test_one_prompt_may_be_the_beginning_of_another():
    base = tiny_base()
    prompts = [BEGINNING, f"{BEGINNING}the tower", BEGINNING]
    how = {"stop": [], "max_new_tokens": 8, "progress": lambda more: None}
    alone = [complete_all(base, [prompt], **how)[0] for prompt in prompts]
    assert complete_alike(base, prompts, **how) == alone


def test_nothing_is_written_for_no_prompts():
    assert complete_alike(tiny_base(), [], stop=[], max_new_tokens=8, progress=print) == []


@pytest.mark.parametrize(
    ("tokens", "shared"),
    [([], 0), ([[1, 2]], 1), ([[1, 2, 3], [1, 2, 4]], 2), ([[1, 2], [1, 2]], 1), ([[1], [2]], 0)],
)
def test_the_beginning_that_is_shared_leaves_each_a_token(tokens, shared):
    assert _shared(tokens) == shared


@pytest.mark.model
def test_the_embedded_model_writes_the_same_with_the_beginning_read_once(embedded_base):
    prompts = [short_prompt(f"What is the capital of {c}?") for c in ("Peru", "South Korea")]
    how = {"stop": STOPS, "max_new_tokens": 6, "progress": lambda more: None}
    assert complete_alike(embedded_base, prompts, **how) == complete_all(
        embedded_base, prompts, **how
    )
