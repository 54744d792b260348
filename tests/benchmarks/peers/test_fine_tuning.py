import pytest
import torch

from benchmarks.peers.fine_tuning import FT, FT_L, FineTuning, FineTuningSettings
from memory_store.errors import ModelError

QUICK = FineTuningSettings(layer=2, learning_rate=5e-3)


def everything(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def test_the_object_becomes_likelier_and_one_weight_alone_is_changed(model, tokenizer, two_edits):
    old = everything(model)
    editor = FineTuning(model, tokenizer, QUICK)
    pairs = [(edit.prompt, edit.target) for edit in two_edits]
    before = editor.edited.log_probabilities(pairs)
    after = editor.apply(two_edits).log_probabilities(pairs)
    assert (after > before + 1).all()
    new = everything(model)
    assert [name for name in old if not torch.equal(old[name], new[name])] == [
        "model.layers.2.mlp.down_proj.weight"
    ]


def test_undo_is_bit_for_bit(model, tokenizer, two_edits):
    old = everything(model)
    editor = FineTuning(model, tokenizer, QUICK)
    editor.apply(two_edits[:1])
    editor.apply(two_edits[1:])
    editor.undo()
    assert all(torch.equal(tensor, old[name]) for name, tensor in everything(model).items())


def test_a_weight_stays_within_epsilon_even_over_several_calls(model, tokenizer, two_edits):
    settings = FineTuningSettings(layer=2, learning_rate=5e-3, epsilon=2e-3)
    editor = FineTuning(model, tokenizer, settings)
    weight = model.model.layers[2].mlp.down_proj.weight
    old = weight.detach().clone()
    for edit in two_edits:
        editor.apply([edit])
    moved = (weight - old).abs().max().item()
    assert 1e-3 < moved <= 2e-3 + 1e-7


def test_it_stops_when_the_loss_is_low(model, tokenizer, two_edits):
    editor = FineTuning(model, tokenizer, FineTuningSettings(layer=2, stop_loss=100.0))
    weight = model.model.layers[2].mlp.down_proj.weight
    old = weight.detach().clone()
    editor.apply(two_edits)
    assert torch.equal(weight, old)


def test_batches_of_one_work_too(model, tokenizer, two_edits):
    settings = FineTuningSettings(layer=2, learning_rate=5e-3, batch_size=1)
    editor = FineTuning(model, tokenizer, settings)
    pairs = [(edit.prompt, edit.target) for edit in two_edits]
    before = editor.edited.log_probabilities(pairs)
    assert (editor.apply(two_edits).log_probabilities(pairs) > before).all()


def test_names(model, tokenizer):
    assert (FT.epsilon, FT_L.epsilon) == (None, 5e-3)
    assert FineTuning(model, tokenizer, FineTuningSettings(layer=0)).name == "FT"
    assert FineTuning(model, tokenizer, FineTuningSettings(0, epsilon=1e-3)).name == "FT+L"
    with pytest.raises(ModelError, match="no block 13"):
        FineTuning(model, tokenizer)
