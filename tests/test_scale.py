"""Predictions part by part: the same whoever works on them, and whole whatever happens to them."""

import json
import os
import signal
import threading
import time

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from filelock import FileLock
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV

from sktl import TransferRegressor
from sktl.cli import main
from sktl.exceptions import ClusterError, InputError, TableError
from sktl.scale import connect, local_cluster, predict_partitions
from sktl.scale._worker import load_once
from sktl.studies import Run, do_runs

N_ROWS, N_PARTS = 600, 24
SIZE = N_ROWS // N_PARTS


@pytest.fixture(scope="module")
def client():
    """Two workers, each a process."""
    pytest.importorskip("distributed", reason="Dask is not there: pip install sktl[dask]")
    with local_cluster(2) as client:
        yield client


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_source, toy_rows):
    """A folder with a model and a table as CSV and as Parquet."""
    folder = tmp_path_factory.mktemp("scale")
    formulas, energies, _ = toy_rows(N_ROWS, seed=4)
    model = TransferRegressor(tiny_source, max_epochs=1, random_state=0)
    model.fit(formulas[:60], energies[:60]).save(folder / "m.sktl", target="Energy", unit="eV")
    frame = pd.DataFrame({"id": range(N_ROWS), "formula": formulas, "note": 'a "b",\nc'})
    frame.to_csv(folder / "in.csv", index=False)
    frame.to_parquet(folder / "in.parquet", row_group_size=90)
    return folder


@pytest.fixture(scope="module")
def done(client, place):
    """A finished folder of predictions."""
    made = predict_partitions(
        place / "m.sktl", place / "in.csv", place / "done", partition_rows=SIZE, client=client
    )
    assert (made["rows"], made["parts"], made["done_before"]) == (N_ROWS, N_PARTS, 0)
    return place / "done"


def predict(place, output, client, data="in.csv", model="m.sktl", **settings):
    settings = {"partition_rows": SIZE} | settings
    return predict_partitions(place / model, place / data, output, client=client, **settings)


def contents(folder):
    files = (path for path in sorted(folder.iterdir()) if path.name != ".lock")
    return {path.name: path.read_bytes() for path in files}


def run(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


def test_columns_beside_the_formula_are_read_in_parts(client, place, tiny_source, tmp_path):
    frame = pd.read_csv(place / "in.csv").head(60).drop(columns="note")
    frame["T (K)"], frame["mode"] = np.arange(60) % 7 * 100.0, ["cast", "rolled"] * 30
    model = TransferRegressor(tiny_source, max_epochs=1, random_state=0)
    model.fit(frame[["formula", "T (K)", "mode"]], np.arange(60.0)).save(tmp_path / "m.sktl")
    frame.iloc[::-1, ::-1].to_csv(tmp_path / "in.csv", index=False)
    predict(tmp_path, tmp_path / "o", client, partition_rows=25)
    run("predict", tmp_path / "m.sktl", tmp_path / "in.csv", "-o", tmp_path / "whole.csv")
    parts = pd.concat(map(pd.read_csv, sorted((tmp_path / "o").glob("part-*.csv"))))
    whole = pd.read_csv(tmp_path / "whole.csv")
    np.testing.assert_allclose(parts["prediction"], whole["prediction"], rtol=1e-5)
    assert len(parts) == 60 and "out_of_range" in parts
    frame.drop(columns="mode").to_csv(tmp_path / "less.csv", index=False)
    with pytest.raises(TableError, match="'mode'"):
        predict(tmp_path, tmp_path / "p", client, data="less.csv")


def test_a_second_cluster_on_the_machine_starts_without_a_warning(client):
    with local_cluster(1) as second:
        assert second.submit(os.getpid).result() not in client.run(os.getpid).values()


def test_the_parts_are_what_predicts_in_memory(client, place, done, tmp_path):
    predict(place, tmp_path / "o", client, data="in.parquet")
    whole = run("predict", place / "m.sktl", place / "in.csv", "-o", tmp_path / "whole.csv")
    assert whole.exit_code == 0, whole.output
    expected = pd.read_csv(tmp_path / "whole.csv", keep_default_na=False)
    parts = [pd.read_csv(path, keep_default_na=False) for path in sorted(done.glob("part-*.csv"))]
    for found in (pd.concat(parts, ignore_index=True), pd.read_parquet(tmp_path / "o")):
        pd.testing.assert_frame_equal(found, expected, rtol=1e-4, check_dtype=False)
    assert json.loads((done / "_manifest.json").read_text())["state"] == "complete"


def test_each_worker_loads_the_model_once(client, place, tmp_path):
    client.run(load_once.cache_clear)
    predict(place, tmp_path / "o", client)
    counts = client.run(load_once.cache_info)
    assert [count.misses for count in counts.values()] == [1, 1]
    assert sum(count.hits + count.misses for count in counts.values()) == N_PARTS


def test_a_stopped_run_goes_on_with_the_parts_that_are_missing(client, place, done, tmp_path):
    output = tmp_path / "o"
    assert predict(place, output, client)["done_before"] == 0
    for name in ("part-00003.csv", "part-00020.csv"):
        (output / name).rename(output / f".{name}.0123.part")
    before = (output / "part-00004.csv").stat().st_mtime_ns
    again = predict(place, output, client)
    assert (again["rows"], again["done_before"]) == (N_ROWS, N_PARTS - 2)
    assert (output / "part-00004.csv").stat().st_mtime_ns == before
    assert contents(output) == contents(done)


def test_no_folder_mixes_predictions(client, place, done, tmp_path, tiny_source, toy_rows):
    formulas, energies, _ = toy_rows(60, seed=5)
    other = TransferRegressor(tiny_source, max_epochs=1, random_state=0).fit(formulas, energies)
    other.save(place / "other.sktl")
    before = contents(done)
    for changed, message in (
        ({"model": "other.sktl"}, "model_sha256"),
        ({"data": "in.parquet"}, "input"),
        ({"coverage": 0.8}, "coverage = 0.8.* with coverage = 0.9"),
        ({"partition_rows": 7}, "partition_rows"),
    ):
        with pytest.raises(InputError, match=message):
            predict(place, done, client, **changed)
    assert contents(done) == before
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="no _manifest.json"):
        predict(place, tmp_path, client)


def test_a_folder_is_worked_on_by_one_call(client, place, done, tmp_path):
    output = tmp_path / "o"
    output.mkdir()
    (output / "._manifest.json.0123.part").touch()  # killed before there was a manifest
    with FileLock(output / ".lock"):
        with pytest.raises(InputError, match="another call is at work"):
            predict(place, output, client)
        assert not list(output.glob("part-*"))
    assert predict(place, output, client)["rows"] == N_ROWS
    assert contents(output) == contents(done)


def test_rows_that_cannot_be_used_stop_or_are_kept_apart(client, place, tmp_path):
    lines = ["id,formula", *(f"{i},SiO{i + 1}" for i in range(40))]
    lines[6], lines[22], lines[23] = "5,3-Feb", "21,UO2", ""
    (tmp_path / "bad.csv").write_text("\n".join(lines) + "\n")
    how = {"data": tmp_path / "bad.csv", "partition_rows": 10}
    message = "(?s)bad.csv, line (7, formula: '3-Feb': it looks|23, formula: 'UO2': .* saw U)"
    with pytest.raises(TableError, match=message):
        predict(place, tmp_path / "o", client, **how)
    made = predict(place, tmp_path / "o", client, on_error="skip", **how)
    assert (made["rows"], made["skipped"]) == (37, 3)
    again = predict(place, tmp_path / "o", client, on_error="skip", **how)
    assert (again["rows"], again["skipped"], again["done_before"]) == (37, 3, 4)
    kept = pd.concat(map(pd.read_csv, sorted(tmp_path.glob("o/part-*.csv"))))
    skipped = pd.concat(map(pd.read_csv, sorted(tmp_path.glob("o/_skipped/*.csv"))))
    assert kept["id"].dropna().tolist() == [i for i in range(40) if i != 22]  # which is blank
    assert len(kept) == 40 and kept["reason"].notna().sum() == 3
    assert skipped["line"].tolist() == [7, 23, 24]
    assert skipped["reason"].tolist()[1] == "formula: the source does not know U"


def test_most_rows_bad_is_an_error_unless_asked_for(client, place, tmp_path):
    (tmp_path / "bad.csv").write_text("formula\nSiO2\n" + "UO2\n" * 20)
    how = {"data": tmp_path / "bad.csv", "partition_rows": 10, "on_error": "skip"}
    with pytest.raises(TableError, match="20 of 21 rows cannot be used.*--max-bad 1"):
        predict(place, tmp_path / "o", client, **how)
    assert predict(place, tmp_path / "o", client, max_bad=1, **how)["done_before"] == 3
    kept = pd.concat(map(pd.read_csv, sorted(tmp_path.glob("o/part-*.csv"))))
    assert len(kept) == 21


def test_the_command_takes_a_folder_and_a_cluster(client, place, tmp_path):
    data = tmp_path / "in"
    data.mkdir()
    pd.read_parquet(place / "in.parquet").iloc[:50].to_parquet(data / "a.parquet")
    pd.read_parquet(place / "in.parquet").iloc[50:].to_parquet(data / "b.parquet")
    ask = ("predict", place / "m.sktl", data, "-o", tmp_path / "out.csv")
    refused = run(*ask)
    assert refused.exit_code == 2 and "needs --engine dask" in refused.output
    ask += ("--engine", "dask", "--scheduler", client.scheduler.address, "--partition-rows", 90)
    made = run(*ask, "--json")
    assert made.exit_code == 0, made.output
    found = json.loads(made.stdout)
    assert (found["rows"], found["parts"], found["unit"]) == (N_ROWS, 8, "eV")
    parts = pd.concat(map(pd.read_csv, sorted((tmp_path / "out.csv").glob("part-*.csv"))))
    assert parts["id"].tolist() == list(range(N_ROWS))
    wrong = run(*ask, "--formula", "x")
    assert wrong.exit_code == 2 and "--formula" in wrong.output and "Traceback" not in wrong.output


def test_a_model_that_reads_no_formulas(place, tmp_path):
    X = np.random.default_rng(0).normal(size=(30, 3))
    model = TransferRegressor(None, max_epochs=1, random_state=0).fit(X, X[:, 0])
    model.save(tmp_path / "columns.sktl")
    with pytest.raises(InputError, match="Got a model of columns, expected one fitted on"):
        predict_partitions(tmp_path / "columns.sktl", place / "in.csv", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_cluster_that_does_not_answer(client):
    from dask import config

    brief = {"distributed.comm.timeouts.connect": "100ms"}
    with (
        config.set(brief),
        pytest.raises(ClusterError, match="tcp://127.0.0.1:9'"),
        connect("tcp://127.0.0.1:9"),
    ):
        pass


def test_a_grid_search_on_the_cluster(client, tiny_source, toy_rows):
    formulas, energies, _ = toy_rows(60, seed=4)
    model = TransferRegressor(tiny_source, max_epochs=1, random_state=0)
    search = GridSearchCV(model, {"freeze_depth": [0, 2]}, cv=2)
    expected = search.fit(formulas, energies).cv_results_["mean_test_score"]
    with parallel_config("dask"):
        found = search.fit(formulas, energies).cv_results_["mean_test_score"]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_the_runs_of_a_study_on_the_cluster(client, tmp_path):
    def do_run(run):  # a local function travels by value: workers cannot import this module
        return {"finished": "2026-01-01", "detail": str(os.getpid())}, [0.0]

    runs = [Run("a", "B", "c", seed) for seed in range(4)]
    workers = {str(pid) for pid in client.run(os.getpid).values()}
    with parallel_config("dask"):
        assert do_runs(runs, do_run, tmp_path) == {}
    ran = {json.loads(path.read_text())["detail"] for path in tmp_path.glob("*.json")}
    assert ran and ran <= workers


def test_a_worker_that_is_killed_changes_nothing(client, place, done, tmp_path):
    def kill():
        while not list(tmp_path.glob("o/part-*.csv")):
            time.sleep(0.002)
        left.append(N_PARTS - len(list(tmp_path.glob("o/part-*.csv"))))
        os.kill(victim, signal.SIGKILL)

    left, victim = [], next(iter(client.run(os.getpid).values()))
    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    assert predict(place, tmp_path / "o", client)["rows"] == N_ROWS
    killer.join()
    client.wait_for_workers(2)
    assert victim not in client.run(os.getpid).values() and left[0] > 0
    assert contents(tmp_path / "o") == contents(done)
