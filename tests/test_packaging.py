"""What is installed is what lies here: all files, one version, one command."""

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import yaml

import sktl

ROOT = Path(__file__).resolve().parents[1]
HERE = Path(sktl.__file__).resolve().parent
FORMS = ROOT / ".github" / "ISSUE_TEMPLATE"


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
    assert distribution.metadata["License-Expression"] == "MIT"
    addresses = distribution.metadata.get_all("Project-URL")
    assert [each for each in addresses if not re.fullmatch(r"[^,]{1,32}, https://\S+", each)] == []


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
    first = re.search(r"^## \[(\S+)\].*\n+(.*)", changelog, re.MULTILINE)
    if first[1] == "Unreleased":
        assert f"({sktl.__version__})" in first[2] and sktl.__version__.endswith(".dev0")
    else:
        assert first[1] == sktl.__version__


def test_no_key_in_both_configuration_files():
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    setup = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    assert "[project]" not in pyproject
    assert re.findall(r"^\[(?:tool:)?(pytest|ruff)", setup, re.MULTILINE) == []


def test_every_release_has_a_note_on_the_site():
    shown = (ROOT / "docs" / "project.md").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for version in re.findall(r"^## \[(\d\S*)\]", changelog, re.MULTILINE):
        note = (ROOT / "docs" / "releases" / f"{version}.md").read_text(encoding="utf-8")
        assert note.startswith(f"# sktl {version}\n")
        assert f"releases/{version}" in shown


@pytest.mark.parametrize("form", sorted(FORMS.glob("[0-9]_*.yml")), ids=lambda form: form.stem)
def test_a_form_for_issues_asks_answerable_questions(form):
    content = yaml.safe_load(form.read_text(encoding="utf-8"))
    assert content.keys() == {"name", "description", "labels", "body"}
    questions = [part for part in content["body"] if part["type"] != "markdown"]
    identifiers = [part["id"] for part in questions]
    assert sorted(set(identifiers)) == sorted(identifiers)
    assert all(part["attributes"]["label"] for part in questions)
    assert any(part.get("validations", {}).get("required") for part in questions)


def test_a_commit_is_checked_by_what_ci_checks():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert {repository["repo"] for repository in hooks} == {"local"}
    entries = [hook["entry"] for repository in hooks for hook in repository["hooks"]]
    assert {"ruff check --force-exclude", "ruff format --force-exclude"} <= set(entries)
