"""Columns beside the material on the command line: which are refused, and which are told of."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from sktl import TransferRegressor
from sktl.cli import main

OXIDES = [f"{metal}{n}O" for metal in ("Fe", "Ni", "Al", "Ti") for n in (1, 2, 3)]


def run(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_source):
    """A folder with a source, a table, and models whose column has a unit or none."""
    folder = tmp_path_factory.mktemp("conditions")
    tiny_source.save(folder / "toy.safetensors")
    frame = pd.DataFrame({"formula": OXIDES, "T": np.arange(12.0), "mode": ["a", "b"] * 6})
    table = frame.assign(strength=np.arange(12.0), kind=["x", "y", "z"] * 4)
    table.to_csv(folder / "in.csv", index=False)
    for name, title in {"plain": "T", "unit": "T (meV)"}.items():
        model = TransferRegressor(tiny_source, max_epochs=1, random_state=0)
        model.fit(frame.rename(columns={"T": title}), np.arange(12.0))
        model.save(folder / f"{name}.sktl")
    return folder


@pytest.mark.parametrize("command", ["fit", "evaluate", "check"])
@pytest.mark.parametrize("target", ["strength", "kind"])
def test_neither_target_nor_material_stands_beside_itself(place, tmp_path, command, target):
    asked = [command, place / "in.csv", "--target", target]
    if command != "check":
        asked += ["--source", place / "toy.safetensors"]
        asked += ["--save" if command == "fit" else "-o", tmp_path / "out"]
    for named, what in ((f"T,{target.upper()}", "target"), ("mode,formula", "material")):
        done = run(*asked, "--conditions", named)
        assert done.exit_code == 2, done.output
        assert f"which is the {what} itself" in " ".join(done.output.split())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("model", "title", "code", "message"),
    [
        ("plain", "t (K)", 0, "'t (K)' is taken as 'T', which had no unit"),
        ("plain", "t", 0, None),
        ("unit", "t [meV]", 0, None),
        ("unit", "T (MeV)", 1, "does not say that it is in meV"),
        ("unit", "T", 1, "does not say that it is in meV"),
    ],
)
@pytest.mark.filterwarnings("default")
def test_units_of_headers_are_compared(place, tmp_path, model, title, code, message):
    table = pd.read_csv(place / "in.csv").rename(columns={"T": title})
    table.to_csv(tmp_path / "in.csv", index=False)
    done = run("predict", place / f"{model}.sktl", tmp_path / "in.csv", "-o", tmp_path / "o.csv")
    assert done.exit_code == code, done.output
    said = " ".join(done.output.split())
    assert ("warning" not in said) if message is None else (message in said)
