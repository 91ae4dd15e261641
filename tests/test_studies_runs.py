"""Runs are done once, failures are named, and the result file is merged from what is there."""

import json

import numpy as np
import pytest

from sktl.studies import Run, collect, do_runs
from sktl.studies._runs import COLUMNS

RUNS = [Run("a", "SC:ML(PA)", "x y", 0), Run("b", "SC:ML(PA)", "x y", 0), Run("b", "B", "z", 1)]


def do_run(run, finished="2026-01-01", value=0.1):
    row = {"test_mae": value, "finished": finished, "detail": '{"a":1,"b":[2]}'}
    return row, np.array([value, 2.0])


def files(folder):
    return folder / "results.csv", folder / "predictions.npz"


def test_a_run_that_is_done_is_not_done_again(tmp_path):
    done = []

    def note(run):
        done.append(run)
        return do_run(run)

    assert do_runs(RUNS[:2], note, tmp_path / "runs") == {}
    assert do_runs(RUNS, note, tmp_path / "runs") == {}
    assert done == RUNS


def test_a_folder_that_an_older_version_left_is_continued(tmp_path):
    run = Run("eps", "SC:ML(PA)", "random forest", 0)
    row = run._asdict() | {"test_mae": 0.1, "finished": "2026-01-01"}
    older = tmp_path / "runs" / "eps_SC_ML_PA_random_forest_0_441bdba3.json"
    older.parent.mkdir()
    older.write_text(json.dumps(row))
    np.save(older.with_suffix(".npy"), [1.0, 2.0])
    assert do_runs([run], pytest.fail, older.parent) == {}
    table, predictions = files(tmp_path)
    assert [each["test_mae"] for each in collect(older.parent, table, predictions)] == ["0.1"]
    with np.load(predictions) as file:
        assert file["eps|SC:ML(PA)|random forest|0"].tolist() == [1.0, 2.0]


def test_a_run_of_the_result_file_is_not_done_again(tmp_path):
    table, predictions = files(tmp_path)
    do_runs(RUNS[:2], do_run, tmp_path / "runs")
    collect(tmp_path / "runs", table, predictions)
    seen = []
    do_runs(RUNS, do_run, tmp_path / "other", table=table, report=lambda run, *_: seen.append(run))
    assert seen == RUNS[2:]


def test_a_failing_run_is_named_and_does_not_stop_the_others(tmp_path):
    def other(run):
        if run == RUNS[1]:
            raise ValueError("too bad")
        return do_run(run)

    assert do_runs(RUNS, other, tmp_path) == {RUNS[1]: "ValueError: too bad"}
    assert len(list(tmp_path.glob("*.json"))) == 2
    assert do_runs(RUNS, do_run, tmp_path) == {}
    assert len(list(tmp_path.glob("*.json"))) == 3


def test_runs_are_done_in_processes(tmp_path):
    def other(run):  # a local function travels by value: workers cannot import this module
        return {"finished": "2026-01-01"}, [0.0]

    assert do_runs(RUNS, other, tmp_path, n_jobs=2) == {}
    assert len(list(tmp_path.glob("*.json"))) == len(list(tmp_path.glob("*.npy"))) == 3


def test_a_row_has_the_columns_and_the_run(tmp_path):
    do_runs(RUNS[:1], do_run, tmp_path)
    (path,) = tmp_path.glob("*.json")
    row = json.loads(path.read_text(encoding="utf-8"))
    assert tuple(row) == COLUMNS
    assert (row["dataset"], row["variant"], row["seed"], row["test_r2"]) == ("a", "x y", 0, None)


def test_collecting_merges_and_the_newest_row_wins(tmp_path):
    table, predictions = files(tmp_path)
    do_runs(RUNS[1:], do_run, tmp_path / "old")
    collect(tmp_path / "old", table, predictions)

    def newer(run):
        return do_run(run, "2026-01-02", 0.2)

    do_runs(RUNS[:2], newer, tmp_path / "new")
    rows = collect(tmp_path / "new", table, predictions)
    assert [row["test_mae"] for row in rows] == ["0.2", "0.1", "0.2"]  # a, then b: B before SC
    collect(tmp_path / "old", table, predictions)
    with np.load(predictions) as file:
        assert {key: file[key][0] for key in file.files} == {
            RUNS[0].key: pytest.approx(0.2),
            RUNS[1].key: pytest.approx(0.2),
            RUNS[2].key: pytest.approx(0.1),
        }


def test_collecting_again_changes_no_byte(tmp_path):
    table, predictions = files(tmp_path)
    do_runs(RUNS, do_run, tmp_path / "runs")
    collect(tmp_path / "runs", table, predictions)
    before = [path.read_bytes() for path in files(tmp_path)]
    collect(tmp_path / "runs", table, predictions)
    collect(tmp_path / "nothing", table, predictions)
    assert [path.read_bytes() for path in files(tmp_path)] == before


def test_standard_deviations_stand_beside_predictions(tmp_path):
    def other(run):
        return {"finished": "2026-01-01"}, np.array([[1.0, 2.0], [0.1, 0.2]])

    do_runs(RUNS[:1], other, tmp_path / "runs")
    do_runs(RUNS[1:2], do_run, tmp_path / "runs")
    table, predictions = files(tmp_path)
    collect(tmp_path / "runs", table, predictions)
    with np.load(predictions) as file:
        assert set(file.files) == {RUNS[0].key, RUNS[0].std_key, RUNS[1].key}
        assert file[RUNS[0].std_key] == pytest.approx([0.1, 0.2])
    do_runs(RUNS[:1], lambda run: do_run(run, "2026-01-02"), tmp_path / "new")
    collect(tmp_path / "new", table, predictions)
    with np.load(predictions) as file:
        assert set(file.files) == {RUNS[0].key, RUNS[1].key}


def test_a_table_of_fewer_columns_can_be_read(tmp_path):
    old = ("dataset", "configuration", "variant", "seed", "test_mae", "finished")
    text = ",".join(old) + "\na,SC:ML(PA),x y,0,0.5,2026-01-01\n"
    table, predictions = files(tmp_path)
    table.write_text(text, encoding="utf-8")
    assert do_runs(RUNS[:1], do_run, tmp_path / "runs", table=table) == {}
    (row,) = collect(tmp_path / "runs", table, predictions)
    assert (row["test_mae"], row["coverage_90"], tuple(row)) == ("0.5", "", COLUMNS)
