"""A source file is whole, safe and exact, or it is refused."""

import io
import json
import pickle
import zipfile

import numpy as np
import pytest
import safetensors.torch
import torch

from sktl import Source, SourceCard, load_source
from sktl.exceptions import (
    FormulaError,
    InputError,
    SourceIntegrityError,
    UnseenElementError,
)
from sktl.sources import card_page, read_source, read_tensors, write_tensors

FORMULAS = ["NaCl", "Fe2O3", "CaTiO3", "Li0.5CoO2"]


@pytest.fixture
def content(tiny_source):
    return tiny_source.to_bytes()


@pytest.fixture
def damaged(tmp_path):
    """Function that writes bytes to a file and returns what reading it as a source raises."""

    def read(content, match=None):
        path = tmp_path / "damaged.safetensors"
        path.write_bytes(content)
        with pytest.raises(SourceIntegrityError, match=match) as caught:
            read_source(path)
        return str(caught.value)

    return read


def parts(content):
    """Return tensors and card of the bytes of a source."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    return safetensors.torch.load(content), json.loads(header["__metadata__"]["sktl"])


@pytest.fixture
def forged(tmp_path):
    """Function that writes tensors and a card with hashes that are right."""

    def write(tensors, card):
        path = tmp_path / "forged.safetensors"
        write_tensors(path, tensors, card if isinstance(card, str) else json.dumps(card))
        return path

    return write


def test_what_is_saved_is_what_is_loaded(tiny_source, tmp_path):
    path = tmp_path / "source.safetensors"
    tiny_source.save(path)
    loaded = read_source(path)
    assert loaded.card == tiny_source.card
    assert np.array_equal(loaded.predict(FORMULAS), tiny_source.predict(FORMULAS))
    assert np.array_equal(loaded.embed(FORMULAS), tiny_source.embed(FORMULAS))
    assert loaded.to_bytes() == tiny_source.to_bytes() == path.read_bytes()
    assert loaded.verify() == 0


def test_predictions_have_the_documented_shape_and_order(tiny_source):
    predictions = tiny_source.predict(FORMULAS)
    assert predictions.shape == (4, 2) and predictions.dtype == np.float64
    assert tiny_source.embed(FORMULAS).shape == (4, tiny_source.network.embedding_size)
    alone = np.concatenate([tiny_source.predict([formula]) for formula in FORMULAS])
    np.testing.assert_allclose(predictions, alone, rtol=1e-4, atol=1e-5)


def test_predictions_are_in_the_units_of_the_tables(tiny_source, toy_rows):
    formulas, energies, volumes = toy_rows(200, seed=1)
    errors = np.abs(tiny_source.predict(formulas) - np.column_stack([energies, volumes]))
    medians = [np.median(energies), np.median(volumes)]
    baseline = np.abs(np.column_stack([energies, volumes]) - medians)
    assert (errors.mean(axis=0) < 0.7 * baseline.mean(axis=0)).all()


def test_an_element_that_the_source_never_saw_is_an_error(tiny_source):
    with pytest.raises(UnseenElementError, match=r"Got Fm in row 1 \('Fm2O3'\)"):
        tiny_source.predict(["NaCl", "Fm2O3"])
    with pytest.raises(UnseenElementError, match="Got Rf in row 0"):
        tiny_source.embed(["RfO2"])


def test_bad_input_is_an_error_that_names_it(tiny_source):
    with pytest.raises(FormulaError, match="3-Fex"):
        tiny_source.predict(["NaCl", "3-Fex"])
    with pytest.raises(InputError, match="expected at least one"):
        tiny_source.predict([])
    with pytest.raises(InputError, match="expected a sequence"):
        tiny_source.predict("NaCl")


def test_a_new_network_trains_and_leaves_the_source_alone(tiny_source):
    before = tiny_source.predict(FORMULAS)
    network = tiny_source.new_network(3)
    assert all(p.requires_grad for p in network.parameters())
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1.0)
    assert np.array_equal(tiny_source.predict(FORMULAS), before)
    assert not any(p.requires_grad for p in tiny_source.network.parameters())


def test_a_source_survives_pickling(tiny_source):
    copied = pickle.loads(pickle.dumps(tiny_source))
    assert copied.card == tiny_source.card
    assert np.array_equal(copied.predict(FORMULAS), tiny_source.predict(FORMULAS))


def test_loading_leaves_torch_random_state(content, tmp_path, global_generators_untouched):
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    read_source(path)


def test_a_source_with_weights_that_half_precision_cannot_hold_is_refused(tiny_source):
    for value in (1e6, np.nan, np.inf):
        network = tiny_source.new_network()
        with torch.no_grad():
            network.head.weight[0, 0] = value
        with pytest.raises(SourceIntegrityError, match=r"head\.weight"):
            Source(tiny_source.card, network)


def test_verify_notices_other_weights(tiny_source):
    network = tiny_source.new_network()
    with torch.no_grad():
        network.head.bias += 0.01
    with pytest.raises(SourceIntegrityError, match="predicts otherwise"):
        Source(tiny_source.card, network).verify()


def test_the_page_of_a_source_states_units_errors_and_use(tiny_source):
    page = card_page(tiny_source, "toy")
    for text in ("# toy", 'load_source("toy")', "toy_volume", "A^3/atom", "MAE", "LiFePO4"):
        assert text in page
    assert f"{tiny_source.card.properties[0].holdout_mae:.4g}" in page


def test_a_wrong_hash_is_noticed_before_anything_is_parsed(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"\x80\x04 not parsed")
    with pytest.raises(SourceIntegrityError, match="sha256.*It was not read"):
        read_source(path, "0" * 64)


@pytest.mark.parametrize("share", [0, 1e-9, 0.001, 0.3, 0.999999])
def test_a_truncated_file_is_refused(content, damaged, share):
    damaged(content[: max(int(share * len(content)), bool(share))])


def test_a_file_with_more_at_its_end_is_refused(content, damaged):
    damaged(content + b"\0")


def test_no_flipped_bit_changes_a_prediction(content, tiny_source, tmp_path):
    expected = tiny_source.predict(FORMULAS)
    path = tmp_path / "flipped.safetensors"
    generator = np.random.default_rng(0)
    header = 8 + int.from_bytes(content[:8], "little")
    places = [*generator.integers(header, size=150), *generator.integers(len(content), size=150)]
    refused = 0
    for place in [*range(9), *places]:
        flipped = bytearray(content)
        flipped[place] ^= 1 << int(generator.integers(8))
        path.write_bytes(flipped)
        try:
            found = read_source(path)
        except SourceIntegrityError:
            refused += 1
        else:
            assert np.array_equal(found.predict(FORMULAS), expected)
    assert refused > 250


class Boobytrap:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("kind", ["pickle", "protocol0", "torch", "npz", "zip"])
def test_a_pickle_in_disguise_is_refused_and_not_executed(kind, tmp_path, damaged):
    trap, buffer = Boobytrap(tmp_path / "executed"), io.BytesIO()
    if kind == "torch":
        torch.save({"head.weight": torch.zeros(2), "trap": trap}, buffer)
    elif kind == "npz":
        np.savez(buffer, trap=np.array([trap], dtype=object))
    elif kind == "zip":
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("data.pkl", pickle.dumps(trap))
    else:
        pickle.dump(trap, buffer, protocol=0 if kind == "protocol0" else 4)
    message = damaged(buffer.getvalue())
    assert kind == "protocol0" or "pickle" in message
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("length", [0, 1, 2**20, 2**31, 2**63, 2**64 - 1])
def test_a_header_that_lies_about_its_size_is_refused(content, damaged, length):
    damaged(length.to_bytes(8, "little") + content[8:])


@pytest.mark.parametrize(
    "header",
    [
        "{}",
        '{"__metadata__": null}',
        '{"__metadata__": {"sktl": "{}"}}',
        '{"__metadata__": {"sktl": "{}", "sha256": "0", "more": ""}}',
        '{"a": {"dtype": "F16", "shape": [1099511627776], "data_offsets": [0, 2199023255552]}}',
        '{"a": {"dtype": "F4", "shape": [2], "data_offsets": [0, 1]}}',
        '{"a": {"dtype": "F16", "shape": [-1], "data_offsets": [0, 2]}}',
        "{" * 50_000,
        '{"a": ' + "[" * 50_000,
    ],
    ids=lambda header: header[:40],
)
def test_a_strange_header_is_refused(damaged, header):
    text = header.encode()
    damaged(len(text).to_bytes(8, "little") + text + b"\0\0")


def test_a_safetensors_file_of_another_program_is_refused(damaged):
    damaged(safetensors.torch.save({"weight": torch.zeros(3)}), match="not written by sktl")


CARD_DAMAGES = {
    "no id": lambda card: card.pop("id"),
    "unknown key": lambda card: card.update(code="import os"),
    "id": lambda card: card.update(id="../../etc/passwd"),
    "title": lambda card: card.update(title=3),
    "licence": lambda card: card.update(licence=""),
    "elements": lambda card: card.update(elements=[8, 8, 1]),
    "too heavy element": lambda card: card.update(elements=[1, 119]),
    "representation": lambda card: card["representation"].update(version="1"),
    "later representation": lambda card: card["representation"].update(version=2),
    "network": lambda card: card["network"].update(name="resnet"),
    "network name list": lambda card: card["network"].update(name=["composition"]),
    "network text": lambda card: card["network"]["arguments"].update(width="16"),
    "unknown argument": lambda card: card["network"]["arguments"].update(depth=3),
    "huge width": lambda card: card["network"]["arguments"].update(width=2**40),
    "huge trunk": lambda card: card["network"]["arguments"].update(trunk_width=2**31),
    "huge depth": lambda card: card["network"]["arguments"].update(n_trunk=2**50),
    "yes for a depth": lambda card: card["network"]["arguments"].update(n_trunk=True),
    "negative width": lambda card: card["network"]["arguments"].update(width=-16),
    "no heads": lambda card: card["network"]["arguments"].update(n_heads=0),
    "dropout": lambda card: card["network"]["arguments"].update(dropout=7.5),
    "other width": lambda card: card["network"]["arguments"].update(width=32),
    "no properties": lambda card: card.update(properties=[]),
    "property not an object": lambda card: card.update(properties=[1, 2]),
    "one property less": lambda card: card["properties"].pop(),
    "same properties": lambda card: card["properties"][0].update(name="toy_volume"),
    "property key": lambda card: card["properties"][0].pop("unit"),
    "scale": lambda card: card["properties"][0].update(scale=0),
    "scale text": lambda card: card["properties"][0].update(scale="1"),
    "center": lambda card: card["properties"][0].update(center=True),
    "infinite center": lambda card: card["properties"][0].update(center=float("inf")),
    "huge center": lambda card: card["properties"][0].update(center=10**400),
    "transform": lambda card: card["properties"][0].update(transform="exp"),
    "transform list": lambda card: card["properties"][0].update(transform=[]),
    "clip": lambda card: card["properties"][0].update(clip=[1]),
    "rows": lambda card: card["properties"][0].update(n_rows=-1),
    "error": lambda card: card["properties"][0].update(holdout_mae=-0.1),
    "training": lambda card: card.update(training=[]),
    "tables": lambda card: card["training"].update(tables=5),
    "no tables": lambda card: card["training"].update(tables=None),
    "a table": lambda card: card["training"].update(tables=["x"]),
    "doi": lambda card: card["training"].update(tables=[{"doi": [5]}]),
    "database": lambda card: card["training"].update(tables=[{"database": ["x", {}]}]),
    "settings": lambda card: card["training"].update(settings=5),
    "labels": lambda card: card["training"].update(settings={"labels": 5}),
    "deep settings": lambda card: card["training"].update(settings={"a": [[[[[[1]]]]]]}),
    "compositions": lambda card: card["training"].update(n_compositions="many"),
    "held out": lambda card: card.update(held_out=None),
    "reference": lambda card: card["reference"].update(formulas=["NaCl"]),
    "reference columns": lambda card: card["reference"]["predictions"][0].append(0.0),
    "reference value": lambda card: card["reference"]["predictions"][0].__setitem__(0, None),
}


@pytest.mark.parametrize("damage", CARD_DAMAGES)
def test_a_card_that_is_not_right_is_refused(content, forged, damage):
    tensors, card = parts(content)
    CARD_DAMAGES[damage](card)
    with pytest.raises(SourceIntegrityError):
        read_source(forged(tensors, card))


@pytest.mark.parametrize("text", ["", "null", "[1, 2]", "{" * 9, "[" * 50_000, '{"id": NaN}'])
def test_a_card_that_is_no_object_is_refused(content, forged, text):
    with pytest.raises(SourceIntegrityError):
        read_source(forged(parts(content)[0], text))


TENSOR_DAMAGES = {
    "missing": lambda tensors: tensors.pop("head.bias"),
    "more": lambda tensors: tensors.update(extra=torch.zeros(1).half()),
    "shape": lambda tensors: tensors.update({"head.bias": torch.zeros(3).half()}),
    "transposed": lambda tensors: tensors.update({"head.weight": tensors["head.weight"].T}),
    "single precision": lambda tensors: tensors.update({"head.bias": torch.zeros(2)}),
    "double precision": lambda tensors: tensors.update({k: t.double() for k, t in tensors.items()}),
    "integers": lambda tensors: tensors.update({"head.bias": torch.zeros(2, dtype=torch.int16)}),
    "not a number": lambda tensors: tensors["head.bias"].fill_(torch.nan),
    "infinite": lambda tensors: tensors["head.weight"].fill_(torch.inf),
}


@pytest.mark.parametrize("damage", TENSOR_DAMAGES)
def test_weights_that_do_not_fit_the_card_are_refused(content, forged, damage):
    tensors, card = parts(content)
    TENSOR_DAMAGES[damage](tensors)
    with pytest.raises(SourceIntegrityError):
        read_source(forged(tensors, card))


def test_an_untouched_forgery_loads(content, forged, tiny_source):
    source = load_source(forged(*parts(content)))
    assert np.array_equal(source.predict(FORMULAS), tiny_source.predict(FORMULAS))


def test_a_card_is_the_same_after_its_json(tiny_source):
    text = tiny_source.card.to_json()
    assert SourceCard.from_json(text) == tiny_source.card
    assert SourceCard.from_json(text).to_json() == text


def test_tensors_of_any_kind_come_back(tmp_path):
    path = tmp_path / "tensors"
    tensors = {
        "step": torch.tensor(3.0),
        "empty": torch.zeros(0, 3),
        "double": torch.rand(2, 3, dtype=torch.float64).T,
        "flags": torch.tensor([True, False]),
        "numbers": torch.arange(5),
    }
    write_tensors(path, tensors, '{"a": "é\\n"}')
    found, text = read_tensors(path)
    assert text == '{"a": "é\\n"}'
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())
    before = path.read_bytes()
    write_tensors(path, dict(reversed(tensors.items())), text)
    assert path.read_bytes() == before
