"""FastAPI: tensors in the JSON of the Open Inference Protocol, with nothing checked on the way: as fast as it goes."""
import os

import numpy as np
import orjson
from fastapi import FastAPI, Request, Response
from image_model import open_session

app = FastAPI()
session = open_session(os.environ["BENCH_MODEL"])


@app.post("/v2/models/mlp/infer")
async def infer(request: Request):
    asked = orjson.loads(await request.body())
    inputs = {i["name"]: np.array(i["data"], np.float32).reshape(i["shape"]) for i in asked["inputs"]}
    answer = session.run(["y"], inputs)[0]
    outputs = [{"name": "y", "datatype": "FP32", "shape": answer.shape, "data": answer.ravel().tolist()}]
    return Response(orjson.dumps({"model_name": "mlp", "model_version": "1", "outputs": outputs}), media_type="application/json")
