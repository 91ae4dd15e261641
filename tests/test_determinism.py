"""A prediction does not depend on the batch it is in, nor a fit on anything but its seed."""

from functools import partial

import numpy as np
import pytest

from sktl import (
    DeepFeatureTransformer,
    HarmonicTransformer,
    TransferClassifier,
    TransferRegressor,
    TransferStackClassifier,
    TransferStackRegressor,
    list_sources,
    load_source,
)
from sktl.sources import find_architecture, list_architectures

FAST = {"max_epochs": 1, "random_state": 0}
TOLERANCE = 1e-6
WHAT = ("predict", "predict_proba", "transform")
FORMULAS = ["NaCl", "GaAs", "Fe2O3", "CuSO4·5H2O", "Al0.5Ga0.5As", "SrTiO3", "Si"]
FROM_SCRATCH = [name for name in list_architectures() if find_architecture(name).from_scratch]


def stack(kind, base, source):
    """Return a stack of two networks."""
    return kind(estimators=[("network", base(source, **FAST))], n_members=2, random_state=0)


# What each estimator reads, of what the fixture `tables` has, and how it is made of `sources`.
CASES = {
    "regressor": ("formulas", lambda s: TransferRegressor(s["formulas"], **FAST)),
    "members": ("formulas", lambda s: TransferRegressor(s["formulas"], n_members=3, **FAST)),
    "crystals": ("structures", lambda s: TransferRegressor(s["structures"], **FAST)),
    "classifier": ("classes", lambda s: TransferClassifier(s["formulas"], **FAST)),
    "stack": (
        "formulas",
        lambda s: stack(TransferStackRegressor, TransferRegressor, s["formulas"]),
    ),
    "stack of classes": (
        "classes",
        lambda s: stack(TransferStackClassifier, TransferClassifier, s["formulas"]),
    ),
    "features": ("formulas", lambda s: DeepFeatureTransformer(s["formulas"])),
    "features of crystals": ("structures", lambda s: DeepFeatureTransformer(s["structures"])),
    "responses": ("structures", lambda s: HarmonicTransformer("chgnet", max_atoms=2)),
} | {
    f"{name} from scratch": (
        find_architecture(name).reads,
        partial(lambda name, s: TransferRegressor(None, network=name, **FAST), name),
    )
    for name in FROM_SCRATCH
}


@pytest.fixture(scope="module")
def sources(tiny_source, tiny_crystal_source):
    return {"formulas": tiny_source, "structures": tiny_crystal_source}


@pytest.fixture(scope="module")
def tables(toy_rows, toy_crystals):
    formulas, y, _ = toy_rows(40, seed=3)
    crystals, energies, _ = toy_crystals(16, seed=3)
    numbers = np.random.default_rng(0).normal(size=(40, 3)).tolist()
    return {
        "formulas": (formulas, y),
        "classes": (formulas, y > np.median(y)),
        "columns": (numbers, y),
        "structures": (crystals, energies),
    }


@pytest.fixture(params=list_sources())
def source(request):
    if request.param.startswith("nequix"):  # the files of its publisher
        pytest.importorskip("e3nn", reason="the extra structures is not installed")
        folder = request.getfixturevalue("mirror")
        if not (folder / "nequix" / "models").is_dir():
            pytest.skip("the mirror has no files of nequix")
    return load_source(request.param)


def answers(fitted, X):
    """Return all that a fitted estimator says of materials."""
    given = {key: np.asarray(getattr(fitted, key)(X)) for key in WHAT if hasattr(fitted, key)}
    if "predict_proba" in given:
        del given["predict"]  # the names of classes
    return given


def same_alone(answer, X, tolerance=TOLERANCE):
    """Compare what a function says of all rows with what it says of each, and of other orders."""
    together = np.asarray(answer(X))
    scale = np.nanmax(np.abs(together))
    alone = np.concatenate([np.asarray(answer([each])) for each in X])
    turned = np.asarray(answer(X[::-1]))[::-1]
    np.testing.assert_allclose(alone, together, rtol=0, atol=tolerance * scale)
    np.testing.assert_allclose(turned, together, rtol=0, atol=tolerance * scale)


def test_a_source_says_the_same_of_a_material_alone(source, toy_crystals):
    X = FORMULAS
    if source.representation.reads == "structures":
        X = [each for each in toy_crystals(12, seed=3)[0] if known(source, each)][:4]
        assert X
    same_alone(source.predict, X)
    same_alone(source.embed, X, 5 * TOLERANCE)  # of thousands of numbers, between layers


def known(source, structure):
    """Tell whether a source knows all elements of a crystal."""
    return set(structure.atomic_numbers) <= set(source.card.elements)


@pytest.mark.parametrize("case", CASES)
def test_a_fit_has_the_same_bits_again_and_says_the_same_of_a_material_alone(case, sources, tables):
    reads, make = CASES[case]
    X, y = tables[reads]
    few, found = list(X)[:6], []
    for noise in (1, 2):
        np.random.random(noise)
        fitted = make(sources).fit(X, y)
        found.append(answers(fitted, few))
    assert found[0]
    for key, first in found[0].items():
        np.testing.assert_array_equal(first, found[1][key])
        same_alone(getattr(fitted, key), few)


def test_reference_predictions_hold_in_this_environment(source):
    assert source.verify() <= 1e-5
