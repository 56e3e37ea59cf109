"""A small model by HTTP: what the server costs beside it. Floors, ours by JSON and binary, FastAPI and MLServer; latency by schedule."""
import json
import statistics
from contextlib import ExitStack

import numpy as np

from benches.engine_cost import SIZES, write_mlp
from harness import figures, peers, servers
from harness.servers import Door, Passes, Server, Turn

TITLE = "Serving a small model: a 4-32-3 MLP"
ABOUT = ("Requests of the Open Inference Protocol over kept connections, 16 of them, one row each; the load program is one thread. *One core*: the "
         "load program has one core, where it never sleeps (else a server would pay for waking it, and the more the slower it is), and the "
         "server the other, so that a rate is what a core of the server does; the floors have one I/O "
         "thread, which is what ours takes there. *Beast* is bench/serve/beast_floor.cpp, which reads the same body and answers 200 constant "
         "bytes. Our *constant reply* is bench/serve/ours_floor.cpp: the same HTTP layer, request and answer, no model; *live* is "
         "`GET /v2/health/live` of `arete serve` itself, which has no body. *Both cores*: servers and load "
         "program share them, each server with 2 workers or what its makers advise for small models: FastAPI behind uvicorn (2 processes, "
         "orjson, no validation), MLServer in the faster of its modes, with and without parallel workers. Answers agree within 1e-5. Servers take "
         "turns; each pass gives one pair. *By schedule* is open loop: requests at even distances at 70 % of the capacity that "
         "our model by JSON had before, latency from the time at which a request was due; by Poisson arrivals beside it, without a demand.")
CONNECTIONS = 16
SHARE = 0.7
AGREE = 1e-5
POISSON_PASSES = 10
BEAST, MODEL, BINARY, FASTAPI, MLSERVER, TAIL = 0.8, 0.55, 0.65, 5, 20, 2.0
ROW = [5.1, 3.5, 1.4, 0.2]
LOAD_CORE, SERVER_CORE = (0,), (1,)
JSON_TYPE = ("Content-Type: application/json",)
ONE = ("Beast", "constant", "live", "JSON", "JSON control", "binary")  # core
OURS = {"live": "live", "JSON": "JSON", "JSON control": "JSON", "binary": "binary"}
MODES = {"MLServer": 0, "MLServer, 2 workers": 2}


def model(context):
    path = context.scratch("serve_mlp.onnx")
    if not path.exists():
        write_mlp(path, SIZES["4-32-3 MLP"])
    return path.resolve()


def doors(context):
    """{form: Door} of the same row."""
    asked = {"name": "x", "shape": [1, 4], "datatype": "FP32"}
    text, binary = context.scratch("serve_row.json"), context.scratch("serve_row.bin")
    text.write_text(json.dumps({"inputs": [{**asked, "data": ROW}]}), encoding="utf-8")
    row = np.array(ROW, "<f4").tobytes()
    head = json.dumps({"inputs": [{**asked, "parameters": {"binary_data_size": len(row)}}], "parameters": {"binary_data_output": True}}).encode()
    binary.write_bytes(head + row)
    infer = "/v2/models/mlp/infer"
    return {"live": Door("/v2/health/live"), "JSON": Door(infer, text.resolve(), JSON_TYPE), "constant": Door("/", text.resolve(), JSON_TYPE),
            "binary": Door(infer, binary.resolve(), ("Content-Type: application/octet-stream", f"Inference-Header-Content-Length: {len(head)}"))}


def answer_of(server):
    headers, body = server.ask()
    fields = {name.lower(): value for name, value in headers.items()}
    if "inference-header-content-length" in fields:
        return np.frombuffer(body[int(fields["inference-header-content-length"]):], "<f4")
    return np.array(json.loads(body)["outputs"][0]["data"], np.float32)


def agreement(up):
    answers = {server.name: answer_of(server) for server in up if server.door.path.endswith("/infer")}
    worst = max(float(np.abs(answer - answers["JSON"]).max()) for answer in answers.values())
    if worst > AGREE:
        raise RuntimeError(f"answers differ by {worst:.2g}: {answers}")
    return worst


def ours(context, name, path, door, cores=None):
    return Server(name, [context.settings.build / "arete-serve", "--port", 0, "--threads", 1, "--runs", 2, f"mlp={path}"], door, cores=cores)


def fastapi(path, door):
    port = servers.free_port()
    command = [peers.environment("bench") / "uvicorn", "--workers", 2, "--loop", "uvloop", "--http", "httptools", "--no-access-log",
               "--log-level", "warning", "--port", port, "fastapi_tensor:app"]
    return Server("FastAPI", command, door, port, environment={"BENCH_MODEL": str(path), "PYTHONDONTWRITEBYTECODE": "1"}, folder="bench/serve/peers")


def mlserver(context, name, path, door):
    folder, port = context.scratch(f"mlserver{MODES[name]}"), servers.free_port()
    folder.mkdir(exist_ok=True)
    (folder / "mlserver_tensor.py").write_bytes(open("bench/serve/peers/mlserver_tensor.py", "rb").read())
    settings = {"debug": False, "host": "127.0.0.1", "http_port": port, "grpc_port": servers.free_port(), "metrics_port": servers.free_port(),
                "parallel_workers": MODES[name], "gzip_enabled": False, "use_structured_logging": False}
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    described = {"name": "mlp", "implementation": "mlserver_tensor.Tensor", "parameters": {"uri": str(path)}}
    (folder / "model-settings.json").write_text(json.dumps(described), encoding="utf-8")
    return Server(name, [peers.environment("bench-mlserver") / "mlserver", "start", "."], door, port, folder=folder)


def start(context, stack, path, asked):
    build, enter = context.settings.build, stack.enter_context
    floors = {"Beast": "bench_beast_floor", "constant": "bench_ours_floor"}
    up = [enter(Server(name, [build / program, 1], asked["constant"], cores=SERVER_CORE)) for name, program in floors.items()]
    up += [enter(ours(context, name, path, asked[door], SERVER_CORE)) for name, door in OURS.items()]
    up += [enter(ours(context, "JSON, both cores", path, asked["JSON"])), enter(fastapi(path, asked["JSON"]))]
    modes = [enter(mlserver(context, name, path, asked["JSON"])) for name in MODES]
    return {server.name: server for server in up + modes}


def turn(server):
    return Turn(server, CONNECTIONS, LOAD_CORE if server.name in ONE else None)


def faster_mode(passes, up):
    """The name of MLServer's mode that is ahead in a few turns."""
    taken = passes.run({name: turn(up[name]) for name in MODES}, 2)
    return max(MODES, key=lambda name: statistics.median(run["rate"] for run in taken[name]))


def by_schedule(passes, up, capacity):
    """(rate, {what: runs at that rate})"""
    rate = round(SHARE * capacity)
    steps = {name: Turn(up[name], CONNECTIONS, LOAD_CORE, rate) for name in ("constant", "JSON", "JSON control")}
    poisson = {f"{name}, Poisson": Turn(up[name], CONNECTIONS, LOAD_CORE, rate, True) for name in ("constant", "JSON")}
    return rate, {**passes.run(steps), **passes.run(poisson, min(POISSON_PASSES, passes.settings.pairs))}


def tail_figures(taken, rate):
    tails = lambda a, b: figures.median_interval([x["p99_us"] / y["p99_us"] for x, y in zip(taken[a], taken[b])])  # noqa: E731
    found, control, poisson = tails("JSON", "constant"), tails("JSON control", "JSON"), tails("JSON, Poisson", "constant, Poisson")
    verdict = "too noisy" if figures.is_noisy(control["interval"]) else figures.verdict_at_most(TAIL, found)
    note = "even distances, {:,} a second; control {:.3f} to {:.3f}".format(rate, *control["interval"])
    return [figures.figure("by schedule: p99 of the model by JSON / constant reply's", found["median"], "x", found["interval"], f"at most {TAIL:g}", verdict, note),
            figures.figure("the same by Poisson arrivals", poisson["median"], "x", poisson["interval"], note=f"{rate:,} a second")]


def table_of(taken, title, columns):
    rows = [[name, *(round(statistics.median(run[key] for run in runs) * factor, 3) for key, factor in columns.values())] for name, runs in taken.items()]
    return {"title": title, "columns": ["server", *columns], "rows": rows}


def rate_figures(taken, mode):
    one = ("JSON", "JSON control")
    compared = lambda what, a, b, least: servers.compared(what, taken, a, b, least, one)  # noqa: E731
    return [compared("one core: our constant reply / Beast's", "constant", "Beast", BEAST),
            servers.stated("one core: live / Beast's", taken, "live", "Beast"),
            servers.stated("one core: the model by JSON / live", taken, "JSON", "live"),
            compared("one core: the model by JSON / constant reply", "JSON", "constant", MODEL),
            compared("one core: the model by binary tensors / constant reply", "binary", "constant", BINARY),
            compared("both cores: the model by JSON / FastAPI", "JSON, both cores", "FastAPI", FASTAPI),
            compared(f"both cores: the model by JSON / {mode}", "JSON, both cores", mode, MLSERVER)]


def run(context):
    path, asked = model(context), doors(context)
    with ExitStack() as stack:
        context.say("serve_small: starting the servers")
        up = start(context, stack, path, asked)
        worst = agreement(up.values())
        passes = Passes(context, list(up.values()))
        mode = faster_mode(passes, up)
        steps = {name: turn(server) for name, server in up.items() if name not in MODES or name == mode}
        passes.run(steps, 1)  # warms them up
        taken = passes.run(steps)
        capacity = statistics.median(run["rate"] for run in taken["JSON"])
        rate, scheduled = by_schedule(passes, up, capacity)
    servers.check_errors(taken)
    servers.check_errors(scheduled)
    busy = {"CPU us a request": ("cpu_s_a_request", 1e6), "its cores": ("server_cores", 1), "load program's cores": ("load_cores", 1)}
    tables = [table_of(taken, "Closed loop, medians over the passes", {"requests/s": ("rate", 1), "p50 us": ("p50_us", 1), "p99 us": ("p99_us", 1), **busy}),
              table_of(scheduled, f"By schedule, {rate:,} requests a second, medians over the passes",
                       {"p50 us": ("p50_us", 1), "p99 us": ("p99_us", 1), "unsent": ("unsent", 1), **busy})]
    found = {**peers.versions("bench", ["fastapi", "uvicorn", "onnxruntime"]), **peers.versions("bench-mlserver", ["mlserver"])}
    return {"title": TITLE, "about": f"{ABOUT} Turns of {passes.seconds:g} s.", "figures": rate_figures(taken, mode) + tail_figures(scheduled, rate),
            "tables": tables, "disturbance": {"turns": passes.disturbance()},
            "raw": {"turn_s": passes.seconds, "largest_difference": worst, "turns": taken, "scheduled": scheduled}, "versions": found}
