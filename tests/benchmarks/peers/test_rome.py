from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from benchmarks.peers.llama_blocks import LlamaBlocks
from benchmarks.peers.rome import Rome, rank_one_changes
from benchmarks.peers.rome_values import RomeSettings, keys_and_values
from benchmarks.peers.second_moments import second_moments
from memory_store.errors import ArtifactError, InvalidEditError

SETTINGS = RomeSettings(
    layer=1, prefix_lengths=(3,), prefixes_each=2, moment_tokens=2000, learning_rate=0.2
)


@pytest.fixture
def rome(model, tokenizer):
    return Rome(model, tokenizer, SETTINGS)


def weight_of(rome):
    return rome.blocks.projection(1).weight


def test_the_second_moment_is_symmetric_and_positive_definite(rome):
    matrix = rome.moments().matrix
    assert matrix.shape == (48, 48)
    torch.testing.assert_close(matrix, matrix.T)
    assert torch.linalg.eigvalsh(matrix).min() > 0
    assert rome.moments().tokens >= 2000


def test_the_edited_weight_maps_key_to_value(rome, tokenizer, two_edits):
    found = keys_and_values(rome.blocks, tokenizer, two_edits, rome.prefixes(), SETTINGS)
    changes = rank_one_changes(found, rome.moments(), SETTINGS.ridge)
    for n, change in enumerate(changes):
        weight = weight_of(rome).detach().clone()
        change.add_to(weight)
        torch.testing.assert_close(weight @ found.keys[n], found.values[n], rtol=1e-3, atol=1e-4)


def test_keys_orthogonal_in_the_metric_stay(rome, tokenizer, two_edits):
    found = keys_and_values(rome.blocks, tokenizer, two_edits[:1], rome.prefixes(), SETTINGS)
    change = rank_one_changes(found, rome.moments(), SETTINGS.ridge)[0]
    other = torch.randn(48)
    other -= (other @ change.right) / (change.right @ change.right) * change.right
    weight = weight_of(rome).detach().clone()
    before = weight @ other
    change.add_to(weight)
    torch.testing.assert_close(weight @ other, before, rtol=1e-3, atol=1e-4)


def test_the_change_of_a_value_is_clamped(rome, tokenizer, two_edits):
    settings = replace(SETTINGS, clamp=0.5)
    found = keys_and_values(rome.blocks, tokenizer, two_edits, [""], settings)
    change = (found.values - found.old).norm(dim=1)
    assert (change <= 0.5 * found.old.norm(dim=1) * 1.001).all()
    assert (change > 0).all()


def test_edits_of_a_batch_are_as_each_alone(rome, tokenizer, two_edits):
    both = keys_and_values(rome.blocks, tokenizer, two_edits, rome.prefixes(), SETTINGS)
    for n, edit in enumerate(two_edits):
        one = keys_and_values(rome.blocks, tokenizer, [edit], rome.prefixes(), SETTINGS)
        torch.testing.assert_close(both.keys[n], one.keys[0], rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(both.values[n], one.values[0], rtol=2e-2, atol=2e-2)


def test_the_object_becomes_likelier_and_undo_is_bit_for_bit(rome, model, two_edits):
    old = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    pairs = [(edit.prompt, edit.target) for edit in two_edits]
    before = rome.edited.log_probabilities(pairs)
    after = rome.apply(two_edits).log_probabilities(pairs)
    assert (after > before + 0.5).all()
    rome.undo()
    assert all(torch.equal(tensor, old[name]) for name, tensor in model.state_dict().items())


def test_what_is_prepared_is_what_is_made_when_it_is_applied(rome, two_edits):
    rome.apply(two_edits[:1])
    alone = weight_of(rome).detach().clone()
    rome.undo()
    rome.prepare(two_edits)
    rome.apply(two_edits[:1])
    torch.testing.assert_close(weight_of(rome).detach(), alone, rtol=2e-2, atol=1e-2)
    rome.undo()


def test_second_moments_are_kept_in_a_file(model, tokenizer, tmp_path):
    blocks = LlamaBlocks(model.requires_grad_(False))
    file = tmp_path / "kept" / "c.safetensors"
    wanted = {"tokens": 300, "seed": 0, "file": file}
    made = second_moments(blocks, tokenizer, 1, **wanted)
    stamp = file.stat().st_mtime_ns
    again = second_moments(blocks, tokenizer, 1, **wanted)
    assert torch.equal(made.matrix, again.matrix)
    assert made.tokens == again.tokens == 384
    assert file.stat().st_mtime_ns == stamp
    with pytest.raises(ArtifactError, match="another model, block"):
        second_moments(blocks, tokenizer, 2, **wanted)
    with torch.no_grad():
        blocks.projection(0).weight += 1
    with pytest.raises(ArtifactError, match="another model, block"):
        second_moments(blocks, tokenizer, 1, **wanted)
    file.write_bytes(b"nothing")
    with pytest.raises(ArtifactError, match="is damaged"):
        second_moments(blocks, tokenizer, 1, **wanted)


def test_second_moments_that_can_not_be_are_told(model, tokenizer, tmp_path):
    blocks = LlamaBlocks(model.requires_grad_(False))
    file = tmp_path / "c.safetensors"
    wanted = {"tokens": 300, "seed": 0, "file": file}
    made = second_moments(blocks, tokenizer, 1, **wanted)
    with safe_open(file, "pt") as opened:
        metadata = opened.metadata()
    told = metadata | {"tokens": "many"}
    for matrix, noted in (
        (made.matrix, {name: metadata[name] for name in metadata if name != "tokens"}),
        (made.matrix, told),
        (made.matrix[:8, :8].contiguous(), metadata),
        (torch.zeros_like(made.matrix), metadata),
        (made.matrix * float("nan"), metadata),
    ):
        save_file({"second_moment": matrix.float()}, file, metadata=noted)
        with pytest.raises(ArtifactError, match="is damaged"):
            second_moments(blocks, tokenizer, 1, **wanted)
    with pytest.raises(ArtifactError, match="is a folder"):
        second_moments(blocks, tokenizer, 1, **(wanted | {"file": tmp_path}))


def test_a_subject_that_is_not_in_the_prompt_is_refused(rome, two_edits):
    with pytest.raises(InvalidEditError, match="'Bo' is not in"):
        rome.apply([replace(two_edits[0], subject="Bo")])
