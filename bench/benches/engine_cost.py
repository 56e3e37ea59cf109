"""What an engine costs beside its arithmetic: memory after 10,000 loads and unloads, and the overhead of a small run."""
import json
import subprocess
from functools import partial

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from harness import figures
from harness.machine import Watch
from harness.pairs import Referee

TITLE = "Engines: memory over loads and unloads, and the overhead of a run"
ABOUT = ("A fresh process opens a model, runs it once and closes it, over and over. Memory is the PSS of that process and, of the "
         "isolated engine, of its children, taken after a close. Growth counts from the level after cycle 10. A cycle of the "
         "isolated engine starts and ends a process. The overhead of a run is compared on the 4-32-3 MLP, one thread, batch 1, in "
         "turns of 2,000 runs: engine::Session against the library's own C functions.")
LEAST_GROWTH = 2  # MB
CASES = [  # model, isolated, cycles
    ("4-32-3 MLP", False, 10_000), ("4-32-3 MLP", True, 10_000), ("100 MB MLP", False, 300), ("100 MB MLP", True, 300)]
SIZES = {"4-32-3 MLP": [4, 32, 3], "100 MB MLP": [1024, 5000, 4000, 250]}
RUNS_S = 10


def write_mlp(path, sizes):
    rng, nodes, weights, value = np.random.default_rng(4), [], [], "x"
    for i, (wide, narrow) in enumerate(zip(sizes, sizes[1:])):
        matrix = (rng.standard_normal((wide, narrow)) / wide ** 0.5).astype(np.float32)
        weights += [numpy_helper.from_array(matrix, f"w{i}"), numpy_helper.from_array(np.zeros(narrow, np.float32), f"b{i}")]
        last = i == len(sizes) - 2
        nodes.append(helper.make_node("Gemm", [value, f"w{i}", f"b{i}"], ["y" if last else f"g{i}"]))
        value = f"r{i}"
        if not last:
            nodes.append(helper.make_node("Relu", [f"g{i}"], [value]))
    graph = helper.make_graph(nodes, "mlp", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", sizes[0]])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", sizes[-1]])], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def models(context):
    paths = {name: context.scratch(f"engine_cost_{i}.onnx") for i, name in enumerate(SIZES)}
    for name, path in paths.items():
        if not path.exists():
            write_mlp(path, SIZES[name])
    return paths


def worker(context, *arguments):
    command = [context.settings.build / "bench_engine_worker", *arguments, "--threads", "1"]
    ended = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    answer = json.loads(ended.stdout)
    context.engine = answer["engine"]
    return answer


def run(context):
    paths, rows, curves, raw = models(context), [], [], {}
    for model, isolated, cycles in CASES:
        where = "isolated" if isolated else "in this process"
        cycles = 20 if context.settings.quick else cycles
        context.say(f"engine_cost: {model}, {where}, {cycles} cycles")
        watch = Watch()
        answer = worker(context, "cycles", paths[model], cycles, *(["--isolate"] if isolated else []))
        note = f"others used {watch.stop():.2f} of a core"  # which memory does not care for
        levels = dict(answer["curve"])
        growth = (levels[cycles] - levels[10]) / 1e6
        rows.append(figures.figure(f"growth from cycle 10 to {cycles:,}: {model}, {where}", growth, "MB", None,
                                   f"at most {LEAST_GROWTH} MB", "holds" if growth <= LEAST_GROWTH else "fails"))
        rows.append(figures.figure(f"a cycle: {model}, {where}", answer["cycle_ms"], "ms", note=note))
        curves += [[model, where, cycle, round(level / 1e6, 3)] for cycle, level in answer["curve"]]
        raw[f"{model}, {where}"] = answer
    context.say("engine_cost: runs")
    referee, seconds = Referee(context.settings), 1 if context.settings.quick else RUNS_S
    answer, _ = referee.fair(partial(worker, context, "runs", paths["4-32-3 MLP"], seconds))
    raw["runs"] = answer
    for key, what in (("raw_ns", "by the library's C functions"), ("session_ns", "by engine::Session"),
                      ("child_ns", "by engine::Session of the isolated engine")):
        rows.append(figures.figure(f"a run of the 4-32-3 MLP {what}", answer[key] / 1000, "us"))
    table = {"title": "Memory in MB after a close", "columns": ["model", "where", "cycle", "MB"], "rows": curves}
    return {"title": TITLE, "about": ABOUT, "figures": rows, "tables": [table], "raw": raw,
            "disturbance": {"runs": referee.disturbance()}}
