"""Classes on the command line and in the report: what is taken for them, and how good they are."""

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.metrics import roc_auc_score

from sktl import load_model
from sktl.cli import main
from sktl.evaluation import (
    FOREST,
    TRANSFER,
    evaluate_classes,
    score_probabilities,
    summarize_classes,
    write_class_report,
)
from sktl.evaluation._classes import _names
from sktl.exceptions import InputError
from sktl.tables import Table, are_labels, read_labels

QUICK = dict(n_splits=2, n_repeats=1, max_epochs=2, models=[TRANSFER, FOREST])


@pytest.fixture(scope="module")
def rows(toy_rows):
    formulas, energies, _ = toy_rows(90, seed=4)
    names = np.array(["low", "middle", "high"])
    return formulas, names[np.digitize(energies, np.quantile(energies, [0.4, 0.7]))], energies


@pytest.fixture(scope="module")
def found(rows, tiny_source, few_steps):
    formulas, labels, _ = rows
    with few_steps():
        return evaluate_classes(formulas, labels, source=tiny_source, **QUICK)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["metal", "insulator"] * 10, True),
        (["metal", "insulator", "n/a"] * 10, True),
        (["metal", "n.d.", "#N/A"] * 10, False),  # one class
        (["0", "1"] * 10, True),
        (["True", "False"] * 10, True),
        (["1", "2", "3"] * 10, False),  # numbers may be measured values
        (["0.5", "1.5"] * 10, False),
        (["<0.1", "n/a"] * 10, False),
        (["1.2", "metal"] * 10, False),
        (["2H", "3C"] * 10, False),  # begins as numbers do: who means classes says so
        ([f"note {i}" for i in range(30)], False),
        (["metal"] * 20, False),
        (["metal", "insulator"], False),  # too few rows to be sure
    ],
)
def test_classes_are_taken_only_where_that_is_without_doubt(cells, expected):
    assert are_labels(cells) is expected


NO_LABELS = ["", "n.d.", "N.D.", "nd", "n.a.", "n/a", "-", "--", "—", "TBD", "not measured", "null"]


@pytest.mark.parametrize("cell", [*NO_LABELS, "#N/A", "#DIV/0!", "#NAME?"])
def test_a_cell_that_says_no_value_is_no_class(cell):
    cells = ["metal"] * 10 + ["insulator"] * 10 + [cell] * 6
    assert are_labels(cells)
    table = Table(("y",), [[each] for each in cells], list(range(2, 28)))
    bad = read_labels(table, "y")[1]
    assert [each.row for each in bad] == list(range(20, 26)) and "no value" in bad[0].reason
    kind = "error of a spreadsheet" if cell.startswith("#") else "not measured"
    assert bad[0].kind == kind


@pytest.mark.parametrize("cell", ["none", "unknown", "NM", "x", "trace", "not detected"])
def test_a_word_may_be_a_class(cell):
    table = Table(("y",), [["FM"], [cell]], [2, 3])
    assert read_labels(table, "y") == (["FM", cell], [])


def test_every_row_gets_probabilities_when_it_was_held_out(found, rows):
    assert found.classes == ["high", "low", "middle"]
    for chances in found.probabilities.values():
        assert chances.shape == (1, 90, 3)
        np.testing.assert_allclose(chances.sum(axis=2), 1)
    for fold in found.folds:
        assert not set(found.groups[fold.train]) & set(found.groups[fold.test])
        assert set(found.y[fold.test]) == {0, 1, 2}
    shares = np.bincount(found.y[found.folds[0].train]) / len(found.folds[0].train)
    np.testing.assert_allclose(
        found.probabilities["class shares"][0, found.folds[0].test[0]], shares
    )


def test_scores_are_those_of_the_field():
    y, chances = np.array([0, 1, 1, 0]), np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3], [1.0, 0.0]])
    scores = score_probabilities(y, chances)
    assert scores.accuracy == 0.75
    assert scores.roc_auc == roc_auc_score(y, chances[:, 1]) == 1.0
    expected = -np.log([0.9, 0.6, 0.3, 1 / 1.001]).mean()  # a zero counts as a thousandth
    assert scores.log_loss == pytest.approx(expected)


def test_a_test_row_never_reaches_the_model_that_predicts_it(found, rows, tiny_source, few_steps):
    formulas, labels, _ = rows
    test = found.folds[0].test
    spoilt = labels.copy()
    spoilt[test] = np.random.default_rng(0).permutation(labels[test])
    with few_steps():
        again = evaluate_classes(formulas, spoilt, source=tiny_source, **QUICK)
    folds = [fold for fold in again.folds if set(fold.test) == set(test)]
    for fold in folds:  # the folds depend on the labels, and may be others
        for model in (TRANSFER, FOREST):
            np.testing.assert_allclose(
                again.probabilities[model][0, fold.test], found.probabilities[model][0, fold.test]
            )


def test_names_of_classes_are_short_distinct_and_printable():
    long = ["L" * 3000, "L" * 2999, "\x1b[31m\u202e"]
    names = _names(np.array(long))
    assert len(set(names)) == 3 and max(map(len, names)) < 210 and "".join(names).isprintable()
    assert _names(np.array([0, 1])) == ["0", "1"]


def test_the_findings_say_how_good_each_model_is(found, tmp_path):
    findings = write_class_report(tmp_path / "page.html", found, target="kind", figures="svg")
    assert findings["classes"] == {"high": 27, "low": 36, "middle": 27}
    transfer, forest, shares = findings["models"]
    assert (transfer["model"], forest["model"]) == (TRANSFER, FOREST)
    assert np.sum(transfer["confusion"]) == 90 and np.sum(shares["confusion"], axis=0)[1] == 90
    difference = np.mean(np.subtract(transfer["fold_roc_auc"], forest["fold_roc_auc"]))
    assert forest["difference"]["mean"] == pytest.approx(difference)
    assert shares["roc_auc"] == 0.5
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    for part in ("summary", "errors", "confusion", "roc", "precision", "calibration", "worst"):
        assert f'id="{part}"' in text
    assert findings["headline"] in text and "<script" not in text
    assert sorted(path.name for path in tmp_path.glob("*.svg")) == [
        "page_calibration.svg",
        "page_precision.svg",
        "page_roc.svg",
    ]
    assert findings["worst"][0]["probability"] <= findings["worst"][-1]["probability"]
    assert summarize_classes(found)["headline"] == findings["headline"]


def test_a_class_that_is_too_rare_is_named(rows, tiny_source):
    formulas, labels, _ = rows
    labels = labels.astype(object)
    labels[:2] = "odd"
    with pytest.raises(InputError, match="Got the class 'odd' in . groups of rows, expected at le"):
        evaluate_classes(formulas, labels, source=tiny_source, **QUICK | {"n_splits": 3})


@pytest.fixture
def place(tmp_path, monkeypatch, tiny_source, rows, few_steps):
    """A folder to run commands in, whose networks take few steps."""
    tiny_source.save(tmp_path / "toy.safetensors")
    lines = [f"{f},{label},{e:.3f}" for f, label, e in zip(*rows, strict=True)]
    (tmp_path / "data.csv").write_text("\n".join(["formula,kind,energy", *lines]) + "\n")
    monkeypatch.chdir(tmp_path)
    with few_steps():
        yield tmp_path


def run(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


FIT = "--source", "toy.safetensors", "--save", "m.sktl"


def test_a_column_of_labels_is_fitted_as_classes_and_this_is_said(place):
    done = run("fit", "data.csv", "--target", "kind", *FIT)
    assert done.exit_code == 0, done.output
    assert "kind is taken as classes: high, low, middle. --task regression" in done.output
    assert "Fitted kind on 90 rows of 3 classes" in done.output and "log loss" in done.output
    assert load_model("m.sktl").classes_.tolist() == ["high", "low", "middle"]
    done = run("predict", "m.sktl", "data.csv", "-o", "o.csv")
    assert done.exit_code == 0, done.output
    with open("o.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    chances = np.array(
        [[float(row[f"probability of {n} for kind"]) for n in ("high", "low")] for row in rows]
    )
    assert ((chances >= 0) & (chances <= 1)).all() and len(rows) == 90


def test_a_task_that_is_asked_for_is_taken(place, monkeypatch):
    done = run("fit", "data.csv", "--target", "kind", *FIT, "--task", "regression")
    assert done.exit_code == 1 and "cannot be used" in done.output
    monkeypatch.setattr("sktl.estimators.stack._stack.MOST_MEMBERS", 2)
    done = run("fit", "data.csv", "--target", "kind", *FIT, "--model", "stack")
    assert done.exit_code == 0 and load_model("m.sktl").weights_, done.output
    (place / "more.csv").write_text((place / "data.csv").read_text() + "NaCl,,1\n")
    done = run("fit", "more.csv", "--target", "kind", *FIT, "--json")
    assert done.exit_code == 1 and "line 92, kind: '': no value" in done.output


def test_classes_are_evaluated_on_the_command_line(place):
    quick = "--models", "transfer,forest,xgboost", "--folds", 2, "--repeats", 1, "--jobs", 1
    done = run(
        "evaluate", "data.csv", "--target", "kind", *FIT[:2], "-o", "r.html", *quick, "--json"
    )
    assert done.exit_code == 0, done.output
    found = json.loads(done.output[done.output.index("{") :])
    assert found["task"] == "classification"
    models = [row["model"] for row in found["models"]]
    assert models == [TRANSFER, FOREST, "class shares"]
    assert (place / "r.html").is_file()
