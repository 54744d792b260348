import json

import pytest
import torch
from tiny_models import tiny_base

from classifiers.artifact_files import CONFIG_FILE
from classifiers.lora_training import ADAPTER_FILE
from memory_store.errors import ArtifactError
from serac.adapter_files import NAMES, adapted, read_adapter_config
from serac.conversation import Turn

KINDS = sorted(NAMES)


def logits(base):
    with torch.inference_mode():
        return base.model(**base.chat_inputs([Turn("user", "The Space Needle")])).logits


def refused(load, *given):
    """What an artifact is refused with: one line."""
    with pytest.raises(ArtifactError) as caught:
        load(*given)
    told = str(caught.value)
    assert "\n" not in told
    return told


@pytest.mark.parametrize("kind", KINDS)
def test_an_adapter_is_put_beside_its_body_which_stays_as_it_is(adapter_folder, stand_in, kind):
    folder = adapter_folder(kind, note="kept")
    before = logits(stand_in)
    weights = {name: w.clone() for name, w in stand_in.model.state_dict().items()}

    model, facts = adapted(stand_in, folder, kind)

    assert facts == json.loads((folder / CONFIG_FILE).read_text()) and facts["note"] == "kept"
    assert not torch.allclose(logits(model), before)
    assert torch.equal(logits(stand_in), before)
    after = stand_in.model.state_dict()
    assert list(after) == list(weights)
    assert all(torch.equal(after[name], weights[name]) for name in weights)
    assert model.name == f"tiny with {kind}-{facts['model_sha256'][:12]}"


def test_two_kinds_are_beside_one_body_at_once(adapter_folder, stand_in):
    before = logits(stand_in)
    models = [adapted(stand_in, adapter_folder(kind), kind)[0] for kind in KINDS]

    first = [logits(model) for model in models]

    assert torch.equal(logits(stand_in), before)
    assert all(torch.equal(logits(model), said) for model, said in zip(models, first, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_another_body_is_refused_with_the_command_that_trains(adapter_folder, kind):
    told = refused(adapted, tiny_base(name="other"), adapter_folder(kind), kind)

    assert f"the {NAMES[kind]} in" in told and "was trained on SmolLM2" in told
    assert told.endswith(f"not on other; train it again with: errata train {kind}")


@pytest.mark.parametrize("kind", KINDS)
def test_an_adapter_of_another_kind_is_refused(adapter_folder, kind):
    other = next(one for one in KINDS if one != kind)

    told = refused(read_adapter_config, adapter_folder(other), kind)

    assert told.endswith(f"holds no {NAMES[kind]} but a {other}")


LORA = {"rank": 8, "alpha": 16, "first_layer": 10}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "cross-encoder"}, "but a cross-encoder"),
        ({"kind": None}, "but a None"),
        ({"format": 99}, "made by another version"),
        ({"format": None}, "made by another version"),
        ({"body": ["SmolLM2"]}, "made by another version"),
        ({"model_sha256": 7}, "made by another version"),
        ({"lora": None}, "is damaged"),
        ({"lora": []}, "is damaged"),
        ({"lora": {"rank": 8}}, "is damaged"),
        ({"lora": LORA | {"rank": "8"}}, "is damaged"),
        ({"lora": LORA | {"rank": 8.0}}, "is damaged"),
        ({"lora": LORA | {"rank": True}}, "is damaged"),
        ({"lora": LORA | {"first_layer": 1.5}}, "is damaged"),
        ({"lora": LORA | {"alpha": float("nan")}}, "is damaged"),
        ({"lora": LORA | {"alpha": 10**400}}, "is damaged"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_config_that_is_not_in_order_is_refused(adapter_folder, kind, values, message):
    folder = adapter_folder(kind)
    file = folder / CONFIG_FILE
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))

    assert message in refused(read_adapter_config, folder, kind)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '"x"', "null", "{}", "[" * 10_000, "\xff"])
def test_a_config_that_can_not_be_read_is_refused(adapter_folder, text):
    folder = adapter_folder("decomposer")
    (folder / CONFIG_FILE).write_bytes(text.encode("latin-1"))

    assert "is damaged; train again" in refused(read_adapter_config, folder, "decomposer")


@pytest.mark.parametrize(
    "lora", [LORA, LORA | {"rank": 0}, LORA | {"rank": -1}, LORA | {"rank": 10**6}]
)
def test_an_adapter_of_another_shape_is_refused_and_the_body_stays_whole(
    adapter_folder, stand_in, lora
):
    before = logits(stand_in)

    told = refused(adapted, stand_in, adapter_folder("decomposer", lora=lora), "decomposer")

    assert "doesn't fit its body; train again" in told
    assert torch.equal(logits(stand_in), before)


def test_a_folder_that_is_not_there_or_holds_none_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path, tmp_path / "nothing", tmp_path / "file"):
        told = refused(read_adapter_config, folder, "decomposer")
        assert told == f"{folder} holds no decomposer; train one there"


def test_a_config_that_can_not_be_opened_is_said(tmp_path):
    (tmp_path / CONFIG_FILE).mkdir()

    assert "can't be read" in refused(read_adapter_config, tmp_path, "decomposer")


def test_weights_that_are_missing_or_others_are_said(adapter_folder, stand_in):
    folder = adapter_folder("decomposer")
    (folder / ADAPTER_FILE).write_bytes((folder / ADAPTER_FILE).read_bytes() + b" ")
    assert "is not the file that config.json names" in refused(
        adapted, stand_in, folder, "decomposer"
    )
    (folder / ADAPTER_FILE).unlink()
    assert "is missing; train again" in refused(adapted, stand_in, folder, "decomposer")
