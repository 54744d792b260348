import pytest
from data_folder import write_data_folder
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.rows import read_rows


@pytest.mark.model
def test_the_zsre_benchmark_runs_from_data_to_rows(tmp_path):
    folder = write_data_folder(tmp_path / "data")
    command = ["zsre", "--data", str(folder), "--out", str(tmp_path), "--answers", "1"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    rows = read_rows(tmp_path / "zsre.jsonl")
    metrics = {(row.kind, row.metric) for row in rows}
    assert ("exact", "right edit nearest, whole query embedded") in metrics
    assert ("nq", "fires, 1.0% stated") in metrics
    assert ("rephrase", "answer follows the edit, right edit given") in metrics
    assert ("nq", "same answer as the base model") in metrics
    assert all(row.n > 0 and row.low <= row.value <= row.high for row in rows)
    assert all("--data data" in row.command for row in rows)
