import hashlib
import json

import pytest
from data_folder import write, write_data_folder

from classifiers import ARTIFACTS
from classifiers.artifact_files import write_config
from classifiers.lora_training import ADAPTER_FILE
from classifiers.pairs import records
from memory_store.encoder import EMBEDDED_FINGERPRINT

SIMILARITY = ARTIFACTS / "similarity"


@pytest.fixture
def folder(tmp_path):
    """A data folder of made-up records, with MQuAKE's edits, and hops that no case edits."""
    folder = write_data_folder(tmp_path / "data")
    file = folder / "mquake" / "cases.jsonl"
    cases = list(records(file))
    for case in cases:
        number = case["case_id"]
        case["new_single_hops"].append(
            {
                "question": f"How deep is Sea{number}?",
                "cloze": f"The depth of Sea{number} is",
                "answer": f"{number} fathoms",
                "answer_alias": [],
            }
        )
    write(file, cases)
    edits = [
        {**rewrite, "edit_id": number, "target_new": rewrite["target_new"]["str"]}
        for number, case in enumerate(cases)
        for rewrite in case["requested_rewrite"]
    ]
    write(folder / "mquake" / "edits.jsonl", edits)
    return folder


@pytest.fixture
def cross_encoder(tmp_path):
    """A cross-encoder artifact whose head was never trained."""
    import torch
    from safetensors.torch import save

    chance = torch.Generator().manual_seed(0)
    head = {
        "base_model.model.classifier.weight": 0.3 * torch.randn(1, 384, generator=chance),
        "base_model.model.classifier.bias": torch.zeros(1),
    }
    content = save(head)
    folder = tmp_path / "cross-encoder"
    folder.mkdir()
    (folder / ADAPTER_FILE).write_bytes(content)
    choice = {"threshold": 0.5, "observed": 0.0, "low": 0.0, "high": 1.0, "queries": 9}
    config = {
        "kind": "cross-encoder",
        "body": EMBEDDED_FINGERPRINT,
        "model_sha256": hashlib.sha256(content).hexdigest(),
        "lora": {"alpha": 16, "rank": 8},
        "calibration": {"slope": 1.0, "offset": 0.0},
        "thresholds": [{"false_fire": rate, **choice} for rate in (0.01, 0.05)],
        "default_false_fire": 0.05,
        "seed": 0,
        "expected_calibration_error": 0.1,
        "reliability": [{"stated": 0.5, "in_scope": 0.4, "n": 20}],
    }
    write_config(folder, config)
    return folder


def lines(file):
    """The records of a JSONL file."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
