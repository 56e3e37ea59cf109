#!/usr/bin/env python3
"""The peer's side of the bench `calibration`: what onnxruntime.quantization.quantize_static does to find ranges.

    quantize_static_worker.py MODEL.onnx IMAGES --threads N --batch N

MODEL is the form that bench_calibrate_worker exports (with its card beside it), so that both sides look at the same
graph. MinMax, the operator types and the session settings are quantize_static's own defaults; only the number of
threads is set, to be the same on both sides. Speaks the protocol of calibrate_worker.cpp: images are decoded and the
session is open before `ready`; then `go [N]` and `ranges`.
"""
import argparse
import json
import pathlib
import resource
import sys
import tempfile
import time

import numpy as np
import onnxruntime
from onnxruntime.quantization import calibrate
from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry
from PIL import Image

SUFFIXES = (".png", ".jpg", ".jpeg")


def load_image(path, card):
    """float32 [1,C,H,W] as the model card says."""
    channels = len(card["mean"])
    image = Image.open(path).convert("L" if channels == 1 else "RGB")
    image = image.resize((card["width"], card["height"]), Image.BILINEAR)
    pixels = np.asarray(image, np.float32).reshape(card["height"], card["width"], channels) / 255
    pixels = (pixels - np.array(card["mean"], np.float32)) / np.array(card["std"], np.float32)
    return pixels.transpose(2, 0, 1)[None] if card.get("layout", "NCHW") == "NCHW" else pixels[None]


def load_images(folder, card):
    paths = sorted(p for p in pathlib.Path(folder).rglob("*") if p.suffix.lower() in SUFFIXES)
    return np.concatenate([load_image(path, card) for path in paths]).astype(np.float32)


class Batches(calibrate.CalibrationDataReader):
    def __init__(self, name, images, size):
        self.batches = iter([{name: images[at:at + size]} for at in range(0, len(images), size)])

    def get_next(self):
        return next(self.batches, None)


class Peer:
    def __init__(self, model, images, batch, threads, scratch):
        types = sorted(set(QLinearOpsRegistry) | set(QDQRegistry))
        self.calibrater = calibrate.create_calibrator(
            pathlib.Path(model), types, augmented_model_path=str(pathlib.Path(scratch) / "augmented.onnx"))
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # as the library does
        options.intra_op_num_threads = threads
        self.calibrater.infer_session = onnxruntime.InferenceSession(
            self.calibrater.augmented_model_path, options, providers=["CPUExecutionProvider"])
        self.input = self.calibrater.infer_session.get_inputs()[0].name
        self.images, self.batch = images, batch

    def look(self):
        self.calibrater.calibrate_tensors_range = None
        self.calibrater.collect_data(Batches(self.input, self.images, self.batch))

    def ranges(self):
        seen = self.calibrater.compute_data()
        return {name: [float(np.min(data.range_value[0])), float(np.max(data.range_value[1]))]
                for name, data in seen.items()}


def answer(peer, line):
    word, *rest = line.split()
    if word == "ranges":
        return peer.ranges()
    if word != "go":
        raise SystemExit(f"neither 'go' nor 'ranges': {line!r}")
    usage, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    for _ in range(int(rest[0]) if rest else 1):
        peer.look()
    wall_s, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    return {"wall_s": wall_s, "cpu_s": after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime,
            "rss_bytes": after.ru_maxrss * 1024, "samples": len(peer.images)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("images")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    arguments = parser.parse_args()
    card = json.loads(pathlib.Path(arguments.model).with_suffix(".card.json").read_text(encoding="utf-8"))["input"]
    images = load_images(arguments.images, card)
    with tempfile.TemporaryDirectory() as scratch:
        peer = Peer(arguments.model, images, arguments.batch, arguments.threads, scratch)
        about = {"engine": "onnxruntime.quantization " + onnxruntime.__version__, "threads": arguments.threads,
                 "batch": arguments.batch}
        print("ready " + json.dumps(about), flush=True)
        for line in sys.stdin:
            print(json.dumps(answer(peer, line)), flush=True)


if __name__ == "__main__":
    main()
