import pytest

from classifiers.lora_training import CHECKPOINTS, begun, check_out, grouped_by_length
from classifiers.training_pairs import Pair
from memory_store.errors import ErrataError

PAIRS = [Pair("q", "e", True, "prompt")]
OTHERS = [Pair("other", "e", True, "prompt")]


def test_a_training_that_was_broken_off_is_gone_on_with(tmp_path):
    assert not begun(tmp_path / "c", {"seed": 0}, PAIRS)
    (tmp_path / "c" / "checkpoint-2").mkdir()
    assert begun(tmp_path / "c", {"seed": 0}, PAIRS)


@pytest.mark.parametrize(("seed", "pairs"), [(1, PAIRS), (0, OTHERS)])
def test_checkpoints_of_another_training_are_refused(tmp_path, seed, pairs):
    begun(tmp_path / CHECKPOINTS, {"seed": 0}, PAIRS)
    (tmp_path / CHECKPOINTS / "checkpoint-2").mkdir()
    with pytest.raises(ErrataError, match="of another training"):
        begun(tmp_path / CHECKPOINTS, {"seed": seed}, pairs)


def test_a_note_that_was_cut_off_is_that_of_another_training(tmp_path):
    begun(tmp_path, {"seed": 0}, PAIRS)
    (tmp_path / "checkpoint-2").mkdir()
    (tmp_path / "training.json").write_text('{"steps":')
    with pytest.raises(ErrataError, match="of another training"):
        begun(tmp_path, {"seed": 0}, PAIRS)


def test_a_batch_holds_pairs_of_like_length_and_none_is_lost():
    pairs = [Pair("q" * (n * 7 % 90), "e", False, "k") for n in range(130)]
    grouped = grouped_by_length(pairs, lambda p: len(p.query) + len(p.edit), 8, seed=0)
    assert sorted(map(repr, grouped)) == sorted(map(repr, pairs))
    spreads = [
        max(len(p.query) for p in batch) - min(len(p.query) for p in batch)
        for batch in (grouped[n : n + 8] for n in range(0, 128, 8))
    ]
    assert max(spreads) < 20


def test_a_place_below_a_file_is_none_for_an_artifact(tmp_path):
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below" / "it"):
        with pytest.raises(ErrataError, match="is no folder"):
            check_out(out)
    check_out(tmp_path / "new" / "folder")
