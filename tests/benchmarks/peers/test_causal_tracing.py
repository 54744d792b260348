import numpy as np
import pytest
import torch

from benchmarks.peers.causal_tracing import (
    KINDS,
    TracedRun,
    Traces,
    TracingSettings,
    by_role,
    trace,
)
from benchmarks.peers.llama_blocks import LlamaBlocks
from benchmarks.peers.scoring import PlainModel
from benchmarks.peers.tracing_roles import (
    ROLES,
    Fact,
    TracedPrompt,
    embedding_spread,
    known_facts,
    traced_prompt,
)
from memory_store.errors import InvalidQueryError

FACTS = [Fact("Hey Ada is in", "Ada", "Rome"), Fact("Ivo sings", "Ivo", "opera")]
SETTINGS = TracingSettings(samples=3, window=2)
SPREAD = 0.6


@pytest.fixture
def blocks(model):
    return LlamaBlocks(model.requires_grad_(False))


@pytest.fixture
def prompt(tokenizer):
    return traced_prompt(tokenizer, FACTS[0])


@pytest.fixture
def run(blocks, prompt):
    return TracedRun(blocks, prompt, SPREAD, SETTINGS, 0)


def chances(model, prompt, embedded, hooks=()):
    """The probability of the object's first token in a run of the whole model."""
    handles = [module.register_forward_hook(hook) for module, hook in hooks]
    try:
        with torch.no_grad():
            logits = model(inputs_embeds=embedded).logits[:, -1]
    finally:
        for handle in handles:
            handle.remove()
    return logits.softmax(-1)[:, prompt.answer]


def embeddings(model, prompt):
    """The clean embeddings and the corrupted ones, with the noise that a run draws."""
    clean = model.model.embed_tokens(torch.tensor([prompt.ids])).detach()
    noise = SPREAD * torch.randn((3, 3, 32), generator=torch.Generator().manual_seed(0))
    noisy = clean.repeat(3, 1, 1)
    noisy[:, prompt.first : prompt.last + 1] += noise
    return clean, noisy


def replaced(place, value):
    def hook(module, inputs, output):
        given = (output[0] if isinstance(output, tuple) else output).clone()
        given[:, place] = value
        return (given, *output[1:]) if isinstance(output, tuple) else given

    return hook


def states(model, prompt, embedded):
    """What leaves each block, each MLP and each attention."""
    seen = {"block": [], "mlp": [], "attention": []}

    def keeps(name):
        def hook(module, inputs, output):
            seen[name].append(output[0] if isinstance(output, tuple) else output)

        return hook

    hooks = []
    for block in model.model.layers:
        hooks += [(block, keeps("block")), (block.mlp, keeps("mlp"))]
        hooks += [(block.self_attn, keeps("attention"))]
    chances(model, prompt, embedded, hooks)
    return seen


def test_the_clean_and_the_corrupted_run_are_the_models(model, prompt, run):
    clean, noisy = embeddings(model, prompt)
    assert run.clean == pytest.approx(chances(model, prompt, clean).item(), rel=1e-4)
    assert run.corrupted == pytest.approx(chances(model, prompt, noisy).mean().item(), rel=1e-4)
    assert abs(run.clean - run.corrupted) > 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_where_nothing_is_restored_the_probability_is_the_corrupted_one(run, prompt, kind):
    before_subject = run.restored(kind)[: prompt.first]
    np.testing.assert_allclose(before_subject, run.corrupted, rtol=1e-4)


def test_where_all_that_is_read_is_restored_it_is_the_clean_one(run):
    assert run.restored("hidden")[-1, -1] == pytest.approx(run.clean, rel=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_without_noise_everything_is_clean(blocks, prompt, kind):
    run = TracedRun(blocks, prompt, 0.0, SETTINGS, 0)
    np.testing.assert_allclose(run.restored(kind), run.clean, rtol=1e-4)


@pytest.mark.parametrize("place", [4, 6, 9])
def test_restored_states_are_those_of_the_whole_model_with_hooks(model, prompt, run, place):
    clean, noisy = embeddings(model, prompt)
    kept, broken = states(model, prompt, clean), states(model, prompt, noisy)
    layers = model.model.layers
    found = {kind: run.restored(kind) for kind in KINDS}
    for block in range(4):
        restore = (layers[block], replaced(place, kept["block"][block][0, place]))
        by_hand = {"hidden": [restore]}
        for part, name in (("mlp", "mlp"), ("attention", "self_attn")):
            by_hand[part] = [
                (getattr(layers[n], name), replaced(place, kept[part][n][0, place]))
                for n in range(max(0, block - 1), block + 1)
            ]
            by_hand[f"{part}_severed"] = [restore] + [
                (getattr(layers[n], name), replaced(place, broken[part][n][:, place]))
                for n in range(block + 1, 4)
            ]
        for kind, hooks in by_hand.items():
            wanted = chances(model, prompt, noisy, hooks).mean().item()
            assert found[kind][place, block] == pytest.approx(wanted, rel=1e-3), (kind, block)


def test_the_size_of_a_batch_changes_nothing(blocks, prompt, run):
    small = TracedRun(blocks, prompt, SPREAD, TracingSettings(3.0, 3, 2, most_rows=30), 0)
    for kind in KINDS:
        np.testing.assert_allclose(small.restored(kind), run.restored(kind), rtol=1e-4)


def test_the_attention_of_another_kind_gives_the_same(model, blocks, prompt, run):
    model.set_attn_implementation("eager")
    eager = TracedRun(blocks, prompt, SPREAD, SETTINGS, 0)
    np.testing.assert_allclose(eager.restored("attention"), run.restored("attention"), rtol=1e-3)


def test_roles():
    prompt = TracedPrompt(tuple(range(10)), 2, 5, 0)
    assert [prompt.role(n) for n in range(10)] == [None, None, 0, 1, 1, 2, 3, 4, 4, 5]
    assert [TracedPrompt((1, 2), 0, 0, 0).role(n) for n in range(2)] == [2, 5]


def test_effects_of_a_role_are_means():
    prompt = TracedPrompt(tuple(range(4)), 0, 3, 0)
    found = by_role(prompt, np.array([[1.0], [2.0], [4.0], [8.0]]))
    np.testing.assert_array_equal(found[:3, 0], [1.0, 3.0, 8.0])
    assert np.isnan(found[3:]).all()


def test_facts_are_traced_and_averaged(model, tokenizer):
    done = []
    traces = trace(model, tokenizer, FACTS, SETTINGS, progress=done.append)
    assert done == [1, 1]
    assert traces.clean.shape == traces.total.shape == (2,)
    for kind in KINDS:
        assert traces.effects[kind].shape == (2, len(ROLES), 4)
        assert np.isfinite(traces.average(kind)).all()
    assert traces.window == 2
    assert 0 <= traces.decisive_block() < 4
    assert traces.spread == pytest.approx(
        3 * embedding_spread(LlamaBlocks(model), [traced_prompt(tokenizer, f) for f in FACTS])
    )
    assert torch.get_float32_matmul_precision() == "highest"


def test_the_decisive_block_has_the_most_effect():
    effects = np.zeros((1, 6, 5))
    effects[0, 2, 3] = 0.5
    effects[0, 5, 4] = 0.9
    traces = Traces((FACTS[0],), np.ones(1), np.zeros(1), {"mlp": effects}, 2, 1.0)
    assert traces.decisive_block() == 3


def test_the_window_is_a_share_of_the_depth():
    assert [TracingSettings().window_of(depth) for depth in (48, 30, 4)] == [10, 6, 1]


def test_known_facts_are_those_that_are_generated(model, blocks, tokenizer):
    letters = tokenizer("abcdefghijklmnopqrstuvwxyz")["input_ids"]
    others = [token for token in range(len(tokenizer)) if token not in letters]
    with torch.no_grad():
        model.model.embed_tokens.weight[others] = 0  # so that letters are what it writes
    # A continuation is given a space unless the prompt ends with one.
    said = PlainModel(model, tokenizer).generate(["Ada is in "], 3)[0]
    known = Fact("Ada is in ", "Ada", said)
    found = known_facts(blocks, tokenizer, [FACTS[0], known, FACTS[1], known])
    assert found == [known, known]
    assert known_facts(blocks, tokenizer, [known, known], most=1) == [known]
    assert known_facts(blocks, tokenizer, []) == []


def test_no_facts_are_refused(model, tokenizer):
    with pytest.raises(InvalidQueryError, match="no facts to trace"):
        trace(model, tokenizer, [])
