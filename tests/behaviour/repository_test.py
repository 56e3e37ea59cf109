"""The folder of models as careless and as hostile people fill it: what is good is served, the rest is told of, nothing outside is read."""
import concurrent.futures
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest
from pathlib import Path
from urllib.parse import quote

import harness

try:
    import numpy as np
    import onnxruntime  # noqa: F401
    import urllib3
    from prometheus_client.parser import text_string_to_metric_families as parse
except ImportError as missing:
    harness.skip(f"the test venv lacks {missing.name}")

from onnx import TensorProto, helper

import serving
from harness import floats, model_of

ONE_ROW = {"x": np.zeros((1, 4), np.float32)}
ODD_NAMES = ["with space", "it's \"quoted\"", "straße 鳥", "a%2Fb", "100%", "a+b&c=d#e?f", "<b>", "back\\slash", "v2", "-", "~", "a:b", "two\nlines"]


def external(location):
    """y = x + c with c in a file of its own."""
    model = serving.plus(0)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "16")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return model


def metrics(server):
    """{name: [(labels, value)]} of everything that /metrics says."""
    found = {}
    for family in parse(server.get("/metrics").data.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def total(rows, **labels):
    return sum(value for have, value in rows if labels.items() <= have.items())


class Repository(harness.Case):
    def setUp(self):
        super().setUp()
        self.root = Path(self.folder) / "models"
        self.root.mkdir()

    def put(self, name, number, version="1"):
        return serving.put(self.root / name / version, serving.plus(number))

    def serve(self, *arguments):
        server = serving.Server(self.folder, "--repository", self.root, *arguments)
        self.addCleanup(server.stop)
        return server

    def answer(self, server, name, **more):
        """What `name` adds, or the status when it does not answer."""
        said = server.infer(quote(name, safe=""), ONE_ROW, **more)
        return said.json()["outputs"][0]["data"][0] if said.status == 200 else said.status

    def state(self, server, name, version="1"):
        row = server.index()[(name, version)]
        return row["state"], row["reason"]

    # ---- Names and versions ----

    def test_odd_names(self):
        for number, name in enumerate(ODD_NAMES):
            self.put(name, number)
        (self.root / "flat file.onnx").write_bytes(serving.plus(50).SerializeToString())
        self.put(".hidden", 60)
        server = self.serve()
        self.assertEqual({name for name, _ in server.index()}, {*ODD_NAMES, "flat file"})
        for number, name in enumerate(ODD_NAMES):
            self.assertEqual(self.answer(server, name), number, name)
            about = server.get(f"/v2/models/{quote(name, safe='')}").json()
            self.assertEqual(about["name"], name)
            self.assertEqual(server.load(quote(name, safe="")).status, 200, name)
        self.assertEqual(self.answer(server, "flat file"), 50)
        self.assertEqual(self.answer(server, ".hidden"), 404)
        # The page of metrics stays readable whatever a model is called.
        asked = metrics(server)["arete_infer_requests_total"]
        self.assertEqual({labels["model"] for labels, _ in asked if labels["code"] == "200"}, {*ODD_NAMES, "flat file"})

    def test_a_name_that_is_no_text(self):
        os.mkdir(os.fsencode(self.root) + b"/\xff\xfe")
        shutil.copy(self.put("good", 1), os.fsencode(self.root) + b"/\xff\xfe/model.onnx")
        server = self.serve()
        self.assertEqual(self.answer(server, "good"), 1)
        self.assertIn(("good", "1"), server.index())  # and that it is JSON
        metrics(server)
        for path in ("/v2/models/%FF%FE/infer", "/v2/models/%FF%FE", "/v2/models/%C0%AE/ready"):
            self.assertLess(server.post(path, b"{}").status, 500, path)

    def test_versions_are_numbers(self):
        for version in ("2", "10", "9", "007"):
            self.put("m", int(version), version)
        self.put("letters", 1, "alpha")
        self.put("letters", 2, "beta")
        server = self.serve()
        self.assertEqual(self.answer(server, "m"), 10)
        self.assertEqual(self.answer(server, "letters"), 2)
        self.assertEqual(self.state(server, "m", "2")[0], "UNAVAILABLE")
        self.put("m", 11, "11")
        self.assertEqual(self.answer(server, "m"), 10)  # until somebody loads it
        self.assertEqual(server.load("m").status, 200)
        self.assertEqual(self.answer(server, "m"), 11)
        self.assertEqual(server.load("m", "007").status, 200)
        self.assertEqual(self.answer(server, "m"), 7)
        for wrong in ("7", "0", "../m/2", "", " 2", "v2x"):
            status = server.load("m", wrong).status
            self.assertEqual(status, 200 if wrong == "" else 404, wrong)
        self.assertEqual(self.answer(server, "m"), 11)
        # A version that is no text must not become "whichever".
        for wrong in (2, 2.0, True):
            status = server.post("/v2/repository/models/m/load", {"parameters": {"version": wrong}}).status
            self.assertEqual(status, 400, wrong)
        for wrong in (2, True):
            self.assertEqual(server.post("/v2/repository/models/m/unload", {"parameters": {"version": wrong}}).status, 400, wrong)
        for body in (b"{", b"[]", b'{"parameters":[]}', b'{"parameters":{"version":{}}}', b"\xff"):
            self.assertEqual(server.post("/v2/repository/models/m/load", body).status, 400, body)
        self.assertEqual(self.answer(server, "m"), 11)

    # ---- What does not load ----

    def test_bad_models_beside_good_ones(self):
        self.put("good", 1)
        (self.root / "noise" / "1").mkdir(parents=True)
        (self.root / "noise" / "1" / "model.onnx").write_bytes(b"\x08\x07noise")
        (self.root / "empty file" / "1").mkdir(parents=True)
        (self.root / "empty file" / "1" / "model.onnx").write_bytes(b"")
        self.put("bad card", 1)
        (self.root / "bad card" / "1" / "model.card.json").write_text("{")
        self.put("bad new version", 5)
        (self.root / "bad new version" / "2").mkdir()
        (self.root / "bad new version" / "2" / "model.onnx").write_bytes(b"nothing")
        os.mkfifo(self.root / "a fifo")
        (self.root / "fifo inside" / "1").mkdir(parents=True)
        os.mkfifo(self.root / "fifo inside" / "1" / "model.onnx")
        self.put("fifo card", 1)
        os.mkfifo(self.root / "fifo card" / "1" / "model.card.json")
        self.put("fifo golden", 1)
        os.mkfifo(self.root / "fifo golden" / "1" / "model.golden.npz")
        server = self.serve()
        self.assertEqual(self.answer(server, "good"), 1)
        for name in ("noise", "empty file", "bad card", "fifo card", "fifo golden"):
            state, reason = self.state(server, name)
            self.assertEqual(state, "UNAVAILABLE", name)
            self.assertGreater(len(reason), 10, name)
            self.assertIn(self.answer(server, name), (503,), name)
        self.assertEqual(server.get("/v2/health/live").status, 200)
        self.assertEqual(server.get("/v2/health/ready").status, 503)  # some of its models cannot answer
        self.assertEqual(server.get("/v2/models/good/ready").status, 200)
        self.assertEqual(server.get("/v2/models/noise/ready").status, 503)
        # Mended, and loaded.
        self.put("noise", 7)
        self.assertEqual(server.load("noise").status, 200)
        self.assertEqual(self.answer(server, "noise"), 7)

    def test_folders_that_hold_no_model(self):
        """Someone's notes beside the models neither stand in the way of the others nor of the server's readiness."""
        (self.root / "lost+found").mkdir()
        (self.root / "README.md").write_text("ours")
        self.put("model", 3)
        server = self.serve()
        self.assertEqual(server.get("/v2/health/ready").status, 200)
        answer = server.post("/predict", {"inputs": {"x": [[0, 0, 0, 0]]}}, headers={"Content-Type": "application/json"})
        self.assertEqual((answer.status, answer.json()), (200, {"outputs": {"y": [[3, 3, 3, 3]]}}))
        (self.root / "a later folder").mkdir()
        self.put("later", 4)
        server.index()
        self.assertEqual(server.get("/v2/health/ready").status, 200, "a model that nobody asked to load is no failure")
        self.assertEqual(self.answer(server, "later"), 503)

    def test_a_folder_that_cannot_be_understood_says_why(self):
        self.put("good", 1)
        (self.root / "two").mkdir()
        for name in ("a.onnx", "b.onnx"):
            (self.root / "two" / name).write_bytes(serving.plus(1).SerializeToString())
        server = self.serve()
        rows = {name: row for (name, _), row in server.index().items()}
        self.assertIn("two", rows)
        self.assertEqual(rows["two"]["state"], "UNAVAILABLE")
        self.assertIn("several", rows["two"]["reason"])
        self.assertIn("several", server.load("two").json()["error"])

    @unittest.skipIf(os.geteuid() == 0, "root may read everything")
    def test_unreadable_files(self):
        self.put("good", 1)
        self.put("secret", 2).chmod(0)
        self.put("closed", 2)
        (self.root / "closed").chmod(0)
        self.addCleanup((self.root / "closed").chmod, 0o700)
        server = self.serve()
        self.assertEqual(self.answer(server, "good"), 1)
        self.assertEqual(self.state(server, "secret")[0], "UNAVAILABLE")

    def test_start_without_a_repository(self):
        for place in (Path(self.folder) / "none", Path(self.folder) / "file"):
            if place.name == "file":
                place.write_text("x")
            done = subprocess.run([os.path.join(harness.BIN, "arete-serve"), "--port", "0", "--repository", place], capture_output=True, text=True, timeout=30)
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn(place.name, done.stderr)
        server = self.serve()  # an empty one is filled later
        self.assertEqual(server.index(), {})
        self.put("new", 3)
        self.assertEqual(server.load("new").status, 200)
        self.assertEqual(self.answer(server, "new"), 3)

    # ---- What lies outside ----

    def outside(self):
        secret = Path(self.folder) / "secret"
        serving.put(secret / "1", serving.plus(666))
        serving.put(Path(self.folder) / "models evil" / "1", serving.plus(666))  # its path begins like the repository's
        np.full(4, 666, np.float32).tofile(Path(self.folder) / "weights.bin")
        return secret

    def test_links_that_lead_out(self):
        secret = self.outside()
        self.put("good", 1)
        (self.root / "folder").symlink_to(secret)
        (self.root / "sibling").symlink_to(Path(self.folder) / "models evil")
        (self.root / "version").mkdir()
        (self.root / "version" / "1").symlink_to(secret / "1")
        (self.root / "file" / "1").mkdir(parents=True)
        (self.root / "file" / "1" / "model.onnx").symlink_to(secret / "1" / "model.onnx")
        (self.root / "flat.onnx").symlink_to(secret / "1" / "model.onnx")
        self.put("card", 2)
        (secret / "card.json").write_text('{"output":{"kind":"classification"}}')
        (self.root / "card" / "1" / "model.card.json").symlink_to(secret / "card.json")
        self.put("golden", 2)
        (self.root / "golden" / "1" / "model.golden.npz").symlink_to(secret / "golden.npz")
        (secret / "golden.npz").write_bytes(b"x")
        (self.root / "loop").symlink_to(self.root / "loop")
        (self.root / "dangling").symlink_to(self.root / "nowhere")
        (self.root / "endless").mkdir()
        (self.root / "endless" / "1").symlink_to(self.root / "endless")
        (self.root / "device" / "1").mkdir(parents=True)
        (self.root / "device" / "1" / "model.onnx").symlink_to("/dev/zero")
        (self.root / "alias").symlink_to(self.root / "good")  # within: allowed
        server = self.serve()
        self.assertEqual((self.answer(server, "good"), self.answer(server, "alias")), (1, 1))
        for name in ("folder", "sibling", "version", "file", "flat", "card", "golden", "loop", "dangling", "endless", "device"):
            self.assertIn(self.answer(server, name), (404, 503), name)
            answer = server.load(name)
            self.assertIn(answer.status, (400, 404), (name, answer.data))
            if name in ("folder", "sibling", "version", "file", "flat", "card", "golden"):
                self.assertIn("out of the repository", answer.json()["error"], name)
        self.assertNotIn("666", json.dumps([row["state"] + row["name"] for row in server.index().values() if row["state"] == "READY"]))

    def test_a_link_that_is_turned_after_the_start(self):
        secret = self.outside()
        self.put("good", 1)
        (self.root / "m").symlink_to(self.root / "good")
        server = self.serve()
        self.assertEqual(self.answer(server, "m"), 1)
        (self.root / "m").unlink()
        (self.root / "m").symlink_to(secret)
        self.assertEqual(server.load("m").status, 400)
        self.assertEqual(self.answer(server, "m"), 1)

    def test_weights_in_files_of_their_own(self):
        self.outside()
        outside = Path(self.folder) / "weights.bin"
        for name, location in (("inside", "weights.bin"), ("above", "../../../weights.bin"), ("absolute", str(outside)), ("link", "weights.bin"), ("none", "none.bin")):
            serving.put(self.root / name / "1", external(location))
        np.full(4, 5, np.float32).tofile(self.root / "inside" / "1" / "weights.bin")
        (self.root / "link" / "1" / "weights.bin").symlink_to(outside)
        server = self.serve()
        self.assertEqual(self.answer(server, "inside"), 5)
        for name in ("above", "absolute", "link", "none"):
            self.assertEqual(self.answer(server, name), 503, name)
            self.assertEqual(server.load(name).status, 400, name)

    def raw(self, server, method, target):
        """The target as it is: no client mends it."""
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        client.putrequest(method, target, skip_host=False)
        body = json.dumps({"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [0, 0, 0, 0]}]}) if method == "POST" and target.endswith("infer") else ""
        client.putheader("Content-Length", str(len(body)))
        client.endheaders(body.encode())
        answer = client.getresponse()
        said = answer.read()
        client.close()
        return answer.status, said

    def test_paths_that_climb(self):
        self.outside()
        self.put("good", 1)
        server = self.serve()
        names = ["..", ".", "../secret", "%2e%2e", "%2E%2E%2Fsecret", "..%2fsecret", "good%2F..%2F..%2Fsecret", "good/../../secret", "%2e%2e/secret", "good%2F1", "..%5Csecret",
                 "secret%00", "good%00", "%00", "..%c0%afsecret", "%252e%252e%252fsecret", "models%20evil", "..%2Fmodels%20evil", "/", "", "%2F", "%2Fetc%2Fpasswd", "good%2", "good%zz", "*", "{model}"]
        for name in names:
            for method, target in (("POST", f"/v2/models/{name}/infer"), ("POST", f"/v2/repository/models/{name}/load"), ("POST", f"/models/{name}/predict"),
                                   ("POST", f"/v2/repository/models/{name}/unload"), ("GET", f"/v2/models/{name}"), ("GET", f"/v2/models/{name}/versions/../../ready"),
                                   ("GET", f"/v2/models/good/versions/{name}"), ("GET", f"/models/{name}")):
                status, said = self.raw(server, method, target)
                self.assertIn(status, (400, 404, 405, 415), (method, target, said))
                self.assertIn("error", json.loads(said), (method, target, said))
                self.assertNotIn(b"666", said)
        for name in ("../secret", "..", "/", str(Path(self.folder) / "secret"), "good/1"):
            self.assertEqual(server.load("good", name).status, 404, name)
        self.assertEqual(self.answer(server, "good"), 1)
        self.assertEqual(list(server.index()), [("good", "1")])
        asked = {labels["model"] for labels, _ in metrics(server)["arete_infer_requests_total"]}
        self.assertLessEqual(asked, {"good", ""}, "a name that nobody knows must not become a label")

    # ---- At run time ----

    def test_unload_and_load(self):
        self.put("a", 1)
        self.put("b", 2)
        server = self.serve()
        unload = lambda name: server.post(f"/v2/repository/models/{name}/unload").status
        self.assertEqual((unload("a"), self.answer(server, "a"), self.answer(server, "b")), (200, 503, 2))
        self.assertEqual(self.state(server, "a"), ("UNAVAILABLE", "unloaded"))
        self.assertEqual(server.get("/v2/models/a/ready").status, 503)
        self.assertEqual(server.get("/v2/health/ready").status, 200, "who unloads a model does not want the server out of service")
        self.assertEqual(unload("a"), 404)
        self.assertEqual(unload("none"), 404)
        rows = server.post("/v2/repository/index", {"ready": True}).json()
        self.assertEqual([row["name"] for row in rows], ["b"])
        self.assertEqual(total(metrics(server)["arete_models_ready"]), 1)
        self.assertEqual((server.load("a").status, self.answer(server, "a")), (200, 1))
        shutil.rmtree(self.root / "a")
        self.assertEqual(self.answer(server, "a"), 1)
        self.assertIn(server.load("a").status, (400, 404))
        self.assertEqual(self.answer(server, "a"), 1)

    def heavy(self, name, number, megabytes=24):
        """y = number, looked up in a table of so many megabytes: what it takes in memory is known."""
        nodes = [helper.make_node("Cast", ["x"], ["i"], to=TensorProto.INT64), helper.make_node("Gather", ["table", "i"], ["y"])]
        model = model_of(nodes, [floats("x", ["N", 4])], [floats("y", ["N", 4])], [("table", np.full(megabytes << 18, number, np.float32))])
        return serving.put(self.root / name / "1", model)

    def serve_below(self, share, wait_for):
        """A server whose ceiling is a share of what all models take."""
        server = self.serve()
        needed = total(metrics(server)["arete_model_memory_bytes"])
        server.stop()
        server = self.serve("--max-model-bytes", int(needed * share))
        self.ceiling = needed * share
        self.states = lambda: "".join(name for name in wait_for if self.state(server, name)[0] == "READY")
        return server

    def after(self, server, name):
        """Who is awake once `name` was asked. What a model takes is an estimate, so now and then there is room for one more."""
        time.sleep(0.3)  # it is measured while the model opens: what went before must be over
        said = self.answer(server, name)
        self.assertLessEqual(total(metrics(server)["arete_model_memory_bytes"]), self.ceiling)
        return said, self.states()

    def test_a_ceiling_for_all_models(self):
        for number, name in enumerate("abc"):
            self.heavy(name, number)
        server = self.serve_below(0.72, "abc")
        self.assertEqual(server.get("/v2/health/ready").status, 200)
        self.assertEqual(self.states(), "bc")  # the third one found no room beside both
        self.assertIn("wakes", self.state(server, "a")[1])
        self.assertEqual(server.get("/v2/models/a/ready").status, 200)
        self.assertEqual((self.answer(server, "c"), self.answer(server, "b")), (2, 1))
        self.assertIn(self.after(server, "a"), ((0, "ab"), (0, "abc")))  # c was asked least lately
        self.assertIn(self.after(server, "c"), ((2, "ac"), (2, "abc")))
        self.assertGreaterEqual(total(metrics(server)["arete_model_loads_total"], outcome="evicted"), 1)
        # All of them, from many sides: they push each other out, and everybody is answered.
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            got = list(pool.map(lambda i: (i % 3, self.answer(server, "abc"[i % 3])), range(60)))
        self.assertEqual([pair for pair in got if pair[0] != pair[1]], [])
        # What was unloaded does not wake.
        awake = self.states()[0]
        self.assertEqual(server.post(f"/v2/repository/models/{awake}/unload").status, 200)
        self.assertEqual(self.answer(server, awake), 503)

    def test_what_wakes_is_the_version_that_slept(self):
        """Somebody went back to version 1; that it made room for others must not undo it."""
        for number, name in enumerate("abm"):
            self.heavy(name, number)
        server = self.serve_below(0.72, "abm")
        shutil.copytree(self.root / "m" / "1", self.root / "m" / "2")
        slept = 0
        for _ in range(4):
            self.assertEqual(server.infer("m", ONE_ROW).json().get("model_version"), "1")
            self.after(server, "a")
            slept += "m" not in self.after(server, "b")[1]
        self.assertGreater(slept, 0)

    def test_a_model_over_the_ceiling(self):
        self.put("small", 1)
        self.heavy("big", 2, 40)
        server = self.serve("--max-model-bytes", 30_000_000)
        self.assertEqual(self.answer(server, "small"), 1)
        state, reason = self.state(server, "big")
        self.assertEqual(state, "UNAVAILABLE")
        self.assertIn("ceiling", reason)
        self.assertIn(server.load("big").status, (413, 503))
        self.assertEqual(self.state(server, "small"), ("READY", ""), "it must not be put to sleep for what does not fit anyway")

    # ---- Split and shadow ----

    def test_split(self):
        self.put("m", 1, "1")
        self.put("m", 2, "2")
        self.put("other", 9)
        server = self.serve("--split", "m:v1=90,v2=10")
        got = [self.answer(server, "m") for _ in range(200)]
        self.assertEqual((got.count(1), got.count(2)), (180, 20))
        self.assertIn(2, got[:100])  # shared out all along, not in two halves
        self.assertEqual(self.answer(server, "m/versions/2".replace("/", "%2F")), 404)
        for version in ("1", "2"):
            said = server.infer(f"m/versions/{version}", ONE_ROW).json()
            self.assertEqual((said["model_version"], said["outputs"][0]["data"][0]), (version, int(version)))
        asked = metrics(server)["arete_infer_requests_total"]
        self.assertEqual((total(asked, model="m", version="1", code="200"), total(asked, model="m", version="2", code="200")), (181, 21))
        self.assertEqual(self.answer(server, "other"), 9)

    def test_shadow(self):
        self.put("m", 1, "1")
        self.put("m", 2, "2")
        self.put("same", 1, "1")
        self.put("same", 1, "2")
        server = self.serve("--shadow", "v2")
        for name in ("m", "same"):
            self.assertEqual({self.answer(server, name) for _ in range(50)}, {1}, "the shadow answers nobody")
        asked = lambda name, answer: total(metrics(server)["arete_shadow_answers_total"], model=name, version="2", answer=answer)
        until = time.monotonic() + 10
        while asked("m", "different") + asked("same", "same") < 80 and time.monotonic() < until:
            time.sleep(0.1)
        self.assertGreaterEqual(asked("m", "different"), 40)  # it is not asked while it is behind
        self.assertGreaterEqual(asked("same", "same"), 40)
        self.assertEqual((asked("m", "same"), asked("same", "different")), (0, 0))
        took = metrics(server)["arete_infer_duration_seconds_count"]
        self.assertEqual(total(took, model="m", version="1"), 50)
        self.assertGreaterEqual(total(took, model="m", version="2"), 40)

    def test_rules_that_are_none(self):
        self.put("m", 1)
        for rule in ("v1", "v1=-1,v2=5", "=5", "v1=0", "v1=5,,v2=5", "v1=1e3", "m:"):
            done = subprocess.run([os.path.join(harness.BIN, "arete-serve"), "--port", "0", "--repository", self.root, "--split", rule], capture_output=True, text=True, timeout=30)
            self.assertIn(done.returncode, (2, 3), (rule, done.stderr))
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        server = self.serve("--split", "v1=50,v9=50")
        self.assertIn("9", server.said)
        self.assertEqual(server.get("/v2/health/ready").status, 503)

    # ---- What others read ----

    def test_metrics_are_prometheus_text(self):
        self.put("m", 1)
        server = self.serve()
        for _ in range(5):
            self.answer(server, "m")
        self.answer(server, "none")
        answer = server.get("/metrics")
        self.assertTrue(answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"), answer.headers)
        families = {family.name: family for family in parse(answer.data.decode())}
        self.assertTrue(all(name.startswith("arete_") for name in families), list(families))
        for name, family in families.items():
            self.assertTrue(family.documentation, name)
            if family.type != "histogram":
                continue
            self.assertTrue(name.endswith(("_seconds", "_rows", "_bytes")), name)
            counts = {}
            for sample in family.samples:
                labels = tuple(sorted((k, v) for k, v in sample.labels.items() if k != "le"))
                counts.setdefault((sample.name, labels), []).append((sample.labels.get("le"), sample.value))
            for (sample, labels), rows in counts.items():
                if not sample.endswith("_bucket"):
                    continue
                values = [value for _, value in rows]
                self.assertEqual(values, sorted(values), sample)
                self.assertEqual((rows[-1][0], rows[-1][1]), ("+Inf", counts[(sample.replace("_bucket", "_count"), labels)][0][1]))
        rows = metrics(server)
        self.assertEqual(total(rows["arete_infer_duration_seconds_count"], model="m", version="1"), 5)
        self.assertEqual(total(rows["arete_infer_requests_total"], model="m", protocol="v2", code="200"), 5)
        self.assertEqual(total(rows["arete_http_requests_total"], route="/v2/models/{model}/infer", method="POST"), 6)

    def test_openapi_names_every_route(self):
        self.put("m", 1)
        server = self.serve()
        document = server.get("/openapi.json").json()
        self.assertTrue(document["openapi"].startswith("3."), document["openapi"])
        said = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
        self.assertEqual(said, set(server.get("/none").json()["paths"]))
        ids = [row["operationId"] for methods in document["paths"].values() for row in methods.values()]
        self.assertEqual(len(ids), len(set(ids)))
        for path, methods in document["paths"].items():
            for row in methods.values():
                self.assertEqual(row.get("parameters", []) and [p["name"] for p in row["parameters"]] or [], [s[1:-1] for s in path.split("/") if s.startswith("{")], path)

        def references(value):
            if isinstance(value, dict):
                yield from [value["$ref"]] if "$ref" in value else []
                for inner in value.values():
                    yield from references(inner)
            for inner in value if isinstance(value, list) else []:
                yield from references(inner)
        for reference in references(document):
            at = document
            for part in reference.removeprefix("#/").split("/"):
                at = at[part]
        for line in said:  # what is described is there
            method, path = line.split(" ")
            answer = server.pool.request(method, server.url + path.replace("{model}", "m").replace("{version}", "1"), body=b"" if method == "POST" else None)
            self.assertNotIn(answer.status, (405, 500, 501), line)
            self.assertFalse(answer.status == 404 and b"nothing at" in answer.data, line)
            server.load("m")

    # ---- Doors ----

    def test_unix_socket(self):
        self.put("m", 1)
        path = Path(self.folder) / "door"

        def ask():
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))
                body = json.dumps({"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [0, 0, 0, 0]}]})
                client.sendall(f"POST /v2/models/m/infer HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
                answer = b""
                while chunk := client.recv(65536):
                    answer += chunk
                return answer
        server = self.serve("--unix-socket", path)
        self.assertTrue(ask().startswith(b"HTTP/1.1 200"))
        self.assertEqual(self.answer(server, "m"), 1)
        done = subprocess.run([os.path.join(harness.BIN, "arete-serve"), "--port", "0", "--repository", self.root, "--unix-socket", path], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 4, done.stderr)  # somebody listens there
        self.assertTrue(ask().startswith(b"HTTP/1.1 200"))
        self.assertEqual(server.stop(), 0)
        self.assertFalse(path.exists())
        # A killed server leaves its socket behind; the next one takes its place.
        self.serve("--unix-socket", path).stop(signal.SIGKILL)
        self.assertTrue(path.exists())
        self.serve("--unix-socket", path)
        self.assertTrue(ask().startswith(b"HTTP/1.1 200"))
        # What is no socket is somebody's file.
        precious = Path(self.folder) / "precious"
        precious.write_text("mine")
        for place in (precious, Path(self.folder), Path(self.folder) / "none" / "door", Path(self.folder) / ("x" * 200)):
            done = subprocess.run([os.path.join(harness.BIN, "arete-serve"), "--port", "0", "--repository", self.root, "--unix-socket", place], capture_output=True, text=True, timeout=30)
            self.assertIn(done.returncode, (2, 3, 4), (place, done.stderr))
        self.assertEqual(precious.read_text(), "mine")

    def test_stop_under_load(self):
        self.heavy("m", 3, 32)
        server = self.serve()
        count, wrong, lock = [0], [], threading.Lock()

        def client(number):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            body = json.dumps({"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [0, 0, 0, 0]}]})
            while True:
                try:
                    connection.request("POST", "/v2/models/m/infer", body)
                    answer = connection.getresponse()
                except (OSError, http.client.HTTPException) as failure:
                    # Once the stop began a connection may be closed before its next answer begins.
                    if not stopping.is_set():
                        wrong.append(repr(failure))
                    return
                try:
                    said = json.loads(answer.read())
                    if answer.status != 200 or said["outputs"][0]["data"] != [3] * 4:
                        if not (stopping.is_set() and answer.status == 503):
                            wrong.append((answer.status, said))
                except (OSError, ValueError, http.client.HTTPException) as failure:
                    wrong.append(f"cut: {failure!r}")
                    return
                with lock:
                    count[0] += 1
        stopping = threading.Event()
        threads = [threading.Thread(target=client, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        time.sleep(1)
        stopping.set()
        self.assertEqual(server.stop(), 0, server.said)
        for thread in threads:
            thread.join(timeout=60)
        self.assertEqual(wrong, [])
        self.assertGreater(count[0], 10)


if __name__ == "__main__":
    harness.main()
