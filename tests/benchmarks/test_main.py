import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.rows import read_rows
from classifiers import ARTIFACTS


@pytest.fixture
def rows_of(folder, tmp_path):
    """Runs a benchmark over the made-up data and returns its rows."""

    def run(name):
        options = ["--scope", str(ARTIFACTS / "similarity")]
        command = [name, "--data", str(folder), "--out", str(tmp_path), *options]
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.output
        return read_rows(tmp_path / f"{name}.jsonl")

    return run


@pytest.mark.model
def test_the_zsre_benchmark_runs_from_data_to_rows(rows_of):
    rows = rows_of("zsre")
    metrics = {(row.kind, row.metric) for row in rows}
    assert ("exact", "right edit nearest, whole query embedded") in metrics
    assert all(row.n > 0 for row in rows)
    assert all(row.low is None or row.low <= row.value <= row.high for row in rows)
    assert {row.command for row in rows} == {
        "python -m benchmarks zsre --data DATA --seed 0 --scope FOLDER"
    }


@pytest.mark.model
def test_the_speed_figures_are_measured(rows_of):
    found = {(row.kind, row.metric): row.value for row in rows_of("counterfact")}
    assert 0 < found[("import", "share of the encoder's own batch rate")] < 2
    assert found[("add", "one durable add / one encoder call")] > 0
    assert found[("memory", "MiB more in use once it is open")] >= 0
