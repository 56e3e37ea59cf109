"""Bundles: checking every byte beside sha256sum, and opening what was installed beside opening the plain file."""
import json
import subprocess
import time
from functools import partial

import numpy as np
import onnx
from onnx import helper, numpy_helper

from benches.calibration import resnet18
from harness import figures
from harness.pairs import Referee

TITLE = "Bundles: checking and opening"
ABOUT = ("*Checking*: `arete bundle verify` on a bundle of 100 MB whose blobs are stored as they are (weights of noise), beside Debian's `sha256sum` "
         "of the same file. *Opening*: `load_ms` of `arete bench` on the model that `arete bundle extract` wrote, beside the model that went in: an "
         "installed bundle is its files (docs/adr/0008-installed-bundles.md). Fresh processes in blocks of ABBA, one thread; the file is in the system's cache.")
WEIGHTS, SIDE = 25, 1000  # 100 MB
VERIFY, OPEN = 1.3, 1.1


def noise_model(path):
    rng, nodes, weights = np.random.default_rng(7), [], []
    for i in range(WEIGHTS):
        weights.append(numpy_helper.from_array(rng.integers(0, 2**32, (SIDE, SIDE), dtype=np.uint32), f"w{i}"))
    nodes.append(helper.make_node("Cast", ["w0"], ["c"], to=1))
    nodes += [helper.make_node("ReduceSum", ["c"], ["s"], keepdims=0), helper.make_node("Add", ["x", "s"], ["y"])]
    ends = [helper.make_tensor_value_info(name, 1, [1]) for name in "xy"]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def bundled(context, model, name):
    path = context.scratch(name + ".arete").resolve()
    command = [context.settings.build / "arete", "bundle", "create", model, "-o", path, "--version", "1.0.0", "--unproven"]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    return path


class Process:
    """A command as one turn."""

    def __init__(self, *command, read=None):
        self.command, self.read = list(map(str, command)), read

    def turn(self):
        start = time.monotonic()
        ended = subprocess.run(self.command, check=True, capture_output=True, text=True)
        wall = time.monotonic() - start
        return self.read(ended.stdout) if self.read else wall


def block(a, b, flipped):
    taken = {"a": [], "b": []}
    for side in "baab" if flipped else "abba":
        taken[side].append((a if side == "a" else b).turn())
    return sum(taken["a"]) / sum(taken["b"])


def compare(context, referee, comparisons):
    ratios = {name: [] for name in comparisons}
    for number in range(context.settings.pairs):
        for name, (a, b) in comparisons.items():
            ratios[name].append(referee.fair(partial(block, a, b, number % 2 == 1))[0])
    return ratios


def figure(what, ratios, control, at_most):
    found, same = figures.median_interval(ratios), figures.median_interval(control)
    verdict = "too noisy" if figures.is_noisy(same["interval"]) else figures.verdict_at_most(at_most, found)
    note = "{} pairs; control {:.3f} to {:.3f}".format(len(ratios), *same["interval"])
    return figures.figure(what, found["median"], "x", found["interval"], f"at most {at_most:g}", verdict, note)


def run(context):
    referee, arete = Referee(context.settings), context.settings.build / "arete"
    noise = context.scratch("bundle_noise.onnx").resolve()
    noise_model(noise)
    bundle = bundled(context, noise, "bundle_noise")
    verify, reference = Process(arete, "bundle", "verify", bundle), Process("sha256sum", bundle)
    model = resnet18(context).resolve()
    folder = context.scratch("bundle_installed")
    subprocess.run(list(map(str, [arete, "bundle", "extract", bundled(context, model, "bundle_resnet18"), "-o", folder])), check=True, capture_output=True)
    load = lambda path: Process(arete, "bench", path, "--threads", 1, "--warmup", 0, "--runs", 1, "--json",  # noqa: E731
                                read=lambda text: json.loads(text.splitlines()[-1])["load_ms"] / 1000)
    installed, plain = load(next((folder / "main").glob("*.onnx"))), load(model)
    for process in (verify, reference, installed, plain):
        process.turn()
    context.say("bundle: in turns")
    ratios = compare(context, referee, {"verify": (verify, reference), "verify, control": (verify, verify),
                                        "open": (installed, plain), "open, control": (plain, plain)})
    rows = [figure("checking 100 MB of stored blobs / sha256sum", ratios["verify"], ratios["verify, control"], VERIFY),
            figure("opening an installed ResNet-18 / the plain file", ratios["open"], ratios["open, control"], OPEN)]
    return {"title": TITLE, "about": ABOUT, "figures": rows, "disturbance": {"blocks": referee.disturbance()}, "raw": {"ratios": ratios},
            "versions": {"sha256sum": subprocess.run(["sha256sum", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0].split()[-1]}}
