"""Medians, intervals and verdicts, by the rules of bench/README.md. Pure functions."""
import numpy as np

RESAMPLES = 10_000
NOISY_WIDTH = 0.05  # of the A-against-A control's interval
TOLERANCE = 0.03    # "at most r" also holds at 1.03 r when the interval reaches r
CLOSE = 0.05        # within this of the bound CPU time is compared instead of wall time


def median_interval(values, seed=1):
    """The median and its 95 % percentile-bootstrap interval."""
    values = np.asarray(values, float)
    picks = np.random.default_rng(seed).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile(np.median(values[picks], axis=1), [2.5, 97.5])
    return {"median": float(np.median(values)), "interval": [float(low), float(high)]}


def ratios(blocks, clock):
    """Per ABBA block: time of A over time of B."""
    return [sum(t[clock] for t in b["a"]) / sum(t[clock] for t in b["b"]) for b in blocks]


def paired(blocks):
    return {clock: median_interval(ratios(blocks, clock + "_s")) for clock in ("wall", "cpu")}


def is_noisy(interval):
    """Of a control, whose true ratio is 1: too wide, or too far from 1."""
    low, high = interval
    return max(high, 1) - min(low, 1) > NOISY_WIDTH


def judged(ratio, control, near):
    """(clock, its ratio): wall time, or CPU time where the wall ratio is within 5 % of `near`. None: too noisy."""
    clock = "cpu" if abs(ratio["wall"]["median"] / near - 1) <= CLOSE else "wall"
    if is_noisy(control["wall"]["interval"]) or is_noisy(control[clock]["interval"]):
        return None
    return clock, ratio[clock]


def verdict_at_most(bound, figure):
    return "holds" if figure["median"] <= (1 + TOLERANCE) * bound and figure["interval"][0] <= bound else "fails"


def verdict_at_least(bound, figure):
    return "holds" if figure["median"] >= (1 - TOLERANCE) * bound and figure["interval"][1] >= bound else "fails"


def figure(what, value, unit, interval=None, demand=None, verdict="", note=""):
    """A row of bench/RESULTS.md. demand: words ("at most 1.5") or None for what is only stated."""
    return {"what": what, "value": value, "unit": unit, "interval": interval, "demand": demand, "verdict": verdict,
            "note": note}


def ratio_figure(what, ratio, control, demand_at_most=None, words=("slower", "no difference", "faster")):
    """A time ratio A / B as a figure; without a demand the verdict says which side is ahead."""
    chosen = judged(ratio, control, demand_at_most or 1.0)
    clock, best = chosen or ("wall", ratio["wall"])
    if chosen is None:
        verdict = "too noisy"
    elif demand_at_most:
        verdict = verdict_at_most(demand_at_most, best)
    else:
        low, high = best["interval"]
        verdict = words[0] if low > 1 else words[2] if high < 1 else words[1]
    span = "{:.3f} to {:.3f}".format(*control[clock]["interval"])
    note = f"{clock} time, {ratio['pairs']} pairs; control {span}"
    return figure(what, best["median"], "x", best["interval"], f"at most {demand_at_most}" if demand_at_most else None,
                  verdict, note)


def served_figure(what, ratio, control, at_least):
    """A ratio of rates, ours / theirs, that shall be at least so much; near the demand that of their CPU times decides, theirs / ours."""
    chosen = judged(ratio, control, at_least)
    clock, best = chosen or ("wall", ratio["wall"])
    verdict = verdict_at_least(at_least, best) if chosen else "too noisy"
    note = "{} time, control {:.3f} to {:.3f}; by the {} {:.3f}".format(
        clock, *control[clock]["interval"], *next((other, ratio[other]["median"]) for other in ("wall", "cpu") if other != clock))
    return figure(what, best["median"], "x", best["interval"], f"at least {at_least}", verdict, note)
