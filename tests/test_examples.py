"""README and the examples: every example runs, and README shows what ran."""

import importlib.util
import re
import runpy
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

import sktl
from sktl.exceptions import SktlError

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.py"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
FIRST_CELL = re.compile(r'^""".*?^"""\n\n(.*?)(?=\n# %%)', re.DOTALL | re.MULTILINE)
EXPECTED = {
    "classify": r"P\(gap\) = [01]\.\d\d\narea under the ROC curve: 0\.[5-9]\d",
    "conditions": r"Al0.3.+ 0 K, 0.+ less.+\n\[\(\), \('T \(K\)',\)\]\n(\w+: LDA .+ eV\n){3}",
    "crystals": r"(Cd\w+: \d\.\d eV, measured \d\.\d eV\n){3}",
    "custom_source": r"fine-tuned: mean absolute error \d\.\d\d eV on 200 test rows",
    "grid_search": r"(\d groups frozen: mean absolute error \d\.\d\d eV\n){3}",
    "hyperopt_sklearn": r"(.+: mean absolute error \d\.\d\d eV on 20 test rows\n){3}TransferReg",
    "pipeline": r"\[.+\] \[.+\] eV",
    "quickstart": r"(\w+: \d\.\d\d eV, nine times in ten from \d\.\d\d to \d\.\d\d eV\n){4}",
    "service": r"ok\nband gap \[\d\.\d, \d\.\d\]\n422 .+Fe2O3.+\n422\n",
    "splits": r"(split by .+: .+ \d\.\d+ eV\n){3}(compounds with.+ hold \d+ % of \d+ gaps\n){2}",
    "tutorial": r"(line \d+, .+: .+\n){3}497 of 500 rows are used; Gap is in eV\n(?s:.+)parity.pdf",
}

pytestmark = pytest.mark.skipif(
    "oqmd" not in sktl.list_sources(), reason="the source oqmd is not part of this installation"
)


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def need_hyperopt():
    """Skip where hyperopt-sklearn is missing; it warns of its own imports."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("hpsklearn", reason='hyperopt-sklearn is missing: ".[benchmark]"')


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(path, tmp_path, monkeypatch, capsys):
    if path.stem == "hyperopt_sklearn":
        need_hyperopt()
    if path.stem == "service":
        pytest.importorskip("fastapi", reason='FastAPI is missing: ".[service]"')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SKTL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv("DISPLAY", raising=False)  # so that plt.show() shows nothing
    runpy.run_path(str(path), run_name="__main__")
    plt.close("all")
    assert re.search(EXPECTED[path.stem], capsys.readouterr().out)


def test_readme_shows_the_examples_word_for_word():
    cells = [FIRST_CELL.search(path.read_text("utf-8"))[1] for path in EXAMPLES]
    assert len(blocks("python")) == 4
    assert [block for block in blocks("python") if block not in cells] == []


def test_first_example_shows_what_it_prints(capsys):
    code = blocks("python")[0]
    exec(code, {})
    shown, printed = (
        [float(number) for number in re.findall(r"\d+\.\d*", text)]
        for text in (code.splitlines()[-1], capsys.readouterr().out)
    )
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
