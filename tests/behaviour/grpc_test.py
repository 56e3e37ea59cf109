"""Triton's client over gRPC, as it is, against an arete-serve that was built with ARETE_GRPC: what it reads equals ONNX Runtime's answer.

What that client does not send (typed contents, half a message) goes through its generated stubs.
"""
import io
import json
import os
import queue
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

import harness

try:
    import grpc
    import numpy as np
    import onnx
    import tritonclient.grpc as triton
    from google.protobuf import descriptor_pb2
    from PIL import Image
    from tritonclient.grpc import model_config_pb2, service_pb2 as pb, service_pb2_grpc
    from tritonclient.utils import InferenceServerException
except ImportError as missing:
    harness.skip(f"this Python lacks {missing.name}; tools/install grpc makes build/venv-grpc")

import serving

KINDS = [kind for kind in serving.ECHOED if kind != "object"]
TYPED = {"bool": "bool_contents", "int8": "int_contents", "int16": "int_contents", "int32": "int_contents", "int64": "int64_contents",
         "uint8": "uint_contents", "uint16": "uint_contents", "uint32": "uint_contents", "uint64": "uint64_contents",
         "float32": "fp32_contents", "float64": "fp64_contents"}
LABELS = ["setosa", "Ästiges: 7", "virginica"]
ROWS = np.array([[5.1, 3.5, 1.4, 0.2], [7, 3.2, 4.7, 1.4], [6.3, 3.3, 6, 2.5]], np.float32)
PROTO = Path(harness.SOURCE) / "src/serve/grpc/open_inference.proto"
UNLIMITED = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


class Server(serving.Server):
    """With a door for gRPC beside that for HTTP."""

    def __init__(self, folder, *arguments):
        super().__init__(folder, "--grpc-port", "0", *arguments)
        self.grpc_address = re.search(r"grpc://(\S+:\d+)", self.greeting).group(1)

    def client(self, **more):
        return triton.InferenceServerClient(self.grpc_address, **more)

    def stub(self, options=UNLIMITED):
        channel = grpc.insecure_channel(self.grpc_address, options=options)
        return service_pb2_grpc.GRPCInferenceServiceStub(channel), channel

    def metric(self, name, **labels):
        total = 0
        for line in self.get("/metrics").data.decode().splitlines():
            if line.startswith(name + "{") and all(f'{key}="{value}"' in line for key, value in labels.items()):
                total += float(line.rsplit(" ", 1)[1])
        return total


def setUpModule():
    global home, server, models
    home = tempfile.TemporaryDirectory()
    folder = Path(home.name)
    repository = folder / "repository"
    models = {"plus": serving.put(repository / "plus" / "1", serving.plus(1)), "echo": serving.put(repository / "echo" / "1", serving.echo(KINDS)),
              "text": serving.put(repository / "text" / "1", serving.echo(["object"])), "iris": serving.put(repository / "iris" / "3", serving.perceptron())}
    serving.put(repository / "plus" / "2", serving.plus(2))
    for kind in KINDS:
        models[kind] = serving.put(repository / kind / "1", serving.echo([kind]))
    model, card = serving.image_classifier()
    models["picture"] = serving.put(repository / "picture" / "1", model)
    (repository / "picture" / "1" / "model.card.json").write_text(json.dumps(card))
    (repository / "iris" / "3" / "model.card.json").write_text(json.dumps({"output": {"kind": "classification", "activation": "none", "labels": LABELS}}))
    server = Server(folder, "--repository", repository)


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
        values = [info.min, info.max, 0, -0.0, np.nan, np.inf]
    return np.array(values, dtype).reshape(shape)


def tensor(name, array):
    datatype = serving.v2_name(array) if array.dtype != object else "BYTES"
    return triton.InferInput(name, list(array.shape), datatype).set_data_from_numpy(array)


def typed(name, array):
    """The same as a message with typed contents."""
    message = pb.ModelInferRequest.InferInputTensor(name=name, shape=array.shape)
    if array.dtype == object:
        message.datatype = "BYTES"
        message.contents.bytes_contents.extend(array.ravel().tolist())
    else:
        message.datatype = serving.v2_name(array)
        getattr(message.contents, TYPED[array.dtype.name]).extend(array.ravel().tolist())
    return message


def iris_request(rows=ROWS, **more):
    return pb.ModelInferRequest(model_name="iris", inputs=[pb.ModelInferRequest.InferInputTensor(name="x", datatype="FP32", shape=rows.shape)],
                                raw_input_contents=[rows.tobytes()], **more)


def want_iris(rows=ROWS):
    return serving.run(models["iris"], {"x": rows})["y"]


class Case(unittest.TestCase):
    def setUp(self):
        self.client = server.client()
        self.addCleanup(self.client.close)
        self.stub, channel = server.stub()
        self.addCleanup(channel.close)

    def ask_iris(self, rows=ROWS, **more):
        return self.client.infer("iris", [tensor("x", rows)], **more)

    def refused(self, code, words, call):
        """`call` through the client or a stub ends with this status and these words."""
        with self.assertRaises((InferenceServerException, grpc.RpcError)) as caught:
            call()
        error = caught.exception
        status, message = (error.status(), error.message()) if isinstance(error, InferenceServerException) else (str(error.code()), error.details())
        self.assertEqual(status, f"StatusCode.{code}", message)
        for word in words:
            self.assertIn(word, message)


class Protocol(unittest.TestCase):
    def test_names_and_numbers_are_those_of_the_public_protocol(self):
        """Each message, field, enum and rpc of ours is Triton's, to the number."""
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "ours"
            subprocess.run(["protoc", "-I", PROTO.parent, "--descriptor_set_out", out, PROTO], check=True)
            ours = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file[0]
        theirs = {}
        for module in (pb, model_config_pb2):
            file = descriptor_pb2.FileDescriptorProto()
            module.DESCRIPTOR.CopyToProto(file)
            theirs.update({item.name: item for items in (file.message_type, file.enum_type, file.service) for item in items})
        self.assertEqual(ours.package, "inference")
        for message in ours.message_type:
            self.compare(message, theirs[message.name])
        for enum in ours.enum_type:
            self.assertEqual([(v.name, v.number) for v in enum.value], [(v.name, v.number) for v in theirs[enum.name].value])
        self.assertEqual([service.name for service in ours.service], ["GRPCInferenceService"])
        known = {method.name: method for method in theirs["GRPCInferenceService"].method}
        for method in ours.service[0].method:
            other = known[method.name]
            self.assertEqual((method.input_type, method.output_type, method.client_streaming, method.server_streaming),
                             (other.input_type, other.output_type, other.client_streaming, other.server_streaming))

    def compare(self, ours, theirs):
        fields = {field.name: field for field in theirs.field}
        for field in ours.field:
            other = fields[field.name]
            self.assertEqual((field.number, field.type, field.label, field.type_name), (other.number, other.type, other.label, other.type_name),
                             f"{ours.name}.{field.name}")
        nested = {message.name: message for message in theirs.nested_type}
        for message in ours.nested_type:
            self.compare(message, nested[message.name])


class Facts(Case):
    def test_health(self):
        self.assertTrue(self.client.is_server_live())
        self.assertTrue(self.client.is_server_ready())
        self.assertTrue(self.client.is_model_ready("iris"))
        self.assertTrue(self.client.is_model_ready("iris", "3"))
        self.assertFalse(self.client.is_model_ready("iris", "4"))
        self.assertFalse(self.client.is_model_ready("none"))

    def test_metadata(self):
        about = self.client.get_server_metadata()
        self.assertEqual(about.name, "arete")
        self.assertTrue(about.version)
        self.assertLessEqual({"classification", "statistics", "model_repository"}, set(about.extensions))
        model = self.client.get_model_metadata("iris", as_json=True)
        self.assertEqual(model["inputs"], [{"name": "x", "datatype": "FP32", "shape": ["-1", "4"]}])
        self.assertEqual(model["outputs"], [{"name": "y", "datatype": "FP32", "shape": ["-1", "3"]}])
        self.assertEqual((model["name"], model["versions"], model["platform"]), ("iris", ["3"], "onnx_onnxv1"))
        self.assertEqual(self.client.get_model_metadata("text").inputs[0].datatype, "BYTES")
        self.assertEqual({i.datatype for i in self.client.get_model_metadata("echo", "1").inputs}, {serving.v2_name(np.zeros(1, k)) for k in KINDS})
        self.refused("NOT_FOUND", ["none"], lambda: self.client.get_model_metadata("none"))
        self.refused("NOT_FOUND", ["9"], lambda: self.client.get_model_metadata("iris", "9"))

    def test_configuration(self):
        config = self.client.get_model_config("iris").config
        self.assertEqual((config.name, config.input[0].name, config.input[0].data_type), ("iris", "x", model_config_pb2.TYPE_FP32))
        self.assertEqual(list(config.input[0].dims)[-1], 4)
        self.assertEqual(self.client.get_model_config("text").config.output[0].data_type, model_config_pb2.TYPE_STRING)
        self.assertEqual({value.data_type for value in self.client.get_model_config("echo").config.input} - {0}, set(range(1, 13)))
        self.refused("NOT_FOUND", ["none"], lambda: self.client.get_model_config("none"))

    def test_statistics(self):
        before = self.client.get_inference_statistics("iris").model_stats[0]
        self.ask_iris()
        self.refused("INVALID_ARGUMENT", ["x"], lambda: self.ask_iris(ROWS[:, :3].copy()))
        after = self.client.get_inference_statistics("iris", "3").model_stats[0]
        self.assertEqual(after.inference_stats.success.count, before.inference_stats.success.count + 1)
        self.assertGreater(after.inference_stats.success.ns, before.inference_stats.success.ns)
        self.assertEqual(after.inference_count, before.inference_count + len(ROWS))
        self.assertLess(abs(after.last_inference - time.time() * 1000), 600_000)
        self.assertIn(len(ROWS), {batch.batch_size for batch in after.batch_stats})
        self.assertLessEqual({model.name for model in self.client.get_inference_statistics().model_stats}, set(models))
        self.refused("NOT_FOUND", ["none"], lambda: self.client.get_inference_statistics("none"))

    def test_metrics_know_the_protocol(self):
        count = lambda code: server.metric("arete_infer_requests_total", model="iris", protocol="grpc", code=code)
        good, bad = count(200), count(400)
        self.ask_iris()
        self.refused("INVALID_ARGUMENT", ["x"], lambda: self.ask_iris(ROWS[:, :3].copy()))
        self.assertEqual((count(200), count(400)), (good + 1, bad + 1))
        self.assertGreater(server.metric("arete_http_requests_total", route="/inference.GRPCInferenceService/ModelInfer", code=200), 0)


class Repository(Case):
    def test_index_unload_and_load(self):
        index = {(row.name, row.version): row.state for row in self.client.get_model_repository_index().models}
        self.assertEqual((index[("iris", "3")], index[("plus", "1")], index[("plus", "2")]), ("READY", "UNAVAILABLE", "READY"))
        ready = self.stub.RepositoryIndex(pb.RepositoryIndexRequest(ready=True)).models
        self.assertNotIn(("plus", "1"), {(row.name, row.version) for row in ready})
        x = np.ones((1, 4), np.float32)
        ask = lambda **more: self.client.infer("plus", [tensor("x", x)], **more)
        self.assertEqual(ask().as_numpy("y")[0, 0], 3)
        self.refused("UNAVAILABLE", ["not ready"], lambda: ask(model_version="1"))
        self.client.unload_model("plus")
        self.assertFalse(self.client.is_model_ready("plus"))
        self.refused("UNAVAILABLE", ["unloaded"], ask)
        self.client.load_model("plus")
        answer = ask()
        self.assertEqual((answer.get_response().model_version, answer.as_numpy("y")[0, 0]), ("2", 3))

    def test_what_is_not_loaded(self):
        self.refused("NOT_FOUND", ["none"], lambda: self.client.load_model("none"))
        self.refused("NOT_FOUND", ["none"], lambda: self.client.unload_model("none"))
        self.refused("UNIMPLEMENTED", ["config"], lambda: self.client.load_model("iris", config='{"backend":"python"}'))
        self.refused("UNIMPLEMENTED", ["repository folder alone"],
                     lambda: self.client.load_model("iris", config="{}", files={"file:1/model.onnx": models["iris"].read_bytes()}))
        for name in ("../iris", "/etc/passwd", "iris/../iris", ""):
            self.refused("NOT_FOUND", [], lambda: self.client.load_model(name))
        self.assertTrue(self.client.is_model_ready("iris"))


class Inference(Case):
    def test_numbers_of_every_kind_raw(self):
        arrays = {f"in_{kind}": samples(kind) for kind in KINDS}
        want = serving.run(models["echo"], arrays)
        for names in (None, list(reversed(want)), ["out_int64", "out_float16"]):
            outputs = names and [triton.InferRequestedOutput(name) for name in names]
            answer = self.client.infer("echo", [tensor(name, a) for name, a in arrays.items()], outputs=outputs)
            self.assertEqual([o.name for o in answer.get_response().outputs], names or list(want))
            for name in names or want:
                got = answer.as_numpy(name)
                self.assertEqual((got.dtype, got.shape, got.tobytes()), (want[name].dtype, want[name].shape, want[name].tobytes()), name)

    def test_numbers_of_every_kind_typed(self):
        for kind in TYPED:
            array = samples(kind)
            with self.subTest(kind=kind):
                request = pb.ModelInferRequest(model_name=kind, inputs=[typed(f"in_{kind}", array)])
                raw = self.stub.ModelInfer(request)
                self.assertEqual(np.frombuffer(raw.raw_output_contents[0], kind).tobytes(), array.tobytes())
                self.assertFalse(raw.outputs[0].HasField("contents"))
                request.parameters["binary_data_output"].bool_param = False
                back = self.stub.ModelInfer(request)
                self.assertEqual(len(back.raw_output_contents), 0)
                got = np.array(getattr(back.outputs[0].contents, TYPED[kind]), kind).reshape(back.outputs[0].shape)
                self.assertEqual(got.tobytes(), array.tobytes())

    def test_half_floats_have_no_typed_form(self):
        array = samples("float16")
        request = pb.ModelInferRequest(model_name="float16", raw_input_contents=[array.tobytes()],
                                       inputs=[pb.ModelInferRequest.InferInputTensor(name="in_float16", datatype="FP16", shape=array.shape)])
        self.assertEqual(self.stub.ModelInfer(request).raw_output_contents[0], array.tobytes())
        request.parameters["binary_data_output"].bool_param = False
        self.refused("UNIMPLEMENTED", ["FP16", "binary_data_output"], lambda: self.stub.ModelInfer(request))
        request.raw_input_contents.pop()
        request.inputs[0].contents.fp32_contents.extend([1] * 6)
        self.refused("INVALID_ARGUMENT", ["FP16", "raw_input_contents"], lambda: self.stub.ModelInfer(request))

    def test_bytes(self):
        texts = [b"", "straße 鳥".encode(), b'quote " \\ \n\t', b"a" * 70000, bytes(range(256)), b"\xff\xfe\x00"]
        array = np.array(texts, object).reshape(2, 3)
        answer = self.client.infer("text", [tensor("in_object", array)])
        self.assertEqual(list(answer.as_numpy("out_object").ravel()), texts)
        request = pb.ModelInferRequest(model_name="text", inputs=[typed("in_object", array)])
        request.parameters["binary_data_output"].bool_param = False
        back = self.stub.ModelInfer(request).outputs[0]
        self.assertEqual((list(back.contents.bytes_contents), list(back.shape), back.datatype), (texts, [2, 3], "BYTES"))

    def test_empty_and_large_tensors(self):
        for shape in ((0, 4), (1, 4), (100000, 4)):
            x = np.random.default_rng(1).normal(size=shape).astype(np.float32)
            with self.subTest(shape=shape):
                np.testing.assert_allclose(self.ask_iris(x).as_numpy("y"), want_iris(x), rtol=1e-5, atol=1e-5)
                request = pb.ModelInferRequest(model_name="iris", inputs=[typed("x", x)])
                np.testing.assert_allclose(triton.InferResult(self.stub.ModelInfer(request)).as_numpy("y"), want_iris(x), rtol=1e-5, atol=1e-5)

    def test_classification(self):
        want = want_iris()
        for count in (1, 2, 3, 100):
            answer = self.ask_iris(outputs=[triton.InferRequestedOutput("y", class_count=count)])
            got = answer.as_numpy("y")
            self.assertEqual((got.shape, answer.get_output("y").datatype), ((3, min(count, 3)), "BYTES"))
            for row, scores in zip(got, want):
                for text, index in zip(row, np.argsort(-scores, kind="stable")):
                    value, found, label = text.decode().split(":", 2)
                    self.assertEqual((int(found), label), (index, LABELS[index]))
                    self.assertAlmostEqual(float(value), scores[index], delta=1e-4)

    def test_parameters_of_a_request(self):
        for identity in ("", "42", 'a "quoted" \\ ünïcode id', "x" * 1000):
            answer = self.ask_iris(request_id=identity, priority=2, timeout=20_000_000, parameters={"mine": "kept", "n": 3, "flag": True})
            self.assertEqual(answer.get_response().id, identity)
            np.testing.assert_allclose(answer.as_numpy("y"), want_iris(), rtol=1e-5)
        self.assertEqual((answer.get_response().model_name, answer.get_response().model_version), ("iris", "3"))
        for priority in (1, 2, 3, 10**9, 2**62):
            self.ask_iris(priority=priority)
        self.refused("INVALID_ARGUMENT", ["priority"], lambda: self.ask_iris(priority=2**63))
        self.refused("UNIMPLEMENTED", ["sequence"], lambda: self.ask_iris(sequence_id=7, sequence_start=True, sequence_end=True))

    def test_an_image_as_bytes(self):
        pixels, files = [], []
        for seed in (2, 3):
            image = Image.fromarray(np.random.default_rng(seed).integers(0, 256, (24, 32, 3), np.uint8))
            out = io.BytesIO()
            image.save(out, "PNG")
            files.append(out.getvalue())
            pixels.append(np.asarray(image, np.float32) / 255)
        x = ((np.stack(pixels) - np.array([0.5, 0.4, 0.3], np.float32)) / np.array([0.2, 0.25, 0.3], np.float32)).transpose(0, 3, 1, 2).astype(np.float32)
        want = serving.run(models["picture"], {"image": x})["logits"]
        array = np.array(files, object)
        np.testing.assert_allclose(self.client.infer("picture", [tensor("image", array)]).as_numpy("logits"), want, rtol=1e-4, atol=1e-4)
        answer = self.stub.ModelInfer(pb.ModelInferRequest(model_name="picture", inputs=[typed("image", array)]))
        np.testing.assert_allclose(triton.InferResult(answer).as_numpy("logits"), want, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(self.client.infer("picture", [tensor("image", x)]).as_numpy("logits"), want, rtol=1e-4, atol=1e-4)
        self.refused("INVALID_ARGUMENT", ["image"], lambda: self.client.infer("picture", [tensor("image", np.array([b"no image"], object))]))


class Waiting(Case):
    """Calls that do not wait for each other, streams, deadlines."""

    def test_answers_without_waiting_from_several_threads(self):
        rows = np.random.default_rng(5).normal(size=(160, 3, 4)).astype(np.float32)
        want, failures = want_iris(rows.reshape(-1, 4)).reshape(160, 3, 3), []

        def ask(number):
            with server.client() as client:
                answers = queue.Queue()
                for i in range(40):
                    at, size = number * 40 + i, 1 + i % 3
                    client.async_infer("iris", [tensor("x", rows[at, :size])], callback=lambda result, error, at=at, size=size: answers.put((at, size, result, error)),
                                       request_id=str(at))
                for _ in range(40):
                    at, size, result, error = answers.get(timeout=60)
                    if error is not None or result.get_response().id != str(at) or not np.allclose(result.as_numpy("y"), want[at, :size], rtol=1e-4, atol=1e-5):
                        failures.append((at, error))
        threads = [threading.Thread(target=ask, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def test_stream(self):
        answers = queue.Queue()
        self.client.start_stream(callback=lambda result, error: answers.put((result, error)))
        for i in range(20):
            self.client.async_stream_infer("iris" if i != 7 else "none", [tensor("x", ROWS)], request_id=str(i))
        for i in range(20):
            result, error = answers.get(timeout=60)
            if i == 7:
                self.assertIn("none", str(error))
                continue
            self.assertIsNone(error)
            self.assertEqual(result.get_response().id, str(i))
            np.testing.assert_allclose(result.as_numpy("y"), want_iris(), rtol=1e-5)
        self.client.stop_stream()

    def test_deadline_and_cancelled_calls(self):
        self.refused("DEADLINE_EXCEEDED", [], lambda: self.ask_iris(np.zeros((1000000, 4), np.float32), client_timeout=0.001))
        self.assertEqual(self.ask_iris(client_timeout=60).as_numpy("y").shape, (3, 3))
        large = np.zeros((20000, 4), np.float32)
        calls = [self.stub.ModelInfer.future(iris_request(large)) for _ in range(4)]
        for call in calls:
            call.cancel()
        self.assertTrue(all(call.cancelled() for call in calls))
        np.testing.assert_allclose(self.ask_iris().as_numpy("y"), want_iris(), rtol=1e-5)


class Refused(Case):
    def test_what_a_model_cannot_take(self):
        infer, x = self.client.infer, ROWS
        for words, code, call in ((["none"], "NOT_FOUND", lambda: infer("none", [tensor("x", x)])),
                                  (["9"], "NOT_FOUND", lambda: infer("iris", [tensor("x", x)], model_version="9")),
                                  (["other"], "INVALID_ARGUMENT", lambda: infer("iris", [tensor("other", x)])),
                                  (["twice"], "INVALID_ARGUMENT", lambda: infer("iris", [tensor("x", x), tensor("x", x)])),
                                  (["more"], "INVALID_ARGUMENT", lambda: infer("iris", [tensor("x", x), tensor("more", x)])),
                                  (["x"], "INVALID_ARGUMENT", lambda: infer("iris", [tensor("x", np.zeros((2, 5), np.float32))])),
                                  (["x"], "INVALID_ARGUMENT", lambda: infer("iris", [tensor("x", np.zeros(4, np.float32))])),
                                  (["x", "FP64"], "INVALID_ARGUMENT", lambda: infer("iris", [tensor("x", x.astype(np.float64))])),
                                  (["out"], "INVALID_ARGUMENT", lambda: infer("iris", [tensor("x", x)], outputs=[triton.InferRequestedOutput("out")])),
                                  ([], "INVALID_ARGUMENT", lambda: infer("echo", [tensor("in_bool", samples("bool"))])),
                                  (["no classes"], "UNIMPLEMENTED", lambda: infer("text", [tensor("in_object", np.array([[b"a"]], object))],
                                                                                  outputs=[triton.InferRequestedOutput("out_object", class_count=1)]))):
            self.refused(code, words, call)
        shared = triton.InferInput("x", [3, 4], "FP32")
        shared.set_shared_memory("region", 48)
        self.refused("INVALID_ARGUMENT", [], lambda: infer("iris", [shared]))
        np.testing.assert_allclose(self.ask_iris().as_numpy("y"), want_iris(), rtol=1e-5)

    def test_messages_that_contradict_themselves(self):
        def changed(change, request=None):
            request = request or iris_request()
            change(request)
            return lambda: self.stub.ModelInfer(request)
        numbers = lambda: pb.ModelInferRequest(model_name="iris", inputs=[typed("x", ROWS)])
        small = lambda kind, values, field: pb.ModelInferRequest(model_name=kind, inputs=[pb.ModelInferRequest.InferInputTensor(
            name=f"in_{kind}", datatype=kind.upper(), shape=[1, 1], contents=pb.InferTensorContents(**{field: values}))])
        nothing = lambda request: None
        cases = {
            "raw beside typed": changed(lambda r: r.inputs[0].contents.fp32_contents.extend(ROWS.ravel())),
            "too few raw": changed(lambda r: r.inputs.add(name="z", datatype="FP32", shape=[1])),
            "too many raw": changed(lambda r: r.raw_input_contents.append(b"")),
            "short raw": changed(lambda r: r.raw_input_contents.__setitem__(0, ROWS.tobytes()[:-1])),
            "long raw": changed(lambda r: r.raw_input_contents.__setitem__(0, ROWS.tobytes() + b"\0")),
            "negative size": changed(lambda r: r.inputs[0].shape.__setitem__(0, -3)),
            "many axes": changed(lambda r: r.inputs[0].shape.extend([1] * 100)),
            "no name": changed(lambda r: setattr(r.inputs[0], "name", "")),
            "no inputs": changed(lambda r: (r.ClearField("inputs"), r.ClearField("raw_input_contents"))),
            "unknown datatype": changed(lambda r: setattr(r.inputs[0], "datatype", "FP31")),
            "no datatype": changed(lambda r: setattr(r.inputs[0], "datatype", "")),
            "other field": changed(lambda r: (r.inputs[0].contents.Clear(), r.inputs[0].contents.fp64_contents.extend([1] * 12)), numbers()),
            "two fields": changed(lambda r: r.inputs[0].contents.fp64_contents.append(1), numbers()),
            "too few typed": changed(lambda r: r.inputs[0].contents.fp32_contents.pop(), numbers()),
            "too many typed": changed(lambda r: r.inputs[0].contents.fp32_contents.append(1), numbers()),
            "typed of huge size": changed(lambda r: r.inputs[0].shape.__setitem__(0, 2**40), numbers()),
            "over int8": changed(nothing, small("int8", [128], "int_contents")),
            "over uint16": changed(nothing, small("uint16", [65536], "uint_contents")),
            "no parameter": changed(lambda r: r.parameters["timeout"].SetInParent()),
            "text for a number": changed(lambda r: setattr(r.parameters["timeout"], "string_param", "1")),
            "negative timeout": changed(lambda r: setattr(r.parameters["timeout"], "int64_param", -1)),
            "classes as text": changed(lambda r: setattr(r.outputs.add(name="y").parameters["classification"], "string_param", "1")),
            "output twice": changed(lambda r: (r.outputs.add(name="y"), r.outputs.add(name="y"))),
            "output without name": changed(lambda r: r.outputs.add()),
        }
        for name, call in cases.items():
            with self.subTest(name):
                self.refused("INVALID_ARGUMENT", [], call)
        self.refused("RESOURCE_EXHAUSTED", ["elements"], changed(lambda r: r.inputs[0].shape.__setitem__(0, 2**62)))
        self.refused("RESOURCE_EXHAUSTED", ["elements"], changed(lambda r: r.inputs[0].shape.extend([2**40, 2**40])))
        request = iris_request()
        for i in range(300):
            request.parameters[str(i)].int64_param = i
        self.refused("RESOURCE_EXHAUSTED", ["parameters"], lambda: self.stub.ModelInfer(request))
        many = pb.ModelInferRequest(model_name="iris", inputs=[typed("x", ROWS)] * 1100)
        self.refused("RESOURCE_EXHAUSTED", ["inputs"], lambda: self.stub.ModelInfer(many))
        packed = pb.ModelInferRequest(model_name="text", raw_input_contents=[b"\xff\xff\xff\xffab"],
                                      inputs=[pb.ModelInferRequest.InferInputTensor(name="in_object", datatype="BYTES", shape=[1, 1])])
        self.refused("INVALID_ARGUMENT", ["element"], lambda: self.stub.ModelInfer(packed))
        np.testing.assert_allclose(self.ask_iris().as_numpy("y"), want_iris(), rtol=1e-5)

    def test_too_large_messages(self):
        rows = np.zeros((2**18 * 20, 4), np.float32)  # 80 MiB
        self.refused("RESOURCE_EXHAUSTED", [], lambda: self.stub.ModelInfer(iris_request(rows)))
        before = server.resident_bytes()
        bomb = iris_request(np.zeros((2**18 * 100, 4), np.float32))  # 400 MiB, which compress to less than one
        for algorithm in (grpc.Compression.Gzip, grpc.Compression.Deflate):
            self.refused("UNIMPLEMENTED", ["ompression"], lambda: self.stub.ModelInfer(bomb, compression=algorithm))
        self.assertLess(server.resident_bytes() - before, 100 << 20)
        self.refused("UNIMPLEMENTED", ["ompression"], lambda: self.ask_iris(np.tile(ROWS, (2000, 1)), compression_algorithm="gzip"))
        np.testing.assert_allclose(self.ask_iris().as_numpy("y"), want_iris(), rtol=1e-5)

    def test_what_we_have_not(self):
        """Parts of Triton's own that are not ours: a status that the client understands."""
        for call in (self.client.get_trace_settings, self.client.get_log_settings, self.client.get_system_shared_memory_status,
                     self.client.get_cuda_shared_memory_status, lambda: self.client.register_system_shared_memory("a", "/a", 1)):
            self.refused("UNIMPLEMENTED", [], call)

    def test_bytes_that_are_no_message(self):
        channel = grpc.insecure_channel(server.grpc_address)
        self.addCleanup(channel.close)
        call = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer", lambda b: b, lambda b: b)
        for noise in (b"\xff" * 100, b"\x0a\xff\xff\xff\xff\x7f", b"\x0a\x02\xff\xfe", b"\x3a"):
            self.refused("INVALID_ARGUMENT", ["no message"], lambda: call(noise, timeout=30))
        for name in ("/inference.GRPCInferenceService/Nothing", "/other.Service/ModelInfer", "/"):
            self.refused("UNIMPLEMENTED", ["no such call"], lambda: channel.unary_unary(name, lambda b: b, lambda b: b)(b"", timeout=30))
        load = pb.RepositoryModelLoadRequest(model_name="iris" * 20000)
        self.refused("RESOURCE_EXHAUSTED", ["65536"], lambda: self.stub.RepositoryModelLoad(load))
        for noise in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 4096, os.urandom(4096)):
            with socket.create_connection(server.grpc_address.rsplit(":", 1), timeout=30) as peer:
                peer.sendall(noise)
        np.testing.assert_allclose(self.ask_iris().as_numpy("y"), want_iris(), rtol=1e-5)


class Doors(unittest.TestCase):
    """Servers of their own: keys, certificates, limits, ports, the end."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def start(self, *arguments):
        started = Server(self.folder.name, *arguments)
        self.addCleanup(started.stop)
        return started

    def path(self, name):
        return Path(self.folder.name) / name

    def code_of(self, call):
        with self.assertRaises(InferenceServerException) as caught:
            call()
        return caught.exception.status().split(".")[1]

    def test_keys(self):
        import hashlib
        keys = [{"name": name, "sha256": hashlib.sha256(f"{name}-key".encode()).hexdigest(), "scopes": scopes}
                for name, scopes in (("ask", ["predict"]), ("run", ["admin"]))]
        self.path("keys.json").write_text(json.dumps({"keys": keys}))
        started = self.start("--api-keys", self.path("keys.json"), "--log", self.path("log"), f"iris={models['iris']}")
        with started.client() as client:
            headers = lambda key: {"authorization": f"Bearer {key}", "x-request-id": "r-1"}
            infer = lambda **more: client.infer("iris", [tensor("x", ROWS)], **more)
            self.assertTrue(client.is_server_live())
            self.assertEqual(self.code_of(infer), "UNAUTHENTICATED")
            self.assertEqual(self.code_of(lambda: infer(headers=headers("wrong"))), "UNAUTHENTICATED")
            self.assertEqual(self.code_of(lambda: infer(headers=headers("run-key"))), "PERMISSION_DENIED")
            np.testing.assert_allclose(infer(headers=headers("ask-key")).as_numpy("y"), want_iris(), rtol=1e-5)
            np.testing.assert_allclose(infer(headers={"x-api-key": "ask-key"}).as_numpy("y"), want_iris(), rtol=1e-5)
            self.assertEqual(self.code_of(lambda: client.unload_model("iris", headers=headers("ask-key"))), "PERMISSION_DENIED")
            client.unload_model("iris", headers=headers("run-key"))
        self.assertEqual(started.stop(), 0)
        lines = [json.loads(line) for line in self.path("log").read_text().splitlines()]
        asked = [line for line in lines if line.get("route") == "/inference.GRPCInferenceService/ModelInfer"]
        self.assertEqual([line["status"] for line in asked], [401, 401, 403, 200, 200])
        self.assertEqual((asked[3]["client"], asked[3]["id"], asked[3]["peer"]), ("ask", "r-1", "127.0.0.1"))
        self.assertGreater(asked[3]["bytes_in"], ROWS.nbytes)

    def test_small_fields_that_would_be_large_objects(self):
        """A message of two bytes a field makes a hundred times that of objects: it is counted before it is read."""
        started = self.start(f"iris={models['iris']}")
        channel = grpc.insecure_channel(started.grpc_address, options=UNLIMITED)
        self.addCleanup(channel.close)
        peak = lambda: int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{started.process.pid}/status").read_text()).group(1)) << 10
        before = peak()
        for rpc, unit, code in (("ModelInfer", b"\x2a\x00", "RESOURCE_EXHAUSTED"), ("ModelInfer", b"\x3a\x00", "RESOURCE_EXHAUSTED"),
                                ("ModelInfer", b"\x2a\x04\x2a\x02\x42\x00", "RESOURCE_EXHAUSTED"), ("ModelInfer", b"\x7b\x7c", "INVALID_ARGUMENT"),
                                ("ModelInfer", b"\x78\x01", "RESOURCE_EXHAUSTED"), ("ServerLive", b"\x78\x01", "RESOURCE_EXHAUSTED")):
            with self.subTest(rpc=rpc, unit=unit.hex()):
                call = channel.unary_unary(f"/inference.GRPCInferenceService/{rpc}", lambda b: b, lambda b: b)
                with self.assertRaises(grpc.RpcError) as caught:
                    call(unit * ((60 << 20) // len(unit)), timeout=60)
                self.assertEqual(caught.exception.code().name, code)
        self.assertLess(peak() - before, 300 << 20)

    def test_rate_limit(self):
        started = self.start("--rate-limit", "0.01", "--rate-burst", "3", f"iris={models['iris']}")
        with started.client() as client:
            for _ in range(3):
                client.infer("iris", [tensor("x", ROWS)])
            self.assertEqual(self.code_of(lambda: client.infer("iris", [tensor("x", ROWS)])), "RESOURCE_EXHAUSTED")
            self.assertTrue(client.is_server_ready())

    def make_certificates(self):
        run = lambda *command: subprocess.run(["openssl", *map(str, command)], check=True, capture_output=True, cwd=self.folder.name)
        run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca", "-days", "2")
        for name in ("server", "device"):
            run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
            self.path("ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
            run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", f"{name}.pem", "-days", "2", "-extfile", "ext")
            self.path(f"{name}.key").chmod(0o600)

    def test_tls_with_and_without_client_certificates(self):
        self.make_certificates()
        tls = ("--tls-cert", self.path("server.pem"), "--tls-key", self.path("server.key"), f"iris={models['iris']}")
        root = self.path("ca.pem").read_bytes()
        started = self.start(*tls)
        with started.client(ssl=True, root_certificates=str(self.path("ca.pem"))) as client:
            np.testing.assert_allclose(client.infer("iris", [tensor("x", ROWS)]).as_numpy("y"), want_iris(), rtol=1e-5)
        with started.client() as client:
            self.assertEqual(self.code_of(lambda: client.is_server_live(client_timeout=10)), "UNAVAILABLE")
        started.stop()
        started = self.start(*tls, "--client-ca", self.path("ca.pem"))
        with started.client(ssl=True, root_certificates=str(self.path("ca.pem")), private_key=str(self.path("device.key")),
                            certificate_chain=str(self.path("device.pem"))) as client:
            np.testing.assert_allclose(client.infer("iris", [tensor("x", ROWS)]).as_numpy("y"), want_iris(), rtol=1e-5)
            self.assertEqual(self.code_of(lambda: client.unload_model("iris")), "PERMISSION_DENIED")
        with started.client(creds=grpc.ssl_channel_credentials(root), ssl=True) as client:
            self.assertEqual(self.code_of(lambda: client.is_server_live(client_timeout=10)), "UNAVAILABLE")

    def test_a_taken_port(self):
        started = self.start(f"iris={models['iris']}")
        command = [os.path.join(harness.BIN, "arete-serve"), "--port", "0", "--grpc-port", started.grpc_address.rsplit(":", 1)[1], str(models["iris"])]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
        self.assertEqual(ended.returncode, 4, ended.stderr)
        self.assertIn("--grpc-port", ended.stderr)

    def test_a_call_that_waits_past_its_deadline_is_not_run(self):
        n = 3000
        nodes = [onnx.helper.make_node("MatMul", ["x" if i == 0 else f"t{i}", "w"], [f"t{i + 1}" if i < 29 else "y"]) for i in range(30)]
        slow = harness.model_of(nodes, [harness.floats("x", ["N", n])], [harness.floats("y", ["N", n])], [("w", np.eye(n, dtype=np.float32))])
        started = self.start("--runs", "1", "--max-batch", "1", f"slow={serving.put(self.path('slow'), slow)}")
        stub, channel = started.stub()
        self.addCleanup(channel.close)
        x = np.ones((300, n), np.float32)
        request = pb.ModelInferRequest(model_name="slow", raw_input_contents=[x.tobytes()],
                                       inputs=[pb.ModelInferRequest.InferInputTensor(name="x", datatype="FP32", shape=x.shape)])
        patient = [stub.ModelInfer.future(request, timeout=120) for _ in range(3)]
        late = [stub.ModelInfer.future(request, timeout=0.2) for _ in range(3)]
        for call in late:
            self.assertEqual(call.exception(timeout=60).code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        for call in patient:
            np.testing.assert_array_equal(np.frombuffer(call.result(timeout=120).raw_output_contents[0], np.float32), x.ravel())
        count = lambda: sum(started.metric("arete_infer_requests_total", model="slow", protocol="grpc", code=code) for code in (499, 504))
        deadline = time.monotonic() + 60
        while count() < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(count(), 3)
        with started.client() as client:
            self.assertEqual(client.get_inference_statistics("slow").model_stats[0].execution_count, 3)

    def test_the_end_lets_calls_finish(self):
        started = self.start(f"iris={models['iris']}")
        stub, channel = started.stub()
        self.addCleanup(channel.close)
        rows = np.random.default_rng(4).normal(size=(300000, 4)).astype(np.float32)
        stub.ServerLive(pb.ServerLiveRequest())
        begun = threading.Event()
        stream = stub.ModelStreamInfer(iter(lambda: begun.wait() and None, None))  # open, and silent for ever
        calls = [stub.ModelInfer.future(iris_request(rows)) for _ in range(4)]
        deadline = time.monotonic() + 60
        while started.metric("arete_infer_requests_total", protocol="grpc", code=200) < 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        started.process.send_signal(signal.SIGTERM)
        want = want_iris(rows)
        for call in calls:
            got = np.frombuffer(call.result(timeout=60).raw_output_contents[0], np.float32).reshape(-1, 3)
            np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)
        self.assertEqual(started.process.wait(timeout=serving.STOP_S), 0)
        with self.assertRaises(grpc.RpcError) as caught:
            next(stream)
        self.assertEqual((caught.exception.code(), caught.exception.details()), (grpc.StatusCode.UNAVAILABLE, "the server stops"))
        begun.set()


if __name__ == "__main__":
    harness.main()
