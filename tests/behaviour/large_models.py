"""Models that are large in one way, as bytes: Python's own protobuf would take minutes, or refuse the depth.

Field numbers are those of onnx-ml.proto: a model's graph is 7, a graph's nodes are 1, and so on.
"""
from mutants import write_varint

MILLION = 1_000_000
FLOAT = 1


def field(number, value):
    """A number, or a length and bytes (a str is UTF-8)."""
    if isinstance(value, int):
        return write_varint(number << 3) + write_varint(value)
    data = value.encode() if isinstance(value, str) else value
    return write_varint(number << 3 | 2) + write_varint(len(data)) + data


def message(*fields):
    return b"".join(field(number, value) for number, value in fields)


def value(name, *dims):
    shape = message(*((1, message((1, size))) for size in dims))
    return message((1, name), (2, message((1, message((1, FLOAT), (2, shape))))))


def node(op, inputs, outputs, *rest):
    return message(*((1, name) for name in inputs), *((2, name) for name in outputs), (4, op), *rest)


def graph(nodes, last, *rest):
    """`nodes`: bytes of the fields of all nodes."""
    return nodes + message((2, "g"), (11, value("x", 2)), (12, value(last, 2)), *rest)


def model(graph_bytes, *rest):
    return message((1, 8), (7, graph_bytes), (8, message((2, 13))), *rest)


def chain(count, op="Relu"):
    """x -> Relu -> Relu ... : `count` nodes."""
    names = ["x", *(f"t{i}" for i in range(1, count + 1))]
    return model(graph(b"".join(field(1, node(op, [names[i]], [names[i + 1]])) for i in range(count)), names[-1]))


def nested(depth):
    """An If in the branch of an If: each level is a front that names the length of what follows it."""
    fronts, length = [], 0
    for _ in range(depth):
        for number in (6, 5, 1):  # a branch is an attribute's graph, that a node's, that a node of the graph around it
            before = {6: message((1, "then_branch"), (20, 5)), 5: message((1, "flag"), (2, "y"), (4, "If")), 1: b""}[number]
            front = before + write_varint(number << 3 | 2) + write_varint(length)
            fronts.append(front)
            length += len(front)
    nodes = b"".join(reversed(fronts))
    return model(graph(nodes, "x", (5, message((1, 1), (2, 9), (8, "flag"), (9, b"\1")))))


def one_node(*rest, inputs=("x",)):
    return model(graph(field(1, node("Sum", inputs, ["y"], *rest)), "y"))


def large_models():
    """{name: (bytes, the exit status of `arete info`, words that an error must hold)}; lambdas, for they are large."""
    many = lambda make: [make(i) for i in range(MILLION)]
    relu = graph(field(1, node("Relu", ["x"], ["y"])), "y")
    return {
        "a million nodes": lambda: (chain(MILLION), 0, ""),
        "five million nodes": lambda: (model(graph(field(1, node("Relu", ["x"], ["y"])) * (5 * MILLION), "y")), 3, "more than 4000000 nodes"),
        "subgraphs 10,000 deep": lambda: (nested(10_000), 3, "nested deeper than 32"),
        "a node with a million inputs": lambda: (one_node(inputs=["x"] * MILLION), 0, ""),
        "a node with a million attributes": lambda: (one_node(*many(lambda i: (5, message((1, f"a{i}"), (3, i), (20, 2))))), 0, ""),
        "a string that claims 500 MB": lambda: (one_node((5, message((1, "s"), (20, 3)) + write_varint(4 << 3 | 2) + write_varint(500 * MILLION))), 3, "cut short"),
        "100 MB of zeros": lambda: (bytes(100 * MILLION), 3, "no ONNX model"),
        "a million functions": lambda: (model(relu, *many(lambda i: (25, message((1, f"f{i}"), (10, "own"), (9, message((2, 13))))))), 0, ""),
        "a million operator sets": lambda: (model(relu, *many(lambda i: (8, message((1, f"d{i}"), (2, 1))))), 3, "more than 1000 operator sets"),
        "a million entries of metadata": lambda: (model(relu, *many(lambda i: (14, message((1, f"k{i}"), (2, "v"))))), 0, ""),
        "a million initializers": lambda: (model(graph(b"", "x", *many(lambda i: (5, message((1, 1), (2, FLOAT), (8, f"w{i}"), (9, b"1234")))))), 0, ""),
        "a million types of tensors": lambda: (model(graph(field(1, node("Relu", ["x"], ["y"])), "y", *many(lambda i: (13, value(f"v{i}", 2, 3))))), 0, ""),
        "a tensor of a million axes": lambda: (model(graph(field(1, node("Relu", ["x"], ["y"])), "y", (13, value("v", *[2] * MILLION)))), 3, "over the limit of 64"),
        "a million empty nodes": lambda: (model(graph(b"\x0a\0" * MILLION, "x")), 3, "small parts"),
        "ten million empty axes": lambda: (model(graph(field(1, node("Relu", ["x"], ["y"])), "y", (13, message((1, "v"), (2, message((1, message((1, 1), (2, b"\x0a\0" * (10 * MILLION))))))))),), 3, "small parts"),
    }
