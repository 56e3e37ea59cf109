"""Latency of a small model by HTTP when requests come by schedule, beside that of a constant reply."""
import statistics
from contextlib import ExitStack

from benches import serve_small
from harness import figures, servers
from harness.servers import Passes, Server, Turn

TITLE = "Serving a small model: latency by schedule"
ABOUT = ("Open loop: requests fall due at even distances at 70 % of what our model by JSON does in a closed loop, on the cores of the bench before; "
         "latency counts from the time at which a request was due, so that a stall is not hidden. A stall of the machine makes a queue, and a "
         "server with more to do takes longer to work it off. By Poisson arrivals beside it, without a demand.")
SHARE, TAIL, POISSON_PASSES, CAPACITY_PASSES = 0.7, 2.0, 10, 5


def steps_at(up, rate, names, poisson=False):
    suffix = ", Poisson" if poisson else ""
    return {name + suffix: Turn(up[name], serve_small.CONNECTIONS, serve_small.LOAD_CORE, rate, poisson) for name in names}


def tails(taken, a, b):
    return figures.median_interval([x["p99_us"] / y["p99_us"] for x, y in zip(taken[a], taken[b])])


def run(context):
    path, asked = serve_small.model(context), serve_small.doors(context)
    with ExitStack() as stack:
        floor = Server("constant", [context.settings.build / "bench_ours_floor", 1], asked["constant"], cores=serve_small.SERVER_CORE)
        models = [serve_small.ours(context, name, path, asked["JSON"], serve_small.SERVER_CORE) for name in ("JSON", "JSON control")]
        up = {server.name: stack.enter_context(server) for server in (floor, *models)}
        passes = Passes(context, list(up.values()))
        closed = passes.run({"JSON": Turn(up["JSON"], serve_small.CONNECTIONS, serve_small.LOAD_CORE)}, CAPACITY_PASSES)
        rate = round(SHARE * statistics.median(run["rate"] for run in closed["JSON"]))
        taken = passes.run(steps_at(up, rate, up))
        taken.update(passes.run(steps_at(up, rate, ("constant", "JSON"), True), min(POISSON_PASSES, context.settings.pairs)))
    servers.check_errors(taken)
    found, control, poisson = tails(taken, "JSON", "constant"), tails(taken, "JSON control", "JSON"), tails(taken, "JSON, Poisson", "constant, Poisson")
    verdict = "too noisy" if figures.is_noisy(control["interval"]) else figures.verdict_at_most(TAIL, found)
    note = "{:,} a second; control {:.3f} to {:.3f}".format(rate, *control["interval"])
    rows = [figures.figure("p99 of the model by JSON / constant reply's", found["median"], "x", found["interval"], f"at most {TAIL:g}", verdict, note),
            figures.figure("the same by Poisson arrivals", poisson["median"], "x", poisson["interval"], note=f"{rate:,} a second")]
    columns = {"p50 us": ("p50_us", 1), "p99 us": ("p99_us", 1), "unsent": ("unsent", 1), **serve_small.BUSY}
    return {"title": TITLE, "about": f"{ABOUT} Turns of {passes.seconds:g} s.", "figures": rows,
            "tables": [serve_small.table_of(taken, f"{rate:,} requests a second, medians over the passes", columns)],
            "disturbance": {"turns": passes.disturbance()}, "raw": {"turn_s": passes.seconds, "turns": taken}}
