from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from benchmarks.rows import Rows, read_rows, summary, table
from memory_store.errors import ErrataError


def test_a_row_has_its_n_interval_seed_and_command(tmp_path):
    rows = Rows("made_up", 7, "python -m benchmarks made_up", edits_in_memory=3)
    row = rows.add("exact", "fires", [True] * 90 + [False] * 10, threshold=0.5)
    assert row.value == pytest.approx(0.9)
    assert 0.8 < row.low < 0.9 < row.high < 1.0
    assert (row.n, row.seed, row.setting["threshold"]) == (100, 7, 0.5)
    assert row.setting["edits_in_memory"] == 3
    assert read_rows(rows.write(tmp_path)) == rows.rows
    assert "| exact | fires | 0.9 |" in table(rows.rows)


def test_runs_that_write_at_once_keep_each_other_s_rows(tmp_path):
    def write(number):
        rows = Rows("made_up", 0, "python -m benchmarks made_up")
        rows.add(f"kind {number}", "fires", [True])
        rows.write(tmp_path, beside=True)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(24)))
    kept = read_rows(tmp_path / "made_up.jsonl")
    assert {row.kind for row in kept} == {f"kind {number}" for number in range(24)}


def test_the_interval_is_the_bootstrap_s_and_repeats_with_its_seed():
    values = np.random.default_rng(1).normal(size=400)
    value, low, high = summary(values, "mean", seed=0)
    assert low < value < high
    assert high - low == pytest.approx(2 * 1.96 / 20, rel=0.2)
    assert summary(values, "mean", seed=0) == (value, low, high)


def test_percentiles_and_constants():
    assert summary(np.arange(101.0), "p99", 0)[0] == pytest.approx(99.0)
    assert summary(np.full(5, 0.3), "mean", 0) == (0.3, 0.3, 0.3)
    assert summary(np.array([2.5]), "mean", 0) == (2.5, None, None)


def test_a_share_that_never_varied_gets_the_exact_interval():
    value, low, high = summary(np.zeros(100), "mean", 0)
    assert (value, low) == (0.0, 0.0)
    assert high == pytest.approx(0.0362, abs=1e-4)


def test_observations_of_one_record_are_resampled_together():
    chance = np.random.default_rng(3)
    records = np.repeat(np.arange(50), 10)
    values = np.repeat(chance.integers(0, 2, 50), 10).astype(float)
    _, low, high = summary(values, "mean", 0, records)
    _, narrow_low, narrow_high = summary(values, "mean", 0)
    assert high - low > 2 * (narrow_high - narrow_low)


def test_a_run_of_some_figures_leaves_the_others_and_their_order(tmp_path):
    first = Rows("made", 0, "all of them")
    for who in ("base", "ike", "auto"):
        first.add("exact", "right", [True, False], answerer=who, memory="all")
    first.write(tmp_path)
    again = Rows("made", 0, "one of them")
    again.add("rephrase", "right", [True], answerer="ike", memory="all")
    again.add("exact", "right", [True, True, True], answerer="ike", memory="all")
    rows = read_rows(again.write(tmp_path, beside=True))

    assert [(row.kind, row.setting["answerer"], row.n, row.command) for row in rows] == [
        ("exact", "base", 2, "all of them"),
        ("exact", "ike", 3, "one of them"),
        ("exact", "auto", 2, "all of them"),
        ("rephrase", "ike", 1, "one of them"),
    ]
    assert len(read_rows(again.write(tmp_path))) == 2


@pytest.mark.parametrize("text", ['{"benchmark": "x"', "[]", "null", "{}", "\xff"])
def test_a_damaged_file_of_rows_is_named(tmp_path, text):
    file = tmp_path / "rows.jsonl"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(ErrataError, match="holds no rows"):
        read_rows(file)
