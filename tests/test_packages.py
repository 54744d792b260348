"""What is installed is all that is there: packages, and the files that they read."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SETUP = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
TOP = [name for name in SETUP["packages"] if "." not in name]


@pytest.mark.parametrize("package", TOP)
def test_every_package_is_installed(package):
    found = {
        ".".join(file.parent.relative_to(ROOT).parts)
        for file in (ROOT / package).rglob("__init__.py")
    }
    assert found == {name for name in SETUP["packages"] if name.partition(".")[0] == package}


@pytest.mark.parametrize("package", TOP)
def test_every_file_that_is_read_is_installed(package):
    patterns = SETUP["package-data"][package]
    installed = {file for pattern in patterns for file in (ROOT / package).glob(pattern)}
    read = {
        file
        for kind in ("toml", "txt", "safetensors", "json", "typed", "skops")
        for file in (ROOT / package).rglob(f"*.{kind}")
    }
    assert read <= installed
