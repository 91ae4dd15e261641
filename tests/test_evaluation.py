"""Evaluation on one's own rows: no leak, honest comparisons, plain words, a page with it all."""

import math
import re
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy import stats

from sktl.evaluation import (
    BOOSTING,
    FOREST,
    MEDIAN,
    SCRATCH,
    TRANSFER,
    Evaluation,
    corrected_test,
    evaluate,
    group_rows,
    make_model,
    summarize,
    write_report,
)
from sktl.evaluation._cautions import known_new, noise_floor
from sktl.evaluation._folds import count_repeats, curve_parts, make_folds
from sktl.exceptions import InputError, UnseenElementError
from sktl.representations import parse_formulas


@pytest.fixture(scope="module")
def rows(toy_rows):
    """60 formulas and energies; ten compositions stand twice, with another energy."""
    formulas, energies, _ = toy_rows(50, seed=7)
    return formulas + formulas[:10], np.concatenate([energies, energies[:10] + 0.3])


@pytest.fixture(scope="module")
def found(rows, tiny_source):
    return evaluate(
        *rows,
        source=tiny_source,
        n_splits=2,
        n_repeats=2,
        models=[TRANSFER, SCRATCH, FOREST],
        max_epochs=1,
    )


@pytest.fixture
def made(tiny_source, toy_rows):
    """Function that returns an `Evaluation` with given errors of its models on 200 rows."""
    formulas, energies, _ = toy_rows(200, seed=5)
    compositions = parse_formulas(formulas)
    groups = group_rows(compositions)
    noise = np.random.default_rng(0).normal(size=(2, 200))

    def make(sizes, **changes):
        settings = {"group": "composition", "n_splits": 5, "n_repeats": 2, "random_state": 0}
        predictions = {
            model: energies + size * (noise + 0.2 * np.roll(noise, shift + 1, axis=1))
            for shift, (model, size) in enumerate(sizes.items())
        }
        given = dict(
            formulas=formulas,
            compositions=compositions,
            y=energies,
            groups=groups,
            source=tiny_source,
            source_name="toy",
            settings=settings,
            reads="formulas",
            folds=make_folds(groups, 5, 2, 0),
            predictions=predictions,
            intervals={},
        )
        return Evaluation(**given | changes)

    return make


def test_groups_are_compositions_or_sets_of_elements():
    batch = parse_formulas(["Fe2O3", "Fe4O6", "FeO", "NaCl"])
    a, b, c, d = group_rows(batch)
    assert a == b and len({a, c, d}) == 3
    a, b, c, d = group_rows(batch, "chemical-system")
    assert a == b == c != d
    with pytest.raises(InputError, match="Got group='element'"):
        group_rows(batch, "element")


def test_many_rows_are_split_into_folds_once():
    assert [count_repeats("auto", n) for n in (20, 399, 400, 10**5)] == [2, 2, 1, 1]
    assert count_repeats(3, 10**5) == 3


def test_folds_keep_groups_apart_and_test_every_row_once_a_repeat(rows):
    groups = group_rows(parse_formulas(rows[0]))
    folds = make_folds(groups, 5, 2, seed=3)
    for repeat in (0, 1):
        own = [fold for fold in folds if fold.repeat == repeat]
        assert sorted(np.concatenate([fold.test for fold in own])) == list(range(len(groups)))
    assert not np.array_equal(folds[0].test, folds[5].test)
    for fold in folds:
        assert not set(groups[fold.train]) & set(groups[fold.test])
        assert set(fold.train) | set(fold.test) == set(range(len(groups)))


def test_smaller_training_parts_hold_whole_groups_and_grow(toy_rows):
    formulas, _, _ = toy_rows(120, seed=1)
    groups = group_rows(parse_formulas(formulas + formulas[:60]))
    fold = make_folds(groups, 3, 1, seed=0)[0]
    parts = curve_parts(fold, groups)
    assert [share for share, _ in parts] == [0.2, 0.5]
    few = make_folds(groups[:140], 3, 1, seed=0)[0]  # a fifth of its training rows are below 20
    assert [share for share, _ in curve_parts(few, groups[:140])] == [0.5]
    before = set()
    for share, part in parts:
        assert before < set(part) < set(fold.train)
        rest = np.setdiff1d(fold.train, part)
        assert not set(groups[part]) & set(groups[rest])
        assert 0 <= len(part) - round(share * len(fold.train)) <= 1
        before = set(part)


def test_corrected_test_is_the_published_formula_and_wider_than_the_plain_one():
    differences = np.array([0.2, -0.1, 0.4, 0.3, 0.1, 0.25])
    found = corrected_test(differences, ratio=0.25)
    variance = np.var(differences, ddof=1)
    t = differences.mean() / math.sqrt((1 / 6 + 0.25) * variance)
    assert found.mean == pytest.approx(differences.mean())
    assert found.p == pytest.approx(2 * stats.t.sf(t, 5))
    plain = stats.ttest_1samp(differences, 0)
    low, high = plain.confidence_interval()
    assert found.low < low and found.high > high and found.p > plain.pvalue
    assert corrected_test(differences, ratio=0).p == pytest.approx(plain.pvalue)
    assert corrected_test(np.zeros(4), 0.25).p == 1 and corrected_test(np.ones(4), 0.25).p == 0


def test_a_test_row_never_reaches_the_model_that_predicts_it(rows, tiny_source):
    formulas, energies = rows
    settings = dict(
        source=tiny_source, n_splits=2, n_repeats=1, models=[TRANSFER, FOREST], max_epochs=1
    )
    before = evaluate(formulas, energies, **settings)
    test = before.folds[0].test
    spoilt = energies.copy()
    spoilt[test] = np.random.default_rng(0).normal(100, 50, len(test))
    after = evaluate(formulas, spoilt, **settings)
    other = before.folds[1].test
    for model in (TRANSFER, FOREST, MEDIAN):
        first, second = before.predictions[model][0], after.predictions[model][0]
        np.testing.assert_allclose(first[test], second[test], rtol=1e-9)
        assert not np.isclose(first[other], second[other]).any()


def test_predictions_are_whole_and_choices_are_made_in_each_fold(found, rows):
    assert set(found.predictions) == {TRANSFER, SCRATCH, FOREST, MEDIAN}
    for predicted in found.predictions.values():
        assert predicted.shape == (2, 60) and np.isfinite(predicted).all()
    assert len(found.folds) == 4 and len(found.chosen[FOREST]) == 4
    assert found.chosen[FOREST][0].keys() == {"max_features"}
    fold = found.folds[2]
    error = np.abs(found.predictions[FOREST][1, fold.test] - found.y[fold.test]).mean()
    assert found.fold_maes(FOREST)[2] == pytest.approx(error)
    assert {point.share for point in found.curve} == {1.0}  # 15 rows would be too few


def test_two_fits_at_a_time_find_the_same(found, rows, tiny_source):
    settings = dict(n_splits=2, n_repeats=2, models=[TRANSFER, SCRATCH, FOREST], max_epochs=1)
    again = evaluate(*rows, source=tiny_source, n_jobs=2, **settings)
    assert again.predictions.keys() == found.predictions.keys() == {MEDIAN, *found.seconds}
    for model, predicted in found.predictions.items():
        np.testing.assert_allclose(again.predictions[model], predicted, rtol=1e-5)
    assert again.chosen == found.chosen


def test_learning_curve_ends_with_the_full_training_parts(toy_rows, tiny_source):
    formulas, energies, _ = toy_rows(100, seed=2)
    settings = dict(n_splits=2, n_repeats=1, models=[TRANSFER], max_epochs=1, n_jobs=2)
    steps = []
    found = evaluate(
        formulas, energies, source=tiny_source, report=lambda *step: steps.append(step), **settings
    )
    assert [point.share for point in found.curve] == [0.5, 1.0]
    assert [point.n_train for point in found.curve] == pytest.approx([25, 50], abs=1)
    np.testing.assert_allclose(found.curve[1].mae, found.fold_maes(TRANSFER))
    assert [model for model, *_ in steps] == [TRANSFER] * 4
    assert steps[0][2] == 0 and steps[-1][3] == steps[-1][4]
    low, high = np.moveaxis(found.intervals[0.5][0], -1, 0)
    assert (low < found.predictions[TRANSFER][0]).all() and (low < high).all()


@pytest.mark.parametrize(
    ("sizes", "verdict", "headline"),
    [
        ({TRANSFER: 0.1, SCRATCH: 0.2, FOREST: 0.3}, "helped", "and fine-tuning does better than"),
        ({TRANSFER: 0.2, SCRATCH: 0.3, FOREST: 0.1}, "helped", "but the random forest does better"),
        ({TRANSFER: 0.2, SCRATCH: 0.1, FOREST: 0.3}, "hurt", "Negative transfer"),
        ({TRANSFER: 0.2, SCRATCH: 0.2, FOREST: 0.3}, "open", "cannot be told, but fine-tuning"),
        ({TRANSFER: 0.2, FOREST: 0.3}, "not compared", "Not compared with training from scratch"),
    ],
)
def test_the_verdict_is_said_plainly(made, sizes, verdict, headline):
    found = summarize(made(sizes | {MEDIAN: 1.0}), target="gap", unit="eV")
    assert found["verdict"] == verdict and headline in found["headline"]
    text = " ".join(found["sentences"])
    assert ("(negative transfer)" in text) == (verdict == "hurt")
    assert ("Pretraining helped" in text) == (verdict == "helped")
    assert ("cannot tell whether pretraining helped" in text) == (verdict == "open")
    transfer = found["models"][0]
    assert f"mean absolute error of {transfer['mae']:.3g}" in text and "eV" in text
    assert len(transfer["fold_maes"]) == 10


def test_a_model_that_guesses_no_better_than_the_median_is_not_praised(made):
    found = summarize(made({TRANSFER: 1.0, SCRATCH: 2.0, MEDIAN: 1.0}))
    assert "Not shown to be better than predicting the median" in found["headline"]
    found = summarize(made({TRANSFER: 2.0, SCRATCH: 3.0, MEDIAN: 1.0}))
    assert found["headline"].startswith("Worse than predicting the median")


def test_repeats_with_different_values_give_a_floor(found):
    n, floor = noise_floor(found)
    assert n == 10 and floor == pytest.approx(0.15)
    cautions = summarize(found, unit="eV")["cautions"]
    assert any(
        "10 compositions have several rows" in text and "0.15 eV" in text for text in cautions
    )
    assert any(text.startswith("60 rows are few") for text in cautions)


def test_zeros_wide_ranges_and_one_large_group_are_pointed_out(made):
    plain = made({TRANSFER: 0.1, MEDIAN: 1.0})
    assert not any("exactly 0" in text for text in summarize(plain)["cautions"])
    y = np.where(np.arange(200) < 100, 0.0, plain.y)
    changed = made({TRANSFER: 0.1, MEDIAN: 1.0}, y=y, predictions=plain.predictions)
    assert any(
        "50 % of the measured values are exactly 0" in t for t in summarize(changed)["cautions"]
    )
    y = 10 ** np.linspace(-2, 3, 200)
    changed = made({TRANSFER: 0.1, MEDIAN: 1.0}, y=y)
    assert any("their logarithm" in text for text in summarize(changed)["cautions"])
    groups = np.maximum(plain.groups - 80, 0)
    changed = made({TRANSFER: 0.1, MEDIAN: 1.0}, groups=groups)
    assert any("very different size" in text for text in summarize(changed)["cautions"])


def test_the_card_tells_which_rows_were_kept_out_of_pretraining(made, toy_rows, tiny_source):
    formulas, energies, _ = toy_rows(1500, seed=0)  # what the source was made of
    batch = parse_formulas(formulas)
    evaluation = made({TRANSFER: 0.1, MEDIAN: 1.0}, compositions=batch)
    new = known_new(evaluation)
    n_new = len({key for key, known in zip(batch.keys(), new, strict=True) if known})
    assert n_new == tiny_source.card.held_out["n_compositions"] > 0


def test_worst_rows_and_elements_are_those_of_the_largest_errors(made):
    evaluation = made({TRANSFER: 0.1, MEDIAN: 1.0})
    evaluation.predictions[TRANSFER][:, 17] += 50
    labels = [f"line {row + 2}" for row in range(200)]
    found = summarize(evaluation, labels=labels)
    assert len(found["worst"]) == 10
    worst = found["worst"][0]
    assert (worst["row"], worst["formula"]) == ("line 19", evaluation.formulas[17])
    assert worst["absolute_error"] == pytest.approx(50, abs=1) and worst["low"] is None
    errors = evaluation.absolute_errors()
    oxygen = [
        row for row, formula in enumerate(evaluation.formulas) if re.search("O[0-9]", formula)
    ]
    element = next(each for each in found["elements"] if each["symbol"] == "O")
    assert element["n"] == len(oxygen) and element["mae"] == pytest.approx(errors[oxygen].mean())


def test_scratch_is_the_network_of_the_source():
    assert make_model(SCRATCH, "oqmd-elemnet").network == "elemnet"
    assert make_model(SCRATCH, "mpt").network == "composition"


def test_structures_are_evaluated_too(toy_crystals, tiny_crystal_source):
    structures, energies, _ = toy_crystals(24, seed=3)
    settings = dict(n_splits=2, n_repeats=1, models=[TRANSFER], max_epochs=1)
    found = evaluate(structures, energies, source=tiny_crystal_source, **settings)
    assert found.reads == "structures" and np.isfinite(found.predictions[TRANSFER]).all()
    assert found.formulas[0] == structures[0].composition.reduced_formula


def test_without_xgboost_it_is_left_out_and_said(rows, tiny_source, monkeypatch, tmp_path):
    monkeypatch.setattr("sktl.evaluation._evaluate.find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "xgboost", None)
    settings = dict(n_splits=2, n_repeats=1, models=[TRANSFER, BOOSTING], max_epochs=1)
    found = evaluate(*rows, source=tiny_source, **settings)
    assert found.missing == [BOOSTING] and BOOSTING not in found.predictions
    write_report(tmp_path / "page.html", found)
    assert "XGBoost is not installed" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (dict(X=["NaCl", "MgO"], y=[1, 2]), InputError, "Got 2 rows in 2 groups, expected at"),
        (dict(X=["NaCl", "MgO"] * 20, y=range(40)), InputError, "expected at least 20 rows in 10"),
        (dict(X=["FmO"] + ["NaCl"] * 30, y=range(31)), UnseenElementError, "Got Fm in row 0"),
        (dict(y=[1.0] * 60), InputError, "Got y=1.0 in every row"),
        (dict(y=np.ones((60, 2)) * [[1, 2]]), InputError, "expected one target"),
        (dict(X=np.ones((60, 3))), InputError, "expected formulas or structures"),
        (dict(models=[FOREST]), InputError, "expected 'transfer' and any of"),
        (dict(models=[TRANSFER, "SVM"]), InputError, "Got models="),
        (dict(n_splits=1), InputError, "Got n_splits=1, expected an integer of at least 2"),
        (dict(n_repeats=0), InputError, "Got n_repeats=0"),
        (dict(random_state=None), InputError, "Got random_state=None"),
        (dict(group="element"), InputError, "Got group='element'"),
        (dict(source=None), InputError, "Got source=None"),
    ],
)
def test_what_cannot_be_judged_is_refused_before_the_work(
    rows, tiny_source, change, error, message
):
    given = dict(X=rows[0], y=rows[1], source=tiny_source) | change
    with pytest.raises(error, match=re.escape(message)):
        evaluate(given.pop("X"), given.pop("y"), report=pytest.fail, **given)


class _Page(HTMLParser):
    """Collects tags, and what they would fetch."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.fetched = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.fetched += [
            value
            for key, value in attributes
            if key in ("src", "srcset", "data", "poster") or (key == "href" and tag != "a")
        ]


def test_the_page_has_every_part_and_fetches_nothing(found, tmp_path):
    findings = write_report(tmp_path / "page.html", found, target="energy", unit="eV/atom")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    for part in ("summary", "cautions", "errors", "parity", "residuals", "learning-curve"):
        assert f'id="{part}"' in text
    for part in ("calibration", "elements", "worst", "source", "cite"):
        assert f'id="{part}"' in text
    page = _Page(text)
    assert page.fetched and all(
        each.startswith("data:image/svg+xml;base64,") for each in page.fetched
    )
    assert "script" not in page.tags and "link" not in page.tags
    assert not re.search(r"@import|url\(", text)
    assert findings["headline"] in text and "toy_energy (eV/atom)" in text
    assert "10.1023/A:1024068626366" in text
    for row in findings["worst"]:
        assert row["formula"] in text


def test_texts_of_users_are_escaped(found, tmp_path):
    hostile = "<script>alert('$x_1$')</script>"
    write_report(
        tmp_path / "page.html",
        found,
        target=hostile,
        unit="<b>&$^",
        data={"file": "<img src=x>.csv"},
        label_title="<i>",
        labels=[f"<i>{row}" for row in range(60)],
    )
    page = _Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert not {"script", "i"} & set(page.tags)
    assert all(each.startswith("data:image/") for each in page.fetched)


def test_no_control_character_reaches_a_page(found, tmp_path):
    hostile = "gap\x1b[2J\x07\x85\u202e\nforged \udcff"
    found = write_report(
        tmp_path / "page.html",
        found,
        target=hostile + "g" * 5000,
        unit=hostile,
        data={"file": f"{hostile}.csv"},
        labels=[hostile] * 60,
        figures="svg",
    )
    assert len(found["target"]) == 200 and "forged" in found["unit"]
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.replace("\n", "").isprintable() and "g" * 200 not in page
    for path in tmp_path.glob("*.svg"):
        ElementTree.parse(path)
