"""Peak memory of calibrating Fashion with 100, 1,000 and 10,000 samples, each in a fresh process."""
from functools import partial

from harness import figures
from harness.context import FASHION
from harness.pairs import Referee, Worker

TITLE = "Calibration: memory against the number of samples"
ABOUT = ("Peak resident memory (VmHWM) of a fresh process that opens the model and calibrates it on a folder of PNGs, "
         "decoding as it goes. Growth is of the peak from the fewest to the most samples, paired by round.")
COUNTS = (100, 1000, 10000)
ROUNDS = 30
BELOW = 5  # %


def peak_bytes(context, folder, count):
    with Worker(context.worker("calibrate", FASHION, folder, "--stream")) as worker:
        context.engine = worker.about["engine"]
        answer = worker.go()
    if answer["samples"] != count:
        raise RuntimeError(f"{answer['samples']} samples were used instead of {count}")
    return {"rss_bytes": answer["rss_bytes"], "wall_s": answer["wall_s"]}


def one_round(context, folders):
    """A peak for each count, in the folders' order."""
    return {str(count): peak_bytes(context, folder, count) for count, folder in folders.items()}


def run(context):
    counts = (40, 60, 100) if context.settings.quick else COUNTS
    folders = {count: context.fashion_images(count) for count in counts}
    backwards = dict(reversed(folders.items()))
    referee, rounds = Referee(context.settings), []
    for turn in range(2 if context.settings.quick else ROUNDS):
        context.say(f"calibration_memory: round {turn + 1}")
        taken, others = referee.fair(partial(one_round, context, backwards if turn % 2 else folders))
        rounds.append({**taken, "others_cores": others})
    peaks = {count: [taken[str(count)]["rss_bytes"] for taken in rounds] for count in counts}
    few, most = counts[0], counts[-1]
    growth = figures.median_interval([100 * (b / a - 1) for a, b in zip(peaks[few], peaks[most])])
    rows = [figures.figure(f"growth of the peak from {few:,} to {most:,} samples", growth["median"], "%",
                           growth["interval"], f"below {BELOW} %", "holds" if growth["median"] < BELOW else "fails",
                           f"{len(rounds)} rounds")]
    for count in counts:
        peak = figures.median_interval([taken / 2**20 for taken in peaks[count]])
        rows.append(figures.figure(f"peak with {count:,} samples", peak["median"], "MiB", peak["interval"]))
    return {"title": TITLE, "about": ABOUT, "figures": rows, "raw": {"rounds": rounds},
            "disturbance": {"Fashion": referee.disturbance()}}
