"""Time and peak memory of `arete info` and of the graph's part of optimising, against nodes and against weights."""
import json
import math
import shutil
import statistics
import subprocess
import sys
from functools import partial

import onnx
from onnx import TensorProto, helper

from harness import figures
from harness.pairs import Referee

TITLE = "Scale: nodes and weights"
ABOUT = ("Each figure is the median of fresh processes. *info* is `arete info --json`: reading, verifying, the official checker, shape inference, "
         "counting. *graph* is what optimising does to the graph alone: reading, verifying, the passes of the preset aggressive with a check "
         "after each, writing. *onnx* is Python's `onnx.load` and `onnx.checker.check_model`. *chain* is a Relu after the other; *mix* is "
         "blocks of Conv, BatchNormalization, Relu, Identity and Add with weights of their own; *weights* is 16 MatMuls, weights of 1 GB and more in a "
         "file of holes beside the model. An exponent is log(t2/t1) / log(n2/n1) of the two largest models: 1 is linear. "
         "Runs with large weights are never void, because the kernel writing them back counts as others; CPU time is the process's own.")
NODES = (1000, 10_000, 100_000)
WEIGHT_BYTES = (10**7, 10**8, 10**9, 2 * 10**9, 4 * 10**9)
INLINE_BYTES = 10**8
MATMULS = 16
LINEAR = 1.15  # the exponent that still counts as linear: tables of names outgrow the caches
INFO_2GB_S = 1.0
PYTHON = "import sys, onnx; onnx.load(sys.argv[1]); onnx.checker.check_model(sys.argv[1])"


def floats(name, *dims):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)


def save(path, nodes, ends, weights, shape):
    graph = helper.make_graph([], "g", [floats(ends[0], *shape)], [floats(ends[1], *shape)])
    graph.node.extend(nodes)
    graph.initializer.extend(weights)
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString())


def chain(path, count):
    nodes = [onnx.NodeProto(op_type="Relu", input=[f"t{i}"], output=[f"t{i + 1}"]) for i in range(count)]
    save(path, nodes, ("t0", f"t{count}"), [], (2,))


def mix(path, count):
    nodes, weights = [], []
    pads = helper.make_attribute("pads", [1] * 4)
    for i in range(count // 5):
        names = [f"b{i}.{n}" for n in ("w", "scale", "shift", "mean", "var")]
        weights.append(TensorProto(name=names[0], data_type=TensorProto.FLOAT, dims=[4, 4, 3, 3], raw_data=b"\0\0\x80\x3f" * 144))
        weights += [TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[4], raw_data=b"\0\0\x80\x3f" * 4) for name in names[1:]]
        nodes += [onnx.NodeProto(op_type="Conv", input=[f"x{i}", names[0]], output=[f"c{i}"], attribute=[pads]),
                  onnx.NodeProto(op_type="BatchNormalization", input=[f"c{i}", *names[1:]], output=[f"n{i}"]),
                  onnx.NodeProto(op_type="Relu", input=[f"n{i}"], output=[f"r{i}"]), onnx.NodeProto(op_type="Identity", input=[f"r{i}"], output=[f"i{i}"]),
                  onnx.NodeProto(op_type="Add", input=[f"i{i}", f"x{i}"], output=[f"x{i + 1}"])]
    save(path, nodes, ("x0", f"x{count // 5}"), weights, (1, 4, 8, 8))


def heavy(path, total_bytes):
    side = int(math.sqrt(total_bytes / MATMULS / 4))
    nodes, weights = [], []
    for i in range(MATMULS):
        weight = TensorProto(name=f"w{i}", data_type=TensorProto.FLOAT, dims=[side, side])
        if total_bytes > INLINE_BYTES:
            weight.data_location = TensorProto.EXTERNAL
            for key, value in (("location", path.stem + ".bin"), ("offset", i * side * side * 4), ("length", side * side * 4)):
                weight.external_data.add(key=key, value=str(value))
        else:
            weight.raw_data = bytes(side * side * 4)
        weights.append(weight)
        nodes.append(onnx.NodeProto(op_type="MatMul", input=[f"x{i}", f"w{i}"], output=[f"x{i + 1}"]))
    save(path, nodes, ("x0", f"x{MATMULS}"), weights, (1, side))
    if total_bytes > INLINE_BYTES:
        with open(path.with_suffix(".bin"), "wb") as file:
            file.truncate(MATMULS * side * side * 4)


class Measurer:
    def __init__(self, context):
        self.context = context
        self.worker = context.settings.build / "bench_scale_worker"
        self.referee = Referee(context.settings)
        self.raw = []

    def once(self, *arguments):
        ended = subprocess.run(list(map(str, (self.worker, *arguments))), capture_output=True, text=True, check=False)
        if ended.returncode != 0:
            raise RuntimeError(f"bench_scale_worker {arguments[0]}: {ended.stderr.strip()[-300:]}")
        return json.loads(ended.stdout.strip().splitlines()[-1])

    def median(self, kind, what, size, repeats, *arguments):
        # What the kernel writes back of our own gigabytes counts as others' work, so large weights know no void runs.
        judged = kind != "weights"
        one = partial(self.once, *arguments)
        taken = [self.referee.fair(one)[0] if judged else one() for _ in range(repeats)]
        self.raw.append({"model": kind, "size": size, "what": what, "runs": taken})
        failed = [run["status"] for run in taken if run["status"] != 0]
        if failed:
            raise RuntimeError(f"{what} of {kind} {size} ended with {failed[0]}")
        return {key: statistics.median(run[key] for run in taken) for key in ("cpu_s", "wall_s", "peak_bytes")}

    def model(self, kind, path, size, repeats, with_onnx):
        """{"info", "graph", "onnx" or None} of one model."""
        self.context.say(f"scale: {kind} {size:,}")
        arete = self.context.settings.build / "arete"
        out = path.parent / "out.onnx"
        made = {"info": self.median(kind, "info", size, repeats, "command", arete, "info", path, "--json"),
                "graph": self.median(kind, "graph", size, repeats, "graph", path, "aggressive", out), "onnx": None}
        if with_onnx:
            made["onnx"] = self.median(kind, "onnx", size, repeats, "command", sys.executable, "-c", PYTHON, path)
        return made


def row_of(kind, size, path, made):
    cells = [kind, size, path.stat().st_size / 1e6]
    for what in ("info", "graph"):
        cells += [made[what]["cpu_s"], made[what]["wall_s"], made[what]["peak_bytes"] / 1e6]
    return [*cells, *([made["onnx"]["cpu_s"], made["onnx"]["peak_bytes"] / 1e6] if made["onnx"] else ["", ""])]


def exponents(kind, unit, sizes, taken):
    """Figures of the two largest models."""
    rows = []
    for what in ("info", "graph"):
        for key, words in (("cpu_s", "time"), ("peak_bytes", "memory")):
            first, last = (taken[size][what][key] for size in sizes[-2:])
            exponent = math.log(last / first) / math.log(sizes[-1] / sizes[-2])
            rows.append(figures.figure(f"{kind}: exponent of {what}'s {words}", exponent, "", None, f"at most {LINEAR}", "holds" if exponent <= LINEAR else "fails",
                                       f"from {sizes[-2]:,} to {sizes[-1]:,} {unit}; {last / first:.2f} times"))
    return rows


def run(context):
    quick = context.settings.quick
    folder = context.scratch("scale")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if shutil.disk_usage(folder).free < 10 * 10**9:
        context.say("scale: it needs 10 GB of free disk")
        return None
    measurer, rows, found = Measurer(context), [], []
    kinds = (("chain", "nodes", NODES[:2] if quick else NODES, chain), ("mix", "nodes", NODES[:2] if quick else NODES, mix),
             ("weights", "bytes", WEIGHT_BYTES[:3] if quick else WEIGHT_BYTES, heavy))
    try:
        for kind, unit, sizes, make in kinds:
            taken = {}
            for size in sizes:
                path = folder / f"{kind}{size}.onnx"
                make(path, size)
                is_large = size >= 100_000 and unit == "nodes" or size >= 10**9
                taken[size] = measurer.model(kind, path, size, 1 if size > 10**9 or quick else 3 if is_large else 5, with_onnx=size <= 10**8)
                rows.append(row_of(kind, size, path, taken[size]))
                for file in folder.iterdir():
                    file.unlink()
            found += exponents(kind, unit, sizes, taken)
            if 2 * 10**9 in taken:
                wall_s = taken[2 * 10**9]["info"]["wall_s"]
                found.append(figures.figure("info on 2 GB of external weights", wall_s, "s", None, f"below {INFO_2GB_S} s", "holds" if wall_s < INFO_2GB_S else "fails", "wall time"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    columns = ["model", "nodes or bytes", "file MB", "info CPU s", "info wall s", "info peak MB", "graph CPU s", "graph wall s", "graph peak MB", "onnx CPU s", "onnx peak MB"]
    return {"title": TITLE, "about": ABOUT, "figures": found, "tables": [{"title": "Medians", "columns": columns, "rows": rows}],
            "raw": measurer.raw, "versions": {"onnx": onnx.__version__}, "disturbance": {"scale": measurer.referee.disturbance()}}
