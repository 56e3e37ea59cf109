"""Writes the small models of tests/engine into a folder: make_models.py FOLDER."""

import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FOLDER = sys.argv[1]
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def value(name, shape, dtype=FLOAT):
    return helper.make_tensor_value_info(name, dtype, shape)


def constant(name, array):
    return numpy_helper.from_array(np.asarray(array), name)


def save(name, nodes, inputs, outputs, initialisers=(), opset=21, ir_version=10, domains=()):
    graph = helper.make_graph(nodes, "graph", inputs, outputs, list(initialisers))
    opsets = [helper.make_opsetid("", opset)] + [helper.make_opsetid(d, v) for d, v in domains]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=ir_version)
    path = os.path.join(FOLDER, name + ".onnx")
    with open(path, "wb") as file:
        file.write(model.SerializeToString())


def node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs, outputs, **attributes)


def external(name, dims, location, dtype=FLOAT):
    tensor = TensorProto(name=name, data_type=dtype, dims=dims, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    return tensor


def identities():
    """One model a dtype: x[?,3] -> y, under the dtype's name in core/dtype.h."""
    for name, number in TensorProto.DataType.items():
        if name == "UNDEFINED":
            continue
        if number > 26:  # on their way into ONNX; no released operator takes them
            continue
        newest = name in ("FLOAT4E2M1", "FLOAT8E8M0", "UINT2", "INT2")
        save("identity_" + str(number), [node("Identity", ["x"], ["y"])],
             [value("x", ["n", 3], number)], [value("y", ["n", 3], number)],
             opset=25 if newest else 21, ir_version=13 if newest else 10)


def shapes():
    # No Identity of 4-bit numbers in ONNX Runtime: in and out through the quantising operators.
    for name, number in (("int4", TensorProto.INT4), ("uint4", TensorProto.UINT4)):
        scale = [constant("s", np.float32(1))]
        save("to_" + name, [node("QuantizeLinear", ["x", "s"], ["y"], output_dtype=number)],
             [value("x", ["n"])], [value("y", ["n"], number)], scale)
        save("from_" + name, [node("DequantizeLinear", ["x", "s"], ["y"])],
             [value("x", ["n"], number)], [value("y", ["n"])], scale)
    # Two inputs of different dtypes, dynamic batch; three outputs, one of them a scalar.
    save("two_in_three_out",
         [node("Cast", ["b"], ["b_float"], to=FLOAT), node("Add", ["a", "b_float"], ["sum"]),
          node("Sub", ["a", "b_float"], ["difference"]),
          node("ReduceSum", ["sum"], ["total"], keepdims=0)],
         [value("a", ["batch", 2]), value("b", [2], INT64)],
         [value("sum", ["batch", 2]), value("difference", ["batch", 2]), value("total", [])])
    save("scalar", [node("Mul", ["x", "two"], ["y"])], [value("x", [])], [value("y", [])],
         [constant("two", np.float32(2))])
    save("unknown_rank", [node("Neg", ["x"], ["y"])], [value("x", None)], [value("y", None)])
    save("reshape", [node("Reshape", ["x", "shape"], ["y"])],
         [value("x", [2, 3]), value("shape", ["rank"], INT64)], [value("y", None)])
    save("fill", [node("ConstantOfShape", ["shape"], ["y"])], [value("shape", ["rank"], INT64)],
         [value("y", None)])
    save("initialiser_out", [node("Neg", ["x"], ["y"])], [value("x", [1])],
         [value("y", [1]), value("w", [4])], [constant("w", np.arange(4, dtype=np.float32))])
    save("handed_through", [node("Neg", ["x"], ["y"])], [value("x", [2])],
         [value("y", [2]), value("x", [2])])
    save("overridable", [node("Add", ["x", "w"], ["y"])], [value("x", [2]), value("w", [2])],
         [value("y", [2])], [constant("w", np.ones(2, np.float32))])


def no_tensors():
    split = [node("SplitToSequence", ["x"], ["y"])]
    save("sequence_out", split, [value("x", [4])],
         [helper.make_tensor_sequence_value_info("y", FLOAT, None)])
    save("map_out", [node("ZipMap", ["x"], ["y"], domain="ai.onnx.ml", classlabels_int64s=[0, 1])],
         [value("x", [1, 2])],
         [helper.make_value_info("y", helper.make_sequence_type_proto(
             helper.make_map_type_proto(INT64, helper.make_tensor_type_proto(FLOAT, []))))],
         opset=15, ir_version=8, domains=[("ai.onnx.ml", 1)])
    optional = helper.make_optional_type_proto(helper.make_tensor_type_proto(FLOAT, [2]))
    save("optional_in", [node("OptionalGetElement", ["x"], ["y"])],
         [helper.make_value_info("x", optional)], [value("y", [2])])
    save("unknown_op", [node("Frobnicate", ["x"], ["y"], domain="nobody")], [value("x", [1])],
         [value("y", [1])], domains=[("nobody", 1)])


def external_data():
    np.arange(4, dtype=np.float32).tofile(os.path.join(FOLDER, "weights of 'the' model é.bin"))
    for name, location in (("external", "weights of 'the' model é.bin"),
                           ("external_missing", "nowhere.bin"),
                           ("external_parent", "../outside.bin"),
                           ("external_hidden_parent", "below/../../outside.bin"),
                           ("external_absolute", "/etc/hostname")):
        save(name, [node("Add", ["x", "w"], ["y"])], [value("x", [4])], [value("y", [4])],
             [external("w", [4], location)])
    branch = lambda: helper.make_graph([node("Add", ["x", "w"], ["z"])], "branch", [], [value("z", [4])],
                                       [external("w", [4], "weights of 'the' model é.bin")])
    save("external_in_subgraph", [node("If", ["yes"], ["y"], then_branch=branch(), else_branch=branch())], [value("x", [4])],
         [value("y", [4])], [constant("yes", np.array(True))])
    constants = node("Constant", [], ["w"], value=external("v", [4], "weights of 'the' model é.bin"))
    save("external_constant", [constants, node("Add", ["x", "w"], ["y"])], [value("x", [4])], [value("y", [4])])
    # 2.25 GiB in a file of holes: the first and last rows hold ones.
    rows, columns = 2304, 1 << 18
    with open(os.path.join(FOLDER, "large.bin"), "wb") as file:
        for row in (0, rows - 1):
            file.seek(row * columns * 4 + (columns - 1) * 4)
            file.write(np.float32(row + 1).tobytes())
    save("external_large",
         [node("Gather", ["w", "row"], ["taken"]), node("Gather", ["taken", "last"], ["y"], axis=0)],
         [value("row", [], INT64)], [value("y", [])],
         [external("w", [rows, columns], "large.bin"), constant("last", np.int64(columns - 1))])


def quantised():
    rng = np.random.default_rng(7)
    weight = rng.integers(-127, 128, (8, 4, 3, 3)).astype(np.int8)
    scale = np.full(8, 0.01, np.float32)
    dequantised = node("DequantizeLinear", ["w", "scale"], ["w_float"], axis=0)
    image_in, image_out = [value("x", ["n", 4, 8, 8])], [value("y", None)]
    conv = node("Conv", ["x", "w_float"], ["y"], pads=[1, 1, 1, 1])
    weights = [constant("w", weight), constant("scale", scale)]
    save("weight_only", [dequantised, conv], image_in, image_out, weights)
    # The same inside a branch of an If, where a look at the main graph alone would miss it.
    branch = helper.make_graph([dequantised, conv], "branch", [], [value("y", None)])
    other = helper.make_graph([node("Identity", ["x"], ["y_other"])], "other", [],
                              [value("y_other", None)])
    save("weight_only_in_branch",
         [node("If", ["c"], ["y"], then_branch=branch, else_branch=other)],
         image_in + [value("c", [], TensorProto.BOOL)], image_out, weights)
    steps = [constant("xs", np.float32(1 / 255)), constant("xz", np.uint8(0)),
             constant("ys", np.float32(0.4)), constant("yz", np.uint8(128))]
    save("static_int8",
         [node("QuantizeLinear", ["x", "xs", "xz"], ["xq"]),
          node("DequantizeLinear", ["xq", "xs", "xz"], ["xd"]), dequantised,
          node("Conv", ["xd", "w_float"], ["c"], pads=[1, 1, 1, 1]),
          node("QuantizeLinear", ["c", "ys", "yz"], ["cq"]),
          node("DequantizeLinear", ["cq", "ys", "yz"], ["y"])],
         image_in, image_out, weights + steps)
    # Products that saturate in 16 bits: 255 * 127 * 2 > 32767.
    heavy = [constant("w", np.full((8, 4, 3, 3), 127, np.int8)), constant("scale", scale),
             constant("xs", np.float32(1 / 255)), constant("xz", np.uint8(0)),
             constant("ys", np.float32(0.25)), constant("yz", np.uint8(0))]
    save("static_int8_extreme",
         [node("QuantizeLinear", ["x", "xs", "xz"], ["xq"]),
          node("DequantizeLinear", ["xq", "xs", "xz"], ["xd"]), dequantised,
          node("Conv", ["xd", "w_float"], ["c"]),
          node("QuantizeLinear", ["c", "ys", "yz"], ["cq"]),
          node("DequantizeLinear", ["cq", "ys", "yz"], ["y"])],
         image_in, image_out, heavy)
    save("dynamic_int8_extreme",
         [node("DynamicQuantizeLinear", ["x"], ["xq", "xs", "xz"]),
          node("MatMulInteger", ["xq", "w", "xz", "wz"], ["i"]),
          node("Cast", ["i"], ["f"], to=FLOAT), node("Mul", ["xs", "ws"], ["s"]),
          node("Mul", ["f", "s"], ["y"])],
         [value("x", ["n", 64])], [value("y", None)],
         [constant("w", np.full((64, 16), 127, np.int8)), constant("wz", np.int8(0)),
          constant("ws", np.float32(0.01))])
    packed = TensorProto(name="w", data_type=TensorProto.INT4, dims=[64, 32],
                         raw_data=rng.integers(0, 256, 1024).astype(np.uint8).tobytes())
    save("weight_only_int4",
         [node("DequantizeLinear", ["w", "scale"], ["w_float"], axis=0, block_size=32),
          node("MatMul", ["x", "w_float"], ["y"])],
         [value("x", ["n", 64])], [value("y", None)],
         [packed, constant("scale", np.full((2, 32), 0.1, np.float32))])


os.makedirs(FOLDER, exist_ok=True)
identities()
shapes()
no_tensors()
external_data()
quantised()
