"""What the behaviour tests share: running `arete` as a user does, and a few small ONNX models."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

import numpy as np
from onnx import TensorProto, helper, numpy_helper

BIN = os.environ["ARETE_BIN"]
SOURCE = os.environ["ARETE_SOURCE"]
SKIPPED = 77  # ctest's SKIP_RETURN_CODE


class Ended:
    def __init__(self, process):
        self.status, self.out, self.err = process.returncode, process.stdout, process.stderr

    @property
    def json(self):
        return json.loads(self.out.strip().splitlines()[-1])


def arete(*arguments, timeout=300, **options):
    command = [os.path.join(BIN, "arete"), *map(str, arguments)]
    return Ended(subprocess.run(command, capture_output=True, text=True, timeout=timeout, **options))


def skip(reason):
    print(f"SKIP: {reason}")
    sys.exit(SKIPPED)


class Case(unittest.TestCase):
    """A test with a folder of its own, whose name holds a space, a quote and a letter beyond ASCII."""

    def setUp(self):
        self.parent = tempfile.TemporaryDirectory()
        self.folder = os.path.join(self.parent.name, "a 'folder' für Modelle")
        os.mkdir(self.folder)

    def tearDown(self):
        self.parent.cleanup()

    def path(self, name):
        return os.path.join(self.folder, name)

    def save(self, name, model):
        data = model if isinstance(model, bytes) else model.SerializeToString()
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def expect_error(self, ended, status, *words):
        self.assertEqual(ended.status, status, ended.err)
        for word in words:
            self.assertIn(word, ended.err)
        self.assertNotIn("terminate called", ended.err)


def model_of(nodes, inputs, outputs, weights=(), opset=13, **options):
    graph = helper.make_graph(nodes, "g", inputs, outputs, [numpy_helper.from_array(a, n) for n, a in weights])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8, **options)


def floats(name, shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def conv_classifier(classes=4, size=16, seed=0):
    """x [N,3,size,size] -> y [N,classes]: Conv-BN-Relu twice, a pooled head."""
    rng = np.random.default_rng(seed)
    w = lambda *s: rng.normal(0, (2.0 / np.prod(s[1:])) ** 0.5, s).astype(np.float32)
    bn = lambda n, c: [(f"{n}.{p}", a.astype(np.float32)) for p, a in
                       (("scale", rng.uniform(0.5, 1.5, c)), ("shift", rng.normal(0, 0.1, c)),
                        ("mean", rng.normal(0, 0.1, c)), ("var", rng.uniform(0.5, 1.5, c)))]
    weights = [("w1", w(32, 3, 3, 3)), *bn("b1", 32), ("w2", w(64, 32, 3, 3)), *bn("b2", 64),
               ("w3", w(classes, 64)), ("c3", np.zeros(classes, np.float32))]
    norm = lambda n: [f"{n}.{p}" for p in ("scale", "shift", "mean", "var")]
    nodes = [helper.make_node("Conv", ["x", "w1"], ["t1"], pads=[1] * 4),
             helper.make_node("BatchNormalization", ["t1", *norm("b1")], ["n1"]), helper.make_node("Relu", ["n1"], ["r1"]),
             helper.make_node("Conv", ["r1", "w2"], ["t2"], pads=[1] * 4, strides=[2, 2]),
             helper.make_node("BatchNormalization", ["t2", *norm("b2")], ["n2"]), helper.make_node("Relu", ["n2"], ["r2"]),
             helper.make_node("GlobalAveragePool", ["r2"], ["p"]), helper.make_node("Flatten", ["p"], ["f"]),
             helper.make_node("Gemm", ["f", "w3", "c3"], ["y"], transB=1)]
    return model_of(nodes, [floats("x", ["N", 3, size, size])], [floats("y", ["N", classes])], weights)


def main():
    unittest.main(verbosity=2)
