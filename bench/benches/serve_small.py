"""A small model by HTTP: what the server costs beside it. Floors, ours by JSON and by binary tensors."""
import json
import statistics
from contextlib import ExitStack

import numpy as np

from benches.engine_cost import SIZES, write_mlp
from harness import servers
from harness.servers import Door, Passes, Server, Turn

TITLE = "Serving a small model: a 4-32-3 MLP"
ABOUT = ("Requests of the Open Inference Protocol over 16 kept connections, one row each. The load program is one thread and has one core, where it "
         "never sleeps (else a server would pay for waking it, and the more the slower it is); the server has the other, so that a rate is what "
         "a core of the server does. *Beast* is bench/serve/beast_floor.cpp, which reads the same body and answers 200 constant "
         "bytes. Our *constant reply* is bench/serve/ours_floor.cpp: the same HTTP layer, request and answer, no model; both have one I/O "
         "thread, which is what ours takes on one core. *Live* is `GET /v2/health/live` of `arete serve` itself, which has no body. Answers agree within "
         "1e-5. Servers take turns; each pass gives one pair.")
CONNECTIONS = 16
AGREE = 1e-5
BEAST, MODEL, BINARY = 0.8, 0.55, 0.65
ROW = [5.1, 3.5, 1.4, 0.2]
BUSY = {"CPU us a request": ("cpu_s_a_request", 1e6), "its cores": ("server_cores", 1), "load program's cores": ("load_cores", 1)}  # of a table
LOAD_CORE, SERVER_CORE = (0,), (1,)
JSON_TYPE = ("Content-Type: application/json",)
OURS = {"live": "live", "JSON": "JSON", "JSON control": "JSON", "binary": "binary"}


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


def start(context, stack, path, asked):
    """{name: server}, each on its core."""
    build, enter = context.settings.build, stack.enter_context
    floors = {"Beast": "bench_beast_floor", "constant": "bench_ours_floor"}
    up = [enter(Server(name, [build / program, 1], asked["constant"], cores=SERVER_CORE)) for name, program in floors.items()]
    up += [enter(ours(context, name, path, asked[door], SERVER_CORE)) for name, door in OURS.items()]
    return {server.name: server for server in up}


def table_of(taken, title, columns):
    rows = [[name, *(round(statistics.median(run[key] for run in runs) * factor, 3) for key, factor in columns.values())] for name, runs in taken.items()]
    return {"title": title, "columns": ["server", *columns], "rows": rows}


def run(context):
    path, asked = model(context), doors(context)
    with ExitStack() as stack:
        up = start(context, stack, path, asked)
        worst = agreement(up.values())
        passes = Passes(context, list(up.values()))
        steps = {name: Turn(server, CONNECTIONS, LOAD_CORE) for name, server in up.items()}
        passes.run(steps, 1)  # warms them up
        taken = passes.run(steps)
    servers.check_errors(taken)
    compared = lambda what, a, b, least: servers.compared(what, taken, a, b, least, ("JSON", "JSON control"))  # noqa: E731
    rows = [compared("our constant reply / Beast's", "constant", "Beast", BEAST), servers.stated("live / Beast's", taken, "live", "Beast"),
            servers.stated("the model by JSON / live", taken, "JSON", "live"),
            compared("the model by JSON / constant reply", "JSON", "constant", MODEL),
            compared("the model by binary tensors / constant reply", "binary", "constant", BINARY)]
    return {"title": TITLE, "about": f"{ABOUT} Turns of {passes.seconds:g} s.", "figures": rows,
            "tables": [table_of(taken, "Medians over the passes", {"requests/s": ("rate", 1), "p50 us": ("p50_us", 1), "p99 us": ("p99_us", 1), **BUSY})],
            "disturbance": {"turns": passes.disturbance()}, "raw": {"turn_s": passes.seconds, "largest_difference": worst, "turns": taken}}
