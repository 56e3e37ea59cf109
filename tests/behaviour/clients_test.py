"""Clients that other people wrote, as they are, against arete-serve: what they read equals ONNX Runtime's answer.

tritonclient (Triton's own) and open-inference-openapi (generated from the protocol's OpenAPI document) come with the test
environment. KServe's client brings 67 packages and 450 MB, so it is not among them: ARETE_KSERVE_PYTHON names a Python that
has it (python3 -m venv V && V/bin/pip install kserve), and then it is tried too.
"""
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

import harness

try:
    import httpx
    import numpy as np
    import open_inference.openapi as generated
    import tritonclient.http as triton
    from open_inference.openapi.client import OpenInferenceClient
    from open_inference.openapi.core.api_error import ApiError
    from PIL import Image
    from tritonclient.utils import InferenceServerException
except ImportError as missing:
    harness.skip(f"the test venv lacks {missing.name}")

import serving

KINDS = [kind for kind in serving.ECHOED if kind != "object"]
LABELS = ["setosa", "Ästiges: 7", "virginica"]
ROWS = np.array([[5.1, 3.5, 1.4, 0.2], [7, 3.2, 4.7, 1.4], [6.3, 3.3, 6, 2.5]], np.float32)


def setUpModule():
    global home, server, models
    home = tempfile.TemporaryDirectory()
    folder = Path(home.name)
    repository = folder / "repository"
    models = {"plus 'ü'": serving.put(repository / "plus 'ü'" / "1", serving.plus(1)), "echo": serving.put(repository / "echo" / "1", serving.echo(KINDS)),
              "text": serving.put(repository / "text" / "1", serving.echo(["object"])), "iris": serving.put(repository / "iris" / "3", serving.perceptron())}
    serving.put(repository / "plus 'ü'" / "2", serving.plus(2))
    model, card = serving.image_classifier()
    models["picture"] = serving.put(repository / "picture" / "1", model)
    (repository / "picture" / "1" / "model.card.json").write_text(json.dumps(card))
    (repository / "iris" / "3" / "model.card.json").write_text(json.dumps({"output": {"kind": "classification", "activation": "none", "labels": LABELS}}))
    server = serving.Server(folder, "--repository", repository)


def tearDownModule():
    try:
        assert server.stop() == 0, server.said
    finally:
        home.cleanup()


def samples(kind, shape=(2, 3)):
    """The extremes of a kind, and what a double cannot hold."""
    if kind == "bool":
        return np.arange(np.prod(shape)).reshape(shape) % 2 == 0
    dtype = np.dtype(kind)
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        values = [info.min, info.max, 0, 1, info.max - 1, min(info.max, 2**53 + 1)]
    else:
        info = np.finfo(dtype)
        values = [info.min, info.max, 0, -0.0, info.tiny, 1 / 3]
    return np.array(values, dtype).reshape(shape)


def triton_input(name, array, binary=True):
    tensor = triton.InferInput(name, list(array.shape), serving.v2_name(array) if array.dtype != object else "BYTES")
    return tensor.set_data_from_numpy(array, binary_data=binary)


class Triton(unittest.TestCase):
    def setUp(self):
        self.client = triton.InferenceServerClient(server.address, concurrency=4)

    def tearDown(self):
        self.client.close()

    def ask_iris(self, rows=ROWS, **more):
        return self.client.infer("iris", [triton_input("x", rows)], **more)

    def want_iris(self, rows=ROWS):
        return serving.run(models["iris"], {"x": rows})["y"]

    def refused(self, words, call, status=None):
        with self.assertRaises(InferenceServerException) as caught:
            call()
        self.assertTrue(status is None or status in str(caught.exception.status()), caught.exception)
        for word in words:
            self.assertIn(word, caught.exception.message())

    def test_health(self):
        self.assertTrue(self.client.is_server_live())
        self.assertTrue(self.client.is_server_ready())
        self.assertTrue(self.client.is_model_ready("iris"))
        self.assertTrue(self.client.is_model_ready("iris", "3"))
        self.assertTrue(self.client.is_model_ready("plus 'ü'"))
        self.assertFalse(self.client.is_model_ready("iris", "4"))
        self.assertFalse(self.client.is_model_ready("none"))

    def test_metadata(self):
        about = self.client.get_server_metadata()
        self.assertLessEqual({"name", "version", "extensions"}, set(about))
        self.assertLessEqual({"binary_tensor_data", "classification", "statistics", "model_repository"}, set(about["extensions"]))
        model = self.client.get_model_metadata("iris")
        self.assertEqual((model["name"], model["versions"]), ("iris", ["3"]))
        self.assertEqual(model["inputs"], [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}])
        self.assertEqual(model["outputs"], [{"name": "y", "datatype": "FP32", "shape": [-1, 3]}])
        self.assertEqual(self.client.get_model_metadata("text")["inputs"][0]["datatype"], "BYTES")
        self.assertEqual({i["datatype"] for i in self.client.get_model_metadata("echo", "1")["inputs"]},
                         {serving.v2_name(np.zeros(1, k)) for k in KINDS})
        config = self.client.get_model_config("iris")
        self.assertEqual((config["name"], config["input"][0]["data_type"]), ("iris", "TYPE_FP32"))
        self.assertEqual(self.client.get_model_config("text")["input"][0]["data_type"], "TYPE_STRING")

    def test_repository_and_statistics(self):
        index = {(row["name"], row["version"]): row["state"] for row in self.client.get_model_repository_index()}
        self.assertEqual(index[("iris", "3")], "READY")
        self.assertEqual((index[("plus 'ü'", "1")], index[("plus 'ü'", "2")]), ("UNAVAILABLE", "READY"))
        before = self.client.get_inference_statistics("iris")["model_stats"][0]
        self.ask_iris()
        self.refused(["x"], lambda: self.client.infer("iris", [triton_input("x", ROWS[:, :3].copy())]))
        after = self.client.get_inference_statistics("iris", "3")["model_stats"][0]
        self.assertEqual(after["inference_stats"]["success"]["count"], before["inference_stats"]["success"]["count"] + 1)
        self.assertEqual(after["inference_count"], before["inference_count"] + len(ROWS))
        self.assertGreaterEqual(after["execution_count"], before["execution_count"] + 1)
        self.assertLessEqual({model["name"] for model in self.client.get_inference_statistics()["model_stats"]}, set(models))

    def test_unload_and_load(self):
        client, name = self.client, "plus 'ü'"
        x = np.ones((1, 4), np.float32)
        ask = lambda **more: client.infer(name, [triton_input("x", x)], **more)
        self.assertEqual(ask().as_numpy("y")[0, 0], 3)
        self.refused(["not ready"], lambda: ask(model_version="1"))
        client.unload_model(name)
        self.assertFalse(client.is_model_ready(name))
        self.refused(["unloaded"], ask, "503")
        client.unload_model("iris", unload_dependents=True)
        client.load_model("iris")
        client.load_model(name)
        answer = ask()
        self.assertEqual((answer.get_response()["model_version"], answer.as_numpy("y")[0, 0]), ("2", 3))
        self.refused(["none"], lambda: client.load_model("none"), "404")
        self.refused(["none"], lambda: client.unload_model("none"))
        self.refused(["config"], lambda: client.load_model("iris", config='{"backend":"python"}'))
        self.refused(["repository folder alone"], lambda: client.load_model("iris", config="{}", files={"file:1/model.onnx": models["iris"].read_bytes()}))

    def test_numbers_of_every_kind_in_json_and_binary(self):
        arrays = {f"in_{kind}": samples(kind) for kind in KINDS}
        want = serving.run(models["echo"], arrays)
        mixed = {"json in": lambda i: False, "binary in": lambda i: True, "mixed in": lambda i: i % 2 == 0}
        for into, is_binary in mixed.items():
            inputs = [triton_input(name, a, is_binary(i) or a.dtype == np.float16) for i, (name, a) in enumerate(arrays.items())]
            wishes = {"all": None, "binary out": True, "json out": False}
            for out, binary in wishes.items():
                with self.subTest(f"{into}, {out}"):
                    # The protocol has no JSON form of FP16.
                    outputs = None if binary is None else [triton.InferRequestedOutput(name, binary_data=binary or "16" in name and "float" in name)
                                                           for name in reversed(want)]
                    answer = self.client.infer("echo", inputs, outputs=outputs)
                    self.assertEqual([o["name"] for o in answer.get_response()["outputs"]], list(want) if binary is None else list(reversed(want)))
                    for name, array in want.items():
                        got = answer.as_numpy(name)
                        self.assertEqual((got.dtype, got.shape), (array.dtype, array.shape), name)
                        np.testing.assert_array_equal(got, array, name)

    def test_outputs_each_their_own_way(self):
        inputs = [triton_input(f"in_{kind}", samples(kind)) for kind in KINDS]
        self.refused(["FP16", "binary_data"], lambda: self.client.infer("echo", inputs, outputs=[triton.InferRequestedOutput("out_float16", binary_data=False)]))
        outputs = [triton.InferRequestedOutput("out_int64", binary_data=False), triton.InferRequestedOutput("out_bool", binary_data=True)]
        answer = self.client.infer("echo", inputs, outputs=outputs)
        self.assertEqual(len(answer.get_response()["outputs"]), 2)
        self.assertIn("data", answer.get_output("out_int64"))
        self.assertEqual(answer.get_output("out_bool")["parameters"], {"binary_data_size": 6})
        np.testing.assert_array_equal(answer.as_numpy("out_int64"), samples("int64"))
        np.testing.assert_array_equal(answer.as_numpy("out_bool"), samples("bool"))

    def test_bytes(self):
        texts = ["", "straße 鳥", 'quote " \\ \n\t', "a" * 70000, "\x7f", "null"]
        array = np.array([t.encode() for t in texts], object).reshape(2, 3)
        for binary in (True, False):
            for out in (True, False):
                answer = self.client.infer("text", [triton_input("in_object", array, binary)], outputs=[triton.InferRequestedOutput("out_object", binary_data=out)])
                got = answer.as_numpy("out_object")
                self.assertEqual([v if isinstance(v, bytes) else v.encode() for v in got.ravel()], list(array.ravel()), (binary, out))
        # What is no text travels in the binary form.
        noise = np.array([[bytes(range(256)), b"\xff\xfe", b"\x00"]], object)
        answer = self.client.infer("text", [triton_input("in_object", noise)])
        self.assertEqual(list(answer.as_numpy("out_object").ravel()), list(noise.ravel()))
        self.refused(["UTF-8", "binary_data"], lambda: self.client.infer("text", [triton_input("in_object", noise)], outputs=[triton.InferRequestedOutput("out_object", binary_data=False)]))
        self.assertTrue(self.client.is_server_live())

    def test_empty_and_large_tensors(self):
        for shape in ((0, 4), (1, 4), (100000, 4)):
            x = np.random.default_rng(1).normal(size=shape).astype(np.float32)
            with self.subTest(shape=shape):
                np.testing.assert_allclose(self.ask_iris(x).as_numpy("y"), self.want_iris(x), rtol=1e-5, atol=1e-5)

    def test_classification(self):
        want = self.want_iris()
        for count in (1, 2, 3, 100):
            for binary in (True, False):
                answer = self.ask_iris(outputs=[triton.InferRequestedOutput("y", binary_data=binary, class_count=count)])
                got = answer.as_numpy("y")
                self.assertEqual((got.shape, answer.get_output("y")["datatype"]), ((3, min(count, 3)), "BYTES"))
                for row, scores in zip(got, want):
                    for text, index in zip(row, np.argsort(-scores, kind="stable")):
                        value, found, label = (text.decode() if isinstance(text, bytes) else text).split(":", 2)
                        self.assertEqual((int(found), label), (index, LABELS[index]))
                        self.assertAlmostEqual(float(value), scores[index], delta=1e-4)

    def test_parameters_of_a_request(self):
        for identity in ("", "42", 'a "quoted" \\ ünïcode id', "x" * 1000):
            answer = self.ask_iris(request_id=identity, priority=2, timeout=20_000_000, parameters={"mine": "kept", "n": 3, "flag": True})
            self.assertEqual(answer.get_response().get("id", ""), identity)
            np.testing.assert_allclose(answer.as_numpy("y"), self.want_iris(), rtol=1e-5)
        self.assertEqual(answer.get_response()["model_name"], "iris")
        for priority in (1, 2, 3, 10**9, 2**62):
            self.ask_iris(priority=priority)
        self.refused(["sequence"], lambda: self.ask_iris(sequence_id=7, sequence_start=True, sequence_end=True), "501")

    def test_compression(self):
        rows = np.tile(ROWS, (200, 1))
        want = self.want_iris(rows)
        for sent in (None, "gzip", "deflate"):
            for taken in (None, "gzip", "deflate"):
                for binary in (True, False):
                    with self.subTest(sent=sent, taken=taken, binary=binary):
                        answer = self.client.infer("iris", [triton_input("x", rows, binary)], outputs=[triton.InferRequestedOutput("y", binary_data=binary)],
                                                   request_compression_algorithm=sent, response_compression_algorithm=taken)
                        np.testing.assert_allclose(answer.as_numpy("y"), want, rtol=1e-5, atol=1e-6)

    def test_answers_without_waiting_from_several_threads(self):
        rng = np.random.default_rng(5)
        failures = []

        def client(number):
            with triton.InferenceServerClient(server.address, concurrency=8) as mine:
                asked = []
                for i in range(40):
                    x = rng_rows[number * 40 + i]
                    asked.append((x, mine.async_infer("iris", [triton_input("x", x, i % 2 == 0)], request_id=f"{number}-{i}")))
                for i, (x, waiting) in enumerate(asked):
                    answer = waiting.get_result()
                    if answer.get_response()["id"] != f"{number}-{i}" or not np.allclose(answer.as_numpy("y"), sessions[len(x)](x), rtol=1e-4, atol=1e-5):
                        failures.append((number, i))
        rng_rows = [rng.normal(size=(1 + i % 3, 4)).astype(np.float32) for i in range(160)]
        sessions = {n: self.want_iris for n in (1, 2, 3)}
        threads = [threading.Thread(target=client, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def test_errors(self):
        infer, x = self.client.infer, ROWS
        self.refused(["none"], lambda: infer("none", [triton_input("x", x)]), "404")
        self.refused(["9"], lambda: infer("iris", [triton_input("x", x)], model_version="9"), "404")
        self.refused(["other"], lambda: infer("iris", [triton_input("other", x)]), "400")
        self.refused(["twice"], lambda: infer("iris", [triton_input("x", x), triton_input("x", x)]), "400")
        self.refused(["more"], lambda: infer("iris", [triton_input("x", x), triton_input("more", x)]), "400")
        self.refused(["x"], lambda: infer("iris", [triton_input("x", np.zeros((2, 5), np.float32))]), "400")
        self.refused(["x"], lambda: infer("iris", [triton_input("x", np.zeros(4, np.float32))]), "400")
        for binary in (True, False):
            self.refused(["x", "FP64"], lambda: infer("iris", [triton_input("x", x.astype(np.float64), binary)]), "400")
            self.refused(["x", "INT32"], lambda: infer("iris", [triton_input("x", x.astype(np.int32), binary)]), "400")
        self.refused(["out"], lambda: infer("iris", [triton_input("x", x)], outputs=[triton.InferRequestedOutput("out")]), "400")
        self.refused([], lambda: infer("echo", [triton_input("in_bool", samples("bool"))]), "400")
        self.refused(["no classes"], lambda: infer("text", [triton_input("in_object", np.array([[b"a"]], object))], outputs=[triton.InferRequestedOutput("out_object", class_count=1)]))
        shared = triton.InferInput("x", [3, 4], "FP32")
        shared.set_shared_memory("region", 48)
        self.refused([], lambda: infer("iris", [shared]), "400")
        np.testing.assert_allclose(self.ask_iris().as_numpy("y"), self.want_iris(), rtol=1e-5)

    def test_what_we_have_not_is_refused(self):
        """Parts of Triton's own that are not ours: an error that the client understands, no broken connection."""
        for call in (self.client.get_trace_settings, self.client.get_log_settings, self.client.get_system_shared_memory_status,
                     self.client.get_cuda_shared_memory_status, lambda: self.client.update_log_settings({"log_verbose_level": 1}),
                     lambda: self.client.register_system_shared_memory("a", "/a", 1)):
            self.refused(["nothing at"], call, "404")
        self.assertTrue(self.client.is_server_live())

    def test_an_image_as_bytes(self):
        picture = Image.fromarray(np.random.default_rng(2).integers(0, 256, (24, 32, 3), np.uint8))
        other = Image.fromarray(np.random.default_rng(3).integers(0, 256, (24, 32, 3), np.uint8))
        files = []
        for image in (picture, other):
            out = io.BytesIO()
            image.save(out, "PNG")
            files.append(out.getvalue())
        pixels = np.stack([np.asarray(image, np.float32) for image in (picture, other)]) / 255
        x = ((pixels - np.array([0.5, 0.4, 0.3], np.float32)) / np.array([0.2, 0.25, 0.3], np.float32)).transpose(0, 3, 1, 2).astype(np.float32)
        want = serving.run(models["picture"], {"image": x})["logits"]
        answer = self.client.infer("picture", [triton_input("image", np.array(files, object))])
        np.testing.assert_allclose(answer.as_numpy("logits"), want, rtol=1e-4, atol=1e-4)
        answer = self.client.infer("picture", [triton_input("image", np.array(files[:1], object))], outputs=[triton.InferRequestedOutput("logits", class_count=1)])
        self.assertEqual(answer.as_numpy("logits")[0, 0].decode().split(":")[1], str(want[0].argmax()))
        answer = self.client.infer("picture", [triton_input("image", x)])
        np.testing.assert_allclose(answer.as_numpy("logits"), want, rtol=1e-4, atol=1e-4)
        self.refused(["image"], lambda: self.client.infer("picture", [triton_input("image", np.array([b"no image"], object))]), "400")

    def test_the_limit_of_images_holds_at_every_door(self):
        out = io.BytesIO()
        Image.fromarray(np.random.default_rng(2).integers(0, 256, (200, 200, 3), np.uint8)).save(out, "PNG")
        with serving.Server(home.name, "--max-image-bytes", 10000, models["picture"]) as small:
            self.assertEqual(small.post("/predict", out.getvalue(), headers={"Content-Type": "image/png"}).status, 413)
            with triton.InferenceServerClient(small.address) as client:
                self.refused(["10000"], lambda: client.infer("model", [triton_input("image", np.array([out.getvalue()], object))]), "413")


class Generated(unittest.TestCase):
    """The client that the protocol's own OpenAPI document makes."""

    def setUp(self):
        http = httpx.Client(timeout=60)
        self.addCleanup(http.close)
        self.client = OpenInferenceClient(base_url=server.url, httpx_client=http)

    def ask(self, name, datatype, shape, data, model="iris", **more):
        tensor = generated.RequestInput(name=name, shape=shape, datatype=datatype, data=generated.TensorData.parse_obj(data))
        return self.client.model_infer(model, request=generated.InferenceRequest(inputs=[tensor], **more))

    def test_health_and_metadata(self):
        self.client.check_server_liveness()
        self.client.check_server_readiness()
        self.client.check_model_readiness("iris")
        self.client.check_model_version_readiness("iris", "3")
        self.assertIn("binary_tensor_data", self.client.read_server_metadata().extensions)
        about = self.client.read_model_metadata("iris")
        self.assertEqual((about.name, about.versions, about.inputs[0].shape), ("iris", ["3"], [-1, 4]))
        self.assertEqual(self.client.read_model_version_metadata("iris", "3").outputs[0].datatype, "FP32")

    def test_infer(self):
        want = serving.run(models["iris"], {"x": ROWS})["y"]
        for data in (ROWS.tolist(), ROWS.ravel().tolist()):
            answer = self.ask("x", "FP32", [3, 4], data, id="7", outputs=[generated.RequestOutput(name="y")])
            self.assertEqual((answer.id, answer.model_name, answer.outputs[0].shape), ("7", "iris", [3, 3]))
            np.testing.assert_allclose(np.array(answer.outputs[0].data.dict()["__root__"], np.float32).reshape(3, 3), want, rtol=1e-5)

    def test_errors(self):
        with self.assertRaises(ApiError) as caught:  # that document gives metadata no 404 of its own
            self.client.read_model_metadata("none")
        self.assertEqual(caught.exception.status_code, 404)
        with self.assertRaises(generated.BadRequestError) as caught:
            self.ask("x", "FP32", [3, 4], [1.0])
        self.assertTrue(caught.exception.body["error"])
        with self.assertRaises(ApiError) as caught:
            self.ask("x", "FP32", [1, 4], [1.0, 2, 3, 4], model="none")
        self.assertEqual(caught.exception.status_code, 404)


@unittest.skipUnless(os.environ.get("ARETE_KSERVE_PYTHON"), "ARETE_KSERVE_PYTHON names no Python with the package kserve")
class KServe(unittest.TestCase):
    def test_its_rest_client(self):
        script = Path(__file__).with_name("kserve_client.py")
        done = subprocess.run([os.environ["ARETE_KSERVE_PYTHON"], script, server.url], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        said = json.loads(done.stdout.splitlines()[-1])
        self.assertEqual(said["health"], [True, True, True, False])
        want = serving.run(models["iris"], {"x": ROWS})["y"]
        for way in ("json", "binary", "dictionary"):
            np.testing.assert_allclose(np.array(said[way]).reshape(3, 3), want, rtol=1e-5, atol=1e-6)
        self.assertIn("404", said["error"])


if __name__ == "__main__":
    harness.main()
