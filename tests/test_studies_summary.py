"""From rows and predictions to numbers, tables and figures, on tables that are made up."""

import json

import numpy as np
import pytest

from sktl.studies import Run
from sktl.studies._runs import COLUMNS, run_of
from sktl.studies.cross_property import draw_figures, make_tables, summarize
from sktl.studies.finetune_strategies import draw_figure

TRUTH = np.linspace(0.0, 9.0, 40)
FOREST, BOOSTING = ("SC:ML(PA)", "random forest"), ("SC:ML(PA)", "XGBoost")
TRANSFER = ("sktl:TransferRegressor", "defaults")
NAMES = ("eps", "slme", "expt_deltae", "klu", "kaa", "encut", "meps")


def reference(names=NAMES):
    keys = ("dataset", "paper_name", "base_mae", "best_sc_mae", "best_tl_mae", "transfer_lost")
    return [
        dict(
            zip((*keys, "doi"), (name, name.upper(), "9", "2.0", "1.0", "0", "10.1/x"), strict=True)
        )
        for name in names
    ]


def row_of(name, place, mae, **more):
    row = dict.fromkeys(COLUMNS, "")
    row |= dict(zip(("dataset", "configuration", "variant"), (name, *place), strict=True))
    found = {"seed": "0", "n_train": "100", "test_mae": f"{mae}", "fit_seconds": "7"}
    return row | found | {key: str(value) for key, value in more.items()}


def results(names=NAMES):
    """Return rows and predictions: our error 0.5, that of the forest 1, of XGBoost 0.25."""
    rows, predictions = [], {}
    for name in names:
        for place, mae in ((FOREST, 1.0), (BOOSTING, 0.25), (TRANSFER, 0.5)):
            row = row_of(name, place, mae, validation_mae=mae)
            predictions[run_of(row).key] = TRUTH + mae
            if place == TRANSFER:
                row |= {"coverage_90": "0.875", "interval_width": "3"}
                predictions[run_of(row).std_key] = np.linspace(0.1, 1, 40)
                predictions[run_of(row).key] = TRUTH + np.linspace(0, 1, 40)
            rows.append(row)
    return rows, predictions


@pytest.fixture
def summary():
    rows, predictions = results()
    return summarize(rows, predictions, reference(), lambda name: TRUTH)


def test_without_results_there_is_the_paper_and_what_is_missing():
    summary = summarize([], {}, reference(), lambda name: 1 / 0)
    tables = make_tables(summary)
    assert "| `eps` | dimensionless | 22,635 | 2.0 | **1.0** |" in tables["main table"]
    assert tables["coverage"] == tables["comparisons"] == "Nothing was run yet."
    assert "| SC:ML(PA) | random forest; XGBoost; ExtraTrees | all |" in tables["missing"]
    assert all(figure.content is None for figure in draw_figures(summary).values())


def test_models_are_compared_over_the_data_sets(summary):
    found = {(each["model"], each["to"]): each for each in summary["comparisons"]}
    best = found["transfer", "paper_best"]
    assert (best["n_sets"], best["wins"], best["median_relative_difference"]) == (7, 7, -0.5)
    assert best["p"] == pytest.approx(2 * 0.5**7)  # all seven signs agree
    assert found["transfer", "boosting"]["wins"] == 0
    assert found["forest", "paper_best"]["wins"] == 0  # equal is no win
    assert found["forest", "paper_best"]["p"] is None
    assert ("stack", "paper_best") not in found


def test_r2_is_compared_over_the_data_sets():
    means = ("sktl:TransferRegressor, means", "squared_error")
    rows = [
        row_of(name, place, 1.0, test_r2=r2)
        for k, name in enumerate(NAMES)
        for place, r2 in ((FOREST, 0.5), (TRANSFER, 0.7 if k < 3 else 0.4), (means, 0.6))
    ]
    summary = summarize(rows, {}, reference(), lambda name: TRUTH)
    found = {(each["model"], each["to"]): each for each in summary["r2_comparisons"]}
    assert (found["transfer", "forest"]["wins"], found["transfer", "forest"]["n_sets"]) == (3, 7)
    assert found["transfer_means", "forest"]["wins"] == 7
    assert ("transfer", "boosting") not in found and ("stack", "forest") not in found
    tables = make_tables(summary)
    assert "squared error | random forest | 7 | 7 | +0.100 |" in tables["r2 comparisons"]
    assert "| `eps` | 0.500 | **0.700** | 0.600 |" in tables["r2"]


def test_differences_have_an_interval(summary):
    middle, low, high = summary["sets"]["eps"]["differences"]["transfer"]["forest"]
    assert middle == pytest.approx(-0.5) and low < middle < high < 0
    errors = np.linspace(0, 1, 40)
    half = 1.96 * errors.std() / np.sqrt(40)
    assert (high - low) / 2 == pytest.approx(half, rel=0.1)
    assert "| **-0.500 [" in make_tables(summary)["differences"]


def test_errors_fall_as_uncertain_rows_are_left_out(summary):
    model = summary["sets"]["eps"]["models"]["transfer"]
    assert model["kept"] == model["kept_at_best"]  # here the larger error has the larger deviation
    assert model["kept"][-1] == 1 and model["kept"][0] < 0.1


def test_the_variant_is_chosen_by_validation():
    rows = [
        row_of("eps", ("SC:DL(EF)", "CompositionNet"), 1.0, validation_mae=3),
        row_of("eps", ("SC:DL(EF)", "ElemNet"), 2.0, validation_mae=2),
    ]
    found = summarize(rows, {}, reference(), lambda name: TRUTH)["sets"]["eps"]["configurations"]
    assert (found["SC:DL(EF)"]["variant"], found["SC:DL(EF)"]["mae"]) == ("ElemNet", 2.0)


def test_seeds_are_averaged():
    rows = [row_of("eps", FOREST, mae, seed=seed) for seed, mae in ((0, 1.0), (1, 2.0))]
    predictions = {run_of(row).key: TRUTH + float(row["test_mae"]) for row in rows}
    model = summarize(rows, predictions, reference(), lambda name: TRUTH)["sets"]["eps"]["models"]
    assert (model["forest"]["mae"], model["forest"]["n_seeds"]) == (1.5, 2)


def test_the_tables(summary):
    tables = make_tables(summary)
    assert (
        "| `eps` | dimensionless | 22,635 | 2.0 | 1.0 | 1.000 | **0.250** | 0.500 |"
        in tables["main table"]
    )
    assert "| `eps` | dimensionless | 2,515 | 87.5 % | 3.00 |" in tables["coverage"]
    assert "| `eps` | 22,635 | 7 | 7 | 7 |" in tables["cost"]
    lost = reference(["klu"])
    lost[0]["transfer_lost"] = "1"
    rows, predictions = results(["klu"])
    table = make_tables(summarize(rows, predictions, lost, lambda name: TRUTH))
    assert "| KLU (`klu`) | 2.0 | 1.0 |" in table["negative transfer"]
    assert "| -75.0 % |" in table["negative transfer"]
    assert summary == json.loads(json.dumps(summary))


def test_every_figure_is_drawn_where_there_are_data():
    rows, predictions = results()
    layers = json.dumps({"layer": "b", "layer_mae": [["a", 2.0], ["b", 1.0]]})
    extracted = ("TL:ML(FeatExtr)", "CompositionNet mpt, XGBoost")
    rows.append(row_of("eps", extracted, 1.0, detail=layers))
    for depth in (2, 4):
        place = ("freeze depth", f"CompositionNet mpt, {depth} frozen")
        rows.append(row_of("eps", place, 1.0 + depth))
    for size in (200, 100):
        rows.append(row_of("eps", ("learning curve", f"transfer, {size} rows"), 1.0, n_train=size))
    summary = summarize(rows, predictions, reference(), lambda name: TRUTH)
    found = summary["sets"]["eps"]
    assert found["layers"] == {"CompositionNet mpt": [["a", 2.0], ["b", 1.0]]}
    assert found["freeze_depth"] == [[0, 0.5], [2, 3.0], [4, 5.0]]
    assert found["learning_curve"] == {"transfer": [[100, 1.0], [200, 1.0], [100, 0.5]]}
    for figure in draw_figures(summary).values():
        assert figure.content.startswith(b"\x89PNG")


def test_a_run_names_its_deviations():
    assert Run("a", "b", "c", 0).std_key == "a|b|c|0|std"


def test_the_figure_of_the_study_leaves_out_no_strategy():
    curves = {f"strategy {i}": [(100, 2.0 + i, 0.1), (800, 1.0 + i, 0.1)] for i in range(11)}
    content = draw_figure({"ph": ("cm^-1", curves)}, ["strategy 0", "strategy 1", "strategy 2"])
    assert content.startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="zip"):
        draw_figure({"ph": ("cm^-1", curves)}, ["strategy 0", "strategy 1"])
