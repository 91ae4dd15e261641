"""README and the examples: quick examples run, the others are checked, README shows what ran."""

import contextlib
import functools
import importlib.util
import io
import logging
import re
import runpy
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import matplotlib.pyplot as plt
import pytest

import sktl
from sktl.exceptions import SktlError

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = {path.stem: path for path in sorted((ROOT / "docs" / "examples").glob("*.py"))}
README = (ROOT / "README.md").read_text(encoding="utf-8")
FIRST_CELL = re.compile(r'^""".*?^"""\n\n(.*?)(?=\n# %%)', re.DOTALL | re.MULTILINE)
QUICK = ("quickstart", "custom_source", "service")  # the build of the documentation runs all

pytestmark = pytest.mark.skipif(
    "oqmd" not in sktl.list_sources(), reason="the source oqmd is not part of this installation"
)


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def extension():
    """The extension of the documentation that checks what examples print."""
    path = ROOT / "docs" / "_extensions" / "example_output.py"
    sphinx = ModuleType("sphinx.util.logging")
    sphinx.getLogger = logging.getLogger  # Sphinx need not be there
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, sphinx.__name__, sphinx)
        return SimpleNamespace(**runpy.run_path(str(path)))


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """Function -> what an example prints, which runs once."""

    @functools.cache
    def run(name):
        folder, text = tmp_path_factory.mktemp(name), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(text):
            patch.chdir(folder)
            patch.setenv("SKTL_CACHE", str(folder / "cache"))
            patch.setattr("tempfile.tempdir", str(folder))
            patch.delenv("DISPLAY", raising=False)  # so that plt.show() shows nothing
            runpy.run_path(str(EXAMPLES[name]), run_name="__main__")
        plt.close("all")
        return text.getvalue()

    return run


@pytest.mark.parametrize("name", QUICK)
def test_example_runs(name, extension, output):
    if name == "service":
        pytest.importorskip("fastapi", reason='FastAPI is missing: ".[service]"')
    assert extension.problem(name, output(name)) == ""


PAGE = """.. code-block:: Python

    print("[1.2 0.] [1.1 0.1] eV")

.. rst-class:: sphx-glr-script-out

 .. code-block:: none

    {}

The next cell.
"""


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("[1.2 0.] [1.1 0.1] eV", None),
        ("nan nan eV", r"pipeline printed\nnan nan eV\nexpected \\\["),
        (
            "a.py:1: UserWarning: odd\n    [1.2 0.] [1.1 0.1] eV",
            "pipeline warned.+UserWarning: odd",
        ),
        ("", "pipeline printed"),
    ],
)
def test_the_documentation_is_not_built_where_an_example_prints_something_else(
    extension, tmp_path, caplog, output, message
):
    for folder, file, text in (("examples", "pipeline.py", ""), ("gallery", "pipeline.rst", PAGE)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / file).write_text(text.format(output))
    settings = {"plot_gallery": True, "filename_pattern": r"\.py$"}
    app = SimpleNamespace(srcdir=tmp_path, config=SimpleNamespace(sphinx_gallery_conf=settings))
    extension.check_gallery(app)
    assert len(caplog.messages) == (message is not None)
    assert message is None or re.search(message, caplog.messages[0], re.DOTALL)
    caplog.clear()
    settings["plot_gallery"] = False
    extension.check_gallery(app)
    assert caplog.messages == []


def test_of_each_example_it_is_known_what_it_prints(extension):
    assert set(extension.EXPECTED) == set(EXAMPLES)


def test_readme_shows_the_examples_word_for_word():
    cells = [FIRST_CELL.search(path.read_text("utf-8"))[1] for path in EXAMPLES.values()]
    assert len(blocks("python")) == 4
    assert [block for block in blocks("python") if block not in cells] == []


def test_first_example_shows_what_it_prints(output):
    code = blocks("python")[0]  # which begins the first example, word for word
    shown, printed = (
        [float(number) for number in re.findall(r"\d+\.\d*", line)]
        for line in (code.splitlines()[-1], output("quickstart").splitlines()[0])
    )
    assert FIRST_CELL.search(EXAMPLES["quickstart"].read_text("utf-8"))[1] == code
    assert len(shown) == 4
    assert printed == pytest.approx(shown, abs=0.2)


def test_readme_begins_with_the_two_commands():
    assert blocks("sh")[:2] == [
        "pip install -c constraints.txt . && sktl demo\n",
        'pip install -c constraints.txt ".[test]" && pytest -n 2\n',
    ]


def test_readme_shows_the_messages_for_bad_input():
    (shown,) = blocks("text")
    found = []
    for call in re.findall(r"^model\.(.+)$", shown, re.MULTILINE):
        method, arguments = re.fullmatch(r"(\w+)\((.+)\)", call).groups()
        values = [float(text) for text in re.findall(r"\d+\.\d+", arguments)]
        values += [float("nan")] * arguments.count("nan")
        formulas = [text for text in re.findall(r'"([^"]+)"', arguments) if text != "nan"]
        model = sktl.TransferRegressor("oqmd", n_members=1, max_epochs=1, random_state=0)
        model.fit(["NaCl", "GaAs", "TiO2"], [8.5, 1.4, 3.2])
        with pytest.raises(SktlError) as error:
            getattr(model, method)(formulas, *([values] if values else []))
        found.append(f"model.{call}\n{type(error.value).__name__}: {error.value}\n")
    assert "\n".join(found) == shown


@pytest.mark.parametrize(
    "script",
    [
        *("readme", "cross_property", "finetune_strategies"),
        *("reliability", "pitfalls", "front_page", "conditions", "classes"),
    ],
)
def test_tables_of_the_documents_are_generated(script, monkeypatch):
    path = ROOT / "benchmarks" / "pages" / f"{script}.py"
    monkeypatch.syspath_prepend(path.parent)
    spec = importlib.util.spec_from_file_location(script, path)
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    monkeypatch.setattr("sys.argv", [path.name, "--check"])
    tables.main()


def test_links_of_the_documents_lead_somewhere():
    lost = []
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
        local = [link for link in links if not link.startswith("https://")]
        lost += [f"{page.name}: {link}" for link in local if not (page.parent / link).exists()]
    assert lost == []
