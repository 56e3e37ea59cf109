"""What every bench is given: settings, programs, data made on first use; and the file that it leaves."""
import contextlib
import dataclasses
import json
import pathlib
import re
import subprocess
import sys

from harness import machine
from harness.pairs import Worker

SCRATCH = pathlib.Path("build/bench-data")  # all paths are relative to the repository, where bench/run stands
RESULTS = pathlib.Path("bench/results")
ABSOLUTE = re.compile(r'(?<![\w.}])/(?:home|root|tmp|work|mnt)/')
FASHION = pathlib.Path("examples/fashion/fashion.onnx")


@dataclasses.dataclass
class Settings:
    build: pathlib.Path
    threads: int
    pairs: int = 30
    server_turn_s: float = 5.0
    turn_s: float = 0.5  # short ones: /proc/stat counts ticks of 10 ms, too coarse to judge the others
    max_void: int = 120
    keep_void: bool = False
    quick: bool = False  # a smoke test: tiny, writes nothing


class Context:
    def __init__(self, settings):
        self.settings = settings
        self.engine = None

    def say(self, text):
        print(text, file=sys.stderr, flush=True)

    def arete(self, *arguments):
        """`arete optimize ... --json` and its like -> (exit status, JSON or None, stderr)."""
        command = [self.settings.build / "arete", *arguments, "--json"]
        ended = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        lines = ended.stdout.strip().splitlines()
        return ended.returncode, json.loads(lines[-1]) if lines else None, ended.stderr.strip()

    @contextlib.contextmanager
    def workers(self, commands):
        """{name: command} -> {name: Worker}, started one after the other."""
        with contextlib.ExitStack() as stack:
            started = {name: stack.enter_context(Worker(command)) for name, command in commands.items()}
            for worker in started.values():
                self.engine = self.engine or worker.about["engine"]
            yield started

    def worker(self, role, model, data, *options):
        program = self.settings.build / "bench_calibrate_worker"
        return [program, role, model, data, "--threads", self.settings.threads, *options]

    def fashion_images(self, train):
        """The folder of the first `train` training images."""
        self.unpack("--train", train, "--test", 0)
        return pathlib.Path(f"build/fashion/train{train}")

    def fashion_test(self):
        self.unpack("--train", 0)
        return pathlib.Path("build/fashion/test")

    def unpack(self, *arguments):
        command = [sys.executable, "examples/fashion/unpack.py", "--out", "build/fashion", *map(str, arguments)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def scratch(self, name):
        SCRATCH.mkdir(parents=True, exist_ok=True)
        return SCRATCH / name

    def save(self, name, command, result):
        """Writes bench/results/NAME.json; `result` has title, versions, figures, disturbance, raw and perhaps tables."""
        settings = {"threads": self.settings.threads, "pairs": self.settings.pairs, "turn_s": self.settings.turn_s}
        about = {"bench": name, "date": machine.today(), "command": command, **machine.commit(),
                 "machine": machine.describe(), "settings": settings}
        result["versions"] = {"arete": machine.arete_version(self.settings.build / "arete"),
                              **({"engine": self.engine} if self.engine else {}), **result.get("versions", {})}
        RESULTS.mkdir(parents=True, exist_ok=True)
        text = json.dumps({**about, **result}, indent=1)
        if ABSOLUTE.search(text):
            raise RuntimeError("the result names a path of this machine")
        (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
