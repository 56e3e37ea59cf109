#!/usr/bin/env python3
"""Compares models before and after reading and writing, message by message.

    compare_models.py ORIGINALS REWRITTEN     each .onnx of the first folder with the file of that name in the second

What may differ: the IR version (raised to 4), how elements are stored (always raw or strings afterwards), initialisers
that are inputs too (frozen), "ai.onnx" for "", the order of metadata, -1 for an unknown axis, the place of external
data, types of attributes that were not said, and empty names and versions that were said. Nothing else. Exit status 1
and a diff when something else does.
"""

import difflib
import pathlib
import struct
import sys

import onnx
from google.protobuf import text_format
from onnx import AttributeProto, TensorProto

PLAIN_FIELDS = {"f": AttributeProto.FLOAT, "i": AttributeProto.INT, "s": AttributeProto.STRING, "t": AttributeProto.TENSOR,
                "g": AttributeProto.GRAPH, "floats": AttributeProto.FLOATS, "ints": AttributeProto.INTS, "strings": AttributeProto.STRINGS}
BITS = {TensorProto.UINT4: 4, TensorProto.INT4: 4, TensorProto.FLOAT4E2M1: 4, TensorProto.UINT2: 2, TensorProto.INT2: 2,
        TensorProto.FLOAT6E2M3: 6, TensorProto.FLOAT6E3M2: 6}
BYTES_OF_INT32 = {TensorProto.INT32: 4, TensorProto.INT16: 2, TensorProto.UINT16: 2, TensorProto.FLOAT16: 2, TensorProto.BFLOAT16: 2}


def raw_bytes(tensor, folder):
    if tensor.data_location == TensorProto.EXTERNAL:
        place = {entry.key: entry.value for entry in tensor.external_data}
        content = (folder / place["location"]).read_bytes()
        start = int(place.get("offset", 0))
        return content[start:start + int(place.get("length", len(content) - start))]
    if tensor.HasField("raw_data"):
        return tensor.raw_data
    if tensor.data_type in (TensorProto.FLOAT, TensorProto.COMPLEX64):
        return struct.pack(f"<{len(tensor.float_data)}f", *tensor.float_data)
    if tensor.data_type in (TensorProto.DOUBLE, TensorProto.COMPLEX128):
        return struct.pack(f"<{len(tensor.double_data)}d", *tensor.double_data)
    if tensor.data_type == TensorProto.INT64:
        return struct.pack(f"<{len(tensor.int64_data)}q", *tensor.int64_data)
    if tensor.data_type == TensorProto.UINT64:
        return struct.pack(f"<{len(tensor.uint64_data)}Q", *tensor.uint64_data)
    if tensor.data_type == TensorProto.UINT32:
        return struct.pack(f"<{len(tensor.uint64_data)}I", *tensor.uint64_data)
    if BITS.get(tensor.data_type) == 6:
        whole = sum((element & 63) << (6 * i) for i, element in enumerate(tensor.int32_data))
        return whole.to_bytes((6 * len(tensor.int32_data) + 7) // 8, "little")
    size = BYTES_OF_INT32.get(tensor.data_type, 1)
    return b"".join((element & ((1 << (8 * size)) - 1)).to_bytes(size, "little") for element in tensor.int32_data)


def clear_empty(message, *fields):
    for field in fields:
        if getattr(message, field) == "":
            message.ClearField(field)


def normalise_tensor(tensor, folder):
    if tensor.data_type == TensorProto.STRING:
        return
    raw = raw_bytes(tensor, folder)
    for field in ("float_data", "double_data", "int32_data", "int64_data", "uint64_data", "external_data", "data_location"):
        tensor.ClearField(field)
    tensor.raw_data = raw


def normalise_type(kind):
    tensor = kind.tensor_type
    for dim in tensor.shape.dim if kind.HasField("tensor_type") and tensor.elem_type else []:
        if dim.HasField("dim_value") and dim.dim_value == -1 or dim.HasField("dim_param") and not dim.dim_param:
            dim.ClearField(dim.WhichOneof("value"))


def normalise_node(node, folder):
    if node.domain == "ai.onnx":
        node.domain = ""
    clear_empty(node, "name", "domain", "overload")
    node.op_type = node.op_type
    for attribute in node.attribute:
        if attribute.type == AttributeProto.UNDEFINED and not attribute.ref_attr_name:
            attribute.type = next(kind for field, kind in PLAIN_FIELDS.items() if attribute.ListFields() and
                                  any(descriptor.name == field for descriptor, _ in attribute.ListFields()))
        if attribute.type in (AttributeProto.FLOAT, AttributeProto.INT, AttributeProto.STRING) and not attribute.ref_attr_name:
            field = {AttributeProto.FLOAT: "f", AttributeProto.INT: "i", AttributeProto.STRING: "s"}[attribute.type]
            setattr(attribute, field, getattr(attribute, field))
        for tensor in ([attribute.t] if attribute.HasField("t") else []) + list(attribute.tensors):
            normalise_tensor(tensor, folder)
        for graph in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
            normalise_graph(graph, folder)


def normalise_graph(graph, folder):
    graph.name = graph.name
    weights = {weight.name for weight in graph.initializer} | {weight.values.name for weight in graph.sparse_initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    del graph.input[:]
    graph.input.extend(inputs)
    for value in list(graph.input) + list(graph.output) + list(graph.value_info):
        value.name = value.name
        if value.HasField("type"):
            normalise_type(value.type)
    for weight in graph.initializer:
        normalise_tensor(weight, folder)
    for node in graph.node:
        normalise_node(node, folder)


def normalised(path):
    model = onnx.load_model_from_string(path.read_bytes())
    model.ir_version = max(model.ir_version, 4)
    clear_empty(model, "producer_name", "producer_version")
    for opset in model.opset_import:
        opset.domain = "" if opset.domain == "ai.onnx" else opset.domain
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    del model.metadata_props[:]
    for key in sorted(metadata):
        model.metadata_props.add(key=key, value=metadata[key])
    normalise_graph(model.graph, path.parent)
    return model


def main():
    originals, rewritten = (pathlib.Path(argument) for argument in sys.argv[1:3])
    bad = 0
    paths = sorted(originals.glob("*.onnx"))
    for path in paths:
        before, after = normalised(path), normalised(rewritten / path.name)
        # The bytes hold what the text leaves out: fields that nobody knows.
        if before.SerializeToString(deterministic=True) == after.SerializeToString(deterministic=True):
            continue
        bad += 1
        print(f"{path} differs after reading and writing:")
        texts = [text_format.MessageToString(model).splitlines() for model in (before, after)]
        for line in list(difflib.unified_diff(*texts, lineterm="", n=2))[:40]:
            print("  " + line[:200])
    print(f"{len(paths)} models, {bad} differ")
    return 1 if bad or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
