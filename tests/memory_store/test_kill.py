import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_nothing_that_was_acknowledged_is_lost_when_the_writer_is_killed(tmp_path):
    driver = Path(__file__).with_name("kill_driver.py")
    done = subprocess.run(
        [sys.executable, driver, tmp_path, "200", "1"],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["rounds"] == 200 and figures["calls"] > 200
