"""What is installed is what lies here: all files, one version, one command."""

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import sktl

ROOT = Path(__file__).resolve().parents[1]
HERE = Path(sktl.__file__).resolve().parent


@pytest.fixture
def distribution():
    try:
        found = metadata.distribution("sktl")
    except metadata.PackageNotFoundError:
        pytest.skip("sktl is run from its checkout, not installed")
    if Path(found.locate_file("sktl")).resolve() != HERE or ROOT / "sktl" == HERE:
        pytest.skip("sktl is run from its checkout, not installed")
    return found


def files_below(folder):
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_every_file_is_installed_and_no_other(distribution):
    assert files_below(HERE) == files_below(ROOT / "sktl")


def test_metadata(distribution):
    assert distribution.version == sktl.__version__
    (script,) = distribution.entry_points.select(group="console_scripts")
    assert (script.name, script.value) == ("sktl", "sktl.cli:main")
    assert callable(script.load())
    assert any(path.name == "LICENSE" for path in distribution.files)


def test_type_checkers_find_the_annotations(distribution):
    files = {path.as_posix() for path in distribution.files}
    assert {"sktl/py.typed", "sktl/__init__.pyi"} <= files


def test_command_tells_the_version():
    run = subprocess.run(
        [sys.executable, "-c", "from sktl.cli import main; main(['--version'])"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    assert sktl.__version__ in run.stdout


def test_one_version_everywhere():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (.+)$", citation, re.MULTILINE).group(1) == sktl.__version__
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## \[(\d\S*)\]", changelog, re.MULTILINE).group(1) == sktl.__version__


def test_no_key_in_both_configuration_files():
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    setup = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    assert "[project]" not in pyproject
    assert re.findall(r"^\[(?:tool:)?(pytest|ruff)", setup, re.MULTILINE) == []
