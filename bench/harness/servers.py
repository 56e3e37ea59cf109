"""Servers that stay up and take turns under one load program; whose processor time is whose meanwhile."""
import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

from harness import figures
from harness.machine import OTHERS_LIMIT, busy_s, process_s
from harness.pairs import TooBusy

READY_S = 60
SETTLE_S = 0.3   # of a turn before it counts, and after it for what is still under way
BEFORE_S = 0.1   # reading what processes took before it counts, as reading takes a moment
STOP_S = 20
NO_TELEMETRY = {"ORT_DISABLE_TELEMETRY": "1"}  # else the engine of the Python servers starts a thread that reports


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pinned(command, cores):
    """The command, held to these cores; None: to none."""
    return list(map(str, command)) if cores is None else ["taskset", "-c", ",".join(map(str, cores)), *map(str, command)]


def tree(pid):
    """A process and all that it started, alive."""
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            parents.setdefault(int((entry / "stat").read_text(errors="replace").rsplit(")", 1)[1].split()[1]), []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += parents.get(found[-1], [])
    return found


def cpu_s(pids):
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            total += process_s(pid)
    return total


def exchange(port, path, body, headers):
    """(headers, body) of the answer; a GET without a body. HTTPError for other answers than 200."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return dict(answer.headers), answer.read()


@dataclasses.dataclass
class Door:
    """How a server is asked in this bench."""
    path: str
    body: pathlib.Path | None = None
    headers: tuple = ()

    @property
    def method(self):
        return "POST" if self.body else "GET"


class Server:
    """A server process. `port` None: its first line of output names it."""

    def __init__(self, name, command, door, port=None, cores=None, environment=None, folder=None):
        self.name, self.door, self.port = name, door, port
        self.log = pathlib.Path("build/bench-data") / ("".join(c if c.isalnum() else "_" for c in name) + ".log")
        with self.log.open("w", encoding="utf-8") as log:
            self.process = subprocess.Popen(pinned(command, cores), stdout=subprocess.PIPE if port is None else log, stderr=log, text=True,
                                            env={**os.environ, **NO_TELEMETRY, **(environment or {})}, cwd=folder, start_new_session=True)
        if port is None:
            self.port = int(self.process.stdout.readline().split("(")[0].strip().rsplit(":", 1)[-1] or 0)
        self._wait_until_answered()

    def _wait_until_answered(self):
        end = time.monotonic() + READY_S
        while (refusal := self._refusal()) is not None:
            if self.process.poll() is not None or time.monotonic() > end:
                self.__exit__()
                raise RuntimeError(f"{self.name}: {refusal}; it says: {self.log.read_text(errors='replace')[-500:]}")
            time.sleep(0.05)

    def _refusal(self):
        """Why this bench's question has no answer yet; servers differ in how they say so."""
        try:
            self.ask()
        except urllib.error.HTTPError as error:
            return f"{error.code} {error.read()[:300]}"
        except OSError as error:
            return str(error)
        return None

    def ask(self):
        """The answer to the door's request, (headers, body)."""
        headers = dict(line.split(": ", 1) for line in self.door.headers)
        return exchange(self.port, self.door.path, self.door.body and self.door.body.read_bytes(), headers)

    def load_command(self, program, turn, seconds):
        command = [program, "--port", self.port, "--path", self.door.path, "--method", self.door.method, "--connections", turn.connections,
                   "--warmup", SETTLE_S, "--seconds", seconds]
        for header in self.door.headers:
            command += ["--header", header]
        if self.door.body is not None:
            command += ["--body", self.door.body]
        command += ["--hold"] + (["--rate", turn.rate] if turn.rate else [])
        return command + (["--poisson"] if turn.poisson else []) + (["--spin"] if turn.load_cores else [])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for number, seconds in ((signal.SIGTERM, STOP_S), (signal.SIGKILL, STOP_S)):  # of its own group: all are ours
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
                break
        if self.process.stdout:
            self.process.stdout.close()


@dataclasses.dataclass
class Turn:
    """What is done to one server: closed loop, or open loop at `rate` requests a second. A load program that has cores of its own spins."""
    server: Server
    connections: int
    load_cores: tuple | None = None
    rate: float = 0
    poisson: bool = False


class Passes:
    """Turns of servers one after the other, in one order and then in the reverse: A B, B A, A B. A pass gives one pair of any two."""

    def __init__(self, context, servers, helpers=()):
        self.context, self.settings = context, context.settings
        self.seconds = 1.0 if context.settings.quick else context.settings.server_turn_s
        self.servers, self.helpers = servers, helpers  # Workers that take turns too
        self.voided, self.largest_others, self.idle = [], 0.0, []

    def _ours(self):
        """Looks through all processes, which takes a moment: never while a turn counts."""
        pids = [os.getpid(), *(helper.process.pid for helper in self.helpers)]
        return pids + [pid for server in self.servers for pid in tree(server.process.pid)]

    def fair(self, run):
        """What run() returned, with the cores that others used, the first time that they kept to their limit."""
        while True:
            answer = run()
            others = answer["others_cores"]
            if others <= OTHERS_LIMIT or self.settings.keep_void:
                self.largest_others = max(self.largest_others, others)
                return answer
            self.voided.append(others)
            if len(self.voided) > self.settings.max_void:
                raise TooBusy(f"{len(self.voided)} runs were void: others used up to {max(self.voided):.2f} of a core")
            time.sleep(1)

    @staticmethod
    def watched(pids, wait):
        """What wait() gave; a function (pids -> their CPU seconds a second meanwhile); and the cores that others used."""
        before, busy, start = {pid: cpu_s([pid]) for pid in pids}, busy_s(), time.monotonic()
        given = wait()
        elapsed, busy = time.monotonic() - start, busy_s() - busy
        used = {pid: cpu_s([pid]) - cpu for pid, cpu in before.items()}
        return given, lambda these: sum(used.get(pid, 0) for pid in these) / elapsed, max(0.0, (busy - sum(used.values())) / elapsed)

    def load(self, turn):
        command = turn.server.load_command(self.settings.build / "bench_load", turn, self.seconds)
        server, ours = tree(turn.server.process.pid), self._ours()
        with subprocess.Popen(pinned(command, turn.load_cores), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as loader:
            time.sleep(SETTLE_S - BEFORE_S)
            line, cores, others = self.watched([*ours, loader.pid], loader.stdout.readline)
            answer = json.loads(line)
            loader.stdin.close()
        time.sleep(SETTLE_S)
        idle = set(ours) - set(server) - {os.getpid()}
        kept = {key: answer[key] for key in ("rate", "requests", "errors", "unsent", "mean_us", "p50_us", "p99_us", "max_us", "statuses")}
        return {**kept, "cpu_s_a_request": cores(server) / max(1e-9, answer["rate"]), "server_cores": cores(server),
                "load_cores": cores([loader.pid]), "idle_cores": cores(idle), "others_cores": others}

    def look(self, helpers, seconds):
        """All these helpers at once."""
        for helper in helpers:
            helper.process.stdin.write(f"go {seconds}\n")
            helper.process.stdin.flush()
        _, _, others = self.watched(self._ours(), lambda: time.sleep(seconds))
        return {"answers": [json.loads(helper.process.stdout.readline()) for helper in helpers], "others_cores": others}

    def run(self, steps, passes=None):
        """{name: Turn, or a function that returns a dictionary with others_cores} -> {name: [what came of each pass]}."""
        taken = {name: [] for name in steps}
        for number in range(passes or self.settings.pairs):
            for name in steps if number % 2 == 0 else reversed(steps):
                step = steps[name]
                taken[name].append(self.fair(step if callable(step) else lambda step=step: self.load(step)))
            self.context.say(f"pass {number + 1}: " + ", ".join(f"{name} {runs[-1]['rate']:.0f}/s" for name, runs in taken.items() if "rate" in runs[-1]))
        return taken

    def disturbance(self):
        return {"limit_cores": OTHERS_LIMIT, "largest_kept_cores": self.largest_others, "void_runs": self.voided}


def ratios(taken, a, b):
    """Rates, a / b, and CPU time a request, b / a: pair by pair."""
    return {"wall": figures.median_interval([x["rate"] / y["rate"] for x, y in zip(taken[a], taken[b])]),
            "cpu": figures.median_interval([y["cpu_s_a_request"] / x["cpu_s_a_request"] for x, y in zip(taken[a], taken[b])])}


def control(taken, a="ours", b="control"):
    return ratios(taken, b, a)


def compared(what, taken, a, b, at_least, controls=("ours", "control")):
    return figures.served_figure(what, ratios(taken, a, b), control(taken, *controls), at_least)


def stated(what, taken, a, b):
    found = ratios(taken, a, b)
    return figures.figure(what, found["wall"]["median"], "x", found["wall"]["interval"], note="wall time; by the cpu {:.3f}".format(found["cpu"]["median"]))


def check_errors(taken, allowed=()):
    """Answers other than 200 make a figure worthless."""
    for name, runs in taken.items():
        wrong = sum(run.get("errors", 0) for run in runs)
        if wrong and name not in allowed:
            raise RuntimeError(f"{name}: {wrong} requests failed: {[run['statuses'] for run in runs][:3]}")
