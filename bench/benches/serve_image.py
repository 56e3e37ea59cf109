"""Images by HTTP: ours beside Flask, FastAPI and LitServe, and beside what the engine and the decoder alone allow."""
import json
import os
import statistics
import sys
from contextlib import ExitStack

from benches.calibration import resnet18
from benches.media import photograph
from harness import figures, peers, servers
from harness.pairs import Worker
from harness.servers import Door, Passes, Server, Turn

TITLE = "Serving images: ResNet-18, JPEG of 640x480"
ABOUT = ("Closed loop, 8 connections, the JPEG (4:2:0, quality 85, a photograph's spectrum) as the body of a POST, the same JSON back: all 1,000 "
         "classes. Each server: ONNX Runtime, float32, 2 workers of one thread, both cores; the load program shares them. Answers agree "
         "in the class and in each share within 1e-3. Ours is `arete serve --threads 1 --runs 2`; Flask is behind gunicorn (2 sync workers), "
         "FastAPI behind uvicorn (2 processes), LitServe has 2 workers; Pillow and numpy prepare their images, orjson writes their answers. "
         "The bound is 2 / (p50 of the engine by its C functions + p50 of libjpeg-turbo alone); *both at once* measures it by two processes on "
         "both cores, as a server of two workers uses them, *alone* by one with the other core idle. CPU outside the engine is that of "
         "the server's processes a request, less the engine's a run (both at once). Servers take turns; each pass gives one pair.")
CARD = {"input": {"kind": "image", "width": 224, "height": 224, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
                  "layout": "NCHW", "resize": "bilinear"}, "output": {"kind": "classification", "activation": "softmax"}}
WORKERS = 2
CONNECTIONS = 8
OF_BOUND, OUTSIDE = 0.88, 0.5
AGREE = 1e-3
REFERENCE_S = 2
PEERS = ("Flask", "FastAPI", "LitServe")
PACKAGES = ["flask", "gunicorn", "fastapi", "uvicorn", "litserve", "onnxruntime", "numpy", "pillow", "orjson"]


def model(context):
    """A name of its own, for the card beside it must not reach other benches."""
    path = context.scratch("serve_resnet18.onnx")
    if not path.exists():
        os.link(resnet18(context), path)
    path.with_suffix(".card.json").write_text(json.dumps(CARD), encoding="utf-8")
    return path.resolve()


def ours(context, name, path, door):
    return Server(name, [context.settings.build / "arete-serve", "--port", 0, "--threads", 1, "--runs", WORKERS, path], door)


def peer(name, path, door):
    place, port = peers.environment("bench"), servers.free_port()
    commands = {"Flask": [place / "gunicorn", "--workers", WORKERS, "--worker-class", "sync", "--bind", f"127.0.0.1:{port}", "flask_image:app"],
                "FastAPI": [place / "uvicorn", "--workers", WORKERS, "--loop", "uvloop", "--http", "httptools", "--no-access-log",
                            "--log-level", "warning", "--port", port, "fastapi_image:app"],
                "LitServe": [place / "python", "litserve_image.py", port, WORKERS]}
    return Server(name, commands[name], door, port, environment={"BENCH_MODEL": str(path), "PYTHONDONTWRITEBYTECODE": "1"},
                  folder="bench/serve/peers")


def agreement(all_servers):
    """The largest difference of a share; raises where servers disagree."""
    answers = {server.name: json.loads(server.ask()[1]) for server in all_servers}
    first, worst = answers["ours"], 0.0
    for name, answer in answers.items():
        worst = max(worst, *(abs(answer["probabilities"][label] - share) for label, share in first["probabilities"].items()))
        if answer["prediction"] != first["prediction"] or worst > AGREE:
            raise RuntimeError(f"{name} answers {answer['prediction']}, ours {first['prediction']}; a share differs by {worst:.2g}")
    return worst


def reference(context, path, jpeg):
    library = context.settings.build / "lib/libonnxruntime.so.1"
    return Worker([context.settings.build / "bench_serve_reference", library, path, jpeg])


def middle(look, key):
    return statistics.fmean(answer[key] for answer in look["answers"])


def bounds(looks):
    return [WORKERS / (middle(look, "engine_p50_s") + middle(look, "decode_p50_s")) for look in looks]


def to_bound(taken, name, at_least):
    """Ours over the bound, and the control's so that the two can be told apart."""
    rate = lambda key: figures.median_interval([run["rate"] / bound for run, bound in zip(taken[key], bounds(taken[name]))])  # noqa: E731
    cpu = figures.median_interval([(middle(look, "engine_cpu_s") + middle(look, "decode_cpu_s")) / run["cpu_s_a_request"]
                                   for run, look in zip(taken["ours"], taken[name])])
    return figures.served_figure(f"requests a second / bound, {name}", {"wall": rate("ours"), "cpu": cpu}, servers.control(taken), at_least)


def outside(taken):
    """{server: [CPU seconds a request beside the engine]}"""
    engine = [middle(look, "engine_cpu_s") for look in taken["both at once"]]
    return {name: [run["cpu_s_a_request"] - run_s for run, run_s in zip(taken[name], engine)] for name in ("ours", "control", *PEERS)}


def outside_figure(taken):
    spent = outside(taken)
    best = min(PEERS, key=lambda name: statistics.median(spent[name]))
    against = lambda a, b: figures.median_interval([x / y for x, y in zip(spent[a], spent[b])])  # noqa: E731
    found, control = against("ours", best), against("control", "ours")
    verdict = "too noisy" if figures.is_noisy(control["interval"]) else figures.verdict_at_most(OUTSIDE, found)
    note = "{} pairs; control {:.3f} to {:.3f}".format(len(spent[best]), *control["interval"])
    return figures.figure(f"CPU outside the engine / {best}'s, the best peer", found["median"], "x", found["interval"],
                          f"at most {OUTSIDE}", verdict, note)


def table_of(taken):
    spent, rows = outside(taken), []
    for name in ("ours", *PEERS):
        of = lambda key, name=name: statistics.median(run[key] for run in taken[name])  # noqa: E731
        cells = (of("rate"), of("p50_us") / 1000, of("p99_us") / 1000, of("cpu_s_a_request") * 1000, statistics.median(spent[name]) * 1000,
                 of("server_cores"), of("load_cores"))
        rows.append([name, *(round(cell, 3) for cell in cells)])
    for name in ("both at once", "alone"):
        engine, decode = (statistics.median(middle(look, key) for look in taken[name]) * 1000 for key in ("engine_p50_s", "decode_p50_s"))
        rows.append([f"bound, {name}: engine {engine:.2f} ms, decode {decode:.2f} ms", round(statistics.median(bounds(taken[name])), 3), *[""] * 6])
    columns = ["server", "requests/s", "p50 ms", "p99 ms", "CPU ms a request", "outside the engine", "its cores", "load program's cores"]
    return {"title": "Medians over the passes", "columns": columns, "rows": rows}


def run(context):
    path, jpeg = model(context), photograph(context.scratch("photograph640.jpg"), 640, 480)
    door = Door("/predict", jpeg, ("Content-Type: image/jpeg",))
    with ExitStack() as stack:
        context.say("serve_image: starting the servers")
        up = [stack.enter_context(ours(context, name, path, door)) for name in ("ours", "control")]
        up += [stack.enter_context(peer(name, path, door)) for name in PEERS]
        helpers = [stack.enter_context(reference(context, path, jpeg)) for _ in range(WORKERS)]
        context.engine = helpers[0].about["engine"]
        worst = agreement(up)
        passes = Passes(context, up, helpers)
        steps = {"both at once": lambda: passes.look(helpers, REFERENCE_S), "alone": lambda: passes.look(helpers[:1], REFERENCE_S),
                 **{server.name: Turn(server, CONNECTIONS) for server in up}}
        passes.run(steps, 1)  # warms them up
        taken = passes.run(steps)
    servers.check_errors(taken)
    rows = [to_bound(taken, "both at once", OF_BOUND), to_bound(taken, "alone", OF_BOUND), outside_figure(taken),
            *(servers.compared(f"requests a second / {name}'s", taken, "ours", name, 1.0) for name in PEERS)]
    return {"title": TITLE, "about": f"{ABOUT} Turns of {passes.seconds:g} s.", "figures": rows, "tables": [table_of(taken)],
            "disturbance": {"turns": passes.disturbance()},
            "raw": {"turn_s": passes.seconds, "largest_difference": worst, "turns": taken},
            "versions": {**peers.versions("bench", PACKAGES), "python": ".".join(map(str, sys.version_info[:3]))}}
