"""The Fashion example through `arete optimize --target mobile`: bytes, accuracy on the 10,000 test images, speed."""
from harness import figures
from harness.context import FASHION
from harness.pairs import Turns

TITLE = "Fashion, int8 for phones"
ABOUT = ("`arete optimize --target mobile` on examples/fashion, calibrated on 512 training images and judged on the "
         "10,000 test images (disjoint; accuracy difference paired over them). Speed: the two files in processes of "
         "their own, one image at a time.")
SMALLER = 3.5
POINTS = 0.3
LATENCY_IMAGES = 64


def split(row):
    structure = row["bytes"] - row["weight_bytes"] - row["scale_bytes"]
    return [row["name"], row["bytes"], row["weight_bytes"], row["scale_bytes"], structure]


def size_and_accuracy(answer):
    original, optimized = answer["original"], answer["optimized"]
    ratio = original["bytes"] / optimized["bytes"]
    lost = -answer["accuracy_delta"]
    interval = sorted(-edge for edge in answer["accuracy_delta_interval"])
    note = "n = {:,}; top-1 {:.2f} % -> {:.2f} %".format(answer["samples"], 100 * original["accuracy"],
                                                         100 * optimized["accuracy"])
    return [figures.figure("size: original / int8", ratio, "x", None, f"at least {SMALLER}",
                           "holds" if ratio >= SMALLER else "fails", "exact"),
            figures.figure("accuracy lost", lost, "points", interval, f"at most {POINTS}",
                           "holds" if lost <= POINTS else "fails", note)]


def speed(context, small, images):
    options = ("--as-is", "--batch", 1, "--samples", 4 if context.settings.quick else LATENCY_IMAGES)
    commands = {"original": context.worker("float", FASHION, images, *options),
                "control": context.worker("float", FASHION, images, *options),
                "int8": context.worker("float", small, images, *options)}
    with context.workers(commands) as workers:
        turns = Turns(workers, context.settings)
        compared = turns.compare({"speed": ("original", "int8"), "control": ("control", "original")})
        return compared, turns.referee.disturbance()


def run(context):
    train, test = context.fashion_images(512), context.fashion_test()
    small = context.scratch("fashion_int8.onnx")
    limit = ("--calibration-samples", 64) if context.settings.quick else ()
    context.say("fashion_int8: optimize")
    status, answer, errors = context.arete("optimize", FASHION, "-o", small, "--target", "mobile", "--calibration", train,
                                           "--evaluation", test, "--threads", context.settings.threads, *limit)
    if answer is None or not answer["optimized"].get("chosen"):
        raise RuntimeError(f"optimize ended with status {status}: {errors}")
    context.say("fashion_int8: speed")
    compared, disturbance = speed(context, small, test)
    rows = size_and_accuracy(answer)
    rows.append(figures.ratio_figure("speed: original time / int8 time, one image", compared["speed"],
                                     compared["control"], words=("int8 is faster", "no difference", "int8 is slower")))
    table = {"title": "Bytes", "columns": ["model", "file", "weights and biases", "scales and zero points", "structure"],
             "rows": [split(answer["original"]), split(answer["optimized"])]}
    kept = {key: answer[key] for key in ("accuracy_delta", "accuracy_delta_interval", "agreement", "sqnr_db", "samples",
                                         "calibration_samples", "original", "optimized", "variants", "notes")}
    return {"title": TITLE, "about": ABOUT, "figures": rows, "tables": [table], "disturbance": {"speed": disturbance},
            "raw": {"optimize": kept, **compared}}
