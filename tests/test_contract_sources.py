"""What every source in the package promises."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from sktl import list_sources, load_source
from sktl._store import sha256_of
from sktl.sources import card_page, read_source
from sktl.sources._catalog import ALIASES, SHIPPED, WEIGHTS
from sktl.training import digest_list_hash

PAGES = Path(__file__).resolve().parents[1] / "docs" / "sources"
MAX_BYTES = 40_000_000
FORMULAS = ["NaCl", "Fe2O3", "LiFePO4", "Al0.5Ga0.5As"]


@pytest.fixture(params=sorted(SHIPPED))
def entry(request):
    """Id, file and hash of a shipped source."""
    return request.param, WEIGHTS / SHIPPED[request.param]["file"], SHIPPED[request.param]["sha256"]


@pytest.fixture
def source(entry):
    return load_source(entry[0])


@pytest.fixture
def materials(source, toy_crystals):
    """Four materials of the kind that the source reads."""
    return FORMULAS if source.representation.reads == "formulas" else toy_crystals(4, seed=0)[0]


def test_the_weights_together_are_small():
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir()) < MAX_BYTES


def test_every_weight_file_is_in_the_catalog():
    listed = {entry["file"] for entry in SHIPPED.values()}
    assert {path.name for path in WEIGHTS.glob("*.safetensors")} == listed


def test_every_short_name_stands_for_a_shipped_source():
    assert set(ALIASES.values()) <= set(SHIPPED)
    assert set(ALIASES) <= set(list_sources())


def test_the_hash_is_right(entry):
    assert sha256_of(entry[1]) == entry[2]


def test_the_file_alone_is_whole(entry):
    assert read_source(entry[1], entry[2]).card.id == entry[0]


def test_reference_predictions_agree(source):
    assert len(source.card.reference[source.representation.reads]) >= 5
    assert source.verify() <= 1e-5


def test_the_card_is_complete(source):
    card = source.card
    assert card.title and card.licence not in ("", "unspecified")
    assert card.training["n_compositions"] > 1000
    assert {table["name"] for table in card.training["tables"]} == set(card.property_names)
    for table in card.training["tables"]:
        assert table["doi"] and table["licence"] and table["database"] and table["rows"] > 0
    for setting in ("epochs", "batch_size", "learning_rate", "seed", "seconds", "versions"):
        assert setting in card.training["settings"]
    for item in card.properties:
        assert item.unit and item.n_rows > 0
    json.loads(card.to_json())


def test_a_property_with_many_held_out_labels_beats_the_median(source):
    for item in source.card.properties:
        if item.holdout_rows >= 1000:
            assert item.holdout_mae < 0.7 * item.holdout_baseline_mae, item.name


def test_the_held_out_list_is_named_by_its_hash(source):
    held_out = source.card.held_out
    assert len(held_out["sha256"]) == 64 and held_out["sha256"] != digest_list_hash([])
    assert held_out["n_digests"] > 0 and held_out["n_compositions"] > 0


def test_a_head_of_no_outputs_returns_the_embedding(source, materials):
    network = source.new_network(0).eval()
    batch = source.representation.read(materials)
    rows = source.representation.encode(batch)[np.arange(len(materials))]
    inputs = {name: torch.as_tensor(part) for name, part in rows.items()}
    assert torch.equal(network(**inputs), source.network.features(**inputs))


def test_predictions_are_finite_and_repeat(source, materials):
    predictions = source.predict(materials)
    assert predictions.shape == (len(materials), len(source.card.properties))
    assert np.isfinite(predictions).all()
    assert np.array_equal(source.predict(materials), predictions)
    alone = np.concatenate([source.predict([material]) for material in materials])
    np.testing.assert_allclose(alone, predictions, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("alias", sorted(ALIASES))
def test_the_page_says_what_the_card_says(alias):
    page = (PAGES / f"{alias}.md").read_text(encoding="utf-8")
    assert page == card_page(load_source(alias), alias)
