"""An image's way into a tensor: ours for each instruction set beside Pillow and numpy, step by step."""
import statistics
import sys
from contextlib import ExitStack
from functools import partial

import numpy as np
from PIL import Image

from harness import figures
from harness.pairs import Turns, Worker

TITLE = "Images into tensors"
ABOUT = ("One thread, from the bytes of a JPEG (4:2:0, quality 85, a photograph's spectrum) in memory to float32 [1,3,224,224], normalised. "
         "*decode* ends with the upright RGB pixels, *rest* resizes and normalises them, *whole* is both in one call. The peer is Pillow's "
         "decode and resize, and numpy's normalisation. Both make the same tensor. Times are medians over turns, in microseconds an image.")
CASES = ((640, 480, "bilinear"), (640, 480, "bicubic"), (4000, 3000, "bilinear"))
STEPS = ("decode", "rest", "whole")
TURNS = 10


def photograph(path, width, height):
    """Seeded; the spectrum falls as that of photographs does."""
    if not path.exists():
        rng = np.random.default_rng(5)
        rise = np.hypot(np.fft.fftfreq(height)[:, None] * height, np.fft.rfftfreq(width)[None] * width) + 1
        planes = [np.fft.irfft2(np.fft.rfft2(rng.normal(size=(height, width))) / rise, (height, width)) for _ in range(3)]
        pixels = np.stack([128 + 45 * (planes[0] / planes[0].std() + 0.25 * plane / plane.std()) for plane in planes], -1)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, quality=85)
    return path


class Step(Worker):
    """One step of a worker, as `Turns` asks for it."""

    def __init__(self, command, step):
        self.step = step
        super().__init__(command)

    def go(self, looks=1):
        return self.ask(f"go {self.step} {looks}")


def targets_of(program, path):
    with Worker([program, path, 224, 224]) as worker:
        return worker.ask("targets")


def medians(context, turns, sides):
    """{name: microseconds an image} of workers that take turns, one after the other."""
    taken = {name: [] for name in sides}
    for name in sides:
        turns.warm_up([name])
    for _ in range(3 if context.settings.quick else TURNS):
        for name in sides:
            looks = turns.looks[name]
            answer, _ = turns.referee.fair(partial(turns.workers[name].go, looks), turns.workers.values())
            taken[name].append(answer["cpu_s"] / looks * 1e6)
    return {name: statistics.median(values) for name, values in taken.items()}, taken


def case(context, width, height, kind):
    program = context.settings.build / "bench_media_worker"
    path = photograph(context.scratch(f"photograph{width}.jpg"), width, height)
    ours = [program, path, 224, 224, kind]
    peer = [sys.executable, "bench/pillow_worker.py", path, 224, 224, kind]
    targets = targets_of(program, path)
    with ExitStack() as stack:
        start = lambda command, step: stack.enter_context(Step(command, step))  # noqa: E731
        workers = {(target, step): start([*ours, target], step) for target in targets for step in STEPS}
        workers |= {("Pillow", step): start(peer, step) for step in STEPS}
        workers |= {"ours": start(ours, "whole"), "control": start(ours, "whole")}
        turns = Turns(workers, context.settings)
        compared = turns.compare({"pillow": ("ours", ("Pillow", "whole")), "control": ("control", "ours")})
        steps, raw = medians(context, turns, [name for name in workers if isinstance(name, tuple)])
        what = f"{width}x{height}, {kind}"
        figure = figures.ratio_figure(f"{what}: whole / Pillow and numpy", compared["pillow"], compared["control"],
                                      words=("behind the peer", "no difference", "ahead of the peer"))
        rows = [[what, name, *(steps[name, step] for step in STEPS)] for name in [*targets, "Pillow"]]
        raw = {f"{name} {step}": values for (name, step), values in raw.items()}
        return figure, rows, {"compared": compared, "steps_cpu_us": raw}, turns.referee.disturbance(), workers["Pillow", "whole"].about["engine"]


def run(context):
    found, table, raw, disturbance, peer = [], [], {}, {}, ""
    for width, height, kind in CASES:
        context.say(f"media: {width}x{height} {kind}")
        name = f"{width}x{height} {kind}"
        figure, rows, raw[name], disturbance[name], peer = case(context, width, height, kind)
        found.append(figure)
        table += rows
    columns = ["image", "by", *(f"{step} us" for step in STEPS)]
    return {"title": TITLE, "about": ABOUT, "figures": found, "tables": [{"title": "CPU time, medians", "columns": columns, "rows": table}],
            "raw": raw, "disturbance": disturbance, "versions": {"peer": peer}}
