"""How soon a started server answers, and what it holds in memory with no model."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time

from benches import serve_image, serve_small
from harness import figures
from harness.pairs import Referee
from harness.servers import NO_TELEMETRY, free_port

TITLE = "Serving: start and memory"
ABOUT = ("*Live* and *ready*: from the start of the process to the first 200 of `/v2/health/live` and `/v2/health/ready`, asked every millisecond; medians "
         "of fresh processes. The model's load is what a reference program takes to open it through the engine's C functions, in a fresh "
         "process each time, in turn with the server; the server reads the model and runs it once besides, and that counts against it, while "
         "its proof of batches goes on behind. Memory is PSS, of a server of an empty folder, a second after it was live and had answered.")
STARTS, TOGETHER = 30, 5  # one start is too short to judge what others used
WITHIN_MS, PSS_MB = 100, 12
PAUSE_S = 0.001


def answers_ok(port, path):
    """By hand, as a client's own work would count."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            return connection.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


class Start:
    """One server, from its start on; ends with the block."""

    def __init__(self, context, *arguments):
        self.port = free_port()
        command = [context.settings.build / "arete-serve", "--port", self.port, *arguments]
        self.start_s = time.monotonic()
        self.process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def until(self, path):
        while not answers_ok(self.port, path):
            if self.process.poll() is not None:
                raise RuntimeError(f"arete-serve ended with {self.process.returncode}")
            time.sleep(PAUSE_S)
        return time.monotonic() - self.start_s


def start_once(context, *arguments):
    with Start(context, *arguments) as server:
        return {"live_s": server.until("/v2/health/live"), "ready_s": server.until("/v2/health/ready")}


def load_once(context, path):
    """Seconds of opening the model without a server."""
    command = [context.settings.build / "bench_serve_reference", context.settings.build / "lib/libonnxruntime.so.1", path]
    ended = subprocess.run(list(map(str, command)), input="", capture_output=True, text=True, check=True, env={**os.environ, **NO_TELEMETRY})
    return json.loads(ended.stdout.split(" ", 1)[1])


def started(context, referee, path):
    """Starts and loads, in turn."""
    def some():
        return [{"load": load_once(context, path), "start": start_once(context, "--threads", 1, "--runs", 2, path)} for _ in range(TOGETHER)]
    return [run for _ in range(1 if context.settings.quick else STARTS // TOGETHER) for run in referee.fair(some)[0]]


def start_figures(name, taken):
    span = lambda values: figures.median_interval([value * 1000 for value in values])  # noqa: E731
    live = span([run["start"]["live_s"] for run in taken])
    beyond = span([run["start"]["ready_s"] - run["load"]["load_s"] for run in taken])
    load, first = (span([run["load"][key] for run in taken]) for key in ("load_s", "first_run_s"))
    row = lambda what, found, demand=None: figures.figure(  # noqa: E731
        f"{name}: {what}", found["median"], "ms", found["interval"], demand and f"under {demand} ms",
        demand and figures.verdict_at_most(demand, found) or "", f"{len(taken)} starts")
    return [row("start to live", live, WITHIN_MS), row("start to ready, less the model's load", beyond, WITHIN_MS),
            row("the model's load", load), row("its first run", first)]


def memory(context):
    """{kind: bytes} of a server with nothing to serve, and of its mappings."""
    with tempfile.TemporaryDirectory() as folder, Start(context, "--repository", folder) as server:
        server.until("/v2/health/live")
        for path in ("/v2", "/metrics", "/", "/v2/health/ready"):
            answers_ok(server.port, path)
        time.sleep(1)
        text = pathlib.Path(f"/proc/{server.process.pid}/smaps_rollup").read_text(encoding="ascii")
    fields = dict(line.split(":", 1) for line in text.splitlines()[1:])
    return {name: int(fields[name].split()[0]) * 1024 for name in ("Rss", "Pss", "Pss_Anon", "Pss_File", "Private_Clean", "Private_Dirty")}


def run(context):
    referee, rows, raw = Referee(context.settings), [], {}
    for name, path in (("4-32-3 MLP", serve_small.model(context)), ("ResNet-18", serve_image.model(context))):
        context.say(f"serve_start: {name}")
        raw[name] = started(context, referee, path)
        rows += start_figures(name, raw[name])
    context.engine = load_once(context, serve_small.model(context))["engine"]
    raw["memory"] = memory(context)
    pss_mb = raw["memory"]["Pss"] / 1e6
    rows.append(figures.figure("memory with no model", pss_mb, "MB", None, f"at most {PSS_MB} MB", "holds" if pss_mb <= PSS_MB else "fails",
                               "PSS, of it {:.1f} MB not of files".format(raw["memory"]["Pss_Anon"] / 1e6)))
    return {"title": TITLE, "about": ABOUT, "figures": rows, "raw": raw, "disturbance": {"starts": referee.disturbance()}}
