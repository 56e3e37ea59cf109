"""Versions of a model take turns while clients ask: no request fails, and every answer is of the version that it names.

ARETE_SWAP_SECONDS is how long each model is swapped under load (25 without it), 50 times a minute where a load takes less than that leaves.
"""
import concurrent.futures
import http.client
import json
import multiprocessing
import os
import tempfile
import time
import unittest
from pathlib import Path

import harness

try:
    import numpy as np
    import onnxruntime  # noqa: F401
    import urllib3  # noqa: F401
except ImportError as missing:
    harness.skip(f"the test venv lacks {missing.name}")

from onnx import helper

import serving
from harness import floats, model_of

SECONDS = float(os.environ.get("ARETE_SWAP_SECONDS", "25"))
SWAPS_A_MINUTE = 50
PROCESSES, THREADS = 2, 3
REST_S = 0.2  # between a load that took its time and the next one
QUESTIONS = 16
SETTLE_S = 20
MB = 1 << 20


def small(version):
    return serving.perceptron(seed=int(version))


def large(version, width=5000):
    """100 MB of random weights: x [N,4] -> y [N,3]."""
    rng = np.random.default_rng(int(version))
    w = lambda *s: (rng.standard_normal(s, np.float32) / np.float32(s[0] ** 0.5))
    nodes = [helper.make_node("MatMul", ["x", "a"], ["h"]), helper.make_node("Relu", ["h"], ["r"]), helper.make_node("MatMul", ["r", "b"], ["s"]),
             helper.make_node("Tanh", ["s"], ["t"]), helper.make_node("MatMul", ["t", "c"], ["y"])]
    return model_of(nodes, [floats("x", ["N", 4])], [floats("y", ["N", 3])], [("a", w(4, width)), ("b", w(width, width)), ("c", w(width, 3))])


def questions():
    return [np.random.default_rng(i).normal(size=(1 + i % 3, 4)).astype(np.float32) for i in range(QUESTIONS)]


def message(x, binary):
    """The body and headers of one request; every third of the binary ones asks for a binary answer too."""
    tensor = {"name": "x", "shape": list(x.shape), "datatype": "FP32"}
    if not binary:
        return json.dumps({"inputs": [{**tensor, "data": x.ravel().tolist()}]}).encode(), {"Content-Type": "application/json"}
    head = json.dumps({"inputs": [{**tensor, "parameters": {"binary_data_size": x.nbytes}}], "parameters": {"binary_data_output": True}}).encode()
    return head + x.tobytes(), {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(head))}


def values(response, body):
    length = response.getheader("Inference-Header-Content-Length")
    said = json.loads(body[:int(length)] if length else body)
    output = said["outputs"][0]
    array = np.frombuffer(body[int(length):], np.float32) if length else np.array(output["data"], np.float32)
    return said["model_version"], array.reshape(output["shape"])


def ask_until(address, model, want, number, until, pause_s=0.0):
    """One connection that stays open. Returns [(sent, received, version)] and what went wrong."""
    host, port = address.split(":")
    client = http.client.HTTPConnection(host, int(port), timeout=60)
    client.connect()
    client.auto_open = 0  # a connection that the server closes is a failed request
    seen, wrong = [], []
    messages = [message(x, binary) for x in questions() for binary in (False, True)]
    i = number
    while time.monotonic() < until and len(wrong) < 10:
        i += 1
        body, headers = messages[i % len(messages)]
        time.sleep(pause_s)
        sent = time.monotonic()
        try:
            client.request("POST", f"/v2/models/{model}/infer", body, headers)
            response = client.getresponse()
            answer = response.read()
            if response.status != 200:
                wrong.append(f"{response.status} {answer[:200]}")
                continue
            version, y = values(response, answer)
            seen.append((sent, time.monotonic(), version))
            expected = want[version][i % len(messages) // 2]
            if y.shape != expected.shape or not np.allclose(y, expected, rtol=1e-3, atol=1e-3):
                wrong.append(f"an answer that says version {version} is not of it: {y} instead of {expected}")
        except (OSError, http.client.HTTPException, ValueError, KeyError) as failure:
            wrong.append(repr(failure))
            break
    client.close()
    return seen, wrong


def client_process(address, model, want, number, seconds, pause_s):
    until = time.monotonic() + seconds
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(lambda t: ask_until(address, model, want, number * 7 + t, until, pause_s), range(THREADS)))
    return [row for seen, _ in results for row in seen], [text for _, wrong in results for text in wrong]


class Swaps(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.TemporaryDirectory()
        self.addCleanup(self.home.cleanup)
        self.folder = Path(self.home.name)
        self.repository = self.folder / "repository"

    def make(self, name, model):
        """Two versions on disk -> what each answers to each question, which is never the same."""
        want = {}
        for version in ("1", "2"):
            path = serving.put(self.repository / name / version, model(version))
            want[version] = [serving.run(path, {"x": x})["y"] for x in questions()]
        for one, two in zip(want["1"], want["2"]):
            self.assertTrue((np.abs(one - two).max() > 0.05), "the versions must be told apart")
        return want

    def swap(self, server, name, version, swaps):
        began = time.monotonic()
        answer = server.load(name, version)
        swaps.append((version, began, time.monotonic()))
        self.assertEqual(answer.status, 200, answer.data)

    def check_order(self, seen, swaps):
        """Who asks after a load returned and is answered before the next one began is answered by that version."""
        judged = 0
        ends = [began for _, began, _ in swaps[1:]] + [float("inf")]
        for (version, _, returned), end in zip(swaps, ends):
            for sent, received, by in seen:
                if sent < returned or received > end:
                    continue
                judged += 1
                self.assertEqual(by, version, f"{sent - returned:.4f} s after the load of version {version} returned")
        return judged

    def swap_under_load(self, name, model, kept_bytes, pause_s=0.0, seconds=SECONDS):
        want = self.make(name, model)
        with serving.Server(self.folder, "--repository", self.repository) as server:
            context = multiprocessing.get_context("spawn")
            with concurrent.futures.ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
                asked = [pool.submit(client_process, server.address, name, want, number, seconds, pause_s) for number in range(PROCESSES)]
                swaps, levels = [], []
                begin = time.monotonic()
                while time.monotonic() < begin + seconds - 1:
                    time.sleep(max(REST_S, begin + len(swaps) * 60 / SWAPS_A_MINUTE - time.monotonic()))
                    self.swap(server, name, "12"[len(swaps) % 2], swaps)
                    levels.append(server.resident_bytes())
                results = [future.result(timeout=seconds + 120) for future in asked]
            seen = [row for rows, _ in results for row in rows]
            wrong = [text for _, texts in results for text in texts]
            self.assertEqual(wrong, [], f"of {len(seen)} answers")
            judged = self.check_order(seen, swaps)
            by = {v: sum(row[2] == v for row in seen) for v in "12"}
            self.assertGreater(min(by.values()), 20, by)
            self.assertGreater(judged, 20)
            level = max(levels[:4])
            if serving.under_sanitizer():  # its allocator holds on to what is freed
                kept_bytes *= 100
            settle = time.monotonic() + SETTLE_S
            while (end := server.resident_bytes()) > level + kept_bytes and time.monotonic() < settle:
                time.sleep(0.2)
            longest = max(received - sent for sent, received, _ in seen)
            loads = sorted(returned - began for _, began, returned in swaps)
            a_minute = len(swaps) * 60 / (swaps[-1][2] - begin)
            print(f"{name}: {len(swaps)} swaps, {a_minute:.0f} a minute, a load takes {loads[len(loads) // 2] * 1e3:.0f} ms in the middle and "
                  f"{loads[-1] * 1e3:.0f} at most; {len(seen)} answers ({by}), {judged} of them in order, longest {longest * 1e3:.0f} ms; memory "
                  f"{level / MB:.0f} MB at most in the first swaps, {end / MB:.0f} MB at the end, most {max(levels) / MB:.0f} MB", flush=True)
            self.assertLess(end, level + kept_bytes)
            self.assertEqual(server.stop(), 0, server.said)

    def test_a_small_model(self):
        self.swap_under_load("small", small, 8 * MB)

    def test_a_large_model(self):
        """Its clients pause between requests: two cores that compute all the time leave no room for 50 loads a minute."""
        self.swap_under_load("large", large, 32 * MB, pause_s=0.05)

    def test_loads_that_cross(self):
        """Several operators at once; some of them ask for what is not there or does not load."""
        want = self.make("m", small)
        (self.repository / "m" / "3").mkdir()
        (self.repository / "m" / "3" / "model.onnx").write_bytes(b"no model")
        with serving.Server(self.folder, "--repository", self.repository) as server:
            self.assertEqual(server.load("m", "1").status, 200)
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                asked = [pool.submit(ask_until, server.address, "m", want, n, time.monotonic() + 4) for n in range(4)]
                statuses = {}

                def operator(version):
                    until = time.monotonic() + 3
                    while time.monotonic() < until:
                        status = server.load("m", version).status
                        statuses.setdefault(version, set()).add(status)
                list(pool.map(operator, ["1", "2", "3", "4"]))
                results = [future.result() for future in asked]
            self.assertEqual(statuses, {"1": {200}, "2": {200}, "3": {400}, "4": {404}})
            self.assertEqual([text for _, wrong in results for text in wrong], [])
            self.assertGreater(sum(len(seen) for seen, _ in results), 100)
            self.assertEqual({row["state"] for row in server.index().values()} - {"READY", "UNAVAILABLE"}, set())
            self.assertEqual(server.stop(), 0, server.said)

    def test_the_files_of_a_version_change(self):
        """Loading the version that answers again takes the file as it is now; what is no model leaves the old one."""
        path = serving.put(self.repository / "m" / "1", serving.plus(1))
        x = {"x": np.zeros((1, 4), np.float32)}
        with serving.Server(self.folder, "--repository", self.repository) as server:
            ask = lambda: server.infer("m", x).json()["outputs"][0]["data"][0]
            self.assertEqual(ask(), 1)
            path.write_bytes(b"half of a fi")
            self.assertEqual(server.load("m").status, 400)
            self.assertEqual(ask(), 1)
            serving.put(path.parent, serving.plus(7))
            self.assertEqual(server.load("m").status, 200)
            self.assertEqual(ask(), 7)
            path.unlink()
            self.assertIn(server.load("m").status, (400, 404))
            self.assertEqual(ask(), 7)


class Golden(harness.Case):
    """A version whose golden answers are not its own takes no traffic."""

    def refused(self, server, name, version):
        answer = server.load(name, version)
        self.assertEqual(answer.status, 400, answer.data)
        self.assertIn("golden", answer.json()["error"])
        row = server.index()[(name, version)]
        self.assertEqual(row["state"], "UNAVAILABLE")
        self.assertIn("golden", row["reason"])

    def test_golden_answers_gate_a_swap(self):
        repository = Path(self.folder) / "repository"
        x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
        # Three samples, each a batch of one row.
        golden = lambda y, tolerance=1e-3: {"input/x": x[:, None], "output/y": y[:, None].astype(np.float32), "tolerance/y": np.float64(tolerance)}
        path = serving.put(repository / "m" / "1", small(1))
        good = serving.run(path, {"x": x})["y"]
        np.savez(path.with_suffix(".golden.npz"), **golden(good))
        with serving.Server(self.folder, "--repository", repository) as server:
            # The weights of another training beside the answers of this one.
            path = serving.put(repository / "m" / "2", small(2))
            np.savez(path.with_suffix(".golden.npz"), **golden(good))
            self.refused(server, "m", "2")
            self.refused(server, "m", "2")
            # Without a version the newest is meant; it does not get better by that.
            self.assertEqual(server.load("m").status, 400)
            answer = server.infer("m", {"x": x})
            self.assertEqual((answer.status, answer.json().get("model_version")), (200, "1"), answer.data)
            np.testing.assert_allclose(np.array(answer.json()["outputs"][0]["data"]).reshape(3, 3), good, rtol=1e-4)
            # Its own answers prove it; what is no golden file does not.
            np.savez(path.with_suffix(".golden.npz"), **golden(serving.run(path, {"x": x})["y"]))
            self.assertEqual(server.load("m", "2").status, 200)
            self.assertEqual(server.infer("m", {"x": x}).json()["model_version"], "2")
            one = repository / "m" / "1" / "model.golden.npz"
            for broken in (b"", b"PK\x03\x04 and no more", one.read_bytes()[:-100]):
                one.write_bytes(broken)
                answer = server.load("m", "1")
                self.assertEqual(answer.status, 400, answer.data)
                self.assertEqual(server.infer("m", {"x": x}).json()["model_version"], "2")
            for arrays in ({**golden(good), "input/x": x[:, None, :3]}, {**golden(good), "output/y": good[:2, None]},
                           {**golden(good), "tolerance/y": np.float64(-1)}, {**golden(np.full_like(good, np.nan))}):
                np.savez(one, **arrays)
                self.assertEqual(server.load("m", "1").status, 400, list(arrays))
            self.assertEqual(server.infer("m", {"x": x}).json()["model_version"], "2")
            self.assertEqual(server.stop(), 0, server.said)

    def test_what_optimize_writes(self):
        """The golden file of one model beside another is caught; beside its own it lets it pass."""
        repository = Path(self.folder) / "repository"
        for version in ("1", "2"):
            (repository / "m" / version).mkdir(parents=True)
            source = self.save(f"{version}.onnx", harness.conv_classifier(seed=int(version)))
            ended = harness.arete("optimize", source, "-o", repository / "m" / version / "model.onnx", "--json")
            self.assertIn(ended.status, (0, 1), ended.err)
            self.assertTrue((repository / "m" / version / "model.golden.npz").exists(), ended.err)
        first = (repository / "m" / "1" / "model.golden.npz").read_bytes()
        with serving.Server(self.folder, "--repository", repository) as server:
            self.assertEqual(server.load("m", "1").status, 200)
            self.assertEqual(server.load("m", "2").status, 200)
            (repository / "m" / "2" / "model.golden.npz").write_bytes(first)
            self.assertEqual(server.load("m", "1").status, 200)
            self.refused(server, "m", "2")
            self.assertEqual(server.infer("m", {"x": np.zeros((1, 3, 16, 16), np.float32)}).json()["model_version"], "1")


if __name__ == "__main__":
    harness.main()
