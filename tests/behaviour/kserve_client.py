"""Asks the model "iris" of the server at argv[1] through KServe's own REST client; clients_test.py judges what it prints."""
import asyncio
import json
import sys

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig

ROWS = np.array([[5.1, 3.5, 1.4, 0.2], [7, 3.2, 4.7, 1.4], [6.3, 3.3, 6, 2.5]], np.float32)


async def main(url):
    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
        said = {"health": [await client.is_server_live(url), await client.is_server_ready(url), await client.is_model_ready(url, "iris"),
                           await client.is_model_ready(url, "none")]}
        for way in ("json", "binary"):
            tensor = InferInput("x", list(ROWS.shape), "FP32")
            tensor.set_data_from_numpy(ROWS, binary_data=way == "binary")
            parameters = {"binary_data_output": way == "binary"}
            answer = await client.infer(url, InferRequest("iris", [tensor], request_id="7", parameters=parameters), model_name="iris")
            assert (answer.id, answer.model_name) == ("7", "iris"), vars(answer)
            said[way] = np.asarray(answer.outputs[0].as_numpy()).ravel().tolist()
        answer = await client.infer(url, {"inputs": [{"name": "x", "shape": [3, 4], "datatype": "FP32", "data": ROWS.tolist()}]}, model_name="iris")
        said["dictionary"] = np.asarray(answer.outputs[0].as_numpy()).ravel().tolist()
        try:
            await client.infer(url, {"inputs": []}, model_name="none")
        except httpx.HTTPStatusError as error:
            said["error"] = str(error)
    print(json.dumps(said))


asyncio.run(main(sys.argv[1]))
