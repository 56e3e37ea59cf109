"""Calibration against one bare float pass, and against quantize_static's calibration: a bench for each model."""
import subprocess
import sys

import numpy as np
from PIL import Image

from harness import figures
from harness.context import FASHION
from harness.pairs import Turns

TITLE = "Calibration of {}: how much longer than one bare float pass"
ABOUT = ("One look at all samples, already decoded, by `tune::calibrate` and by a bare float run of the same graph "
         "through the same engine with the same threads and batches; sessions are opened before. The peer is the "
         "MinMax calibration inside onnxruntime's `quantize_static`, given the same graph, images, batch and threads.")
AT_MOST = 1.5
AGREE = 0.01  # of a tensor's span: further apart the two sides did not look at the same thing


def photographs(folder, count):
    """Seeded JPEGs of 320x240: smooth patches and edges."""
    if folder.is_dir() and len(list(folder.iterdir())) == count:
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(64)
    for i in range(count):
        coarse = rng.integers(0, 256, (6, 8, 3), np.uint8)
        image = Image.fromarray(coarse).resize((320, 240), Image.BICUBIC if i % 2 else Image.NEAREST)
        noisy = np.asarray(image, np.int16) + rng.integers(-12, 13, (240, 320, 3))
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / f"{i:03}.jpg", quality=90)
    return folder


def resnet18(context):
    path = context.scratch("resnet18.onnx")
    if not path.exists():
        subprocess.run([sys.executable, "tests/models/make_resnet18.py", str(path)], check=True)
    return path


def fashion_case(context):
    return "Fashion", FASHION, context.fashion_images(64 if context.settings.quick else 512)


def resnet18_case(context):
    photos = 2 if context.settings.quick else 64
    return "ResNet-18", resnet18(context), photographs(context.scratch(f"photographs{photos}"), photos)


def largest_disagreement(ours, peers):
    """Over the tensors that both observed, as a share of the tensor's span; int8 ranges always hold 0."""
    worst = 0.0
    shared = sorted(set(ours) & set(peers))
    for tensor in shared:
        (low, high), (peer_low, peer_high) = ours[tensor], peers[tensor]
        low, peer_low, high, peer_high = min(low, 0), min(peer_low, 0), max(high, 0), max(peer_high, 0)
        span = max(peer_high - peer_low, 1e-12)
        worst = max(worst, abs(low - peer_low) / span, abs(high - peer_high) / span)
    if not shared or worst > AGREE:
        raise RuntimeError(f"the ranges differ by {worst:.3f} of a span over {len(shared)} tensors")
    return {"tensors": len(shared), "largest_difference": worst}


def measure(context, name, model, data):
    exported = context.scratch(f"{name}.form.onnx")
    ours = {"calibrate": context.worker("calibrate", model, data, "--export", exported),
            "float": context.worker("float", model, data), "control": context.worker("float", model, data)}
    with context.workers(ours) as workers:
        batch = workers["calibrate"].about["batch"]
        peer = [sys.executable, "bench/quantize_static_worker.py", exported, data, "--threads", context.settings.threads,
                "--batch", batch]
        with context.workers({"peer": peer}) as peers:
            turns = Turns({**workers, **peers}, context.settings)
            compared = turns.compare({"float": ("calibrate", "float"), "control": ("control", "float"),
                                      "quantize_static": ("calibrate", "peer")})
            answer = workers["calibrate"].go()
            peers["peer"].go()
            agreement = largest_disagreement(workers["calibrate"].ask("ranges"), peers["peer"].ask("ranges"))
            about = {"samples": answer["samples"], "batch": batch, "looks_a_turn": turns.looks["float"],
                     "ranges_agree": agreement}
            return about, compared, turns.referee.disturbance(), peers["peer"].about["engine"]


class Calibration:
    """The bench of one case."""

    def __init__(self, case):
        self.case = case

    def run(self, context):
        name, model, data = self.case(context)
        context.say(f"calibration: {name}")
        about, compared, disturbance, peer = measure(context, name, model, data)
        what = f"{name}, {about['samples']} images, batch {about['batch']}"
        control = compared["control"]
        rows = [figures.ratio_figure(f"{what}: calibration / bare float pass", compared["float"], control, AT_MOST),
                figures.ratio_figure(f"{what}: calibration / quantize_static's", compared["quantize_static"], control,
                                     words=("behind the peer", "no difference", "ahead of the peer"))]
        return {"title": TITLE.format(name), "about": ABOUT, "figures": rows, "raw": {**about, **compared},
                "disturbance": {name: disturbance}, "versions": {"peer": peer}}
