"""``sktl demo``: the experiment, what it prints, what it writes, and when it refuses to begin."""

import csv
import gzip
import json
import sys

import numpy as np
import pytest
from click.testing import CliRunner

import sktl
from sktl.cli import main
from sktl.datasets import load_expt_gap
from sktl.evaluation import DemoComparison, DemoPlan
from sktl.evaluation._demo import split_by_composition
from sktl.evaluation._sentences import say_disagreement
from sktl.representations import parse_formulas
from sktl.training import digest_list_hash

FILES = {
    "sktl_demo_parity.png",
    "sktl_demo_learning_curve.png",
    "sktl_demo.json",
    "sktl_demo_predictions.csv",
}
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def tiny_source(tmp_path_factory):
    """A source file of a small network that knows every element of the measured gaps."""
    formulas, gaps = load_expt_gap(return_X_y=True, as_frame=False)
    source = sktl.pretrain(
        sktl.PropertyTable("gap", formulas, gaps, "eV"),
        id="tiny.gap@1",
        title="A small network for tests",
        network_arguments={"width": 16, "hidden": 16, "trunk_width": 16, "n_trunk": 1},
        epochs=1,
        holdout_fraction=0.0,
        progress=False,
    )
    path = tmp_path_factory.mktemp("source") / "tiny.safetensors"
    source.save(path)
    return path


def run(*arguments):
    return CliRunner().invoke(main, ["demo", *map(str, arguments)])


@pytest.fixture(scope="module")
def quick(tiny_source, tmp_path_factory):
    """Result and folder of a quick demo without XGBoost."""
    folder = tmp_path_factory.mktemp("demo") / "new" / "folder"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "xgboost", None)
        result = run("--quick", "--source", tiny_source, "-o", folder)
    assert result.exit_code == 0, result.output
    return result, folder


def test_table_names_models_units_and_how_to_get_xgboost(quick, tiny_source):
    lines = quick[0].stdout.splitlines()
    header = next(i for i, line in enumerate(lines) if line.startswith("model"))
    assert lines[header].split("  ")[0] == "model"
    assert "test MAE (eV)" in lines[header] and "R2" in lines[header] and "(s)" in lines[header]
    rows = lines[header + 1 : header + 5]
    assert rows[0].startswith(f'TransferRegressor(source="{tiny_source}")')
    assert rows[1].startswith("TransferRegressor(source=None)")
    assert rows[2].startswith("random forest")
    assert rows[3].startswith("XGBoost")
    assert 'pip install -c constraints.txt ".[xgboost]"' in rows[3]
    for row in rows[:3]:
        mae, r2, seconds = map(float, row.split()[-3:])
        assert 0 < mae < 3 and r2 < 1 and seconds >= 0


def test_files_are_named_and_whole(quick):
    result, folder = quick
    assert {path.name for path in folder.iterdir()} == FILES
    assert all(str(folder / name) in result.stdout for name in FILES)
    for path in folder.glob("*.png"):
        content = path.read_bytes()
        assert content.startswith(PNG) and len(content) > 10_000


def test_results_say_what_they_depend_on(quick):
    result, folder = quick
    results = json.loads((folder / "sktl_demo.json").read_text(encoding="utf-8"))
    assert results["source"]["id"] == "tiny.gap@1" and len(results["source"]["sha256"]) == 64
    assert results["seed"] == 0 and results["quick"] is True
    assert results["versions"]["sktl"] == sktl.__version__
    assert results["data"]["n_train"] + results["data"]["n_test"] == 240
    assert [row["model"] for row in results["models"]] == [
        "transfer",
        "scratch",
        "random forest",
        "XGBoost",
    ]
    curve = results["learning_curve"]
    for row in results["models"][:3]:
        own = [point for point in curve if point["model"] == row["model"]]
        assert [point["n_train"] for point in own] == [50, 100, results["data"]["n_train"]]
        assert own[-1]["test_mae"] == row["test_mae"]


def test_predictions_agree_with_the_table(quick):
    _, folder = quick
    results = json.loads((folder / "sktl_demo.json").read_text(encoding="utf-8"))
    with open(folder / "sktl_demo_predictions.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == results["data"]["n_test"]
    errors = [abs(float(row["transfer_eV"]) - float(row["measured_eV"])) for row in rows]
    assert np.mean(errors) == pytest.approx(results["models"][0]["test_mae"], abs=1e-4)


def test_json_is_all_that_is_printed_and_repeats(quick, tiny_source, tmp_path):
    _, folder = quick
    result = run("--quick", "--json", "--source", tiny_source, "-o", tmp_path)
    found = json.loads(result.output)  # both streams
    before = json.loads((folder / "sktl_demo.json").read_text(encoding="utf-8"))
    assert found["models"][0]["test_mae"] == before["models"][0]["test_mae"]


def test_an_unwritable_folder_is_refused_before_the_work(tiny_source, tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    result = run("--source", tiny_source, "-o", file / "folder")
    assert result.exit_code == 2
    assert "folder to write to" in result.output and "Measured" not in result.output


def test_an_unknown_source_is_refused_before_the_work(tmp_path):
    result = run("--source", "no-such-source", "-o", tmp_path)
    assert result.exit_code == 1
    assert "Got source='no-such-source'" in result.output and "Measured" not in result.output
    assert list(tmp_path.iterdir()) == []


def test_split_keeps_compositions_apart_and_repeats():
    formulas, _ = load_expt_gap(return_X_y=True, as_frame=False)
    train, test = split_by_composition(formulas, seed=0)
    keys = np.array(parse_formulas(formulas).keys())
    assert not set(keys[train]) & set(keys[test])
    assert sorted([*train, *test]) == list(range(len(formulas)))
    assert 0.39 < len(test) / len(formulas) < 0.41
    assert np.array_equal(train, split_by_composition(formulas, seed=0)[0])
    assert not np.array_equal(train, split_by_composition(formulas, seed=1)[0])


def test_full_fits_are_the_last_points_of_the_curve():
    comparison = DemoComparison(DemoPlan(), load_expt_gap(as_frame=False))
    steps = comparison.steps()
    n = len(comparison.train)
    assert len(set(steps)) == len(steps)
    assert {model for model, size in steps if size == n} >= {"transfer", "scratch", "random forest"}
    assert min(size for _, size in steps) == 50
    assert comparison.seconds(2) == pytest.approx(comparison.seconds(1) / 2)


def test_plots_are_written_in_the_format_that_is_asked_for(tiny_source, tmp_path, monkeypatch):
    small = DemoPlan(n_rows=100, max_epochs=1, n_trees=2, sizes=(50,))
    monkeypatch.setattr(DemoPlan, "quick", lambda plan: small)
    result = run("--quick", "--figures", "svg", "--source", tiny_source, "-o", tmp_path / "here")
    assert result.exit_code == 0, result.output
    assert "This takes about" in result.stdout.split("model")[0]
    assert f"Wrote to the folder {tmp_path / 'here'}:" in result.stdout
    for name in ("parity", "learning_curve"):
        assert (tmp_path / "here" / f"sktl_demo_{name}.svg").read_bytes().startswith(b"<?xml")


def test_where_mae_and_r2_disagree_it_is_said_what_that_means():
    text = say_disagreement([("a network", 0.33, 0.72), ("a forest", 0.40, 0.76)])
    assert "a network has the smallest MAE, a forest the highest R2" in text
    assert say_disagreement([("a network", 0.33, 0.80), ("a forest", 0.40, 0.76)]) is None
    assert say_disagreement([("a network", 0.3301, 0.72), ("a forest", 0.3302, 0.76)]) is None


def test_source_never_saw_a_composition_of_the_demo(mirror):
    if "oqmd" not in sktl.list_sources():
        pytest.skip("the source oqmd is not part of this installation")
    digests = gzip.decompress((mirror.parent / "heldout_digests.txt.gz").read_bytes()).split()
    digests = {digest.decode("ascii") for digest in digests}
    formulas, _ = load_expt_gap(return_X_y=True, as_frame=False)
    assert set(parse_formulas(formulas).digests()) <= digests
    for name in sktl.list_sources():
        if name in ("oqmd", "oqmd-elemnet", "mpt"):
            assert sktl.load_source(name).card.held_out["sha256"] == digest_list_hash(digests)
