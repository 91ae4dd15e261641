"""Cells are run once, failures are named, and the result file is merged from what is there."""

import json

import numpy as np
import pytest

from sktl.benchmark import Cell, collect, run_cells
from sktl.benchmark._cells import COLUMNS

CELLS = [Cell("a", "SC:ML(PA)", "x y", 0), Cell("b", "SC:ML(PA)", "x y", 0), Cell("b", "B", "z", 1)]


def run_one(cell, finished="2026-01-01", value=0.1):
    row = {"test_mae": value, "finished": finished, "detail": '{"a":1,"b":[2]}'}
    return row, np.array([value, 2.0])


def files(folder):
    return folder / "results.csv", folder / "predictions.npz"


def test_a_cell_that_is_done_is_not_run_again(tmp_path):
    ran = []

    def run(cell):
        ran.append(cell)
        return run_one(cell)

    assert run_cells(CELLS[:2], run, tmp_path / "runs") == {}
    assert run_cells(CELLS, run, tmp_path / "runs") == {}
    assert ran == CELLS


def test_a_cell_of_the_result_file_is_not_run_again(tmp_path):
    table, predictions = files(tmp_path)
    run_cells(CELLS[:2], run_one, tmp_path / "runs")
    collect(tmp_path / "runs", table, predictions)
    seen = []
    run_cells(
        CELLS, run_one, tmp_path / "other", table=table, report=lambda cell, *_: seen.append(cell)
    )
    assert seen == CELLS[2:]


def test_a_failing_cell_is_named_and_does_not_stop_the_others(tmp_path):
    def run(cell):
        if cell == CELLS[1]:
            raise ValueError("too bad")
        return run_one(cell)

    assert run_cells(CELLS, run, tmp_path) == {CELLS[1]: "ValueError: too bad"}
    assert len(list(tmp_path.glob("*.json"))) == 2
    assert run_cells(CELLS, run_one, tmp_path) == {}
    assert len(list(tmp_path.glob("*.json"))) == 3


def test_cells_run_in_processes(tmp_path):
    def run(cell):  # a local function travels by value: workers cannot import this module
        return {"finished": "2026-01-01"}, [0.0]

    assert run_cells(CELLS, run, tmp_path, n_jobs=2) == {}
    assert len(list(tmp_path.glob("*.json"))) == len(list(tmp_path.glob("*.npy"))) == 3


def test_a_row_has_the_columns_and_the_cell(tmp_path):
    run_cells(CELLS[:1], run_one, tmp_path)
    (path,) = tmp_path.glob("*.json")
    row = json.loads(path.read_text(encoding="utf-8"))
    assert tuple(row) == COLUMNS
    assert (row["dataset"], row["variant"], row["seed"], row["test_r2"]) == ("a", "x y", 0, None)


def test_collecting_merges_and_the_newest_row_wins(tmp_path):
    table, predictions = files(tmp_path)
    run_cells(CELLS[1:], run_one, tmp_path / "old")
    collect(tmp_path / "old", table, predictions)

    def newer(cell):
        return run_one(cell, "2026-01-02", 0.2)

    run_cells(CELLS[:2], newer, tmp_path / "new")
    rows = collect(tmp_path / "new", table, predictions)
    assert [row["test_mae"] for row in rows] == ["0.2", "0.1", "0.2"]  # a, then b: B before SC
    collect(tmp_path / "old", table, predictions)
    with np.load(predictions) as file:
        assert {key: file[key][0] for key in file.files} == {
            CELLS[0].key: pytest.approx(0.2),
            CELLS[1].key: pytest.approx(0.2),
            CELLS[2].key: pytest.approx(0.1),
        }


def test_collecting_again_changes_no_byte(tmp_path):
    table, predictions = files(tmp_path)
    run_cells(CELLS, run_one, tmp_path / "runs")
    collect(tmp_path / "runs", table, predictions)
    before = [path.read_bytes() for path in files(tmp_path)]
    collect(tmp_path / "runs", table, predictions)
    collect(tmp_path / "nothing", table, predictions)
    assert [path.read_bytes() for path in files(tmp_path)] == before


def test_standard_deviations_stand_beside_predictions(tmp_path):
    def run(cell):
        return {"finished": "2026-01-01"}, np.array([[1.0, 2.0], [0.1, 0.2]])

    run_cells(CELLS[:1], run, tmp_path / "runs")
    run_cells(CELLS[1:2], run_one, tmp_path / "runs")
    table, predictions = files(tmp_path)
    collect(tmp_path / "runs", table, predictions)
    with np.load(predictions) as file:
        assert set(file.files) == {CELLS[0].key, CELLS[0].std_key, CELLS[1].key}
        assert file[CELLS[0].std_key] == pytest.approx([0.1, 0.2])
    run_cells(CELLS[:1], lambda cell: run_one(cell, "2026-01-02"), tmp_path / "new")
    collect(tmp_path / "new", table, predictions)
    with np.load(predictions) as file:
        assert set(file.files) == {CELLS[0].key, CELLS[1].key}


def test_a_table_of_fewer_columns_can_be_read(tmp_path):
    old = ("dataset", "configuration", "variant", "seed", "test_mae", "finished")
    text = ",".join(old) + "\na,SC:ML(PA),x y,0,0.5,2026-01-01\n"
    table, predictions = files(tmp_path)
    table.write_text(text, encoding="utf-8")
    assert run_cells(CELLS[:1], run_one, tmp_path / "runs", table=table) == {}
    (row,) = collect(tmp_path / "runs", table, predictions)
    assert (row["test_mae"], row["coverage_90"], tuple(row)) == ("0.5", "", COLUMNS)
