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
    assert all(row.n > 0 for row in rows)
    assert all(row.low is None or row.low <= row.value <= row.high for row in rows)
    assert {row.command for row in rows} == {
        "python -m benchmarks zsre --data DATA --seed 0 --answers 1 --answerer ike"
    }


@pytest.mark.model
def test_the_speed_figures_are_measured(tmp_path):
    folder = write_data_folder(tmp_path / "data")
    command = ["counterfact", "--data", str(folder), "--out", str(tmp_path), "--answers", "0"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    found = {(row.kind, row.metric): row.value for row in read_rows(tmp_path / "counterfact.jsonl")}
    assert 0 < found[("import", "share of the encoder's own batch rate")] < 2
    assert found[("add", "one durable add / one encoder call")] > 0
    assert 0 < found[("route, everyday question", "share of the base model's answer, p50")] < 1
    assert found[("memory", "MiB more in use once it is open")] >= 0
