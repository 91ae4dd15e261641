"""Public tables arrive whole, checked, and with their units."""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sktl.datasets import (
    fetch_cross_property,
    fetch_pretraining_table,
    list_cross_property,
    list_pretraining_tables,
    load_expt_gap,
)
from sktl.exceptions import DataIntegrityError, DataNotFoundError, InputError

DATA = files("sktl.datasets") / "data"
MIRROR = Path(
    os.environ.get("SKTL_DATA_MIRROR")
    or Path(__file__).resolve().parents[1].parent / "shared" / "data" / "mirror"
)


def read_json(name):
    return json.loads((DATA / name).read_text(encoding="utf-8"))


@pytest.fixture
def mirror(monkeypatch):
    if not MIRROR.is_dir():
        pytest.skip("no mirror of the public data: set SKTL_DATA_MIRROR to its folder")
    monkeypatch.setenv("SKTL_DATA_MIRROR", str(MIRROR))
    return MIRROR


def small_mirror(monkeypatch, mirror, folder, name):
    """Copy one file of the mirror into a mirror of its own."""
    (folder / name).parent.mkdir(parents=True)
    shutil.copyfile(mirror / name, folder / name)
    monkeypatch.setenv("SKTL_DATA_MIRROR", str(folder))
    return folder / name


def test_expt_gap_is_the_published_table():
    gaps = load_expt_gap()
    assert gaps.frame.shape == (4916, 2)
    assert list(gaps.frame.columns) == ["Composition", "Eg"]
    assert gaps.data.shape == (4916, 1) and gaps.target.shape == (4916,)
    assert gaps.unit == "eV" and gaps.licence == "MIT"
    assert gaps.doi == ["10.1021/acs.jpclett.8b00124"]
    assert all(type(text) is str and text for text in gaps.data["Composition"])
    assert gaps.target.min() == 0.0 and gaps.target.max() == 11.7
    assert (gaps.target == 0.0).sum() == 2458
    assert "Permission is hereby granted" in gaps.DESCR


def test_expt_gap_repeats_are_counted():
    gaps = load_expt_gap()
    repeated = gaps.data["Composition"].duplicated(keep=False)
    assert set(gaps.data["Composition"][repeated]) == set(gaps.repeated)
    assert len(gaps.repeated) == 7 and repeated.sum() == 14
    assert gaps.data["Composition"].nunique() == 4909


def test_expt_gap_as_arrays_and_as_pair():
    gaps = load_expt_gap(as_frame=False)
    X, y = load_expt_gap(return_X_y=True, as_frame=False)
    frame, series = load_expt_gap(return_X_y=True)
    assert gaps.frame is None
    assert X.dtype == object and X.shape == (4916,) and y.dtype == np.float64
    assert isinstance(frame, pd.DataFrame) and isinstance(series, pd.Series)
    assert list(frame["Composition"]) == list(X) == list(gaps.data)
    np.testing.assert_array_equal(series, y)


def test_expt_gap_card_fits_the_bundled_file():
    card = read_json("expt_gap.json")
    packed = (DATA / "expt_gap.csv.gz").read_bytes()
    assert hashlib.sha256(packed).hexdigest() == card["sha256"]
    assert hashlib.sha256(gzip.decompress(packed)).hexdigest() == card["csv_sha256"]
    assert packed[4:8] == bytes(4), "the compressed file carries a time stamp"


def test_what_a_caller_changes_stays_with_the_caller():
    gaps = load_expt_gap()
    gaps.doi.append("nonsense")
    gaps.target.iloc[0] = 99.0
    assert gaps.frame["Eg"].iloc[0] == 0.29
    assert load_expt_gap().doi == ["10.1021/acs.jpclett.8b00124"]
    assert load_expt_gap().target.iloc[0] == 0.29


def test_catalogs_say_unit_origin_licence_and_hash_of_everything():
    tables = read_json("pretraining.json")
    sets = read_json("cross_property.json")
    assert len(tables["tables"]) == 20 and len(sets["sets"]) == 41
    described = [*tables["tables"].values(), *sets["sets"].values()]
    listed = [file for entry in tables["tables"].values() for file in entry["files"]]
    listed += [entry[part] for entry in sets["sets"].values() for part in ("train", "test")]
    assert all(entry["unit"] and entry["property"] and entry["doi"] for entry in described)
    assert all(entry["licence"] for entry in tables["tables"].values()) and sets["licence"]
    assert all(len(file["sha256"]) == 64 and file["rows"] > 0 for file in listed)
    assert len({file["path"] for file in listed}) == len(listed) == 135
    for catalog in (tables, sets):
        commit = catalog["url"].rsplit("/", 1)[1]
        assert len(commit) == 40 and int(commit, 16)


@pytest.mark.parametrize("name", list_pretraining_tables())
def test_pretraining_table(mirror, name):
    table = fetch_pretraining_table(name)
    assert table.name == name
    assert len(table.formula) == len(table.target) == table.n_rows
    assert table.target.dtype == np.float64 and np.isfinite(table.target).all()
    assert all(type(text) is str and text[0].isupper() for text in table.formula)
    assert table.unit in table.DESCR and table.licence in table.DESCR


def test_pretraining_rows_are_where_the_publisher_put_them(mirror):
    table = fetch_pretraining_table("oqmd_band_gap")
    assert table.n_rows == 341_608
    assert (table.formula[0], table.target[0]) == ("Co12Mn5Nd2", 0.0)
    assert table.property == "band_gap" and table.database == "OQMD" and table.unit == "eV"
    energies = fetch_pretraining_table("oqmd_energy_per_atom")
    row = energies.formula.index("La1Pb1Re2")
    assert energies.target[row] == -7.36804692


def test_sodium_nitride_is_a_formula_and_not_a_missing_value(mirror):
    assert "NaN" in fetch_pretraining_table("mp_e_hull").formula


@pytest.mark.parametrize("name", list_cross_property())
def test_cross_property_set(mirror, name):
    train, test = (fetch_cross_property(name, subset=part) for part in ("train", "test"))
    whole = fetch_cross_property(name)
    assert whole.formulas == train.formulas + test.formulas
    np.testing.assert_array_equal(whole.y, np.concatenate([train.y, test.y]))
    np.testing.assert_array_equal(whole.index, np.concatenate([train.index, test.index]))
    assert whole.is_test.sum() == len(test.y) and not train.is_test.any()
    assert whole.y.dtype == np.float64 and np.isfinite(whole.y).all()
    assert all(type(text) is str and text[0].isalpha() for text in whole.formulas)
    assert 0.09 < len(test.y) / len(whole.y) < 0.11


def test_spreadsheet_dates_are_formulas_again_and_it_says_so(mirror):
    repaired = {}
    for name in list_cross_property():
        data = fetch_cross_property(name)
        for each in data.repaired:
            repaired[name, each["published"]] = data.formulas[each["position"]]
            assert each["published"] in data.DESCR and each["formula"] in data.DESCR
            assert data.index[each["position"]] == each["index"]
    assert repaired == {
        ("meps", "2-Feb"): "FeB2",
        ("meps", "3-Feb"): "FeB3",
        ("mbj_bandgap", "2-Feb"): "FeB2",
    }
    assert fetch_cross_property("meps", subset="test").repaired == []


def test_published_faults_are_told(mirror):
    masses = [fetch_cross_property(name) for name in ("pem300k", "nem300k")]
    np.testing.assert_array_equal(masses[0].y, masses[1].y)
    assert masses[0].formulas == masses[1].formulas and "same table" in masses[0].DESCR
    electronic, ionic = (fetch_cross_property(f"piezo_max_{part}") for part in ("diel", "diio"))
    assert (electronic.y < 1).sum() == 108 and (ionic.y < 1).sum() == 0
    assert "exchanged" in electronic.DESCR and "exchanged" in ionic.DESCR


def test_a_changed_byte_in_the_mirror_is_an_error(mirror, monkeypatch, tmp_path):
    name = "CrabNet/data/benchmark_data/mp_bulk_modulus/train.csv"
    path = small_mirror(monkeypatch, mirror, tmp_path, name)
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataIntegrityError, match="mp_bulk_modulus"):
        fetch_pretraining_table("mp_bulk_modulus")


def test_a_file_that_the_mirror_lacks_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("SKTL_DATA_MIRROR", str(tmp_path))
    with pytest.raises(DataNotFoundError, match="klu_training_set.csv"):
        fetch_cross_property("klu")


@pytest.mark.parametrize("fetch", [fetch_cross_property, fetch_pretraining_table])
@pytest.mark.parametrize("name", ["bandgap", None, 3])
def test_unknown_name_lists_the_known_ones(fetch, name):
    with pytest.raises(DataNotFoundError, match=rf"Got name={name!r}, expected .*, "):
        fetch(name)


def test_unknown_subset_is_an_error():
    with pytest.raises(InputError, match="Got subset='val', expected"):
        fetch_cross_property("klu", subset="val")


def test_import_is_light():
    code = (
        "import sys, sktl.datasets; "
        "sys.exit(any(name in sys.modules for name in ('pandas', 'pooch', 'sklearn', 'torch')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
