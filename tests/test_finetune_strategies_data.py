"""Structures and trials of Devi et al. 2024: read whole, checked, in the publisher's splits."""

import csv
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sktl._store import sha256_of
from sktl.datasets import _finetune_strategies as module
from sktl.datasets import fetch_finetune_strategies
from sktl.exceptions import DataIntegrityError, DataNotFoundError, InputError, SktlError

FILES = ("structures.parquet", "splits.json")
BESIDE = Path(__file__).resolve().parents[1].parent / "shared" / "data"
PLACES = [os.environ.get("SKTL_DATA_MIRROR") or BESIDE / "mirror", BESIDE]
ROWS = {
    "bg": (9395, 0, 1643),
    "fe": (8741, 0, 929),
    "gv": (6683, 1100, 1100),
    "ph": (1265, 127, 127),
    "dc": (1056, 106, 106),
    "pz": (941, 94, 94),
    "ebg": (2451, 248, 248),
    "jarvis2d": (1103, 110, 110),
}
REFERENCE = Path(__file__).resolve().parents[1] / "benchmarks" / "reference" / "devi2024.csv"
IDS = [7, 3, 20, 11, 5, 40, 8, 30, 2, 60, 50, 70, 90, 80]
TEST = [90, 3, 50]


def small_table(name, unit, in_test):
    """Fourteen crystals of two atoms, cubic, with a lattice of 3 A plus a tenth for each row."""
    return [
        {
            "property": name,
            "id": number,
            "formula": "NaCl",
            "lattice": list(np.diag([3 + row / 10] * 3).ravel()),
            "species": ["Na", "Cl"],
            "frac_coords": [0.0, 0.0, 0.0, 0.5, 0.5, 0.25],
            "y": row / 2,
            "unit": unit,
            "in_test": number in in_test,
            "struct_hash": f"{row:032x}",
        }
        for row, number in enumerate(IDS)
    ]


def small_splits():
    free = [number for number in IDS if number not in TEST]
    trials = {f"T{k}_10": {"train": free[k : k + 9], "val": [free[k - 1]]} for k in (1, 2)}
    second = {"T2_10_again": {"train": [7], "val": [11]}}
    return {
        "gv": {"test": TEST, "trials": trials | second},
        "bg": {"test": [1000, 1001], "trials": trials},
        "jarvis2d": {"test": TEST, "trainval_order": free},
    }


def accept(monkeypatch, folder):
    """Let the files of a folder be the expected ones."""
    for file in FILES:
        monkeypatch.setitem(module.SHA256, file, sha256_of(folder / file))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder like the real one, of 14 rows for each of three properties."""
    pytest.importorskip("pyarrow", reason="pyarrow, which reads the structures, is not installed")
    import pandas as pd

    folder = tmp_path / "finetune_strategies"
    folder.mkdir()
    rows = small_table("gv", "log10(GPa)", TEST) + small_table("bg", "eV", [])
    rows += small_table("jarvis2d", "eV", TEST)
    pd.DataFrame(rows).to_parquet(folder / "structures.parquet", engine="pyarrow")
    (folder / "splits.json").write_text(json.dumps(small_splits()), encoding="utf-8")
    accept(monkeypatch, folder)
    return folder


@pytest.fixture(scope="module")
def real():
    """The folder of the real data, or a skip that says what is missing."""
    pytest.importorskip("pyarrow", reason="pyarrow, which reads the structures, is not installed")
    for place in PLACES:
        folder = Path(place) / "finetune_strategies"
        if all((folder / file).is_file() for file in FILES):
            return folder
    pytest.skip("no finetune_strategies below SKTL_DATA_MIRROR, nor beside the public data")


def test_rows_are_those_of_one_property_in_file_order(folder):
    data = fetch_finetune_strategies("gv", folder=folder)
    assert data.ids.tolist() == IDS and data.y.tolist() == [row / 2 for row in range(14)]
    assert data.formulas == ["NaCl"] * 14 and len(set(data.struct_hash)) == 14
    assert (data.name, data.unit, data.licence) == ("gv", "log10(GPa)", "MIT")
    assert data.doi == ["10.1038/s41524-024-01486-1"]
    assert "14 structures, 3 of them" in data.DESCR and "log10(GPa)" in repr(data)


def test_structures_have_the_cell_of_their_row(folder):
    structures = fetch_finetune_strategies("gv", folder=str(folder)).structures
    assert [len(structure) for structure in structures] == [2] * 14
    assert structures[4].lattice.abc == pytest.approx((3.4, 3.4, 3.4))
    assert structures[4].species[1].symbol == "Cl"
    np.testing.assert_array_equal(structures[4].frac_coords, [[0, 0, 0], [0.5, 0.5, 0.25]])


def test_a_trial_gives_positions_and_not_ids(folder):
    data = fetch_finetune_strategies("gv", folder=folder)
    assert data.trials == ((10, 1), (10, 2))
    rows = data.trial(10, 2)
    expected = small_splits()["gv"]["trials"]["T2_10"]
    assert data.ids[rows.train].tolist() == expected["train"]
    assert data.ids[rows.val].tolist() == expected["val"]
    assert sorted(data.ids[rows.test]) == sorted(TEST) and not data.test_is_substitute
    np.testing.assert_array_equal(np.flatnonzero(data.in_test), rows.test)


def test_without_a_whole_test_set_the_other_rows_stand_in_for_it(folder):
    data = fetch_finetune_strategies("bg", folder=folder)
    assert data.test_is_substitute and not data.in_test.any()
    for n_train, trial in data.trials:
        rows = data.trial(n_train, trial)
        assert sorted(np.concatenate(rows)) == list(range(14))
        assert data.in_no_trial[rows.test].sum() == data.in_no_trial.sum() == 3
    assert "substitute" in data.DESCR


def test_a_single_sample_is_split_nine_to_one_in_file_order(folder):
    data = fetch_finetune_strategies("jarvis2d", folder=folder)
    order = small_splits()["jarvis2d"]["trainval_order"]
    assert data.trials == ((11, 1),)
    rows = data.trial(11, 1)
    assert data.ids[rows.train].tolist() == order[:9] and data.ids[rows.val].tolist() == order[9:]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((100, 1), r"Got n_train=100 for 'gv', expected one of \[10\]"),
        ((10, 0), r"Got trial=0 for 'gv', expected one of \[1, 2\]"),
        ((10, "T1"), "Got trial='T1' for 'gv'"),
        ((None, 1), "Got n_train=None"),
    ],
)
def test_an_unknown_trial_is_an_error(folder, given, message):
    with pytest.raises(InputError, match=message):
        fetch_finetune_strategies("gv", folder=folder).trial(*given)


def test_what_a_caller_changes_stays_with_the_caller(folder):
    data = fetch_finetune_strategies("gv", folder=folder)
    data.trial(10, 1).train[:] = 0
    data.doi.append("nonsense")
    assert len(set(data.trial(10, 1).train)) == 9
    assert fetch_finetune_strategies("gv", folder=folder).doi == ["10.1038/s41524-024-01486-1"]


def test_it_survives_a_pickle(folder):
    data = fetch_finetune_strategies("bg", folder=folder)
    again = pickle.loads(pickle.dumps(data))
    np.testing.assert_array_equal(again.trial(10, 1).test, data.trial(10, 1).test)
    assert again.structures == data.structures


def test_it_is_found_below_the_mirror_and_below_the_cache(folder, monkeypatch):
    monkeypatch.setenv("SKTL_CACHE", str(folder.parent))
    assert len(fetch_finetune_strategies("gv").y) == 14
    monkeypatch.setenv("SKTL_CACHE", str(folder))
    monkeypatch.setenv("SKTL_DATA_MIRROR", str(folder.parent))
    assert len(fetch_finetune_strategies("gv").y) == 14


def test_the_folder_goes_before_the_mirror(folder, monkeypatch):
    monkeypatch.setenv("SKTL_DATA_MIRROR", "no-such-folder")
    assert len(fetch_finetune_strategies("gv", folder=folder).y) == 14


def test_a_missing_file_is_named_with_its_origin(tmp_path, monkeypatch):
    (tmp_path / "splits.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DataNotFoundError) as caught:
        fetch_finetune_strategies("gv", folder=tmp_path)
    for part in (str(tmp_path), "without structures.parquet", "sai-mat-group", "SKTL_DATA_MIRROR"):
        assert part in str(caught.value)
    monkeypatch.setenv("SKTL_DATA_MIRROR", str(tmp_path))
    with pytest.raises(DataNotFoundError, match="without structures.parquet and splits.json"):
        fetch_finetune_strategies("gv")


def test_a_changed_file_is_an_error(folder):
    (folder / "splits.json").write_text(json.dumps({"gv": {}}), encoding="utf-8")
    with pytest.raises(DataIntegrityError, match="splits.json"):
        fetch_finetune_strategies("gv", folder=folder)


def test_an_id_without_a_structure_is_an_error(folder, monkeypatch):
    splits = small_splits()
    splits["gv"]["trials"]["T1_10"]["val"] = [12345]
    (folder / "splits.json").write_text(json.dumps(splits), encoding="utf-8")
    accept(monkeypatch, folder)
    with pytest.raises(DataIntegrityError, match="Got id=12345 in the splits of 'gv'"):
        fetch_finetune_strategies("gv", folder=folder)


@pytest.mark.parametrize("name", ["hardness", "GV", None, 3, ["gv"]])
def test_an_unknown_name_lists_the_known_ones(name, tmp_path):
    with pytest.raises(DataNotFoundError, match="expected the name of .*: bg, fe, .*, jarvis2d"):
        fetch_finetune_strategies(name, folder=tmp_path)


def test_without_pyarrow_it_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "structures.parquet").write_bytes(b"PAR1")
    (tmp_path / "splits.json").write_text(json.dumps(small_splits()), encoding="utf-8")
    accept(monkeypatch, tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SktlError, match=r"Got no module 'pyarrow'.*\[parquet\]"):
        fetch_finetune_strategies("gv", folder=tmp_path)


def test_import_is_light():
    code = (
        "import sys, sktl.datasets; "
        "sys.exit(any(name in sys.modules for name in ('pandas', 'pyarrow', 'pymatgen')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture(scope="module")
def published():
    """The published errors, by property, rows and model."""
    with open(REFERENCE, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {(row["property"], int(row["n_train"]), row["model"]): row for row in rows}


@pytest.mark.parametrize(
    ("name", "n_train", "scratch", "best_pairwise", "mpt"),
    [
        ("gv", 800, 0.1307, 0.1122, 0.1244),
        ("ph", 800, 77.6, 45.6, 46.7),
        ("dc", 800, 2.98, 2.26, 2.42),
        ("pz", 800, 0.923, 0.696, 0.696),
        ("ebg", 800, 0.611, 0.475, 0.476),
        ("gv", 100, 0.211, 0.188, 0.177),
        ("ebg", 100, 0.97, 0.68, 0.58),
        ("jarvis2d", 993, 0.540, 0.465, 0.456),
    ],
)
def test_published_errors_with_nothing_left_out(
    published, name, n_train, scratch, best_pairwise, mpt
):
    expected = {"scratch": scratch, "best_pairwise": best_pairwise, "mpt": mpt}
    for model, mae in expected.items():
        found = float(published[name, n_train, model]["mae_mean_filed"])
        assert found == pytest.approx(mae, rel=6e-3)


def test_spoilt_trials_are_left_out_of_the_published_errors(published):
    short = {key for key, row in published.items() if row["n_trials"] != row["n_trials_filed"]}
    sizes = (10, 100, 200, 500, 800)
    places = (("gv", "mpt"), ("fe", "mpt"), ("pz", "scratch"))
    assert short == {(name, size, model) for name, model in places for size in sizes}
    assert all(published[key]["n_trials"] == "4" for key in short)
    sources = [row["source"] for key, row in published.items() if key[2] == "best_pairwise"]
    assert len(published) == 108 and all(":" in source for source in sources)


@pytest.mark.parametrize("name", ROWS)
def test_the_real_trials_are_whole_and_apart(real, name, published):
    data = fetch_finetune_strategies(name, folder=real)
    assert {(n, data.unit) for n, _ in data.trials} == {
        (n, row["unit"]) for (each, n, _), row in published.items() if each == name
    }
    n_rows, n_test, n_free = ROWS[name]
    assert len(data.ids) == len(set(data.ids)) == len(data.y) == len(data.formulas) == n_rows
    assert (data.in_test.sum(), data.in_no_trial.sum()) == (n_test, n_free)
    assert data.test_is_substitute == (name in ("bg", "fe"))
    assert np.isfinite(data.y).all() and data.unit in data.DESCR
    assert len(data.trials) == (1 if name == "jarvis2d" else 25)
    for n_train, trial in data.trials:
        rows = data.trial(n_train, trial)
        assert len(rows.train) + len(rows.val) == n_train
        assert len(np.unique(np.concatenate(rows))) == sum(map(len, rows))
        assert len(rows.test) == (n_rows - n_train if data.test_is_substitute else n_test)


def test_the_real_structures_are_crystals_of_their_formula(real):
    data = fetch_finetune_strategies("pz", folder=real)
    assert len(data.structures) == 941 and data.structures is data.structures
    found = [structure.composition.reduced_formula for structure in data.structures]
    assert found == data.formulas
    assert data.y.min() == 0 and data.unit == "C/m^2"


def test_real_test_structures_stand_in_other_properties(real):
    gv, bg = (fetch_finetune_strategies(name, folder=real) for name in ("gv", "bg"))
    elsewhere = set(bg.struct_hash)
    shared = [gv.struct_hash[row] in elsewhere for row in np.flatnonzero(gv.in_test)]
    assert sum(shared) == 112
