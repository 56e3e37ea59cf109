"""Worker processes that stay up and take turns in ABBA order, and what others used of the machine meanwhile."""
import json
import math
import subprocess
import time
from functools import partial

from harness import figures
from harness.machine import OTHERS_LIMIT, Watch

PAUSE_S = 0.02  # between turns, for the threads of the turn before to lie down


class TooBusy(Exception):
    """Others used the machine in too many runs."""


class Worker:
    """A process that speaks the protocol of bench/calibrate_worker.cpp."""

    def __init__(self, command):
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        word, about = (self._line().split(" ", 1) + [""])[:2]
        if word != "ready":
            raise RuntimeError(f"{command[0]} said {word!r} instead of 'ready'")
        self.about = json.loads(about)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def _line(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args[0]} ended with status {self.process.wait()}")
        return line.strip()

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self._line())

    def go(self, looks=1):
        return self.ask(f"go {looks}")


class Referee:
    """Repeats runs in which others used the machine, and keeps count."""

    def __init__(self, settings, max_void=None):
        self.settings = settings
        self.max_void = settings.max_void if max_void is None else max_void
        self.voided = []
        self.largest_others = 0.0

    def fair(self, run, workers=()):
        """What run() returned the first time that others kept to their limit, and what they used."""
        while True:
            watch = Watch([worker.process.pid for worker in workers])
            answer = run()
            others = watch.stop()
            if others <= OTHERS_LIMIT or self.settings.keep_void:
                self.largest_others = max(self.largest_others, others)
                return answer, others
            self.voided.append(others)
            if len(self.voided) > self.max_void:
                raise TooBusy(f"{len(self.voided)} runs were void: others used up to {max(self.voided):.2f} of a core")
            time.sleep(1)

    def disturbance(self):
        return {"limit_cores": OTHERS_LIMIT, "largest_kept_cores": self.largest_others, "void_runs": self.voided}


class Turns:
    """Compares workers pairwise. A pair is one ABBA block (BAAB every second time), so that a drift cancels within it."""

    def __init__(self, workers, settings):
        self.workers = workers
        self.settings = settings
        self.referee = Referee(settings)
        self.looks = {}

    def warm_up(self, names):
        """Looks a turn, equal for all that are compared: so many that the fastest fills a turn."""
        fastest_s = math.inf
        for name in names:
            self.workers[name].go()
            fastest_s = min(fastest_s, self.workers[name].go()["wall_s"])
        for name in names:
            self.looks[name] = max(1, math.ceil(self.settings.turn_s / fastest_s))

    def block(self, a, b, flipped):
        taken = {"a": [], "b": []}
        for side in "baab" if flipped else "abba":
            time.sleep(PAUSE_S)
            name = a if side == "a" else b
            answer = self.workers[name].go(self.looks[name])
            taken[side].append({key: answer[key] for key in ("wall_s", "cpu_s")})
        return taken

    def compare(self, comparisons):
        """{name: (A, B)} -> {name: {"wall", "cpu", "pairs", "blocks"}}; comparisons take turns too, control among them."""
        self.warm_up({name for pair in comparisons.values() for name in pair})
        blocks = {name: [] for name in comparisons}
        for turn in range(self.settings.pairs):
            for name, (a, b) in comparisons.items():
                taken, others = self.referee.fair(partial(self.block, a, b, turn % 2 == 1), self.workers.values())
                blocks[name].append({**taken, "others_cores": others})
        return {name: {**figures.paired(taken), "pairs": len(taken), "blocks": taken} for name, taken in blocks.items()}
