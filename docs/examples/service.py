"""
A service for predictions
=========================

A model is loaded once and answers many requests: FastAPI takes them, sktl predicts. Needs
``pip install fastapi uvicorn httpx``, or the extra ``service``. To serve a model file of your own::

    SKTL_MODEL=gap.sktl uvicorn --factory service:create_app --limit-concurrency 64
"""

import os
import tempfile
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import sktl
from sktl.exceptions import SktlError

LONGEST, MOST = 200, 1000  # characters of a formula, formulas of a request
MOST_BYTES = 2**20  # of the body of a request


class Question(BaseModel):
    """What a client sends."""

    formulas: list[Annotated[str, Field(max_length=LONGEST)]] = Field(min_length=1, max_length=MOST)


class LimitedBody:
    """Answer a request of more than `MOST_BYTES` with 413, before anything is made of it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the body in, and hand it on whole."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body, message = b"", await receive()
        while message["type"] == "http.request":
            body += message.get("body", b"")
            if len(body) > MOST_BYTES:
                answer = JSONResponse({"detail": f"more than {MOST_BYTES:,} bytes"}, 413)
                await answer(scope, receive, send)
                return
            if not message.get("more_body"):
                break
            message = await receive()
        whole = [message | {"body": body, "more_body": False}]

        async def receive_whole() -> Message:
            return whole.pop() if whole else await receive()

        await self.app(scope, receive_whole, send)


async def refuse(request: Request, error: RequestValidationError) -> JSONResponse:
    """Say where a question is wrong and why, without what was sent."""
    faults = [{key: each[key] for key in ("type", "loc", "msg")} for each in error.errors()[:10]]
    return JSONResponse({"detail": faults}, 422)


def create_app(path: str | None = None) -> FastAPI:
    """Return the service of one model file, which is loaded here and never again."""
    path = path or os.environ["SKTL_MODEL"]
    model = sktl.load_model(path, sha256=os.environ.get("SKTL_MODEL_SHA256"))
    if not hasattr(model, "predict_interval") or model.input_kind_ != "formulas":
        raise ValueError(f"{path} is no regressor of formulas, which this service is for.")
    if model.conditions_ is not None or model.uncertainty_ is None:
        raise ValueError(f"{path} reads columns beside formulas, or knows no standard deviations.")
    target = model.file_["target"]
    app = FastAPI(title="Predictions", version=sktl.__version__)
    app.add_middleware(LimitedBody)
    app.add_exception_handler(RequestValidationError, refuse)

    @app.get("/health")
    def health() -> dict[str, str]:
        """Say that the model is there and predicts."""
        model.predict(["NaCl"])
        return {"status": "ok", "model": Path(path).name}

    @app.post("/predict")
    def predict(question: Question) -> dict[str, object]:
        """Predict for the formulas of a request, all or none."""
        try:
            values, deviations = model.predict(question.formulas, return_std=True)
        except SktlError as error:
            raise HTTPException(422, str(error)) from error
        return {"target": target, "values": values.tolist(), "std": deviations.tolist()}

    return app


# %%
# With a small model, and a client that needs no network: formulas in, numbers out. What cannot be
# read is the client's error, with the reason; so is what is too long, or too much.

if __name__ == "__main__":
    import asyncio

    import httpx

    from sktl.datasets import load_expt_gap

    formulas, gaps = load_expt_gap(return_X_y=True)
    fitted = sktl.TransferRegressor("oqmd", n_members=1, max_epochs=5, random_state=0)
    fitted.fit(formulas[:200], gaps[:200])
    place = Path(tempfile.mkdtemp()) / "gap.sktl"
    fitted.save(place, target="band gap", unit="eV")

    async def talk() -> None:
        """Ask as a client would."""
        here = httpx.ASGITransport(app=create_app(str(place)))
        async with httpx.AsyncClient(transport=here, base_url="http://service") as client:
            print((await client.get("/health")).json()["status"])
            answer = (await client.post("/predict", json={"formulas": ["NaCl", "GaAs"]})).json()
            print(answer["target"]["name"], [round(value, 1) for value in answer["values"]])
            refused = await client.post("/predict", json={"formulas": ["NaCl", "Fe203"]})
            print(refused.status_code, refused.json()["detail"].splitlines()[-1].strip())
            print((await client.post("/predict", json={"formulas": ["NaCl"] * 2000})).status_code)

    asyncio.run(talk())
