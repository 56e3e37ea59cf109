"""Peak memory of calibrating Fashion with 100, 1,000 and 10,000 samples, each in a fresh process."""
from harness import figures
from harness.context import FASHION
from harness.pairs import Worker
from harness.machine import Watch

TITLE = "Calibration: memory against the number of samples"
ABOUT = ("Peak resident memory (VmHWM) of a fresh process that opens the model and calibrates it on a folder of PNGs, "
         "decoding as it goes. Growth is of the peak from the fewest to the most samples, paired by round.")
COUNTS = (100, 1000, 10000)
ROUNDS = 10
BELOW = 0.05


def peak_bytes(context, folder, count):
    watch = Watch()
    with Worker(context.worker("calibrate", FASHION, folder, "--stream")) as worker:
        context.engine = worker.about["engine"]
        answer = worker.go()
    if answer["samples"] != count:
        raise RuntimeError(f"{answer['samples']} samples were used instead of {count}")
    return {"rss_bytes": answer["rss_bytes"], "wall_s": answer["wall_s"], "others_cores": watch.stop()}


def run(context):
    counts = (20, 50, 100) if context.settings.quick else COUNTS
    rounds = 2 if context.settings.quick else ROUNDS
    folders = {count: context.fashion_images(count) for count in counts}
    raw = {str(count): [] for count in counts}
    for turn in range(rounds):
        context.say(f"calibration_memory: round {turn + 1} of {rounds}")
        for count in counts if turn % 2 else reversed(counts):
            raw[str(count)].append(peak_bytes(context, folders[count], count))
    few, most = (raw[str(count)] for count in (counts[0], counts[-1]))
    growth = figures.median_interval([100 * (b["rss_bytes"] / a["rss_bytes"] - 1) for a, b in zip(few, most)])
    holds = growth["median"] < 100 * BELOW
    rows = [figures.figure(f"growth of the peak from {counts[0]:,} to {counts[-1]:,} samples", growth["median"], "%",
                           growth["interval"], f"below {100 * BELOW:.0f} %", "holds" if holds else "fails",
                           f"{rounds} rounds")]
    for count in counts:
        peak = figures.median_interval([run["rss_bytes"] / 2**20 for run in raw[str(count)]])
        rows.append(figures.figure(f"peak with {count:,} samples", peak["median"], "MiB", peak["interval"]))
    busiest = max(run["others_cores"] for runs in raw.values() for run in runs)
    note = "memory does not depend on who else computes: no run is void"
    return {"title": TITLE, "about": ABOUT, "figures": rows, "raw": raw,
            "disturbance": {"Fashion": {"largest_kept_cores": busiest, "void_runs": [], "note": note}}}
