"""Writes a ResNet-18 (3x224x224, 1,000 classes) with seeded weights and batch-norm statistics taken from data.

    make_resnet18.py OUT.onnx [--classes 1000] [--size 224]

Not trained: it exercises layout, resize and memory at a real size. The statistics come from running seeded
images through the layers, so that activations have the ranges of a trained net's instead of exploding.
"""
import argparse

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper


class Builder:
    """Grows the graph a layer at a time and carries the activations of the seeded images along."""

    def __init__(self, size):
        self.rng = np.random.default_rng(18)
        self.nodes, self.weights = [], []
        self.values = {"image": self.images(8, size)}

    def images(self, count, size):
        # Smooth patches and edges, so that channels differ in mean and spread as in photographs.
        coarse = self.rng.normal(size=(count, 3, 7, 7)).astype(np.float32)
        up = coarse.repeat(size // 7 + 1, axis=2).repeat(size // 7 + 1, axis=3)[:, :, :size, :size]
        return up + 0.2 * self.rng.normal(size=up.shape).astype(np.float32)

    def weight(self, name, array):
        self.weights.append(numpy_helper.from_array(array.astype(np.float32), name))
        return name

    def run(self, node):
        inputs = [n for n in node.input if n in self.values]
        graph = helper.make_graph(
            [node], "layer",
            [helper.make_tensor_value_info(n, TensorProto.FLOAT, self.values[n].shape) for n in inputs],
            [helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, None)],
            [w for w in self.weights if w.name in node.input])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        self.values[node.output[0]] = session.run(None, {n: self.values[n] for n in inputs})[0]

    def add(self, op, inputs, output, **attributes):
        node = helper.make_node(op, inputs, [output], name=output, **attributes)
        self.nodes.append(node)
        self.run(node)
        return output

    def conv_bn(self, x, name, channels, kernel, stride):
        channels_in = self.values[x].shape[1]
        scale = np.sqrt(2.0 / (channels_in * kernel * kernel))
        w = self.weight(name + ".weight", self.rng.normal(0, scale, (channels, channels_in, kernel, kernel)))
        c = self.add("Conv", [x, w], name + ".conv", kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[kernel // 2] * 4)
        seen = self.values[c]
        bn = [self.weight(name + ".scale", self.rng.uniform(0.6, 1.2, channels)),
              self.weight(name + ".shift", self.rng.normal(0, 0.2, channels)),
              self.weight(name + ".mean", seen.mean(axis=(0, 2, 3))),
              self.weight(name + ".var", seen.var(axis=(0, 2, 3)))]
        return self.add("BatchNormalization", [c] + bn, name + ".bn", epsilon=1e-5)

    def block(self, x, name, channels, stride):
        y = self.conv_bn(x, name + ".1", channels, 3, stride)
        y = self.add("Relu", [y], name + ".relu1")
        y = self.conv_bn(y, name + ".2", channels, 3, 1)
        if stride != 1 or self.values[x].shape[1] != channels:
            x = self.conv_bn(x, name + ".down", channels, 1, stride)
        return self.add("Relu", [self.add("Add", [y, x], name + ".add")], name + ".out")


def build(classes, size):
    b = Builder(size)
    x = b.add("Relu", [b.conv_bn("image", "stem", 64, 7, 2)], "stem.relu")
    x = b.add("MaxPool", [x], "stem.pool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for stage, channels in enumerate([64, 128, 256, 512]):
        x = b.block(x, f"layer{stage + 1}.0", channels, 1 if stage == 0 else 2)
        x = b.block(x, f"layer{stage + 1}.1", channels, 1)
    x = b.add("Flatten", [b.add("GlobalAveragePool", [x], "pool")], "flat")
    w = b.weight("fc.weight", b.rng.normal(0, 0.05, (classes, 512)))
    b.add("Gemm", [x, w, b.weight("fc.bias", b.rng.normal(0, 0.1, classes))], "logits", transB=1)
    graph = helper.make_graph(b.nodes, "resnet18",
                              [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, size, size])],
                              [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", classes])], b.weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8, producer_name="make_resnet18")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--size", type=int, default=224)
    arguments = parser.parse_args()
    model = build(arguments.classes, arguments.size)
    onnx.checker.check_model(model)
    onnx.save(model, arguments.out)
