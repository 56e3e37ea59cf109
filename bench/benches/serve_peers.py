"""A small model by HTTP on both cores: ours beside FastAPI and MLServer."""
import json
import statistics
from contextlib import ExitStack

from benches import serve_small
from harness import peers, servers
from harness.servers import Passes, Server, Turn

TITLE = "Serving a small model: beside other servers"
ABOUT = ("The 4-32-3 MLP by JSON of the Open Inference Protocol over 64 kept connections, closed loop. Servers and the load program, one thread, share "
         "both cores; each server has 2 workers or what its makers advise for small models: FastAPI behind uvicorn (2 processes, orjson, no "
         "validation), MLServer in the faster of its modes, with and without parallel workers; ours is `arete serve --threads 1 --runs 2`. Answers agree within "
         "1e-5. Servers take turns; each pass gives one pair.")
CONNECTIONS = 64  # with 16 ours leaves a part of the cores idle
FASTAPI, MLSERVER = 5, 20
MODES = {"MLServer": 0, "MLServer, 2 workers": 2}


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


def faster_mode(passes, up):
    """The name of MLServer's mode that is ahead in a few turns."""
    taken = passes.run({name: Turn(up[name], CONNECTIONS) for name in MODES}, 2)
    return max(MODES, key=lambda name: statistics.median(run["rate"] for run in taken[name]))


def run(context):
    path, door = serve_small.model(context), serve_small.doors(context)["JSON"]
    with ExitStack() as stack:
        context.say("serve_peers: starting the servers")
        up = [serve_small.ours(context, name, path, door) for name in ("JSON", "JSON control")] + [fastapi(path, door)]
        up = {server.name: stack.enter_context(server) for server in [*up, *(mlserver(context, name, path, door) for name in MODES)]}
        worst = serve_small.agreement(up.values())
        passes = Passes(context, list(up.values()))
        mode = faster_mode(passes, up)
        steps = {name: Turn(server, CONNECTIONS) for name, server in up.items() if name not in MODES or name == mode}
        passes.run(steps, 1)  # warms them up
        taken = passes.run(steps)
    servers.check_errors(taken)
    compared = lambda peer, least: servers.compared(f"the model by JSON / {peer}", taken, "JSON", peer, least, ("JSON", "JSON control"))  # noqa: E731
    columns = {"requests/s": ("rate", 1), "p50 us": ("p50_us", 1), "p99 us": ("p99_us", 1), **serve_small.BUSY}
    found = {**peers.versions("bench", ["fastapi", "uvicorn", "onnxruntime"]), **peers.versions("bench-mlserver", ["mlserver"])}
    return {"title": TITLE, "about": f"{ABOUT} Turns of {passes.seconds:g} s.", "figures": [compared("FastAPI", FASTAPI), compared(mode, MLSERVER)],
            "tables": [serve_small.table_of(taken, "Medians over the passes", columns)], "disturbance": {"turns": passes.disturbance()},
            "raw": {"turn_s": passes.seconds, "largest_difference": worst, "turns": taken}, "versions": found}
