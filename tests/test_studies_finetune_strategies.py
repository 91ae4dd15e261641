"""The study of strategies, end to end on crystals made on the fly."""

from dataclasses import dataclass

import numpy as np
import pytest
from click.testing import CliRunner

from sktl import load_source
from sktl.cli import main
from sktl.datasets._finetune_strategies import TrialRows
from sktl.exceptions import InputError
from sktl.representations import Crystals
from sktl.studies import Run, read_rows
from sktl.studies.finetune_strategies import STRATEGIES, _sources, list_runs
from sktl.studies.finetune_strategies import _study as study
from sktl.studies.finetune_strategies._sources import Pretraining
from sktl.training import digest_list_hash

SHEET = "jarvis2d"


@dataclass
class Toy:
    structures: list
    y: np.ndarray
    unit: str = "eV"
    doi = ["10.1038/s41524-024-01486-1"]
    licence = "MIT"
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
    runs = list_runs("cpu")
    assert len(set(runs)) == len(runs)
    stacks = [run for run in runs if run.configuration == "stack"]
    for dataset in ("gv", "ph", "dc", "pz", "ebg"):
        for points in (100, 800):
            trials = {
                run.seed
                for run in stacks
                if run.dataset == dataset and run.variant.endswith(f", {points} points")
            }
            assert trials == {1, 2, 3, 4, 5}
    sheets = {(run.variant.split(", ")[-1], run.seed) for run in runs if run.dataset == SHEET}
    assert sheets == {("993 points", 1), *(("200 points", trial) for trial in range(1, 6))}
    assert not {run.dataset for run in runs} & {"bg", "fe"}
    assert {"bg", "fe"} < {run.dataset for run in list_runs("gpu")}
    learned = [run for run in list_runs("gpu") if run.dataset in ("bg", "fe")]
    assert learned and not [run for run in learned if "mpt-structure" in run.variant]
    rich = {run.dataset for run in runs if run.variant.startswith("mpt + ")}
    assert rich == {"dc", "pz", "ebg", "jarvis2d"}  # the others have kin in that source
    points = [int(run.variant.split(", ")[-1].split()[0]) for run in runs]
    assert points == sorted(points)


def test_a_run_is_fitted_to_the_points_of_its_trial(toy, tmp_path):
    run = Run("ph", "Base", "median, 20 points", 2)
    row, predictions = study.do_run(run, tmp_path)
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


@pytest.fixture
def toy_start(toy, monkeypatch, tiny_crystal_source, toy_crystals):
    """The study of toys, whose sources start from a small one; the digests that are held out."""
    structures, energies, _ = toy_crystals(50, seed=1)
    monkeypatch.setattr(
        _sources,
        "fetch_finetune_strategies",
        lambda name, folder=None: Toy(structures, energies),
    )
    monkeypatch.setattr(_sources, "START", tiny_crystal_source)
    monkeypatch.setattr(_sources, "FEWEST_STEPS", 2)
    digests = frozenset(Crystals.from_structures(structures[:20]).digests())
    monkeypatch.setattr(_sources, "HELD_OUT", digest_list_hash(digests))
    return digests


def test_the_study_pretrains_a_source_once_without_what_is_held_out(toy_start, tmp_path):
    plan = Pretraining("bg", 12)
    path = _sources.pretrained(plan, None, tmp_path, toy_start)
    card = load_source(path).card
    assert card.training["tables"][0]["rows"] == 12
    assert card.properties[0].listed_rows == 0 and card.held_out["n_digests"] == len(toy_start)
    written = path.stat().st_mtime_ns
    assert _sources.pretrained(plan, None, tmp_path, toy_start) == path
    assert path.stat().st_mtime_ns == written
    assert [file.name for file in tmp_path.iterdir() if not file.name.startswith(".")] == [
        "bg-12.safetensors"
    ]
    with pytest.raises(InputError, match="Got n_rows=1000, expected at most the .* rows of 'bg'"):
        _sources.pretrained(plan._replace(n_rows=1000), None, tmp_path, toy_start)
    with pytest.raises(InputError, match="Got 0 digests of held-out compositions .* 'bg', expect"):
        _sources.pretrained(plan._replace(n_rows=13), None, tmp_path, ())


def test_a_run_starts_from_a_source_of_one_property(toy_start, tmp_path, monkeypatch):
    pair = {"bg": lambda seed: study._transfer(seed, source=Pretraining("bg"), max_epochs=1)}
    monkeypatch.setitem(study.STRATEGIES, "pairwise", pair)
    monkeypatch.setattr(study, "BUDGETS", {"quick": [(("pairwise",), ("ph", "fe"), (20,), (1,))]})
    digests = tmp_path / "digests.txt"
    digests.write_text("\n".join(toy_start))
    runs = tmp_path / "runs"
    command = ["benchmark", "finetune-strategies", "--output", str(runs)]
    failed = CliRunner().invoke(main, command)
    assert failed.exit_code == 1 and "FAILED" in failed.output
    assert "Got 0 digests of held-out compositions" in failed.output
    done = CliRunner().invoke(main, [*command, "--held-out", str(digests)])
    assert done.exit_code == 0, done.output
    rows = read_rows(runs / "results/finetune_strategies.csv")
    assert [(row["dataset"], row["source"]) for row in rows] == [("ph", "study.bg@1")]
    assert (runs / "sources/bg.safetensors").is_file()


@pytest.mark.parametrize("place", ["datasets", "configurations", "variants"])
def test_an_unknown_name_is_an_error(place):
    with pytest.raises(InputError, match="Got .*='nothing', expected one of"):
        list_runs("cpu", **{place: ["nothing"]})
    with pytest.raises(InputError, match="Got budget='tiny', expected one of: quick, cpu, gpu"):
        list_runs("tiny")
