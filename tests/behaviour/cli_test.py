"""info, run and bench as scripts use them: the contract's JSON, exit statuses, and words for bad input."""
import os

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from harness import Case, arete, conv_classifier, floats, main, model_of


class Info(Case):
    def test_contract(self):
        ended = arete("info", self.save("m.onnx", conv_classifier()), "--json")
        self.assertEqual(ended.status, 0, ended.err)
        self.assertEqual(ended.json["inputs"], [{"name": "x", "dtype": "float32", "shape": ["N", 3, 16, 16]}])
        self.assertEqual(ended.json["outputs"][0]["shape"], ["N", 4])
        self.assertEqual(ended.json["nodes"], 9)
        self.assertEqual(ended.json["ops"]["Conv"], 2)
        self.assertEqual(ended.json["macs"], 32 * 3 * 9 * 256 + 64 * 32 * 9 * 64 + 64 * 4)
        self.assertEqual(ended.json["bytes"], os.path.getsize(self.path("m.onnx")))
        onnx.save(conv_classifier(), self.path("e.onnx"), save_as_external_data=True, location="e.bin", size_threshold=0)
        weights = os.path.getsize(self.path("e.bin"))
        self.assertGreater(weights, 10000)
        self.assertAlmostEqual(arete("info", self.path("e.onnx"), "--json").json["bytes"], os.path.getsize(self.path("e.onnx")) + weights, delta=4096)
        tied = onnx.load(self.path("e.onnx"), load_external_data=False)
        for weight in list(tied.graph.initializer):
            tied.graph.initializer.add().CopyFrom(weight)
            tied.graph.initializer[-1].name += ".again"
        self.save("t.onnx", tied)
        self.assertAlmostEqual(arete("info", self.path("t.onnx"), "--json").json["bytes"], os.path.getsize(self.path("t.onnx")) + weights, delta=4096)

    def test_frozen_inputs_are_reported(self):
        model = model_of([helper.make_node("Add", ["x", "w"], ["y"])], [floats("x", [2]), floats("w", [2])], [floats("y", [2])],
                         [("w", np.ones(2, np.float32))])
        ended = arete("info", self.save("m.onnx", model), "--json")
        self.assertEqual(ended.json["frozen_inputs"], ["w"])
        self.assertEqual([i["name"] for i in ended.json["inputs"]], ["x"])


    def test_macs_say_what_they_leave_out(self):
        rng = np.random.default_rng(0)
        w = lambda n, *s: (n, rng.normal(size=s).astype(np.float32))
        lstm = helper.make_node("LSTM", ["x", "w", "r"], ["y"], hidden_size=5)
        model = model_of([lstm], [floats("x", [7, 2, 3])], [floats("y", [7, 1, 2, 5])], [w("w", 1, 20, 3), w("r", 1, 20, 5)])
        ended = arete("info", self.save("m.onnx", model), "--json")
        self.assertEqual((ended.json["macs"], ended.json["macs_uncounted"]), (7 * 2 * 20 * (3 + 5), []))
        branch = lambda n: helper.make_graph([helper.make_node("MatMul", ["x", "w"], [n])], n, [], [floats(n, [2, 4])])
        choose = helper.make_node("If", ["c"], ["y"], then_branch=branch("t"), else_branch=branch("e"))
        model = model_of([choose], [helper.make_tensor_value_info("c", TensorProto.BOOL, []), floats("x", [2, 3])], [floats("y", [2, 4])], [w("w", 3, 4)])
        self.assertEqual(arete("info", self.save("m.onnx", model), "--json").json["macs_uncounted"], ["If"])
        self.assertIn("at least 0 (not counted: If)", arete("info", self.path("m.onnx")).out)


class Run(Case):
    def run_both(self, model, feeds):
        path = self.save("m.onnx", model)
        arguments = []
        for i, (name, array) in enumerate(feeds.items()):
            np.save(self.path(f"{i}.npy"), array)
            arguments += ["--input", f"{name}={self.path(f'{i}.npy')}"]
        ended = arete("run", path, *arguments, "--output-dir", self.path("out"), "--json")
        self.assertEqual(ended.status, 0, ended.err)
        session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
        wanted = session.run(None, feeds)
        for entry, array in zip(ended.json["outputs"], wanted):
            got = np.load(entry["file"])
            self.assertEqual(got.dtype, array.dtype)
            np.testing.assert_allclose(got, array, rtol=1e-5, atol=1e-6)
        return ended

    def test_dynamic_batch(self):
        self.run_both(conv_classifier(), {"x": np.random.default_rng(0).normal(size=(3, 3, 16, 16)).astype(np.float32)})

    def test_two_inputs_int64_float16(self):
        nodes = [helper.make_node("Cast", ["i"], ["f"], to=TensorProto.FLOAT16), helper.make_node("Add", ["f", "h"], ["a/b c"]),
                 helper.make_node("Cast", ["a/b c"], ["n"], to=TensorProto.INT64)]
        model = model_of(nodes, [helper.make_tensor_value_info("i", TensorProto.INT64, ["N"]),
                                 helper.make_tensor_value_info("h", TensorProto.FLOAT16, ["N"])],
                         [helper.make_tensor_value_info("a/b c", TensorProto.FLOAT16, ["N"]),
                          helper.make_tensor_value_info("n", TensorProto.INT64, ["N"])])
        ended = self.run_both(model, {"i": np.array([1, 2, 3]), "h": np.array([0.5, 1.5, 2.5], np.float16)})
        self.assertTrue(ended.json["outputs"][0]["file"].endswith("a%2Fb%20c.npy"))

    def test_wrong_inputs_are_named(self):
        path = self.save("m.onnx", conv_classifier())
        np.save(self.path("bad.npy"), np.zeros((1, 3, 16, 15), np.float32))
        np.save(self.path("double.npy"), np.zeros((1, 3, 16, 16)))
        out = ("--output-dir", self.path("out"))
        self.expect_error(arete("run", path, "--input", "x=" + self.path("bad.npy"), *out), 3, "'x'", "[N,3,16,16]", "[1,3,16,15]")
        self.expect_error(arete("run", path, "--input", "x=" + self.path("double.npy"), *out), 3, "float64")
        self.expect_error(arete("run", path, *out), 3, "'x'", "missing")
        self.expect_error(arete("run", path, "--input", "z=" + self.path("double.npy"), *out), 3, "'x'")
        self.expect_error(arete("run", path, "--input", "x", *out), 2, "NAME=FILE.npy")
        self.assertFalse(os.path.exists(self.path("out")), "nothing may be left half done")

    def test_axes_of_one_name_that_differ(self):
        inputs = [floats("a", ["N", 2]), floats("b", ["N", 2])]
        path = self.save("m.onnx", model_of([helper.make_node("Add", ["a", "b"], ["y"])], inputs, [floats("y", ["N", 2])]))
        np.save(self.path("a.npy"), np.zeros((2, 2), np.float32))
        np.save(self.path("b.npy"), np.zeros((3, 2), np.float32))
        ended = arete("run", path, "--input", "a=" + self.path("a.npy"), "--input", "b=" + self.path("b.npy"), "--output-dir", self.path("out"))
        self.expect_error(ended, 3, "axis N is 2 in 'a' and 3 in 'b'")

    def test_inputs_are_not_overwritten(self):
        path = self.save("m.onnx", model_of([helper.make_node("Relu", ["x"], ["y"])], [floats("x", [2])], [floats("y", [2])]))
        np.save(self.path("y.npy"), np.zeros(2, np.float32))
        before = open(self.path("y.npy"), "rb").read()
        self.expect_error(arete("run", path, "--input", "x=" + self.path("y.npy"), "--output-dir", self.folder), 3, "overwrite", "--output-dir")
        self.assertEqual(open(self.path("y.npy"), "rb").read(), before)


class Bench(Case):
    def test_contract(self):
        ended = arete("bench", self.save("m.onnx", conv_classifier()), "--runs", "20", "--threads", "1", "--json")
        self.assertEqual(ended.status, 0, ended.err)
        for key in ("mean_latency_ms", "p50_latency_ms", "p99_latency_ms", "throughput_per_sec", "load_ms"):
            self.assertGreater(ended.json[key], 0, key)
        self.assertEqual(ended.json["threads"], 1)
        self.assertEqual(ended.json["precision"], "fp32")
        half = model_of([helper.make_node("MatMul", ["x", "w"], ["y"])], [helper.make_tensor_value_info("x", TensorProto.FLOAT16, [1, 8])],
                        [helper.make_tensor_value_info("y", TensorProto.FLOAT16, [1, 8])], [("w", np.ones((8, 8), np.float16))])
        self.assertEqual(arete("bench", self.save("h.onnx", half), "--runs", "1", "--json").json["precision"], "fp16")
        self.assertIn("onnxruntime", ended.json["engine"])

    def test_inputs_that_random_numbers_cannot_stand_for(self):
        """An axis of 1 cannot be two halves; ten can."""
        model = model_of([helper.make_node("Reshape", ["x", "four"], ["y"])], [floats("x", [1, "T"])], [floats("y", [2, "T2"])], [("four", np.array([2, -1]))])
        path = self.save("m.onnx", model)
        self.expect_error(arete("bench", path), 3, "dynamic axes are 1", "--input NAME=FILE.npy")
        np.save(self.path("x.npy"), np.ones((1, 10), np.float32))
        self.assertEqual(arete("bench", path, "--runs", "2", "--input", "x=" + self.path("x.npy")).status, 0)
        np.save(self.path("x.npy"), np.ones((1, 11), np.float32))
        self.expect_error(arete("bench", path, "--input", "x=" + self.path("x.npy")), 3)


class BadModels(Case):
    """Every verb refuses a bad model with status 3 and words, and never crashes."""

    def check(self, name, data, *words):
        path = self.save(name, data)
        self.expect_error(arete("info", path), 3, *words)
        self.expect_error(arete("bench", path, "--runs", "1"), 3, *words)
        self.expect_error(arete("optimize", path, "-o", self.path("out.onnx")), 3, *words)
        self.assertFalse(os.path.exists(self.path("out.onnx")))

    def test_bytes_that_are_no_model(self):
        good = conv_classifier().SerializeToString()
        self.check("empty.onnx", b"", "empty")
        self.check("cut.onnx", good[: len(good) // 2], "cut short")
        self.check("random.onnx", np.random.default_rng(0).bytes(5000), "no ONNX model")

    def test_graphs_that_cannot_run(self):
        relu = lambda i, o: helper.make_node("Relu", [i], [o])
        x, y = [floats("x", [2])], [floats("y", [2])]
        self.check("cycle.onnx", model_of([relu("y", "a"), relu("a", "y")], x, y), "cycle")
        self.check("missing.onnx", model_of([helper.make_node("Add", ["x", "w"], ["y"])], x, y), "'w'")
        self.check("twice.onnx", model_of([relu("x", "y"), relu("x", "y")], x, y), "'y'", "twice")
        self.check("unknown.onnx", model_of([helper.make_node("NoSuchOp", ["x"], ["y"])], x, y), "NoSuchOp")
        self.check("negative.onnx", model_of([relu("x", "y")], [floats("x", [-5])], y), "negative")
        self.check("huge.onnx", model_of([relu("x", "y")], [floats("x", [2**62])], y), "'x'")
        self.check("newer.onnx", model_of([relu("x", "y")], x, y, opset=99), "opset 99")

    def test_hostile_weights(self):
        for dims, word in (([-4], "negative"), ([2**62, 2**62], "2^40"), ([1000], "4000")):
            tensor = numpy_helper.from_array(np.zeros(4, np.float32), "w")
            del tensor.dims[:]
            tensor.dims.extend(dims)
            model = model_of([helper.make_node("Add", ["x", "w"], ["y"])], [floats("x", [4])], [floats("y", [4])])
            model.graph.initializer.append(tensor)
            self.check("weights.onnx", model, "'w'", word)

    def test_external_data_outside_the_folder(self):
        for location in ("/etc/passwd", "../secret", "a/../../secret"):
            tensor = onnx.TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
            tensor.external_data.add(key="location", value=location)
            model = model_of([helper.make_node("Add", ["x", "w"], ["y"])], [floats("x", [4])], [floats("y", [4])])
            model.graph.initializer.append(tensor)
            self.check("outside.onnx", model, "'w'", "own folder")

    def test_paths_that_are_no_files(self):
        self.expect_error(arete("info", self.folder), 3, "folder")
        self.expect_error(arete("info", self.path("absent.onnx")), 3, "No such file")
        os.mkfifo(self.path("fifo"))
        self.expect_error(arete("info", self.path("fifo"), timeout=10), 3, "FIFO")


class Usage(Case):
    def test_statuses(self):
        self.assertEqual(arete().status, 2)
        self.assertEqual(arete("--help").status, 0)
        self.assertEqual(arete("no-such-verb").status, 2)
        self.assertEqual(arete("info").status, 2)
        ended = arete("optimize", "x", "-o", "y", "--level", "extreme")
        self.expect_error(ended, 2, "--level", "extreme", "arete optimize --help explains")
        for more, words in ((("--engine", "foo"), "foo"), (("--disable-pass", "nonsense"), "nonsense"), (("--max-accuracy-drop", "nan"), "0 to 100"),
                            (("--never-slower", "--allow-slower"), "slower")):
            self.expect_error(arete("optimize", "x", "-o", "y", *more), 2, words)
        for verb in ("info", "run", "bench", "optimize", "passes", "serve"):
            self.assertEqual(arete(verb, "--help").status, 0, verb)

    def test_engine_library_that_is_not_there(self):
        path = self.save("m.onnx", conv_classifier())
        self.expect_error(arete("bench", path, "--engine-lib", self.path("no.so")), 4, "no.so")


if __name__ == "__main__":
    main()
