"""The study of strategies, end to end on crystals made on the fly."""

from dataclasses import dataclass

import numpy as np
import pytest
from click.testing import CliRunner

from sktl.benchmark import STRATEGIES, Cell, finetune_strategies_cells, read_rows
from sktl.benchmark import _finetune_strategies as study
from sktl.cli import main
from sktl.datasets._finetune_strategies import TrialRows
from sktl.exceptions import InputError

SHEET = "jarvis2d"


@dataclass
class Toy:
    structures: list
    y: np.ndarray
    unit: str = "eV"
    sha256 = {"structures.parquet": "0" * 64}

    def trial(self, n_train, trial):
        order = np.random.default_rng(trial).permutation(40)
        return TrialRows(order[: n_train - 2], order[n_train - 2 : n_train], np.arange(40, 50))


@pytest.fixture
def toy(monkeypatch, toy_crystals, tiny_crystal_source):
    structures, energies, _ = toy_crystals(50, seed=1)
    seen = []

    def fetch(name, folder=None):
        seen.append((name, folder))
        return Toy(structures, energies)

    monkeypatch.setattr(study, "fetch_finetune_strategies", fetch)
    small = {
        "Base": STRATEGIES["Base"],
        "frozen features": {"toy": lambda seed: study._frozen(seed, tiny_crystal_source)},
        "fine-tune": {
            "toy": lambda seed: study._transfer(seed, source=tiny_crystal_source, max_epochs=1)
        },
    }
    monkeypatch.setattr(study, "STRATEGIES", small)
    monkeypatch.setattr(study, "BUDGETS", {"quick": [(tuple(small), ("ph",), (10, 20), (1, 2))]})
    return seen


def test_what_is_owed():
    cells = finetune_strategies_cells("cpu")
    assert len(set(cells)) == len(cells)
    stacks = [cell for cell in cells if cell.configuration == "stack"]
    for dataset in ("gv", "ph", "dc", "pz", "ebg"):
        for points in (100, 800):
            trials = {
                cell.seed
                for cell in stacks
                if cell.dataset == dataset and cell.variant.endswith(f", {points} points")
            }
            assert trials == {1, 2, 3, 4, 5}
    sheets = {(cell.variant.split(", ")[-1], cell.seed) for cell in cells if cell.dataset == SHEET}
    assert sheets == {("993 points", 1), *(("200 points", trial) for trial in range(1, 6))}
    assert not {cell.dataset for cell in cells} & {"bg", "fe"}
    assert {"bg", "fe"} < {cell.dataset for cell in finetune_strategies_cells("gpu")}
    learned = [cell for cell in finetune_strategies_cells("gpu") if cell.dataset in ("bg", "fe")]
    assert learned and not [cell for cell in learned if "mpt-structure" in cell.variant]
    rich = {cell.dataset for cell in cells if cell.variant.startswith("mpt + ")}
    assert rich == {"dc", "pz", "ebg", "jarvis2d"}  # the others have kin in that source
    points = [int(cell.variant.split(", ")[-1].split()[0]) for cell in cells]
    assert points == sorted(points)


def test_a_cell_is_fitted_to_the_points_of_its_trial(toy, tmp_path):
    cell = Cell("ph", "Base", "median, 20 points", 2)
    row, predictions = study.run_finetune_strategies_cell(cell, tmp_path)
    data = study.fetch_finetune_strategies("ph")
    rows = data.trial(20, 2)
    points = np.concatenate([rows.train, rows.val])
    np.testing.assert_allclose(predictions, np.median(data.y[points]))
    assert (row["n_train"], row["n_test"], row["unit"]) == (20, 10, "eV")
    expected = np.abs(np.median(data.y[points]) - data.y[40:]).mean()
    assert row["test_mae"] == pytest.approx(expected)
    assert toy[0] == ("ph", tmp_path)


def test_smaller_trials_of_sheets_are_drawn_from_the_points_of_the_large_one():
    class Sheets(Toy):
        def trial(self, n_train, trial):
            assert (n_train, trial) == (993, 1)
            return TrialRows(np.arange(800), np.arange(800, 993), np.arange(993, 1000))

    data = Sheets([], np.zeros(0))
    drawn = [study._points_and_test(data, SHEET, 200, trial) for trial in (1, 2, 2)]
    for points, test in drawn:
        assert len(set(points)) == 200 and points.max() < 993
        np.testing.assert_array_equal(test, np.arange(993, 1000))
    np.testing.assert_array_equal(drawn[1][0], drawn[2][0])
    assert set(drawn[0][0]) != set(drawn[1][0])
    assert len(study._points_and_test(data, SHEET, 993, 1)[0]) == 993


def test_one_command_runs_the_study_and_goes_on(toy, tmp_path):
    command = ["benchmark", "finetune-strategies", "--folder", str(tmp_path)]
    command += ["--output", str(tmp_path / "runs")]
    first = CliRunner().invoke(main, [*command, "--configurations", "Base"])
    assert first.exit_code == 0, first.output
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    assert "Base" not in done.output
    rows = read_rows(tmp_path / "runs/results/finetune_strategies.csv")
    assert len(rows) == 12
    assert {row["source"] for row in rows if row["configuration"] != "Base"} == {"toy.crystals@1"}
    with np.load(tmp_path / "runs/results/finetune_strategies_predictions.npz") as file:
        assert file["ph|fine-tune|toy, 20 points|1"].shape == (10,)


@pytest.mark.parametrize("place", ["datasets", "configurations", "variants"])
def test_an_unknown_name_is_an_error(place):
    with pytest.raises(InputError, match="Got .*='nothing', expected one of"):
        finetune_strategies_cells("cpu", **{place: ["nothing"]})
    with pytest.raises(InputError, match="Got budget='tiny', expected one of: quick, cpu, gpu"):
        finetune_strategies_cells("tiny")
