"""The pages under docs: their code runs, the API reference is whole, wrong stands beside right."""

import functools
import importlib
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

import sktl
from sktl import studies
from sktl.datasets import load_expt_gap
from sktl.representations import parse_formulas

DOCS = Path(__file__).resolve().parents[1] / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BUILT = {"_build", "gallery", "generated"}
PAGES = [
    path
    for path in sorted(DOCS.rglob("*.md"))
    if not BUILT & set(path.relative_to(DOCS).parts) and BLOCK.search(path.read_text("utf-8"))
]
SALT = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5] * 3])
INSIDE = {"cli", "estimators"}  # what is public of these is imported from sktl
MODULES = {
    module.name
    for path, prefix in ((sktl.__path__, ""), (studies.__path__, "studies."))
    for module in pkgutil.iter_modules(path, prefix)
    if "._" not in f".{module.name}" and module.name not in INSIDE
}

NOT_RUN = (
    "fetch_",  # in the next test
    *("TransferStackRegressor(", "evaluate("),  # minutes
    *("connect(", "predict_partitions("),  # need a cluster or a big table; see test_scale
)

pytestmark = pytest.mark.skipif(
    "oqmd" not in sktl.list_sources(), reason="the source oqmd is not part of this installation"
)


def blocks(page):
    """Return the Python blocks of a page, compiled so that errors name its lines."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in BLOCK.finditer(text):
        lines = "\n" * (text[: match.start(1)].count("\n"))
        found.append((match[1], compile(lines + match[1], str(page), "exec")))
    return found


def taken_as_given():
    """Return the names that the blocks of the user guide use: quick models and some rows."""
    known = load_expt_gap().frame.sample(120, random_state=0)
    formulas, y = known["Composition"], known["Eg"]
    return {
        "formulas": formulas,
        "y": y,
        "model": sktl.TransferRegressor("oqmd", max_epochs=1).fit(formulas, y),
        "TransferRegressor": functools.partial(sktl.TransferRegressor, max_epochs=1),
        "TransformedTargetRegressor": TransformedTargetRegressor,
        "DeepFeatureTransformer": sktl.DeepFeatureTransformer,
        "StructureReader": sktl.StructureReader,
        **{"GridSearchCV": GridSearchCV, "GroupKFold": GroupKFold, "SVR": SVR, "np": np},
        **{"make_pipeline": make_pipeline, "StandardScaler": StandardScaler, "sktl": sktl},
        "parse_formulas": parse_formulas,
    }


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to work in, with the two files of crystals that the pages name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SKTL_CACHE", str(tmp_path / "cache"))
    SALT.to(filename="salt.cif")
    SALT.to(filename="POSCAR", fmt="poscar")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_code_of_a_page_runs(page, folder, few_steps):
    if page.stem.startswith("nequix") and page.stem not in sktl.list_sources():
        pytest.skip(f"{page.stem} comes from its publisher")
    given = taken_as_given() if page.stem == "user_guide" else None
    names, ran = {}, 0
    for text, code in blocks(page):
        if any(name in text for name in NOT_RUN):
            continue  # it is compiled
        with few_steps():
            exec(code, names if given is None else dict(given))  # blocks of the guide stand alone
        if page.stem == "pitfalls" and not ran:  # which names the model of all others
            names["model"].set_params(max_epochs=1)
        ran += 1
    assert ran or page.stem == "scaling"  # which has nothing for one machine


def test_code_of_the_pitfalls_that_fetches_runs(mirror, folder):
    (first, setup), *others = blocks(DOCS / "pitfalls.md")
    names = {}
    exec(setup, names)
    names["model"].set_params(max_epochs=1, freeze_depth=8)  # trains the head alone
    fetching = [code for text, code in others if "fetch_" in text]
    assert len(fetching) == 2
    for code in fetching:
        exec(code, names)


def test_wrong_code_is_followed_by_right_code():
    words = re.findall(
        r"^(Wrong|Right):\n\n```python$", (DOCS / "pitfalls.md").read_text("utf-8"), re.M
    )
    assert words == ["Wrong", "Right"] * (len(words) // 2)
    assert len(words) > 20


def test_every_public_name_is_in_the_reference():
    text = (DOCS / "api.rst").read_text(encoding="utf-8")
    named = set(re.findall(r"^   (\w+)$", text, re.MULTILINE)) | set(re.findall(r"``(\w+)``", text))
    public = set(sktl.__all__) - {"__version__"}
    for name in MODULES:
        module = importlib.import_module(f"sktl.{name}")
        public |= set(getattr(module, "__all__", [each for each in dir(module) if each[0] != "_"]))
    assert public - named == set()
    assert set(re.findall(r"``sktl\.([\w.]+)``", text)) == MODULES
