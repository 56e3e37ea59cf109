"""Hostile models: whatever the file, each verb ends with an exit status of the contract, in time, and within its memory.

ARETE_MUTANTS (500) broken models, tests/hostile/ (those that once did harm), and models that are large in one way.
"""
import collections
import concurrent.futures
import glob
import os
import re
import signal
import subprocess
import tempfile
import threading

import numpy as np
import onnx

import mutants
from harness import BIN, SOURCE, Case, arete, main
from large_models import large_models

STATUSES = {0, 1, 2, 3, 4}  # 5 is a bug of ours
CPU_S = 2.0                 # of one thread; wall time would judge whoever else uses the machine
HARD_S = 60                 # of wall time: whoever takes this long hangs
PEAK_BYTES = 10**9
TIME_LIMIT_S = 1.5          # given to what runs the model: it may run for ever
WORKERS = 2


def sanitized():
    """Sanitizers take time and memory of their own, and end a program where memory ends."""
    with open(os.path.join(BIN, "CMakeCache.txt"), encoding="utf-8") as file:
        return any(line.startswith("ARETE_SANITIZE:") and line.strip().split("=")[1] for line in file)


SANITIZED = sanitized()
COUNT = 50 if SANITIZED else int(os.environ.get("ARETE_MUTANTS", "500"))
NO_MEMORY = re.compile("out-of-memory|out of memory|failed to allocate|allocation-size-too-big|exceeds maximum supported size")
Taken = collections.namedtuple("Taken", "status cpu_s peak_bytes err hung")


def run(arguments, folder):
    """`arete ARGUMENTS`, and what it took. Its peak is at least this process's own, which started it."""
    with tempfile.TemporaryFile(dir=folder) as err:
        process = subprocess.Popen([os.path.join(BIN, "arete"), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err)
        alarm = threading.Timer(HARD_S * (20 if SANITIZED else 1), process.send_signal, [signal.SIGKILL])
        alarm.start()
        _, ended, usage = os.wait4(process.pid, 0)
        hung = not alarm.is_alive()
        alarm.cancel()
        process.returncode = os.waitstatus_to_exitcode(ended)
        err.seek(0)
        return Taken(process.returncode, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, err.read().decode(errors="replace"), hung)


def complaint(taken, cpu_s=CPU_S, peak_bytes=PEAK_BYTES):
    """What the contract holds against it, or None."""
    if taken.hung:
        return "hung"
    # A sanitizer ends the process, with a status of its own, where std::bad_alloc would be thrown.
    ended_by_it = SANITIZED and NO_MEMORY.search(taken.err)
    if taken.status not in STATUSES and not ended_by_it:
        return f"ended with {taken.status}"
    if "Sanitizer" in taken.err and not NO_MEMORY.search(taken.err):
        return "was caught by a sanitizer"
    if taken.status != 0 and not taken.err.strip():
        return f"ended with {taken.status} and said nothing"
    if not SANITIZED and taken.cpu_s > cpu_s:
        return f"took {taken.cpu_s:.1f} s of CPU time"
    if not SANITIZED and taken.peak_bytes > peak_bytes:
        return f"took {taken.peak_bytes / 1e6:.0f} MB"
    return None


def input_options(model, folder):
    """--input for what the unbroken model wants: zeros; dynamic axes are 1, a last one 512."""
    options, weights = [], {w.name for w in model.graph.initializer}
    for i, value in enumerate(v for v in model.graph.input if v.name not in weights):
        tensor = value.type.tensor_type
        try:
            array = np.zeros([d.dim_value or (512 if d is tensor.shape.dim[-1] else 1) for d in tensor.shape.dim], onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type))
        except (KeyError, ValueError, TypeError):
            continue
        if array.dtype.kind not in "fiub" or array.dtype.name not in np.sctypeDict:  # .npy has no bfloat16
            continue
        path = os.path.join(folder, f"{i}.npy")
        np.save(path, array)
        options += ["--input", f"{value.name}={path}"]
    return options


class Mutants(Case):
    def setUp(self):
        super().setUp()
        self.models = mutants.seeds()
        self.inputs = {}
        for i, (name, data) in enumerate(self.models):
            os.mkdir(self.path(f"in{i}"))
            self.inputs[name] = input_options(onnx.load_model_from_string(data), self.path(f"in{i}"))

    def verbs(self, number, how, name, path, folder):
        """run always; of the others a share that fits the time."""
        limit = ["--time-limit", str(TIME_LIMIT_S * (10 if SANITIZED else 1))]
        yield ["run", path, *self.inputs.get(name, []), "--output-dir", os.path.join(folder, "out"), "--threads", "1", *limit]
        if number % 2 == 0:
            yield ["info", path, "--json"]
        if number % 5 == 1:
            yield ["bench", path, "--runs", "1", "--warmup", "0", "--threads", "1", "--memory-limit", "600MB", *limit]
        if number % 25 == 3 and "endless" not in how:  # measures for seconds by design, and has no time limit
            yield ["optimize", path, "-o", os.path.join(folder, "o.onnx"), "--level", "fast", "--precision", "fp32", "--memory-limit", "600MB", "--threads", "1"]

    def one(self, number, made):
        """A line for each verb that broke the contract; the mutant is kept beside the build."""
        name, how, data = made(number)
        found, folder = [], tempfile.mkdtemp(dir=self.folder)
        path = os.path.join(folder, "m.onnx")
        with open(path, "wb") as file:
            file.write(data)
        for arguments in self.verbs(number, how, name, path, folder):
            taken = run(arguments, folder)
            words = complaint(taken, cpu_s=60 if arguments[0] == "optimize" else CPU_S)
            self.ended[arguments[0], taken.status] += 1
            if words:
                kept = os.path.join(BIN, f"hostile_{number}.onnx")
                with open(kept, "wb") as file:
                    file.write(data)
                found.append(f"mutant {number} of {name} by {how}: arete {arguments[0]} {words}\n  {taken.err.strip()[-400:]}\n  kept as {kept}; {arguments}")
        return found

    def all(self, numbers, made):
        """made(number): (name, how, bytes)."""
        self.ended = collections.Counter()
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            found = [line for lines in pool.map(lambda number: self.one(number, made), numbers) for line in lines]
        for (verb, status), count in sorted(self.ended.items()):
            print(f"  {verb:9} ended {count:6} times with {status}")
        self.assertEqual(found, [], "\n" + "\n".join(found))

    def test_mutants(self):
        self.all(range(COUNT), lambda number: mutants.mutant(number, self.models))
        statuses = {status for (verb, status) in self.ended if verb == "run"}
        self.assertTrue({0, 3} <= statuses, "neither all refused nor all accepted")

    def test_what_once_did_harm(self):
        paths = sorted(glob.glob(os.path.join(SOURCE, "tests/hostile/*.onnx")))

        def made(number):
            name = os.path.basename(paths[number])
            with open(paths[number], "rb") as file:
                data = file.read()
            self.inputs[name] = input_options(onnx.load_model_from_string(data), self.path("in0"))
            return name, "endless" if "endless" in name else "a regression input", data
        self.all(range(len(paths)), made)


class Limits(Case):
    def harm(self, name, *options):
        np.save(self.path("x.npy"), np.zeros((1, 4), np.float32))
        return arete("run", os.path.join(SOURCE, "tests/hostile", name + ".onnx"), "--input", "x=" + self.path("x.npy"), "--output-dir", self.path("out"), *options)

    def test_a_run_that_does_not_end_is_ended(self):
        self.expect_error(self.harm("endless_loop", "--time-limit", "0.5"), 4, "within 0.5 s", "--time-limit")
        self.assertFalse(os.path.exists(self.path("out")))

    def test_memory_without_end_is_refused_by_default(self):
        if SANITIZED:
            return
        for name in ("endless_growth", "huge_constant_of_shape", "huge_range", "huge_tile"):
            self.expect_error(self.harm(name, "--time-limit", "20"), 3, "it was given 512 MB", "--memory-limit")
        self.expect_error(self.harm("huge_range", "--memory-limit", "100MB"), 3, "it was given 100 MB")

    def test_limits_are_numbers(self):
        self.expect_error(self.harm("endless_loop", "--time-limit", "-1"), 2, "--time-limit")
        self.expect_error(self.harm("endless_loop", "--memory-limit", "much"), 2, "--memory-limit")


class Large(Case):
    """`arete info` takes time and memory in proportion to the file, and refuses early what it refuses."""

    def test_large_in_one_way(self):
        for name, make in large_models().items():
            data, status, words = make()
            if SANITIZED and status == 0:
                continue
            path = self.save("m.onnx", data)
            taken = run(["info", path, "--json"], self.folder)
            size = len(data)
            print(f"  {name}: {size / 1e6:.1f} MB, {taken.cpu_s:.2f} s, {taken.peak_bytes / 1e6:.0f} MB")
            with self.subTest(name):
                self.assertIsNone(complaint(taken, cpu_s=2 + size / 1e6, peak_bytes=512e6 + 96 * size))
                self.assertEqual(taken.status, status, taken.err)
                self.assertIn(words, taken.err)


if __name__ == "__main__":
    main()
