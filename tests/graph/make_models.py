#!/usr/bin/env python3
"""Makes the odd models of the graph tests by the official Python package.

    make_models.py OUT            OUT/dtypes/*.onnx with *.bin (the elements as packed bytes), OUT/odd/*.onnx, OUT/external/,
                                  OUT/opsets/opset_N.onnx
    make_models.py --corpus OUT   small models for fuzz/corpus/onnx

The models in odd/ must come out of reading and writing as they went in (compare_models.py says what may differ).
"""

import pathlib
import random
import struct
import sys

import numpy
import onnx
from onnx import TensorProto, helper

COUNT = 11  # elements of each dtype's tensor: odd, so that packed types have a tail

# dtype -> (bits of an element, field of typed storage, entries of that field an element)
DTYPES = {
    "FLOAT": (32, "float_data"), "UINT8": (8, "int32_data"), "INT8": (8, "int32_data"), "UINT16": (16, "int32_data"),
    "INT16": (16, "int32_data"), "INT32": (32, "int32_data"), "INT64": (64, "int64_data"), "BOOL": (8, "int32_data"),
    "FLOAT16": (16, "int32_data"), "DOUBLE": (64, "double_data"), "UINT32": (32, "uint64_data"),
    "UINT64": (64, "uint64_data"), "COMPLEX64": (64, "float_data"), "COMPLEX128": (128, "double_data"),
    "BFLOAT16": (16, "int32_data"), "FLOAT8E4M3FN": (8, "int32_data"), "FLOAT8E4M3FNUZ": (8, "int32_data"),
    "FLOAT8E5M2": (8, "int32_data"), "FLOAT8E5M2FNUZ": (8, "int32_data"), "UINT4": (4, "int32_data"),
    "INT4": (4, "int32_data"), "FLOAT4E2M1": (4, "int32_data"), "FLOAT8E8M0": (8, "int32_data"),
    "UINT2": (2, "int32_data"), "INT2": (2, "int32_data"), "FLOAT6E2M3": (6, "int32_data"), "FLOAT6E3M2": (6, "int32_data"),
}
FLOATS = [0.0, -0.0, 1.5, -2.25, float("inf"), float("-inf"), float("nan"), 1e-40, 3.4e38, 0.1, -7.0]


def patterns(name, bits):
    """The elements' bit patterns."""
    if name in ("FLOAT", "COMPLEX64"):
        parts = [struct.unpack("<I", struct.pack("<f", value))[0] for value in FLOATS]
        return parts if name == "FLOAT" else [low | (high << 32) for low, high in zip(parts, reversed(parts))]
    if name in ("DOUBLE", "COMPLEX128"):
        parts = [struct.unpack("<Q", struct.pack("<d", value))[0] for value in FLOATS]
        return parts if name == "DOUBLE" else [low | (high << 64) for low, high in zip(parts, reversed(parts))]
    if name == "BOOL":
        return [i % 3 % 2 for i in range(COUNT)]
    generator = random.Random(name)
    return [0, (1 << bits) - 1] + [generator.getrandbits(bits) for _ in range(COUNT - 2)]


def packed(elements, bits):
    """First element in the low bits."""
    whole = sum(element << (i * bits) for i, element in enumerate(elements))
    return whole.to_bytes((len(elements) * bits + 7) // 8, "little")


def typed_tensor(name, elements, bits, field):
    tensor = TensorProto(data_type=TensorProto.DataType.Value(name), dims=[COUNT])
    raw = packed(elements, bits)
    to = getattr(tensor, field)
    if field == "float_data":
        to.extend(struct.unpack(f"<{len(raw) // 4}f", raw))
    elif field == "double_data":
        to.extend(struct.unpack(f"<{len(raw) // 8}d", raw))
    elif bits < 8 and bits != 6:
        to.extend(raw)
    elif name in ("INT8", "INT16", "INT32", "INT64"):
        to.extend(element - (1 << bits) if element >> (bits - 1) else element for element in elements)
    else:
        to.extend(elements)
    return tensor


def value(name, dtype=TensorProto.FLOAT, shape=("N", 4)):
    return helper.make_tensor_value_info(name, dtype, shape)


def model(nodes, inputs=None, outputs=None, weights=(), opset=17, **more):
    """A model from x to y unless told otherwise."""
    graph = helper.make_graph(nodes, "g", inputs if inputs is not None else [value("x")],
                              outputs if outputs is not None else [value("y")], list(weights))
    imports = more.pop("imports", [helper.make_opsetid("", opset)])
    return helper.make_model(graph, opset_imports=imports, ir_version=more.pop("ir_version", 8), **more)


def tensor(name, shape, dtype=numpy.float32):
    count = int(numpy.prod(shape))
    return onnx.numpy_helper.from_array((numpy.arange(count) % 7 - 3).astype(dtype).reshape(shape), name)


def dtype_models(folder):
    for name, (bits, field) in DTYPES.items():
        elements = patterns(name, bits)
        raw = packed(elements, bits)
        raw_tensor = TensorProto(data_type=TensorProto.DataType.Value(name), dims=[COUNT], raw_data=raw)
        for storage, stored in (("raw", raw_tensor), ("typed", typed_tensor(name, elements, bits, field))):
            stored.name = "w"
            out = value("y", stored.data_type, [COUNT])
            made = model([helper.make_node("Identity", ["w"], ["y"])], [], [out], [stored], opset=25, ir_version=13)
            stem = folder / f"{name.lower()}_{storage}"
            stem.with_suffix(".onnx").write_bytes(made.SerializeToString())
            stem.with_suffix(".bin").write_bytes(raw)


def conv_model(opset=13):
    weights = [tensor("w", (4, 2, 3, 3)), tensor("b", (4,)), tensor("w2", (3, 4, 1, 1)), tensor("add", (3, 1, 1))]
    weights += [onnx.numpy_helper.from_array(numpy.full((4,), start, numpy.float32), name)
                for name, start in (("scale", 1), ("shift", 0.5), ("mean", 0.25), ("var", 2))]
    nodes = [
        helper.make_node("Identity", ["x"], ["i"]),
        helper.make_node("Conv", ["i", "w", "b"], ["c"], name="conv1", pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("BatchNormalization", ["c", "scale", "shift", "mean", "var"], ["n"], epsilon=1e-3),
        helper.make_node("Relu", ["n"], ["r"]),
        helper.make_node("MaxPool", ["r"], ["m"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Transpose", ["m"], ["t"], perm=[0, 1, 2, 3]),
        helper.make_node("Conv", ["t", "w2"], ["c2"]),
        helper.make_node("Add", ["c2", "add"], ["a"]),
        helper.make_node("GlobalAveragePool", ["a"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Identity", ["f"], ["y"]),
    ]
    return model(nodes, [value("x", shape=("N", 2, 8, 8))], [value("y", shape=("N", 3))], weights, opset)


def dense_model(opset=13):
    weights = [tensor("w", (20, 16)), tensor("b", (16,)), tensor("w2", (16, 17)), tensor("shape", (2,), numpy.int64)]
    weights[3] = onnx.numpy_helper.from_array(numpy.array([-1, 17], numpy.int64), "shape")
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["g"], alpha=0.5, beta=2.0),
        helper.make_node("Sigmoid", ["g"], ["s"]),
        helper.make_node("MatMul", ["s", "w2"], ["m"]),
        helper.make_node("Reshape", ["m", "shape"], ["h"]),
        helper.make_node("Softmax", ["h"], ["y"], axis=1),
    ]
    return model(nodes, [value("x", shape=("N", 20))], [value("y", shape=("N", 17))], weights, opset)


def branches_model(opset=13):
    """An If whose branches capture, and a Loop with an If inside."""
    then = helper.make_graph([helper.make_node("Neg", ["x"], ["t"])], "then", [], [value("t")])
    other = helper.make_graph([helper.make_node("Mul", ["x", "two"], ["e"])], "else", [], [value("e")],
                              [onnx.numpy_helper.from_array(numpy.array([2], numpy.float32), "two")])
    inner_then = helper.make_graph([helper.make_node("Add", ["state", "k"], ["q"])], "inner_then", [], [value("q")])
    inner_else = helper.make_graph([helper.make_node("Identity", ["state"], ["z"])], "inner_else", [], [value("z")])
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]),
         helper.make_node("If", ["go"], ["next"], then_branch=inner_then, else_branch=inner_else)],
        "body", [value("i", TensorProto.INT64, []), value("go", TensorProto.BOOL, []), value("state")],
        [value("go_on", TensorProto.BOOL, []), value("next")])
    nodes = [
        helper.make_node("If", ["flag"], ["k"], then_branch=then, else_branch=other),
        helper.make_node("Loop", ["trips", "flag", "k"], ["y"], body=body),
    ]
    trips = onnx.numpy_helper.from_array(numpy.array(3, numpy.int64), "trips")
    return model(nodes, [value("x"), value("flag", TensorProto.BOOL, [])], [value("y")], [trips], opset)


def scan_model():
    body = helper.make_graph([helper.make_node("Add", ["s", "e"], ["n"]), helper.make_node("Identity", ["n"], ["o"])], "body",
                             [value("s", shape=[4]), value("e", shape=[4])], [value("n", shape=[4]), value("o", shape=[4])])
    nodes = [helper.make_node("Scan", ["start", "x"], ["last", "y"], body=body, num_scan_inputs=1)]
    return model(nodes, [value("start", shape=[4]), value("x", shape=[5, 4])], [value("last", shape=[4]), value("y", shape=[5, 4])])


def recurrent_model():
    weights = [tensor("w", (1, 16, 5)), tensor("r", (1, 16, 4)), tensor("table", (40, 8))]
    nodes = [
        helper.make_node("LSTM", ["x", "w", "r", "", "", ""], ["", "y"], hidden_size=4),
        helper.make_node("Gather", ["table", "rows"], ["z"]),
    ]
    return model(nodes, [value("x", shape=[3, 2, 5]), value("rows", TensorProto.INT64, [3])],
                 [value("y", shape=[1, 2, 4]), value("z", shape=[3, 8])], weights, 14)


def quantised_model():
    def number(name, value_, dtype):
        return onnx.numpy_helper.from_array(numpy.array(value_, dtype), name)
    weights = [number("s", 0.1, numpy.float32), number("z", 128, numpy.uint8), tensor("w", (4, 2, 1, 1), numpy.int8),
               number("ws", [0.5, 1, 2, 4], numpy.float32), number("os", 0.2, numpy.float32)]
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        helper.make_node("DequantizeLinear", ["w", "ws"], ["wd"], axis=0),
        helper.make_node("Conv", ["d", "wd"], ["c"]),
        helper.make_node("QuantizeLinear", ["c", "os", "z"], ["cq"]),
        helper.make_node("DequantizeLinear", ["cq", "os", "z"], ["y"]),
    ]
    return model(nodes, [value("x", shape=[1, 2, 4, 4])], [value("y", shape=[1, 4, 4, 4])], weights)


def function_model():
    body = [helper.make_node("LeakyRelu", ["a"], ["t"]), helper.make_node("Add", ["t", "b"], ["r"])]
    body[0].attribute.append(onnx.AttributeProto(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT))
    imports = [helper.make_opsetid("", 17)]
    inner = helper.make_function("our", "Inner", ["a", "b"], ["r"], body, imports, ["slope"])
    outer = helper.make_function("our", "Outer", ["a"], ["r"], [helper.make_node("Inner", ["a", "a"], ["r"], domain="our", slope=0.5)],
                                 imports + [helper.make_opsetid("our", 1)])
    outer.doc_string = "calls Inner"
    nodes = [helper.make_node("Outer", ["x"], ["m"], domain="our"), helper.make_node("Inner", ["m", "x"], ["y"], domain="our", slope=0.25)]
    return model(nodes, imports=[helper.make_opsetid("", 17), helper.make_opsetid("our", 1)], functions=[inner, outer], ir_version=10)


def sparse_model():
    values = onnx.numpy_helper.from_array(numpy.array([1, 2], numpy.float32), "s")
    indices = onnx.numpy_helper.from_array(numpy.array([1, 3], numpy.int64), "s_indices")
    constant = helper.make_node("Constant", [], ["c"], sparse_value=helper.make_sparse_tensor(values, indices, [4]))
    made = model([constant, helper.make_node("Add", ["x", "s"], ["a"]), helper.make_node("Add", ["a", "c"], ["y"])])
    made.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [4]))
    return made


def typed_values_model():
    """Sequences, optionals, maps and sparse tensors as inputs; a type with a denotation."""
    float_type = helper.make_tensor_type_proto(TensorProto.FLOAT, ["N", 2])
    sequence = helper.make_sequence_type_proto(float_type)
    types = {
        "seq": sequence,
        "opt": helper.make_optional_type_proto(sequence),
        "map": helper.make_map_type_proto(TensorProto.INT64, helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.STRING, None))),
        "sparse": helper.make_sparse_tensor_type_proto(TensorProto.FLOAT, [3, "K"]),
    }
    inputs = [helper.make_value_info(name, kind) for name, kind in types.items()]
    image = value("x", shape=["N", 3, 8, 8])
    image.type.denotation = "IMAGE"
    for dim, meaning in zip(image.type.tensor_type.shape.dim, ["DATA_BATCH", "DATA_CHANNEL", "", "DATA_FEATURE"]):
        if meaning:
            dim.denotation = meaning
    nodes = [helper.make_node("SequenceAt", ["seq", "i"], ["y"]), helper.make_node("OptionalGetElement", ["opt"], ["o"]),
             helper.make_node("Relu", ["x"], ["r"])]
    outputs = [value("y", shape=["N", 2]), helper.make_value_info("o", sequence), value("r", shape=None)]
    made = model(nodes, inputs + [image, value("i", TensorProto.INT64, [])], outputs, opset=18)
    made.graph.value_info.append(onnx.ValueInfoProto(name="seen", doc_string="no type at all"))
    return made


def documented_model():
    made = conv_model()
    made.doc_string = "what the model is for"
    made.domain, made.model_version = "org.example", 7
    made.producer_name, made.producer_version = "by hand", "1.0"
    for to in (made, made.graph, made.graph.node[1], made.graph.initializer[0], made.graph.input[0]):
        to.metadata_props.add(key="who", value="tests")
    made.metadata_props.add(key="author", value="\u00e9\u4e16")
    for to in (made.graph, made.graph.node[0], made.graph.initializer[0], made.graph.input[0], made.graph.output[0],
               made.graph.node[1].attribute[0]):
        to.doc_string = "documented"
    made.graph.value_info.append(value("c", shape=("N", 4, 4, 4)))
    note = made.graph.quantization_annotation.add(tensor_name="w")
    note.quant_parameter_tensor_names.add(key="SCALE_TENSOR", value="s")
    training = made.training_info.add()
    training.algorithm.CopyFrom(branches_model().graph)
    training.update_binding.add(key="w", value="w_new")
    made.configuration.add(name="two", num_devices=2, device=["a", "b"])
    device = made.graph.node[1].device_configurations.add(configuration_id="two", pipeline_stage=1)
    device.sharding_spec.add(tensor_name="w", device=[0, 1]).sharded_dim.add(axis=0).simple_sharding.add(dim_param="N", num_shards=2)
    constant = made.graph.node.add(op_type="Constant", output=["k"])
    constant.attribute.add(name="value", type=onnx.AttributeProto.TENSOR, t=tensor("its own name", (2,)))
    constant.attribute[0].t.doc_string = "documented inside"
    return made


def names_model():
    names = ["a name", 'with "quotes"', "a/slash", "\\back", "\u540d\u524d", "new\nline", "tab\t", "x" * 300, "{brace}", "#", "-", "=", "@"]
    nodes = [helper.make_node("Relu", [names[i]], [names[i + 1]], name=names[-1 - i]) for i in range(len(names) - 1)]
    made = model(nodes, [value(names[0], shape=("batch size", 'a "dim"'))], [value(names[-1])], [])
    made.graph.name = "a graph/with \"any\" name"
    made.metadata_props.add(key="k\n", value='"v"\\')
    return made


def attributes_model():
    """Every type of attribute, on operators of a domain that nobody knows."""
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["i"])], "sub", [], [value("i")])
    kind = helper.make_tensor_type_proto(TensorProto.FLOAT, [1])
    node = helper.make_node(
        "Anything", ["x", "", "x"], ["y", "", "z"], domain="com.example", name="odd", f=1.5, i=-3, s=b"\x00\xff bytes", t=tensor("t", (2,)),
        g=graph, fs=[0.5, float("nan")], ints=[1, -(1 << 62)], strings=[b"", b"a"], ts=[tensor("t1", (1,)), tensor("t2", (2,))], gs=[graph, graph])
    node.attribute.append(onnx.AttributeProto(name="tp", type=onnx.AttributeProto.TYPE_PROTO, tp=kind))
    node.attribute.append(onnx.AttributeProto(name="tps", type=onnx.AttributeProto.TYPE_PROTOS, type_protos=[kind, kind]))
    node.attribute.append(onnx.AttributeProto(name="empty", type=onnx.AttributeProto.INTS))
    node.overload = "v2"
    more = helper.make_node("Other", [], ["k"], domain="com.example.more")
    return model([node, more], imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.example", 3), helper.make_opsetid("com.example.more", 99)])


def unknown_fields_model():
    """Fields newer than our library: number 1000, one of each wire type."""
    extra = b"\xc2\x3e\x03new" + b"\xc0\x3e\x2a" + b"\xc5\x3e\x01\x02\x03\x04" + b"\xc1\x3e" + bytes(range(8))
    made = conv_model()
    made.graph.value_info.append(value("c", shape=("N", 4, 4, 4)))
    for message in (made.graph.node[1].attribute[0], made.graph.node[1], made.graph.initializer[0], made.graph.input[0].type.tensor_type.shape.dim[0],
                    made.graph.input[0].type.tensor_type, made.graph.input[0].type, made.graph.input[0], made.graph.value_info[0],
                    made.graph.output[0].type.tensor_type.shape, made.graph, made):
        message.MergeFromString(extra)
    return made


def old_model():
    """IR 3: initialisers are inputs too, attributes of a subgraph likewise, some attributes without their type."""
    made = conv_model(7)
    made.ir_version = 3
    made.graph.input.extend(value(weight.name, shape=list(weight.dims)) for weight in made.graph.initializer)
    for attribute in made.graph.node[1].attribute:
        attribute.ClearField("type")
    made.opset_import[0].domain = "ai.onnx"
    made.graph.node[3].domain = "ai.onnx"
    return made


def external_models(folder):
    made = conv_model()
    onnx.save_model(made, folder / "fine.onnx", save_as_external_data=True, location="fine.data", size_threshold=0)
    (folder / "whole.onnx").write_bytes(made.SerializeToString())
    (folder / "sub").mkdir()
    onnx.save_model(made, folder / "below.onnx", save_as_external_data=True, location="sub/below.data", size_threshold=0)


def opset_models(folder):
    """The same network in every opset from the oldest that is read to the newest of the library."""
    for opset in range(7, onnx.defs.onnx_opset_version() + 1):
        (folder / f"opset_{opset}.onnx").write_bytes(conv_model(opset).SerializeToString())


def empty_model():
    return model([], [], [])


def passes_through_model():
    return model([], [value("x")], [value("x")])


ODD = {
    "conv": conv_model, "dense": dense_model, "branches": branches_model, "scan": scan_model, "recurrent": recurrent_model,
    "quantised": quantised_model, "functions": function_model, "sparse": sparse_model, "typed_values": typed_values_model,
    "documented": documented_model, "names": names_model, "attributes": attributes_model, "unknown_fields": unknown_fields_model,
    "old": old_model, "empty": empty_model, "passes_through": passes_through_model,
    "conv_opset_8": lambda: conv_model(8), "dense_opset_9": lambda: dense_model(9), "branches_opset_11": lambda: branches_model(11),
}


def write_corpus(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in ODD.items():
        (folder / f"{name}.onnx").write_bytes(make().SerializeToString())
    dtypes = folder / "dtypes"
    dtypes.mkdir()
    dtype_models(dtypes)
    whole = model([], [], [])
    for path in sorted(dtypes.glob("*.onnx")):
        made = onnx.load_from_string(path.read_bytes())
        made.graph.initializer[0].name = path.stem
        whole.graph.initializer.append(made.graph.initializer[0])
        path.unlink()
        path.with_suffix(".bin").unlink()
    dtypes.rmdir()
    whole.graph.initializer.append(helper.make_tensor("strings", TensorProto.STRING, [2], [b"a", b"\x00\xff"]))
    (folder / "dtypes.onnx").write_bytes(whole.SerializeToString())
    made = dense_model()
    onnx.save_model(made, folder / "external.onnx", save_as_external_data=True, location="e", size_threshold=0)
    (folder / "e").unlink()


def main():
    if sys.argv[1] == "--corpus":
        write_corpus(pathlib.Path(sys.argv[2]))
        return
    out = pathlib.Path(sys.argv[1])
    for name in ("dtypes", "odd", "external", "opsets"):
        (out / name).mkdir(parents=True)
    opset_models(out / "opsets")
    dtype_models(out / "dtypes")
    external_models(out / "external")
    for name, make in ODD.items():
        (out / "odd" / f"{name}.onnx").write_bytes(make().SerializeToString())


if __name__ == "__main__":
    main()
