"""What the tests of the server share: a running arete-serve, and models whose answers can be told apart."""
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import urllib3
from onnx import TensorProto, helper

from harness import BIN, floats, model_of

STOP_S = 60


class Server:
    """arete-serve on a free port of this machine; stops when the block ends. Its stderr goes to a file, so that it never waits."""

    def __init__(self, folder, *arguments):
        self.log = Path(folder) / f"serve-{time.monotonic_ns()}.log"
        with self.log.open("w") as log:
            command = [os.path.join(BIN, "arete-serve"), "--port", "0", *map(str, arguments)]
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, errors="replace")
        line = self.greeting = self.process.stdout.readline()
        found = re.search(r"https?://(\S+:(\d+))", line)
        if not found:
            self.process.kill()
            raise AssertionError(f"no address in {line!r}; it says: {self.said}")
        self.url, self.address, self.port = found.group(0), found.group(1), int(found.group(2))
        self.pool = urllib3.PoolManager(retries=False, maxsize=16, timeout=60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def said(self):
        return self.log.read_text(errors="replace")

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.stdout.close()
        return self.process.wait(timeout=STOP_S)

    def get(self, path, **more):
        return self.pool.request("GET", self.url + path, **more)

    def post(self, path, body=None, **more):
        """A JSON body where `body` is a value of JSON, else the bytes as they are."""
        if isinstance(body, bytes):
            return self.pool.request("POST", self.url + path, body=body, **more)
        return self.pool.request("POST", self.url + path, body=json.dumps(body if body is not None else {}), **more)

    def infer(self, model, inputs, **more):
        """One request of KServe JSON: {name: array} -> the answer."""
        tensors = [{"name": name, "shape": list(a.shape), "datatype": v2_name(a), "data": a.ravel().tolist()} for name, a in inputs.items()]
        return self.post(f"/v2/models/{model}/infer", {"inputs": tensors, **more})

    def load(self, model, version=None):
        return self.post(f"/v2/repository/models/{model}/load", {"parameters": {"version": version}} if version else None)

    def index(self):
        return {(row["name"], row["version"]): row for row in self.post("/v2/repository/index").json()}

    def resident_bytes(self):
        """Memory of the process that no file backs."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+)", text).group(1)) * 1024


def under_sanitizer():
    program = Path(BIN, "arete-serve").read_bytes()
    return b"__asan_init" in program or b"__tsan_init" in program


def v2_name(array):
    return {"bool": "BOOL", "float16": "FP16", "float32": "FP32", "float64": "FP64"}.get(array.dtype.name, array.dtype.name.upper())


def put(folder, model):
    """Writes FOLDER/model.onnx and returns its path."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    path = Path(folder) / "model.onnx"
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    return path


def run(path, inputs):
    """ONNX Runtime's answers, {name: array}."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return dict(zip([output.name for output in session.get_outputs()], session.run(None, inputs)))


def plus(number, width=4):
    """x [N,width] -> y = x + number: the answer says which model gave it."""
    return model_of([helper.make_node("Add", ["x", "c"], ["y"])], [floats("x", ["N", width])], [floats("y", ["N", width])],
                    [("c", np.full(width, number, np.float32))])


def perceptron(seed=0):
    """x [N,4] -> y [N,3], scores of three classes."""
    rng = np.random.default_rng(seed)
    w = lambda *s: rng.normal(size=s).astype(np.float32)
    nodes = [helper.make_node("Gemm", ["x", "a", "b"], ["h"]), helper.make_node("Relu", ["h"], ["r"]), helper.make_node("Gemm", ["r", "c", "d"], ["y"])]
    return model_of(nodes, [floats("x", ["N", 4])], [floats("y", ["N", 3])], [("a", w(4, 32)), ("b", w(32)), ("c", w(32, 3)), ("d", w(3))])


ECHOED = {"bool": TensorProto.BOOL, "int8": TensorProto.INT8, "int16": TensorProto.INT16, "int32": TensorProto.INT32, "int64": TensorProto.INT64,
          "uint8": TensorProto.UINT8, "uint16": TensorProto.UINT16, "uint32": TensorProto.UINT32, "uint64": TensorProto.UINT64,
          "float16": TensorProto.FLOAT16, "float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE, "object": TensorProto.STRING}


def echo(kinds):
    """An input in_KIND [N,M] for each kind and an output out_KIND that is the same."""
    value = lambda side, kind: helper.make_tensor_value_info(f"{side}_{kind}", ECHOED[kind], ["N", "M"])
    return model_of([helper.make_node("Identity", [f"in_{k}"], [f"out_{k}"]) for k in kinds], [value("in", k) for k in kinds],
                    [value("out", k) for k in kinds], opset=17)


def image_classifier():
    """image [N,3,24,32] -> logits [N,4], and its card."""
    rng = np.random.default_rng(7)
    nodes = [helper.make_node("Conv", ["image", "w"], ["c"], strides=[2, 2]), helper.make_node("Relu", ["c"], ["r"]),
             helper.make_node("GlobalAveragePool", ["r"], ["p"]), helper.make_node("Flatten", ["p"], ["f"]), helper.make_node("Gemm", ["f", "v"], ["logits"])]
    model = model_of(nodes, [floats("image", ["N", 3, 24, 32])], [floats("logits", ["N", 4])],
                     [("w", rng.normal(size=(8, 3, 3, 3)).astype(np.float32)), ("v", rng.normal(size=(8, 4)).astype(np.float32))])
    card = {"input": {"kind": "image", "width": 32, "height": 24, "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.25, 0.3], "layout": "NCHW"},
            "output": {"kind": "classification", "activation": "softmax", "labels": ["cat", "dog", "straße", "鳥"]}}
    return model, card
