import json

import pytest
import torch
from tiny_models import tied_llama

from benchmarks.peers.llama_blocks import LlamaBlocks
from benchmarks.peers.mend import NETWORK_FILE, Mend, save_network
from benchmarks.peers.mend_network import MendNetwork, edited_matrices
from memory_store.errors import ArtifactError


def network_of(model, rate=1.0):
    torch.manual_seed(0)
    network = MendNetwork(edited_matrices(LlamaBlocks(model)), 4)
    with torch.no_grad():
        network.log_rates.fill_(torch.tensor(rate).log())
    return network


@pytest.fixture
def folder(model, tmp_path):
    config = {"body": LlamaBlocks(model).fingerprint(), "blocks": 3, "rank": 4}
    size = save_network(network_of(model, 0.05), tmp_path / "mend", config)
    assert size == (tmp_path / "mend" / NETWORK_FILE).stat().st_size
    return tmp_path / "mend"


def test_edits_make_objects_likelier_and_undo_is_bit_for_bit(model, tokenizer, two_edits, folder):
    old = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    editor = Mend(model, tokenizer, folder)
    pairs = [(edit.prompt, edit.target) for edit in two_edits]
    before = editor.edited.log_probabilities(pairs)
    assert (editor.apply(two_edits).log_probabilities(pairs) > before).all()
    changed = [name for name, tensor in model.state_dict().items() if not tensor.equal(old[name])]
    assert len(changed) == 9
    editor.undo()
    assert all(tensor.equal(old[name]) for name, tensor in model.state_dict().items())


def test_the_edits_of_one_call_are_summed(model, tokenizer, two_edits):
    editor = Mend.of(model, tokenizer, network_of(model, 0.01))
    weight = model.model.layers[2].mlp.up_proj.weight
    old = weight.clone()
    moved = []
    for some in (two_edits[:1], two_edits[1:], two_edits):
        editor.apply(some)
        moved.append(weight - old)
        editor.undo()
    torch.testing.assert_close(moved[0] + moved[1], moved[2], rtol=1e-3, atol=1e-6)


def test_networks_of_another_model_are_refused(tokenizer, folder):
    other = tied_llama(len(tokenizer))
    with torch.no_grad():
        other.model.embed_tokens.weight[0, 0] += 1
    with pytest.raises(ArtifactError, match="trained for another model"):
        Mend(other, tokenizer, folder)


def test_damage_is_refused(model, tokenizer, folder, tmp_path):
    with pytest.raises(ArtifactError, match="python -m benchmarks train mend"):
        Mend(model, tokenizer, tmp_path)
    file = folder / "config.json"
    config = json.loads(file.read_text())
    file.write_text(json.dumps({**config, "rank": 5}))
    with pytest.raises(ArtifactError, match="doesn't fit"):
        Mend(model, tokenizer, folder)
    file.write_text(json.dumps(config))
    (folder / NETWORK_FILE).write_bytes(b"something else")
    with pytest.raises(ArtifactError, match="is not the file"):
        Mend(model, tokenizer, folder)
