"""Model files of all formats load for ever, wherever the classes live by then."""

import io
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pymatgen.core import Structure

from sktl import load_model
from sktl.estimators import _uncertainty
from sktl.exceptions import ModelIntegrityError
from sktl.sources import read_tensors

STORED = Path(__file__).parent / "stored"
FORMATS = ["format1", "format2"]
NAMES = ("classifier", "crystal-stack", "crystals", "regressor", "stack")
WITH_CONDITIONS = ("classifier", "regressor", "stack")
FOLDERS = {version: NAMES for version in FORMATS} | {"format2-conditions": WITH_CONDITIONS}
FILES = [(folder, name) for folder, names in FOLDERS.items() for name in names]
MODULE = re.compile(rb"\bsktl\.[a-z_]+")
MOVED = """
import sys, types
from sktl import *
from sktl import _state, load_model
from pathlib import Path

for public in ("HarmonicTransformer", "MatminerTransformer", "StructureReader"):
    globals()[public]  # so that all of them are there before they move
elsewhere = sys.modules["elsewhere"] = types.ModuleType("elsewhere")
moved = _state.stored_tags()
for made in moved.values():
    sys.modules[made.__module__] = None  # an import of the old place fails
for tag, made in moved.items():
    made.__module__, made.__qualname__ = "elsewhere", "Moved" + made.__name__
    setattr(elsewhere, made.__qualname__, made)
for path in map(Path, sys.argv[2:]):
    model = load_model(path)
    assert type(model).__module__ == "elsewhere"
    if "stack" in path.name:
        model.save(Path(sys.argv[1]) / path.name)
        assert type(load_model(Path(sys.argv[1]) / path.name)) is type(model)
print(len(moved))
"""


def said(folder):
    """Return for each model of a folder what it was asked for, and what it said."""
    found = json.loads((folder / "said.json").read_text(encoding="utf-8"))
    for entry in found.values():
        entry["asked"] = materials(entry["asked"])
    return found


def materials(plain):
    """Return formulas, structures, or a frame with columns beside the material, from JSON."""
    if isinstance(plain, dict):
        return pd.DataFrame(**plain)
    return [each if isinstance(each, str) else Structure.from_dict(each) for each in plain]


@pytest.mark.parametrize(("version", "name"), FILES)
def test_a_stored_file_says_what_it_said_then(version, name):
    entry = said(STORED / version)[name]
    model, asked, expected = load_model(STORED / version / f"{name}.sktl"), *entry.values()
    near = model.applicability(asked, 3)["distance"]
    np.testing.assert_allclose(near, expected["distances"], rtol=1e-5)
    if name == "classifier":
        np.testing.assert_allclose(model.predict_proba(asked), expected["chances"], rtol=1e-6)
        return
    found = model.predict(asked, return_std=True, coverage=0.5)
    for part, then in zip(found, ("predictions", "deviations", "intervals"), strict=True):
        np.testing.assert_allclose(part, expected[then], rtol=1e-5)


def test_every_model_is_stored_in_every_format():
    assert {path.name for path in STORED.glob("format*")} == set(FOLDERS)
    for folder, names in FOLDERS.items():
        assert {path.stem for path in (STORED / folder).glob("*.sktl")} == set(names)


def test_a_file_of_an_earlier_version_predicts_what_it_did_then():
    found = load_model(STORED / "regressor-0.1.0.sktl")
    assert found.file_["versions"]["sktl"] == "0.1.0"
    assert found.file_["target"] == {"name": "toy energy", "unit": "eV/atom"}
    then = [-0.5379828175470236, -0.5028923856049768, -0.5194923940559563]
    now = found.predict(["Mg3Y4Si3", "Mn2B1S1", "Se1K1Mg2"])
    np.testing.assert_allclose(now, then, rtol=1e-6)
    parameters = found.get_params()  # also of those that were not there then
    assert {"network_arguments": None}.items() <= parameters.items()
    assert "TransferRegressor(" in repr(found)


def test_files_load_when_every_class_has_moved_to_another_module(tmp_path):
    files = sorted(STORED.rglob("*.sktl"))
    run = subprocess.run(
        [sys.executable, "-c", MOVED, tmp_path, *files], capture_output=True, text=True
    )
    assert run.stderr == ""
    assert int(run.stdout) >= 25


@pytest.mark.parametrize(("version", "name"), [each for each in FILES if each[0] != "format1"])
def test_a_file_names_no_module_of_the_package(version, name):
    path = STORED / version / f"{name}.sktl"
    assert not MODULE.search(path.read_bytes())
    tensors, _ = read_tensors(path)
    if "scikit-learn" in tensors:
        with zipfile.ZipFile(io.BytesIO(tensors["scikit-learn"].numpy().tobytes())) as archive:
            parts = {part: archive.read(part) for part in archive.namelist()}
        assert not [part for part, content in parts.items() if MODULE.search(content)]
        assert b"sktl object" in parts["schema.json"] or name != "stack"


def test_models_of_a_stack_share_what_they_shared():
    stack = load_model(STORED / "format2" / "stack.sktl")
    networks = next(members for name, members in stack.members_.items() if "fine-tuned" in name)
    assert len(networks) == 2 and networks[0].source_ is networks[1].source_
    assert networks[0].networks_[0] is not networks[1].networks_[0]


class LaterCalibration(_uncertainty.Calibration):
    """What `Calibration` may be in a later release: another name for what it holds."""

    def to_state(self):
        """Return the state of version 2."""
        return {"ordered": self.scores, "weights": self.weights}

    @classmethod
    def from_state(cls, state):
        """Read version 2."""
        made = cls.__new__(cls)
        made.scores, made.weights = state["ordered"], state["weights"]
        return made


def test_a_later_release_reads_the_states_of_earlier_ones(monkeypatch, tmp_path):
    from sktl import _state

    monkeypatch.setattr(_state, "_KINDS", dict(_state._KINDS))
    monkeypatch.setattr(_state, "_NAMES", dict(_state._NAMES))
    del _state._KINDS["calibration"]
    renamed = [lambda state: {"ordered": state["scores"], "weights": state["weights"]}]
    _state.stored("calibration/2", upgrades=renamed)(LaterCalibration)

    def check(path):
        model = load_model(path)
        assert type(model.uncertainty_.calibrations[0]) is LaterCalibration
        found = model.predict_interval(entry["asked"], coverage=0.5)
        np.testing.assert_allclose(found, entry["said"]["intervals"], rtol=1e-5)
        return model

    for version in FORMATS:
        entry = said(STORED / version)["regressor"]
        check(STORED / version / "regressor.sktl").save(tmp_path / "later.sktl")
        assert "calibration/2" in read_tensors(tmp_path / "later.sktl")[1]
        check(tmp_path / "later.sktl")
    monkeypatch.undo()
    with pytest.raises(ModelIntegrityError, match="calibration/2.*at most version 1: a newer sktl"):
        load_model(tmp_path / "later.sktl")
