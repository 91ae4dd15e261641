"""A prediction does not depend on the batch it is in, nor a fit on anything but its seed."""

import numpy as np
import pytest

from sktl import (
    DeepFeatureTransformer,
    TransferClassifier,
    TransferRegressor,
    TransferStackRegressor,
    list_sources,
    load_source,
)

FAST = {"max_epochs": 1, "random_state": 0}
TOLERANCE = 1e-6
AT_HAND = [name for name in list_sources() if not name.startswith("nequix")]  # others: their file
FORMULAS = ["NaCl", "GaAs", "Fe2O3", "CuSO4·5H2O", "Al0.5Ga0.5As", "SrTiO3", "Si"]


def same_alone(answer, X):
    """Compare what a function says of all rows with what it says of each, and of other orders."""
    together = np.asarray(answer(X))
    scale = np.abs(together).max()
    alone = np.concatenate([np.asarray(answer([each])) for each in X])
    turned = np.asarray(answer(X[::-1]))[::-1]
    np.testing.assert_allclose(alone, together, rtol=0, atol=TOLERANCE * scale)
    np.testing.assert_allclose(turned, together, rtol=0, atol=TOLERANCE * scale)


@pytest.mark.parametrize("name", AT_HAND)
def test_a_source_says_the_same_of_a_material_alone(name, toy_crystals):
    source = load_source(name)
    X = FORMULAS
    if source.representation.reads == "structures":
        X = [each for each in toy_crystals(12, seed=3)[0] if known(source, each)][:4]
        assert X
    same_alone(source.predict, X)
    same_alone(source.embed, X)


def known(source, structure):
    """Tell whether a source knows all elements of a crystal."""
    return set(structure.atomic_numbers) <= set(source.card.elements)


def test_an_estimator_says_the_same_of_a_material_alone(
    tiny_source, tiny_crystal_source, toy_rows, toy_crystals
):
    formulas, y, _ = toy_rows(40, seed=3)
    crystals, energies, _ = toy_crystals(16, seed=3)
    numbers = np.random.default_rng(0).normal(size=(40, 3))
    bases = [("network", TransferRegressor(tiny_source, **FAST))]
    stack = TransferStackRegressor(estimators=bases, n_members=2, random_state=0)
    for model, X, target in (
        (TransferRegressor(tiny_source, **FAST), formulas, y),
        (TransferRegressor(None, **FAST), formulas, y),
        (TransferRegressor(None, **FAST), numbers.tolist(), y),
        (TransferRegressor(tiny_crystal_source, **FAST), crystals, energies),
        (TransferClassifier(tiny_source, **FAST), formulas, y > np.median(y)),
        (stack, formulas, y),
        (DeepFeatureTransformer(tiny_source), formulas, y),
    ):
        fitted = model.fit(X, target)
        for method in ("predict_proba", "predict", "transform"):
            if hasattr(fitted, method) and not (
                method == "predict" and hasattr(fitted, "predict_proba")
            ):
                same_alone(getattr(fitted, method), list(X)[:6])


def test_a_fit_depends_on_its_seed_alone(tiny_source, toy_rows):
    formulas, y, _ = toy_rows(40, seed=3)
    found = []
    for noise in (1, 2):
        np.random.default_rng(noise).random(noise)
        model = TransferRegressor(tiny_source, max_epochs=2, random_state=5)
        found.append(model.fit(formulas, y).predict(formulas))
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("name", AT_HAND)
def test_reference_predictions_hold_in_this_environment(name):
    assert load_source(name).verify() <= 1e-5
