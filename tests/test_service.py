"""The example of a service answers under load, and refuses what it should; needs FastAPI."""

import asyncio
import importlib.util
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sktl import TransferClassifier, TransferRegressor

pytest.importorskip("fastapi", reason='FastAPI is missing: ".[service]"')
httpx = pytest.importorskip("httpx", reason='httpx is missing: ".[service]"')
pytest.importorskip("uvicorn", reason='uvicorn is missing: ".[service]"')

EXAMPLE = Path(__file__).parents[1] / "docs" / "examples" / "service.py"
REQUESTS, AT_ONCE = 500, 8


@pytest.fixture
def model(tiny_source, toy_rows, tmp_path):
    formulas, energies, _ = toy_rows(60, seed=4)
    fitted = TransferRegressor(tiny_source, max_epochs=1, n_members=2, random_state=0)
    fitted.fit(formulas, energies).save(tmp_path / "m.sktl", target="energy", unit="eV")
    return tmp_path / "m.sktl", fitted, formulas


@pytest.fixture
def app(model, monkeypatch):
    return load_service(monkeypatch, model[0])


def load_service(monkeypatch, path):
    """Return the service of a model file."""
    monkeypatch.setenv("SKTL_MODEL", str(path))
    spec = importlib.util.spec_from_file_location("service", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.create_app()


def ask(app, method, path, **more):
    """Return the answer of an app in this process."""

    async def send():
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            return await client.request(method, path, **more)

    return asyncio.run(send())


def test_bad_requests_are_the_fault_of_the_client(app):
    assert ask(app, "GET", "/health").json() == {"status": "ok", "model": "m.sktl"}
    for formulas in ([], ["NaCl"] * 1001, ["Fe" * 101], ["Fe203"], [3], "NaCl"):
        answer = ask(app, "POST", "/predict", json={"formulas": formulas})
        assert answer.status_code == 422, formulas
    answer = ask(app, "POST", "/predict", json={"formulas": ["Fe203"]})
    assert "Fe2O3" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ('{"formulas": [NaN]}', 422),
        ('{"formulas": Infinity}', 422),
        (r'{"formulas": ["\ud800"]}', 422),
        ('{"formulas": ["' + "a" * 10**5 + '"]}', 422),
        ('{"formulas": ["' + "a" * 2**20 + '"]}', 413),
        ("[" * 10**5, 422),
        ("{", 422),
    ],
    ids=["NaN", "Infinity", "surrogate", "long", "too long", "deep", "torn"],
)
def test_what_is_refused_is_not_sent_back(app, content, code):
    headers = {"content-type": "application/json"}
    answer = ask(app, "POST", "/predict", content=content, headers=headers)
    assert answer.status_code in (code, 400) and len(answer.content) < 500


@pytest.mark.parametrize("kind", ["few rows", "classes", "columns"])
def test_a_model_that_the_service_cannot_ask_is_refused_at_the_start(
    kind, tiny_source, toy_rows, tmp_path, monkeypatch
):
    formulas, energies, _ = toy_rows(20, seed=4)
    X, y, model = formulas, energies, TransferRegressor(tiny_source, max_epochs=1, random_state=0)
    if kind == "few rows":
        X, y = X[:3], y[:3]
    elif kind == "classes":
        y, model = y > np.median(y), TransferClassifier(tiny_source, n_members=1, max_epochs=1)
    else:
        X = pd.DataFrame({"formula": X, "T": range(20)})
    model.fit(X, y).save(tmp_path / "other.sktl")
    with pytest.raises(ValueError, match="other.sktl (is no regressor|reads columns)"):
        load_service(monkeypatch, tmp_path / "other.sktl")


def test_no_request_is_lost_under_load(model):
    path, fitted, formulas = model
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--factory", "service:create_app"]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--log-level", "warning"],
        cwd=EXAMPLE.parent,
        env=os.environ | {"SKTL_MODEL": str(path)},
    )
    address = f"http://127.0.0.1:{port}"
    generator = np.random.default_rng(0)
    asked = [
        generator.choice(formulas, generator.integers(1, 11)).tolist() for _ in range(REQUESTS)
    ]
    try:
        with httpx.Client(base_url=address, timeout=60) as client:
            wait_for(client, process)

            def post(each):
                return client.post("/predict", json={"formulas": each})

            with ThreadPoolExecutor(AT_ONCE) as threads:
                answers = list(threads.map(post, asked))
    finally:
        process.terminate()
        process.wait(20)
    assert [answer.status_code for answer in answers] == [200] * REQUESTS
    found = np.concatenate([answer.json()["values"] for answer in answers])
    np.testing.assert_allclose(found, fitted.predict(sum(asked, [])), rtol=1e-6)


def wait_for(client, process):
    """Return once the service answers."""
    for _ in range(1200):
        assert process.poll() is None, "the service has ended"
        try:
            return client.get("/health").raise_for_status()
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the service does not answer")
