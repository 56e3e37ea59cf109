"""Models broken on purpose: mutant(number) is the same bytes every time, whatever was made before it.

Two kinds of mutators: of bytes (where the weights are not, for a changed weight is a model like another), and of messages
through Python's onnx, which leaves the file well-formed and the model absurd.
"""
import glob
import os
import random

import onnx
from onnx import TensorProto, helper

from harness import SOURCE, conv_classifier

BIG = (0, 1, -1, 2, 7, 127, 128, 255, 65535, 65536, 2**20, 2**24, 2**31 - 1, 2**31, 2**32, 2**40, 2**62, 2**63 - 1, -2**31, -2**63)
MAX_SEED_BYTES = 2_500_000


def seeds():
    """[(name, bytes)]: real models where there is data, those of the fuzzing corpus, and one that is made."""
    found = [("conv_classifier", conv_classifier().SerializeToString())]
    paths = glob.glob(os.path.join(SOURCE, "fuzz/corpus/onnx/*.onnx"))
    if "ARETE_DATA" in os.environ:
        paths += 2 * glob.glob(os.path.join(os.environ["ARETE_DATA"], "**/*.onnx"), recursive=True)  # these count twice
    for path in sorted(paths):
        if 50 < os.path.getsize(path) <= MAX_SEED_BYTES:
            with open(path, "rb") as file:
                found.append((os.path.basename(path), file.read()))
    return found


# --- the bytes -------------------------------------------------------------------------------------------------------

# message: {field number of a message in it: that message}, by onnx-ml.proto.
MESSAGES = {
    "model": {7: "graph", 8: "opset", 14: "entry", 25: "function"},
    "graph": {1: "node", 5: "tensor", 11: "value", 12: "value", 13: "value", 15: "sparse"},
    "node": {5: "attribute"}, "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph"},
    "function": {7: "node", 9: "opset", 11: "attribute"}, "value": {2: "type"}, "type": {1: "tensor_type", 4: "sequence"},
    "sequence": {1: "type"}, "tensor_type": {2: "shape"}, "shape": {1: "dim"}, "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"}, "opset": {}, "entry": {}, "dim": {}}


def read_varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return value, at


def write_varint(value):
    value &= 2**64 - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def fields(data):
    """[(start of the tag, start of its value or length, start of the content, end, wire type)] of all messages."""
    found, todo = [], [("model", 0, len(data))]
    while todo:
        message, at, end = todo.pop()
        while at < end:
            start = at
            tag, value_at = read_varint(data, at)
            content_at = value_at
            if tag & 7 == 0:
                _, at = read_varint(data, value_at)
            elif tag & 7 == 2:
                length, content_at = read_varint(data, value_at)
                at = content_at + length
                if tag >> 3 in MESSAGES[message]:
                    todo.append((MESSAGES[message][tag >> 3], content_at, at))
            elif tag & 7 in (1, 5):
                at = value_at + (8 if tag & 7 == 1 else 4)
            else:  # a group: its fields are taken as the message's own
                at = value_at
            found.append((start, value_at, content_at, at, tag & 7))
    return found


def place(data, rng):
    """Somewhere in the structure: of a long run of bytes (weights) only the front is looked at."""
    start, _, content_at, end, _ = rng.choice(fields(data))
    return rng.randrange(start, max(start + 1, min(end, content_at + 16)))


def flip_bits(data, rng):
    for at in [place(data, rng) for _ in range(rng.randint(1, 8))]:
        data[at] ^= 1 << rng.randrange(8)


def set_bytes(data, rng):
    at = place(data, rng)
    data[at:at + rng.randint(1, 8)] = bytes(rng.choice((0, 1, 127, 128, 255)) for _ in range(rng.randint(1, 8)))


def cut_short(data, rng):
    del data[rng.choice((place(data, rng), rng.randrange(len(data)), len(data) - 1)):]


def cut_out(data, rng):
    at = place(data, rng)
    del data[at:at + rng.choice((1, 2, 5, 100, 10000))]


def insert_noise(data, rng):
    at = place(data, rng)
    data[at:at] = rng.randbytes(rng.choice((1, 2, 5, 100, 10000)))


def repeat_range(data, rng):
    at = place(data, rng)
    data[at:at] = data[at:at + rng.choice((1, 10, 100, 1000))] * rng.choice((1, 2, 50))


def repeat_field(data, rng):
    start, _, _, end, _ = rng.choice(fields(data))
    data[start:start] = data[start:end] * rng.choice((1, 1, 1, 100, 2000 if end - start < 500 else 1))


def move_field(data, rng):
    start, _, _, end, _ = rng.choice(fields(data))
    field = data[start:end]
    del data[start:end]
    at = rng.randrange(len(data) + 1)
    data[at:at] = field


def change_length(data, rng):
    _, value_at, content_at, end, _ = rng.choice([f for f in fields(data) if f[4] == 2])
    length = end - content_at
    data[value_at:content_at] = write_varint(rng.choice((length + 1, length - 1, length // 2, 2 * length, *BIG)))


def change_varint(data, rng):
    varints = [f for f in fields(data) if f[4] == 0]
    if not varints:
        return flip_bits(data, rng)
    _, value_at, _, end, _ = rng.choice(varints)
    data[value_at:end] = write_varint(rng.choice(BIG))
    return None


# --- the messages ----------------------------------------------------------------------------------------------------

def graphs_of(model):
    found = [model.graph]
    for graph in found:
        for node in graph.node:
            for attribute in node.attribute:
                found += [attribute.g] if attribute.HasField("g") else []
                found += attribute.graphs
    return found


def some_graph(model, rng):
    graphs = [g for g in graphs_of(model) if g.node] or [model.graph]
    return graphs[0] if rng.random() < 0.5 else rng.choice(graphs)


def some_node(model, rng):
    graph = some_graph(model, rng)
    return rng.choice(graph.node) if graph.node else graph.node.add(op_type="Relu", input=["x"], output=["hostile"])


def some_weight(model, rng):
    weights = [w for g in graphs_of(model) for w in g.initializer]
    weights += [a.t for g in graphs_of(model) for n in g.node for a in n.attribute if a.HasField("t")]
    return rng.choice(weights) if weights else model.graph.initializer.add(name="hostile", data_type=1, dims=[1], raw_data=b"1234")


def names_of(graph):
    return [""] + [n for node in graph.node for n in (*node.input, *node.output)] + [v.name for v in (*graph.input, *graph.initializer)]


def weight_dims(model, rng):
    weight = some_weight(model, rng)
    if weight.dims and rng.random() < 0.7:
        weight.dims[rng.randrange(len(weight.dims))] = rng.choice(BIG)
    else:
        weight.dims.extend([rng.choice(BIG)] * rng.choice((1, 2, 70)))


def weight_dims_transposed(model, rng):
    weight = some_weight(model, rng)
    dims = list(weight.dims)
    rng.shuffle(dims)
    del weight.dims[:]
    weight.dims.extend(rng.choice((dims, [*dims, 1], [1, *dims], dims[::-1], [0, *dims])))


def weight_dtype(model, rng):
    some_weight(model, rng).data_type = rng.choice((*range(30), -1, 2**31 - 1))


def weight_values(model, rng):
    """What is read as a shape, an index, a count: numbers that lead far out."""
    ints = [w for g in graphs_of(model) for w in g.initializer if w.data_type == TensorProto.INT64]
    ints += [a.t for g in graphs_of(model) for n in g.node for a in n.attribute if a.HasField("t") and a.t.data_type == TensorProto.INT64]
    if not ints:
        return weight_dims(model, rng)
    weight = rng.choice(ints)
    try:
        values = onnx.numpy_helper.to_array(weight).copy()
    except (ValueError, onnx.checker.ValidationError):  # another mutator was here
        return weight_dims(model, rng)
    flat = values.reshape(-1)
    for _ in range(rng.randint(1, 3)):
        if flat.size:
            flat[rng.randrange(flat.size)] = rng.choice(BIG)
    name = weight.name
    weight.CopyFrom(onnx.numpy_helper.from_array(values, name))
    return None


def weight_external(model, rng):
    weight = some_weight(model, rng)
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    where = rng.choice(("/etc/passwd", "../x", "..", ".", "", "m.onnx", "/dev/zero", "/proc/self/mem", "w.bin", "a/../../b", "w\0.bin", "CON", "\\\\x\\y"))
    for key, value in (("location", where), ("offset", rng.choice(BIG)), ("length", rng.choice(BIG))):
        if rng.random() < 0.9:
            weight.external_data.add(key=key, value=str(value))


def value_dims(model, rng):
    graph = some_graph(model, rng)
    values = [v for v in (*graph.input, *graph.output, *graph.value_info) if v.type.HasField("tensor_type")]
    if not values:
        return weight_dims(model, rng)
    shape = rng.choice(values).type.tensor_type.shape
    if shape.dim and rng.random() < 0.8:
        rng.choice(shape.dim).dim_value = rng.choice(BIG)
    else:
        for _ in range(rng.choice((1, 2, 70))):
            shape.dim.add(dim_value=rng.choice(BIG))
    return None


def value_dtype(model, rng):
    graph = some_graph(model, rng)
    values = [*graph.input, *graph.output, *graph.value_info]
    if values:
        rng.choice(values).type.tensor_type.elem_type = rng.choice((*range(30), -1, 2**31 - 1))


def attribute_value(model, rng):
    nodes = [n for g in graphs_of(model) for n in g.node if n.attribute]
    if not nodes:
        return swap_operator(model, rng)
    attribute = rng.choice(rng.choice(nodes).attribute)
    if attribute.ints:
        for _ in range(rng.randint(1, 2)):
            attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(BIG)
    elif attribute.type == onnx.AttributeProto.INT:
        attribute.i = rng.choice(BIG)
    elif attribute.type == onnx.AttributeProto.FLOAT:
        attribute.f = rng.choice((float("nan"), float("inf"), -1e38, 0.0))
    elif attribute.type == onnx.AttributeProto.STRING:
        attribute.s = rng.choice((b"", b"\xff\xfe", b"SAME_UPPER", b"linear", b"x" * 10000))
    else:
        attribute.name = "hostile"
    return None


def attribute_list(model, rng):
    nodes = [n for g in graphs_of(model) for n in g.node if any(a.ints for a in n.attribute)]
    if not nodes:
        return attribute_type(model, rng)
    attribute = rng.choice([a for a in rng.choice(nodes).attribute if a.ints])
    change = rng.randrange(3)
    if change == 0:
        del attribute.ints[:]
    elif change == 1:
        del attribute.ints[-1]
    else:
        attribute.ints.extend([rng.choice(BIG)] * rng.choice((1, 2, 1000)))
    return None


def attribute_type(model, rng):
    node = some_node(model, rng)
    if node.attribute:
        rng.choice(node.attribute).type = rng.randrange(15)
    else:
        node.attribute.add(name=rng.choice(("axis", "axes", "to", "perm", "hostile")), type=onnx.AttributeProto.INT, i=rng.choice(BIG))


def attribute_gone(model, rng):
    node = some_node(model, rng)
    if node.attribute:
        del node.attribute[rng.randrange(len(node.attribute))]
    else:
        del node.input[:]


def attribute_twice(model, rng):
    node = some_node(model, rng)
    if node.attribute:
        node.attribute.append(rng.choice(node.attribute))


OPERATORS = ("Relu", "Conv", "MatMul", "Gemm", "Resize", "Tile", "Expand", "ConstantOfShape", "Range", "Pad", "Loop", "If", "Scan", "LSTM", "GRU",
             "Reshape", "Transpose", "Gather", "ScatterND", "TopK", "NonZero", "OneHot", "CumSum", "MaxPool", "AveragePool", "ConvTranspose",
             "QLinearConv", "DequantizeLinear", "QuantizeLinear", "Einsum", "SequenceAt", "StringNormalizer", "RandomNormal", "Slice", "Concat",
             "Split", "EyeLike", "DepthToSpace", "RoiAlign", "NonMaxSuppression", "GridSample", "Col2Im", "DFT", "STFT", "Nothing", "", "Identity")


def swap_operator(model, rng):
    some_node(model, rng).op_type = rng.choice(OPERATORS)


def swap_domain(model, rng):
    some_node(model, rng).domain = rng.choice(("com.microsoft", "ai.onnx.ml", "hostile", "ai.onnx", "com.microsoft.nchwc"))


def rewire(model, rng):
    """Another tensor as input: dangling, of another shape, or from further on, which makes a cycle."""
    graph = some_graph(model, rng)
    nodes = [n for n in graph.node if n.input]
    if nodes:
        node = rng.choice(nodes)
        node.input[rng.randrange(len(node.input))] = rng.choice([*names_of(graph), "nowhere", "x" * 5000])


def rename_output(model, rng):
    graph = some_graph(model, rng)
    nodes = [n for n in graph.node if n.output]
    if nodes:
        node = rng.choice(nodes)
        node.output[rng.randrange(len(node.output))] = rng.choice([*names_of(graph), "elsewhere"])


def more_inputs(model, rng):
    graph = some_graph(model, rng)
    some_node(model, rng).input.extend([rng.choice(names_of(graph))] * rng.choice((1, 2, 500)))


def no_inputs(model, rng):
    node = some_node(model, rng)
    del node.input[rng.randrange(len(node.input) + 1):]


def drop(model, rng):
    graph = some_graph(model, rng)
    rows = rng.choice((graph.node, graph.initializer, graph.input, graph.output, graph.value_info, model.opset_import))
    if rows:
        del rows[rng.randrange(len(rows))]


def twice(model, rng):
    graph = some_graph(model, rng)
    rows = rng.choice((graph.node, graph.initializer, graph.input, graph.output, graph.value_info, model.opset_import))
    if rows:
        rows.append(rng.choice(rows))


def shuffle_nodes(model, rng):
    graph = some_graph(model, rng)
    nodes = list(graph.node)
    rng.shuffle(nodes)
    del graph.node[:]
    graph.node.extend(nodes)


def opset(model, rng):
    if model.opset_import:
        rng.choice(model.opset_import).version = rng.choice((*range(30), *BIG))
    if rng.random() < 0.2:
        model.ir_version = rng.choice((0, 3, 10, *BIG))


def nest(model, rng):
    """The graph inside a branch of a branch of a branch."""
    for _ in range(rng.choice((1, 5, 20))):  # deeper than 30 Python itself gives up
        inner = onnx.GraphProto()
        inner.CopyFrom(model.graph)
        del inner.input[:]
        outputs, inputs = list(model.graph.output), list(model.graph.input)
        flag = helper.make_tensor("flag", TensorProto.BOOL, [], [True])
        node = helper.make_node("If", ["flag"], [o.name for o in outputs], then_branch=inner, else_branch=inner if model.ByteSize() < 100000 else helper.make_graph([], "e", [], []))
        if model.ByteSize() > 500000 or len(graphs_of(model)) > 25:
            return
        model.graph.CopyFrom(helper.make_graph([node], "outer", inputs, outputs, [flag]))


def endless(model, rng):
    """A loop that runs on over what the graph computes."""
    body = helper.make_graph([helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Concat", ["state", "state"], ["next"], axis=0) if rng.random() < 0.5 else
                              helper.make_node("Identity", ["state"], ["next"])], "body",
                             [helper.make_tensor_value_info("i", TensorProto.INT64, []), helper.make_tensor_value_info("go", TensorProto.BOOL, []),
                              helper.make_tensor_value_info("state", TensorProto.FLOAT, None)],
                             [helper.make_tensor_value_info("on", TensorProto.BOOL, []), helper.make_tensor_value_info("next", TensorProto.FLOAT, None)])
    graph = model.graph
    graph.initializer.extend([helper.make_tensor("times", TensorProto.INT64, [], [rng.choice((5, 40, 2**62))]), helper.make_tensor("yes", TensorProto.BOOL, [], [True]),
                              helper.make_tensor("seed", TensorProto.FLOAT, [1], [1.0])])
    graph.node.append(helper.make_node("Loop", ["times", "yes", "seed"], ["looped"], body=body))
    graph.output.append(helper.make_tensor_value_info("looped", TensorProto.FLOAT, None))


def huge(model, rng):
    """A few bytes that ask for gigabytes when they run."""
    graph = model.graph
    size = rng.choice((2**20, 2**28, 2**32, 2**40, -5))
    graph.initializer.append(helper.make_tensor("size", TensorProto.INT64, [2], [size, 3]))
    maker = rng.choice(("ConstantOfShape", "Expand", "Tile", "Range"))
    graph.initializer.extend([helper.make_tensor("one", TensorProto.FLOAT, [1, 1], [1.0]), helper.make_tensor("zero", TensorProto.INT64, [], [0]),
                              helper.make_tensor("end", TensorProto.INT64, [], [size]), helper.make_tensor("step", TensorProto.INT64, [], [1])])
    inputs = {"ConstantOfShape": ["size"], "Expand": ["one", "size"], "Tile": ["one", "size"], "Range": ["zero", "end", "step"]}[maker]
    graph.node.append(helper.make_node(maker, inputs, ["huge"]))
    graph.output.append(helper.make_tensor_value_info("huge", TensorProto.INT64 if maker == "Range" else TensorProto.FLOAT, None))


def functions(model, rng):
    """A function that calls itself, or two of one name, or one that shadows an operator."""
    name = rng.choice(("Own", "Relu", ""))
    made = helper.make_function("hostile", name, ["a"], ["b"], [helper.make_node(rng.choice(("Own", "Neg", name)), ["a"], ["b"], domain=rng.choice(("", "hostile")))],
                                [helper.make_opsetid("", 13), helper.make_opsetid("hostile", 1)])
    model.functions.extend([made] * rng.choice((1, 2, 3)))
    model.opset_import.append(helper.make_opsetid("hostile", 1))
    node = some_node(model, rng)
    node.domain, node.op_type = "hostile", name


def no_name(model, rng):
    graph = some_graph(model, rng)
    rows = [*graph.initializer, *graph.input, *graph.output]
    if rows:
        rng.choice(rows).name = rng.choice(("", "\0", "\n" * 100, "é" * 3000))


OF_BYTES = (flip_bits, set_bytes, cut_short, cut_out, insert_noise, repeat_range, repeat_field, move_field, change_length, change_varint)
OF_MESSAGES = (weight_dims, weight_dims_transposed, weight_dtype, weight_values, weight_external, value_dims, value_dtype, attribute_value, attribute_list,
               attribute_type, attribute_gone, attribute_twice, swap_operator, swap_domain, rewire, rename_output, more_inputs, no_inputs, drop, twice,
               shuffle_nodes, opset, nest, endless, huge, functions, no_name)


def mutant(number, models):
    """(seed model's name, names of the mutators, bytes)."""
    rng = random.Random(number)
    name, original = rng.choice(models)
    names, data = [], bytearray(original)
    if rng.random() < 0.8:
        model = onnx.load_model_from_string(original)
        for mutate in rng.choices(OF_MESSAGES, k=rng.choice((1, 1, 1, 2, 3))):
            mutate(model, rng)
            names.append(mutate.__name__)
        data = bytearray(model.SerializeToString())
    if not names or rng.random() < 0.1:
        mutate = rng.choice(OF_BYTES)
        mutate(data, rng)
        names.append(mutate.__name__)
    return name, "+".join(names), bytes(data)
