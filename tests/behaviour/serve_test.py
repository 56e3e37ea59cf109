"""arete-serve as its clients see it: answers equal ONNX Runtime's, bad clients hurt nobody, it stops cleanly.

Needs ARETE_BIN (the built programs) and ARETE_SOURCE. Prints "SKIP: reason" and ends with 77 when it cannot run.
"""
import concurrent.futures
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

BIN = Path(os.environ.get("ARETE_BIN", "build/release"))
SOURCE = Path(os.environ.get("ARETE_SOURCE", "."))
SERVE = BIN / "arete-serve"

try:
    import numpy as np
    import onnx
    import onnxruntime
    import urllib3
    from onnx import TensorProto, helper, numpy_helper
    from PIL import Image, ImageOps
except ImportError as missing:
    print(f"SKIP: the test venv lacks {missing.name}")
    sys.exit(77)
if not SERVE.exists():
    print(f"SKIP: {SERVE} is not built")
    sys.exit(77)

LABELS = ["cat", "dog", "straße \"7\"", "鳥"]
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def send(method, url, **more):
    """One request on a connection of its own."""
    with urllib3.PoolManager(retries=False) as pool:
        return pool.request(method, url, **more)


class Server:
    """A running arete-serve on a free port; stops it when the block ends."""

    def __init__(self, model, *arguments):
        self.process = subprocess.Popen([SERVE, model, "--port", "0", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.line = self.process.stdout.readline()
        found = re.search(r"http://\S+:(\d+)", self.line)
        assert found, f"no URL in {self.line!r}; stderr: {self.process.stderr.read() if self.process.poll() is not None else ''}"
        self.url, self.port = found.group(0), int(found.group(1))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(timeout=30)
        self.stderr = self.process.stderr.read()
        return status

    def post_image(self, data, name="x.png", **more):
        return send("POST", self.url + "/predict", fields={"image": (name, data)}, timeout=30, **more)

    def raw(self, data, shut=False, timeout=10):
        """Sends bytes and returns everything that comes back until the end or the time limit."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as client:
            try:
                client.sendall(data)
                if shut:
                    client.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            answer = b""
            try:
                while chunk := client.recv(65536):
                    answer += chunk
            except (TimeoutError, ConnectionResetError):
                pass
            return answer

    def memory_bytes(self, which="VmRSS"):
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(which + r":\s+(\d+)", text).group(1)) * 1024


def save_model(path, inputs, outputs, nodes, weights):
    graph = helper.make_graph(nodes, path.stem, [helper.make_tensor_value_info(*i) for i in inputs],
                              [helper.make_tensor_value_info(*o) for o in outputs],
                              [numpy_helper.from_array(w, name) for name, w in weights.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def make_image_model(folder):
    random = np.random.default_rng(7)
    path = save_model(folder / "net ü.onnx", [("image", TensorProto.FLOAT, ["N", 3, 32, 40])], [("logits", TensorProto.FLOAT, ["N", 4])],
                      [helper.make_node("Conv", ["image", "w"], ["c"], strides=[2, 2]), helper.make_node("Relu", ["c"], ["r"]),
                       helper.make_node("GlobalAveragePool", ["r"], ["p"]), helper.make_node("Flatten", ["p"], ["f"]),
                       helper.make_node("Gemm", ["f", "v"], ["logits"])],
                      {"w": random.normal(size=(8, 3, 3, 3)).astype(np.float32), "v": random.normal(size=(8, 4)).astype(np.float32)})
    card = {"input": {"kind": "image", "width": 40, "height": 32, "mean": MEAN, "std": STD, "layout": "NCHW", "orientation": "exif"},
            "output": {"kind": "classification", "activation": "softmax", "labels": LABELS}}
    (folder / "net ü.card.json").write_text(json.dumps(card))
    return path


def make_mixed_model(folder):
    """Two inputs, float16 and int64, dynamic batch; three outputs of other types."""
    return save_model(folder / "mixed.onnx", [("half", TensorProto.FLOAT16, ["N", 2]), ("whole", TensorProto.INT64, ["N"])],
                      [("double", TensorProto.FLOAT16, ["N", 2]), ("same", TensorProto.INT64, ["N"]), ("positive", TensorProto.BOOL, ["N"]), ("root", TensorProto.FLOAT16, ["N", 2])],
                      [helper.make_node("Add", ["half", "half"], ["double"]), helper.make_node("Identity", ["whole"], ["same"]),
                       helper.make_node("Greater", ["whole", "zero"], ["positive"]), helper.make_node("Sqrt", ["half"], ["root"])],
                      {"zero": np.array(0, np.int64)})


def pixels(data):
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB").resize((40, 32), Image.BILINEAR)
    values = (np.asarray(image, np.float32) / np.float32(255) - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
    return values.transpose(2, 0, 1)[None]


def expected(model, data):
    logits = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"]).run(None, {"image": pixels(data)})[0][0].astype(np.float64)
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


def encode(image, form, **more):
    out = io.BytesIO()
    image.save(out, form, **more)
    return out.getvalue()


def make_images():
    random = np.random.default_rng(3)
    coarse = Image.fromarray(random.integers(0, 256, (30, 40, 3), np.uint8))
    photo = coarse.resize((4000, 3000), Image.BICUBIC)
    turned = Image.Exif()
    turned[0x0112] = 6
    grey = Image.fromarray(random.integers(0, 256, (50, 60, 2), np.uint8), "LA")
    return {"small.png": encode(coarse, "PNG"), "photo.jpg": encode(photo, "JPEG", quality=90, exif=turned),
            "grey alpha.png": encode(grey, "PNG"), "palette.png": encode(coarse.quantize(17), "PNG")}


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def test_predictions_equal_onnx_runtime(server, model, images):
    for name, data in images.items():
        want = expected(model, data)
        for answer in (server.post_image(data, name), send("POST", server.url + "/predict", body=data, headers={"Content-Type": "image/" + name[-3:].replace("jpg", "jpeg")}, timeout=30)):
            check(answer.status == 200, f"{name}: {answer.status} {answer.data}")
            body = answer.json()
            check(list(body["probabilities"]) == LABELS, f"{name}: {body}")
            got = np.array(list(body["probabilities"].values()))
            check(np.abs(got - want).max() < 1e-5, f"{name}: {got} instead of {want}")
            check(body["prediction"] == LABELS[int(want.argmax())] and abs(body["confidence"] - want.max()) < 1e-5, f"{name}: {body}")


def test_errors_are_worded(server, images):
    url = server.url + "/predict"
    for answer in (send("POST", url, timeout=10), send("POST", url, fields={"other": ("other", b"x")}, timeout=10), send("POST", url, fields={"image": ("", b"")}, timeout=10)):
        check(answer.status == 400 and answer.json() == {"error": "No image provided"}, f"{answer.status} {answer.data}")
    for data in (b"hello", images["small.png"][:200], images["photo.jpg"][:1000], b"\x89PNG\r\n\x1a\n", b"GIF89a" + bytes(50)):
        answer = server.post_image(data)
        check(answer.status == 400 and len(answer.json()["error"]) > 10, f"{data[:8]}: {answer.status} {answer.data}")
    check(send("POST", url, body="x", headers={"Content-Type": "text/plain"}, timeout=10).status == 415, "text/plain")
    check(send("POST", url, body="{", headers={"Content-Type": "application/json"}, timeout=10).status == 400, "bad JSON")
    answer = send("GET", server.url + "/none", timeout=10)
    check(answer.status == 404 and "POST /predict" in answer.json()["paths"], answer.data)
    answer = send("GET", url, timeout=10)
    check(answer.status == 405 and answer.headers["Allow"] == "POST", answer.data)


def test_pages(server):
    health = send("GET", server.url + "/healthz", timeout=10).json()
    check(health["status"] == "ok" and health["model"] == "net ü", health)
    page = send("GET", server.url + "/", timeout=10)
    check(page.headers["Content-Type"].startswith("text/html") and page.data == (SOURCE / "web/serve/index.html").read_bytes(), page.headers)
    check(not re.search(rb"(src|href)=[\"']?(https?:)?//", page.data), "the page loads something from elsewhere")
    head = send("HEAD", server.url + "/", timeout=10)
    check(head.status == 200 and head.data == b"" and int(head.headers["Content-Length"]) == len(page.data), head.headers)
    check(send("GET", server.url + "/model", timeout=10).json()["inputs"] == [{"name": "image", "dtype": "float32", "shape": [-1, 3, 32, 40]}], "model")


def test_file_names(server, images):
    for name in ("üß 写真 \"x\"/..\\.png", "a;b=c.png", "x" * 1000 + ".png", "%22%0d%0a.png"):
        check(server.post_image(images["small.png"], name).status == 200, name)


def test_chunked_and_continue(server, images, folder):
    def chunks():
        data = images["photo.jpg"]
        for start in range(0, len(data), 10007):
            yield data[start:start + 10007]
    answer = send("POST", server.url + "/predict", body=chunks(), headers={"Content-Type": "image/jpeg"}, timeout=30)
    check(answer.status == 200, answer.data)
    path = folder / "big photo.jpg"
    path.write_bytes(images["photo.jpg"])
    done = subprocess.run(["curl", "-sS", "-v", "--max-time", "20", "-H", "Expect: 100-continue", "-F", f"image=@{path}", server.url + "/predict"], capture_output=True, text=True)
    check(done.returncode == 0 and "100 Continue" in done.stderr and "prediction" in done.stdout, done.stderr + done.stdout)
    done = subprocess.run(["curl", "-sS", "--max-time", "20", "-H", "Transfer-Encoding: chunked", "-F", f"image=@{path}", server.url + "/predict"], capture_output=True, text=True)
    check(done.returncode == 0 and "prediction" in done.stdout, done.stderr + done.stdout)


def test_limits(model, images, folder):
    with Server(model, "--max-image-bytes", "10000") as server:
        check(len(images["small.png"]) < 10000 and server.post_image(images["small.png"]).status == 200, "small")
        answer = server.post_image(bytes(10001))
        check(answer.status == 413 and "10000" in answer.json()["error"], answer.data)
        # Over the limit of the route: refused before it is read.
        answer = server.post_image(bytes(30_000_000))
        check(answer.status == 413, answer.data)
        path = folder / "large.bin"
        path.write_bytes(bytes(9_000_000))
        for extra in ([], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect: 100-continue"]):
            done = subprocess.run(["curl", "-sS", "--max-time", "20", *extra, "-w", "%{http_code}", "-o", "/dev/null", "-F", f"image=@{path}", server.url + "/predict"], capture_output=True, text=True)
            check(done.stdout == "413", f"{extra}: {done.stdout} {done.stderr}")
        check(server.post_image(images["small.png"]).status == 200, "still well")


def test_tensors(folder):
    with Server(make_mixed_model(folder)) as server:
        ask = lambda inputs: send("POST", server.url + "/predict", json={"inputs": inputs}, timeout=10)
        answer = ask({"whole": [9007199254740993, -1, 0], "half": [[0.5, 1], [2, 3], [-4, 65504]]})
        check(answer.status == 200, answer.data)
        outputs = answer.json()["outputs"]
        check(outputs["same"] == [9007199254740993, -1, 0] and outputs["positive"] == [True, False, False], outputs)
        check(outputs["double"] == [[1, 2], [4, 6], [-8, None]] and outputs["root"][2][0] is None, outputs)
        for inputs, word in (({"whole": [1], "half": [[1, 2], [3]]}, "neighbours"), ({"whole": [1], "half": [[1, 2, 3]]}, "float16[N,2]"), ({"whole": [1.5], "half": [[1, 2]]}, "int64"),
                             ({"whole": [2**63], "half": [[1, 2]]}, "out of range"), ({"whole": [1], "half": [[70000, 2]]}, "float16"), ({"whole": [1]}, "missing"), ({"whole": [1], "half": [[None, 1]]}, "NaN"),
                             ({"whole": [1], "half": [[1, 2]], "more": 1}, "no input 'more'"), ({}, "missing"), ([], "object")):
            answer = ask(inputs)
            check(answer.status == 400 and word in answer.json()["error"], f"{inputs}: {answer.status} {answer.data}")
        answer = send("POST", server.url + "/predict", fields={"image": ("image", b"x")}, timeout=10)
        check(answer.status == 415 and "card" in answer.json()["error"], answer.data)
        check(server.stop() == 0 and "no card" in server.stderr, server.stderr)


def under_sanitizer():
    """Its allocator holds on to what is freed."""
    program = SERVE.read_bytes()
    return b"__asan_init" in program or b"__tsan_init" in program


def test_large_json(folder):
    """Eight megabytes of rows: an answer or a refusal, bounded memory, and none of it kept."""
    rows = "[" + ",".join(["[1,-2]"] * 1_100_000) + "]"
    card = folder / "rows.card.json"
    model = save_model(folder / "rows.onnx", [("x", TensorProto.FLOAT, ["N", 2])], [("y", TensorProto.FLOAT, ["N", 2])], [helper.make_node("Neg", ["x"], ["y"])], {})
    for kind, statuses in (("classification", {413}), ("tensor", {200})):
        card.write_text(json.dumps({"output": {"kind": kind}}))
        with Server(model) as server:
            before = server.memory_bytes()
            for _ in range(3):
                answer = send("POST", server.url + "/predict", body=f'{{"inputs":{{"x":{rows}}}}}', headers={"Content-Type": "application/json"}, timeout=120)
                check(answer.status in statuses, f"{kind}: {answer.status} {answer.data[:200]}")
                check(answer.status == 200 or "at most 100000 rows" in answer.json()["error"], answer.data[:200])
            if not under_sanitizer():
                for _ in range(50):  # it goes back soon, not at once
                    time.sleep(0.1 if server.memory_bytes() >= before + 64e6 else 0)
                check(server.memory_bytes() < before + 64e6, f"{kind}: kept {before} -> {server.memory_bytes()}")
                check(server.memory_bytes("VmHWM") < before + 700e6, f"{kind}: peak {server.memory_bytes('VmHWM')}")


def test_garbage(server, images):
    random = np.random.default_rng(11)
    get = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    check(server.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", True).startswith(b"HTTP/1.1 400"), "smuggling")
    check(server.raw(b"\x16\x03\x01\x02\x00\x01\r\n\r\n", True).startswith(b"HTTP/1.1 400"), "TLS")
    check(server.raw(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X%d: %s\r\n" % (i, b"a" * 100) for i in range(1000)), True).startswith(b"HTTP/1.1 431"), "header lines")
    for i in range(200):
        junk = random.bytes(int(random.integers(1, 3000)))
        if i % 2:
            at = int(random.integers(0, len(get)))
            junk = get[:at] + junk[:20] + get[at:]
        server.raw(junk, True)
    boundary = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
    whole = b"--B\r\nContent-Disposition: form-data; name=image; filename=a\r\n\r\n" + images["small.png"] + b"\r\n--B--\r\n"
    for cut in range(0, len(whole), 97):
        answer = server.raw(boundary % cut + whole[:cut], True)
        check(answer.startswith(b"HTTP/1.1 400"), f"{cut}: {answer[:100]}")
    check(server.raw(boundary % len(whole) + whole, True).startswith(b"HTTP/1.1 200"), "the whole")
    check(server.post_image(images["small.png"]).status == 200, "still well")


def test_pipelining(server, images):
    data = images["small.png"]
    post = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n" % len(data) + data
    get = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = server.raw((post + get) * 20 + last)
    found = re.findall(rb'HTTP/1.1 (\d+) |"(prediction|status)":', answer)
    words = [(a or b).decode() for a, b in found]
    check(words == ["200", "prediction", "200", "status"] * 20 + ["404"], words)


def test_many_clients(server, model, images):
    names = list(images)
    want = {name: LABELS[int(expected(model, images[name]).argmax())] for name in names}

    def client(number):
        good = 0
        with urllib3.PoolManager(retries=False) as session:
            for i in range(10):
                name = names[(number + i) % len(names)] if (number + i) % 16 == 0 else "small.png"
                answer = session.request("POST", server.url + "/predict", fields={"image": (name, images[name])}, timeout=60)
                good += answer.status == 200 and answer.json()["prediction"] == want[name]
        return good
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        good = sum(pool.map(client, range(64)))
    check(good == 640, f"{good} of 640 answers were right")


class SlowClients:
    """Clients that send a byte a second, or never read. They start early and are looked at late."""

    def __init__(self, server):
        self.started = time.monotonic()
        self.readers = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
        for client in self.readers:
            client.setblocking(False)
            try:
                client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 5000)
            except BlockingIOError:
                pass
        self.answers = []
        self.threads = [threading.Thread(target=self.drip, args=(server, text)) for text in
                        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: " + b"a" * 100, b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 5000\r\n\r\n" + b"a" * 50)]
        for thread in self.threads:
            thread.start()

    def drip(self, server, text):
        with socket.create_connection(("127.0.0.1", server.port), timeout=1) as client:
            answer = b""
            client.sendall(text[:-80])
            for byte in text[-80:]:
                try:
                    client.sendall(bytes([byte]))
                    answer += client.recv(1000)
                    break
                except TimeoutError:
                    continue
                except OSError:
                    break
            self.answers.append((time.monotonic() - self.started, answer))

    def finish(self):
        for thread in self.threads:
            thread.join()
        for seconds, answer in self.answers:
            check(25 < seconds < 45 and answer.startswith(b"HTTP/1.1 408"), f"{seconds:.1f} s: {answer[:60]}")
        for client in self.readers:
            client.close()


def test_stop_under_load(model, images):
    with Server(model) as server:
        stopping = threading.Event()
        counts = {"before": 0, "wrong": []}
        lock = threading.Lock()

        def client(_):
            while True:
                late = stopping.is_set()
                try:
                    answer = server.post_image(images["small.png"])
                    with lock:
                        counts["before"] += 1
                        if answer.status != 200:
                            counts["wrong"].append(answer.status)
                except urllib3.exceptions.HTTPError as failure:
                    with lock:
                        # A new connection may be refused once the stop began; nothing may be cut in its middle.
                        if not (late or stopping.is_set()) or "IncompleteRead" in repr(failure):
                            counts["wrong"].append(repr(failure))
                    return
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            futures = [pool.submit(client, i) for i in range(16)]
            time.sleep(1)
            stopping.set()
            status = server.stop()
            concurrent.futures.wait(futures)
        check(status == 0, f"status {status}")
        check(not counts["wrong"] and counts["before"] > 50, counts)
    for number in (signal.SIGINT, signal.SIGKILL):
        server = Server(model)
        server.post_image(images["small.png"])
        status = server.stop(number)
        check(status == (0 if number == signal.SIGINT else -9), f"{number}: {status}")
    again = subprocess.Popen([SERVE, model, "--port", str(server.port)], stdout=subprocess.PIPE, text=True)
    check(str(server.port) in again.stdout.readline(), "the port of a killed server cannot be taken again")
    again.terminate()
    check(again.wait(timeout=10) == 0, "stop")


def run(*arguments):
    done = subprocess.run([SERVE, *arguments], capture_output=True, text=True, timeout=30)
    return done.returncode, done.stderr


def test_start_errors(server, model, folder):
    status, text = run(model, "--port", str(server.port))
    check(status == 4 and "in use by arete-serve" in text and "--port" in text, (status, text))
    check(run()[0] == 2 and run(model, "--port", "99999")[0] == 2 and run(model, "--nonsense")[0] == 2, "usage")
    (folder / "folder.onnx").mkdir()
    (folder / "empty.onnx").write_bytes(b"")
    (folder / "noise.onnx").write_bytes(np.random.default_rng(1).bytes(5000))
    (folder / "cut.onnx").write_bytes(model.read_bytes()[:500])
    os.mkfifo(folder / "fifo.onnx")
    (folder / "bad.card.json").write_text('{"input": {"kind": "image", "width": 7}}')
    (folder / "wrong.card.json").write_text('{"input": {"kind": "image", "width": 7, "height": 7}}')
    for name in ("folder.onnx", "empty.onnx", "noise.onnx", "cut.onnx", "fifo.onnx", "none.onnx"):
        status, text = run(folder / name)
        check(status == 3 and name.split(".")[0] in text and text.count("\n") == 1, (name, status, text))
    for name in ("bad.card.json", "wrong.card.json", "none.card.json"):
        status, text = run(model, "--card", folder / name)
        check(status == 3 and "card" in text, (name, status, text))
    status, text = run(model, "--engine-lib", "/none.so")
    check(status == 4 and "/none.so" in text and "--engine-lib" in text, (status, text))
    status, text = run(model, "--host", "192.0.2.1")
    check(status == 3 and "192.0.2.1" in text, (status, text))
    if os.geteuid() != 0:
        (folder / "secret.onnx").write_bytes(model.read_bytes())
        (folder / "secret.onnx").chmod(0)
        check(run(folder / "secret.onnx")[0] in (3, 4), "unreadable")


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, images = make_image_model(folder), make_images()
        with Server(model) as server:
            slow = SlowClients(server)
            before = server.memory_bytes()
            rows = [("predictions equal ONNX Runtime's", lambda: test_predictions_equal_onnx_runtime(server, model, images)),
                    ("errors are worded", lambda: test_errors_are_worded(server, images)),
                    ("pages", lambda: test_pages(server)),
                    ("file names", lambda: test_file_names(server, images)),
                    ("chunked uploads and Expect: 100-continue", lambda: test_chunked_and_continue(server, images, folder)),
                    ("body limits", lambda: test_limits(model, images, folder)),
                    ("tensors of several types", lambda: test_tensors(folder)),
                    ("a large JSON request", lambda: test_large_json(folder)),
                    ("garbage bytes", lambda: test_garbage(server, images)),
                    ("pipelined requests", lambda: test_pipelining(server, images)),
                    ("64 clients at once", lambda: test_many_clients(server, model, images)),
                    ("errors at start", lambda: test_start_errors(server, model, folder)),
                    ("stop under load", lambda: test_stop_under_load(model, images)),
                    ("slow clients are told", slow.finish),
                    ("memory stays small", lambda: check(under_sanitizer() or server.memory_bytes() < before + 300e6, f"{before} -> {server.memory_bytes()}")),
                    ("clean stop", lambda: check(server.stop() == 0, server.stderr))]
            for title, row in rows:
                start = time.monotonic()
                try:
                    row()
                    print(f"ok      {title} ({time.monotonic() - start:.1f} s)", flush=True)
                except Exception:
                    failed += 1
                    print(f"FAILED  {title}\n{traceback.format_exc()}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
