import re

from typer.testing import CliRunner

from benchmarks.__main__ import app


def test_what_can_be_trained_is_listed():
    told = CliRunner().invoke(app, ["train", "mend", "--help"], env={"COLUMNS": "200"})
    plain = re.sub(r"\x1b\[[0-9;]*m", "", told.output)
    assert told.exit_code == 0
    for option in ("--data", "--out", "--seed", "--steps", "--learning-rate", "--device"):
        assert option in plain
