"""An exported model behind an address, with FastAPI.

pip install 'al-bench[models,labelling]' fastapi
MODEL=final uvicorn serve:app                      # in this folder
curl localhost:8000/predict -H 'content-type: application/json' -d '{"texts": ["a new text"]}'
"""

import os
from typing import Any

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field

import al_bench

app = FastAPI(title="A classifier made with al_bench")
model = al_bench.load(os.environ.get("MODEL", "final"))


class Request(BaseModel):
    """shares: probabilities at the class shares of the training rows, or without them."""

    texts: list[str] = Field(min_length=1, max_length=1000)
    shares: bool = True


@app.get("/")
def about() -> dict[str, Any]:
    return {"classes": model.classes, "encoder": model.encoder_name}


@app.post("/predict")
def predict(request: Request) -> list[dict[str, Any]]:
    try:
        probs = model.predict_proba(request.texts, request.shares).round(6).tolist()
    except ValueError as error:  # such as an empty text
        raise HTTPException(422, str(error)) from error
    found = [dict(zip(model.classes, line, strict=True)) for line in probs]
    return [{"label": max(one, key=one.__getitem__), "probabilities": one} for one in found]
