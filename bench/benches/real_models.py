"""Every int8 form of real models, as `arete optimize --target cpu` measures it on random inputs."""
import os
import pathlib
from functools import partial

import numpy as np

from harness.figures import is_noisy
from harness.pairs import Referee

TITLE = "Real models: each form's bytes and speed"
ABOUT = ("`arete optimize --target cpu --precision auto` on random inputs: sizes and speeds are real, answers mean "
         "nothing. Speeds are optimize's own proof (one process, both sessions, turns of 5 ms and more, a budget of "
         "5 s a form), with its control; above 1 the form is faster than the original.")
MODELS = ("mlperf_tiny/onnx/ic01_fp32.onnx", "mlperf_tiny/onnx/kws01_fp32.onnx", "mlperf_tiny/onnx/vww01_fp32.onnx",
          "mlperf_tiny/onnx/ad01_fp32.onnx", "ort_examples/mnist.onnx", "ultraface/version-RFB-320.onnx",
          "fastestdet/FastestDet.onnx", "silero_vad/silero_vad.onnx")
SAMPLES = 32
RETRIES = 5


def random_samples(context, model, name):
    """An .npz of seeded normal inputs for calibration; None where an input is no float tensor with a batch axis."""
    _, info, _ = context.arete("info", model)
    arrays, rng = {}, np.random.default_rng(1)
    for value in (info or {}).get("inputs", []):
        shape = value["shape"]
        if value["dtype"] != "float32" or not shape or shape[0] not in (1, None):
            return None
        arrays[value["name"]] = rng.normal(size=[SAMPLES, *(size or 1 for size in shape[1:])]).astype(np.float32)
    if not arrays:
        return None
    path = context.scratch(name + ".npz")
    np.savez(path, **arrays)
    return path


def is_believed(answer):
    return not is_noisy(answer["control"]["speedup_interval"])


def optimize(context, model, name, referee):
    """Repeated while the control is too noisy. -> (JSON or None, words of a refusal)."""
    samples = random_samples(context, model, name)
    data = ["--calibration", samples] if samples else []
    command = ("optimize", model, "-o", context.scratch(name + ".out.onnx"), "--target", "cpu", "--precision", "auto",
               "--threads", context.settings.threads, *data)
    for attempt in range(RETRIES):
        (status, answer, errors), _ = referee.fair(partial(context.arete, *command))
        if answer is None:
            return None, errors.splitlines()[-1] if errors else f"status {status}"
        if context.settings.quick or is_believed(answer):
            break
        context.say(f"  too noisy, attempt {attempt + 1} of {RETRIES}")
    return answer, ""


def speed_text(variant, believed):
    if variant["speedup"] is None:
        return "", ""
    low, high = variant["speedup_interval"]
    word = "too noisy" if not believed else "slower" if high < 1 else "faster" if low > 1 else "no difference"
    return f"{variant['speedup']:.3f} ({low:.3f} to {high:.3f})", word


def rows_of(name, answer):
    original = answer["original"]
    rows = [[name, "original", original["bytes"], "", f"{original['p50_latency_ms']:.3f}", "", ""]]
    for variant in answer["variants"]:
        speed, word = speed_text(variant, is_believed(answer))
        p50 = variant["p50_latency_ms"]
        size = f"{variant['bytes'] / original['bytes']:.3f}" if variant["bytes"] else ""
        rows.append(["", variant["name"] + (" (handed back)" if variant["chosen"] else ""), variant["bytes"] or "", size,
                     "" if p50 is None else f"{p50:.3f}", speed, word or variant["why"]])
    return rows


def run(context):
    data = os.environ.get("ARETE_DATA")
    if not data:
        context.say("real_models: skipped, ARETE_DATA is not set")
        return None
    table = {"title": "Forms", "rows": [], "columns": ["model", "form", "bytes", "of the original", "p50 ms",
                                                      "speed-up (95 % interval)", "verdict"]}
    raw, disturbance = {}, {}
    for model in MODELS[4:5] if context.settings.quick else MODELS:
        name = pathlib.PurePath(model).stem
        context.say(f"real_models: {name}")
        referee = Referee(context.settings, RETRIES)
        answer, refusal = optimize(context, pathlib.Path(data) / model, name, referee)
        if answer is None:
            refusal = refusal.replace(data.rstrip("/"), "$ARETE_DATA")
            table["rows"].append([name, "refused", "", "", "", "", refusal])
            raw[name] = {"refused": refusal}
            continue
        context.engine = answer["engine"]
        table["rows"] += rows_of(name, answer)
        raw[name] = {key: answer[key] for key in ("original", "variants", "control", "evidence", "frozen_inputs", "slower",
                                                  "threads", "notes")}
        disturbance[name] = referee.disturbance()
    return {"title": TITLE, "about": ABOUT, "figures": [], "tables": [table], "raw": raw, "disturbance": disturbance}
