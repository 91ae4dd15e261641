"""What every test runs under: no network, one thread, its own cache folder, seeded generators.

The settings are made when pytest starts, and not by fixtures alone, because they also have to hold
for the docstring examples of the installed package, which lie outside this folder.
"""

import contextlib
import importlib.util
import io
import ipaddress
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
MIRROR_VARIABLE = "SKTL_DATA_MIRROR"
_state = {"guarded": False, "scratch": None, "mirror": None}


class NetworkForbiddenError(RuntimeError):
    """A test tried to reach another machine. No OSError, so that no offline fallback hides it."""


def _is_local(host):
    if host in (None, "", b"", "localhost", b"localhost"):
        return True
    text = host.decode() if isinstance(host, bytes) else str(host)
    try:
        return ipaddress.ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _forbid_network(event, arguments):
    """Audit hook: let sockets reach this machine (joblib, a test's own server) and no other."""
    if not _state["guarded"]:
        return
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        if isinstance(address, tuple) and not _is_local(address[0]):
            raise NetworkForbiddenError(f"Got a connection to {address!r}, expected no network.")
    elif event in ("socket.getaddrinfo", "socket.gethostbyname") and not _is_local(arguments[0]):
        raise NetworkForbiddenError(f"Got a look-up of {arguments[0]!r}, expected no network.")


sys.addaudithook(_forbid_network)


def pytest_configure():
    """Close the network; give threads, cache, plots and Hypothesis their test settings."""
    _state["scratch"] = tempfile.mkdtemp(prefix="sktl-tests-")
    _state["mirror"] = _find_mirror(os.environ.get(MIRROR_VARIABLE))
    for proxy in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[proxy]
    os.environ["SKTL_CACHE"] = str(Path(_state["scratch"]) / "cache")
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["MPLBACKEND"] = "Agg"
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(Path(_state["scratch"]) / "hypothesis")
    settings.register_profile("sktl", deadline=None, derandomize=True, database=None)
    settings.load_profile("sktl")
    _state["guarded"] = True


def pytest_unconfigure():
    """Open the network again and remove the scratch folder."""
    _state["guarded"] = False
    if _state["scratch"]:
        shutil.rmtree(_state["scratch"], ignore_errors=True)


def pytest_report_header():
    """Say which sktl is tested, and where the public data comes from."""
    spec = importlib.util.find_spec("sktl")
    return [
        f"sktl: {spec.origin if spec else 'not importable'}",
        f"{MIRROR_VARIABLE}: {_state['mirror'] or 'no mirror: tests on public data are skipped'}",
    ]


def _find_mirror(named):
    if named:
        return Path(named).expanduser().resolve()
    beside = ROOT.parent / "shared" / "data" / "mirror"
    return beside if beside.is_dir() else None


@pytest.fixture
def mirror(monkeypatch):
    """Folder of the public data files, set as ``SKTL_DATA_MIRROR``; skip where there is none."""
    if _state["mirror"] is None:
        pytest.skip(f"no mirror of the public data: set {MIRROR_VARIABLE} to its folder")
    monkeypatch.setenv(MIRROR_VARIABLE, str(_state["mirror"]))
    return _state["mirror"]


@pytest.fixture(autouse=True)
def _same_start(monkeypatch):
    """Start every test without a mirror and from the same global generators."""
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
    random.seed(0)
    np.random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].default_generator.manual_seed(0)


@pytest.fixture
def global_generators_untouched():
    """Fail the test if its end finds numpy's, Python's or torch's global generator moved."""
    import torch

    def states():
        _, keys, *place = np.random.get_state()
        return random.getstate(), keys.tolist(), place, torch.get_rng_state().tolist()

    before = states()
    yield
    assert states() == before, "a global random generator was moved"


@pytest.fixture(scope="session")
def few_steps():
    """Context in which networks take a few steps and the forests of stacks have few trees.

    It holds in this process alone, and is for tests to which it does not matter how much is learned
    from the rows, such as those of commands, which have no option for it.
    """
    from sklearn.base import clone

    from sktl.estimators import _classifier
    from sktl.estimators.stack import _bases
    from sktl.training import _policy

    @contextlib.contextmanager
    def context():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_classifier, "MEMBERS", 2)
            for name in ("_NUMBERS", "_SCRATCH", "_CLASSES", "_AT_ONCE"):
                pace = getattr(_policy, name)
                patch.setattr(_policy, name, pace._replace(epochs=0.1, fewest_steps=5))
            for trees in (_bases._TREES, _bases._CLASS_TREES):
                for name, model in trees.items():
                    size = "n_estimators" if hasattr(model, "n_estimators") else "max_iter"
                    patch.setitem(trees, name, clone(model).set_params(**{size: 10}))
            yield

    return context


@pytest.fixture(scope="session")
def workbook():
    """Function (path, name of a sheet=rows, ...) -> path, which writes a workbook."""

    def write(path, **sheets):
        import openpyxl

        book = openpyxl.Workbook()
        book.remove(book.active)
        for name, rows in sheets.items():
            sheet = book.create_sheet(name)
            for row in rows:
                sheet.append(row)
        book.save(path)
        return path

    return write


TOY_ELEMENTS = "Li B N O F Na Mg Al Si P S Cl K Ca Ti V Mn Fe Co Ni Cu Zn Ga Ge As Se Sr Y".split()


def make_toy_rows(n, seed):
    """Return n formulas of 28 elements and two synthetic properties of theirs, each (n,).

    Each element has two hidden quantities: the negative variance of the first over the composition
    is an energy, the mean of the second a volume.
    """
    hidden = np.random.default_rng(42).uniform(0.5, 4, (2, len(TOY_ELEMENTS)))
    generator = np.random.default_rng(seed)
    formulas, energies, volumes = [], [], []
    for _ in range(n):
        chosen = generator.choice(len(TOY_ELEMENTS), generator.integers(2, 4), replace=False)
        amounts = generator.integers(1, 5, len(chosen))
        share = amounts / amounts.sum()
        first, second = hidden[:, chosen]
        text = [f"{TOY_ELEMENTS[i]}{amount}" for i, amount in zip(chosen, amounts, strict=True)]
        formulas.append("".join(text))
        energies.append(-(share @ (first - share @ first) ** 2))
        volumes.append(share @ second)
    return formulas, np.array(energies), np.array(volumes)


@pytest.fixture(scope="session")
def toy_rows():
    """Function (n, seed) -> formulas, energies, volumes of synthetic materials."""
    return make_toy_rows


@pytest.fixture(scope="session")
def tiny_source():
    """Source of two synthetic properties, pretrained within seconds; not to be changed."""
    from sktl import PropertyTable, pretrain

    formulas, energies, volumes = make_toy_rows(1500, seed=0)
    return pretrain(
        [
            PropertyTable("toy_energy", formulas, energies, "eV/atom"),
            PropertyTable("toy_volume", formulas, volumes, "A^3/atom"),
        ],
        id="toy.all@1",
        title="Two synthetic properties of 28 elements",
        network_arguments=dict(
            width=16, hidden=16, n_heads=2, n_attention=1, trunk_width=24, n_trunk=2
        ),
        epochs=20,
        batch_size=64,
        learning_rate=3e-3,
        device="cpu",
        progress=False,
    )


TOY_IONS = {"Li": 1.0, "Na": 0.9, "K": 0.8, "Mg": 1.3, "Ca": 1.0, "O": 3.4, "S": 2.6, "F": 4.0}


def make_toy_crystals(n, seed):
    """Return n crystals of two elements and two synthetic properties of theirs, each (n,).

    Half have the structure of rock salt, half that of caesium chloride. The energy falls with the
    difference of their electronegativities, the shortness of the bond and the coordination; the
    volume is that of an atom.
    """
    from pymatgen.core import Lattice, Structure

    generator = np.random.default_rng(seed)
    structures, energies, volumes = [], [], []
    for _ in range(n):
        pair = generator.choice(list(TOY_IONS), 2, replace=False)
        bond, salt = generator.uniform(1.8, 3.4), generator.random() < 0.5
        faces = Lattice([[0, bond, bond], [bond, 0, bond], [bond, bond, 0]])
        lattice = faces if salt else Lattice.cubic(2 * bond / 3**0.5)
        structures.append(Structure(lattice, pair, [[0, 0, 0], [0.5, 0.5, 0.5]]))
        ionic = abs(TOY_IONS[pair[0]] - TOY_IONS[pair[1]])
        energies.append(-ionic / bond * (1.0 if salt else 8 / 6))
        volumes.append(lattice.volume / 2)
    return structures, np.array(energies), np.array(volumes)


@pytest.fixture(scope="session")
def toy_crystals():
    """Function (n, seed) -> structures, energies, volumes of synthetic crystals."""
    return make_toy_crystals


@pytest.fixture(scope="session")
def tiny_crystal_source():
    """Source of two synthetic properties of crystals, pretrained within seconds."""
    from sktl import PropertyTable, pretrain

    structures, energies, volumes = make_toy_crystals(300, seed=0)
    return pretrain(
        [
            PropertyTable("toy_energy", structures, energies, "eV"),
            PropertyTable("toy_volume", structures[:200], volumes[:200], "A^3/atom"),
        ],
        id="toy.crystals@1",
        title="Two synthetic properties of crystals of 8 elements",
        network="alignn",
        network_arguments=dict(
            hidden=24, n_alignn=1, n_gcn=1, expansion_width=16, n_distances=24, n_angles=8
        ),
        epochs=20,
        batch_size=32,
        learning_rate=5e-3,
        device="cpu",
        progress=False,
    )


@pytest.fixture
def terminal(monkeypatch):
    """Let progress be shown at once, as on a terminal; return what is written."""

    from sktl import _progress

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    written = Terminal()
    monkeypatch.setattr(_progress, "sys", SimpleNamespace(stderr=written, stdout=written))
    monkeypatch.setattr(_progress, "DELAY", 0.0)
    monkeypatch.setattr(_progress, "TICK", 0.01)
    return written
