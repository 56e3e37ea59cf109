"""DATA of every shape before `arete optimize`: what is judged on labels, what is refused, and what is said."""
import json
import os
import shutil

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

from harness import Case, arete, conv_classifier, floats, main, model_of


def dense(rng, *sizes):
    """(name, weight, bias) of layers sizes[0] -> sizes[1] -> ..."""
    return [(f"w{i}", rng.normal(0, a ** -0.5, (a, b)).astype(np.float32), np.zeros(b, np.float32)) for i, (a, b) in enumerate(zip(sizes, sizes[1:]))]


class Samples(Case):
    def network(self, layers, batch="N", last=None):
        """A chain of Gemm and Relu over x [batch,features], and `last` behind it."""
        nodes, weights, name = [], [], "x"
        for i, (w, matrix, bias) in enumerate(layers):
            out = f"g{i}"
            nodes.append(helper.make_node("Gemm", [name, w, w + "b"], [out]))
            weights += [(w, matrix), (w + "b", bias)]
            name = out
            if i + 1 < len(layers):
                nodes.append(helper.make_node("Relu", [name], [f"r{i}"]))
                name = f"r{i}"
        nodes.append(helper.make_node(last or "Identity", [name], ["y"]))
        return model_of(nodes, [floats("x", [batch, layers[0][1].shape[0]])], [floats("y", [batch, layers[-1][1].shape[1]])], weights)

    def answers(self, model, x):
        return ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]

    def optimize(self, *arguments, model="m.onnx"):
        return arete("optimize", self.path(model), "-o", self.path("o.onnx"), "--target", "mobile", "--json", *arguments)

    def npz(self, name, **arrays):
        np.savez(self.path(name), **arrays)
        return self.path(name)

    def test_yes_no_classifier(self):
        """One probability a sample: judged on its labels, and bound by --max-accuracy-drop."""
        rng = np.random.default_rng(1)
        model = self.network(dense(rng, 16, 256, 1), last="Sigmoid")
        self.save("m.onnx", model)
        x = rng.normal(size=(600, 16)).astype(np.float32)
        y = (self.answers(model, x)[:, 0] > 0.5).astype(np.int64)
        calibration = self.npz("c.npz", x=x[:100])
        ended = self.optimize("--calibration", calibration, "--evaluation", self.npz("e.npz", x=x[100:], y=y[100:]), "--max-accuracy-drop", "5")
        self.assertEqual(ended.status, 0, ended.err)
        self.assertEqual(ended.json["original"]["accuracy"], 1.0)
        self.assertGreater(ended.json["optimized"]["accuracy"], 0.95)
        self.assertEqual(ended.json["evidence"], "500 labelled samples")
        refused = self.optimize("--calibration", calibration, "--evaluation", self.npz("e.npz", x=x[100:], y=y[100:]), "--max-accuracy-drop", "0")
        lost = [v for v in refused.json["variants"] if "points of accuracy" in v["why"]]
        self.assertTrue(lost or all(v["accuracy"] in (None, 1.0) for v in refused.json["variants"]), refused.json)
        with open(self.path("o.card.json"), encoding="utf-8") as card:
            self.assertEqual(json.load(card)["output"], {"kind": "classification", "activation": "none", "labels": []})

    def test_one_score_of_a_model_that_says_nothing(self):
        """Without an activation one score may be a regression: the labels are unused, loudly, until the card says what it is."""
        rng = np.random.default_rng(2)
        model = self.network(dense(rng, 16, 256, 1))
        self.save("m.onnx", model)
        x = rng.normal(size=(600, 16)).astype(np.float32)
        y = (self.answers(model, x)[:, 0] > 0).astype(np.int64)
        data = ("--calibration", self.npz("c.npz", x=x[:100]), "--evaluation", self.npz("e.npz", x=x[100:], y=y[100:]), "--max-accuracy-drop", "5")
        ended = self.optimize(*data)
        self.assertIsNone(ended.json["accuracy_delta"])
        self.assertTrue(ended.json["weak_evidence"])
        self.assertIn("accuracy is not measured", ended.err)
        self.assertIn('"kind": "classification", "activation": "sigmoid"', ended.err)
        with open(self.path("m.card.json"), "w", encoding="utf-8") as card:
            json.dump({"output": {"kind": "classification", "activation": "sigmoid", "labels": ["good", "bad"]}}, card)
        ended = self.optimize(*data)
        self.assertEqual(ended.json["original"]["accuracy"], 1.0, ended.err)

    def test_labels_that_are_no_class_of_the_model(self):
        model = conv_classifier(5)
        self.save("m.onnx", model)
        x = np.random.default_rng(3).normal(size=(20, 3, 16, 16)).astype(np.float32)
        for y in (np.arange(20) % 6, np.arange(20) % 5 - 1, np.eye(6)[np.arange(20) % 5]):
            ended = arete("optimize", self.path("m.onnx"), "-o", self.path("o.onnx"), "--evaluation", self.npz("e.npz", x=x, y=y))
            self.expect_error(ended, 3, "e.npz", "the model has 5")
        self.expect_error(arete("optimize", self.path("m.onnx"), "-o", self.path("o.onnx"), "--evaluation", self.npz("e.npz", x=x, y=np.arange(20) % 6)), 3,
                          "row 5: label 5 is out of range, the model has 5 classes (0..4)")
        self.assertFalse(os.path.exists(self.path("o.onnx")))

    def test_targets_of_a_regression(self):
        rng = np.random.default_rng(4)
        self.save("m.onnx", self.network(dense(rng, 3, 128, 1)))
        rows = "".join(f"{a},{b},{c},{a + 0.5 * b}\n" for a, b, c in rng.normal(size=(60, 3)))
        for name in ("c.csv", "e.csv"):
            with open(self.path(name), "w", encoding="utf-8") as file:
                file.write("a,b,c,label\n" + rows)
        ended = self.optimize("--calibration", self.path("c.csv"), "--evaluation", self.path("e.csv"))
        self.assertIn(ended.status, (0, 1), ended.err)
        self.assertIn("accuracy is not measured", ended.err)
        self.assertIn("no class indices (row 1 holds", ended.err)
        self.assertIsNone(ended.json["accuracy_delta"])
        self.assertTrue(any(v["sqnr_db"] for v in ended.json["variants"]), ended.json)

    def test_a_fixed_batch(self):
        """A model exported for eight at once: samples come one by one, and 100 of them are no multiple of eight."""
        rng = np.random.default_rng(5)
        layers = dense(rng, 32, 256, 10)
        model = self.network(layers, batch=8)
        self.save("m.onnx", model)
        x = rng.normal(size=(200, 32)).astype(np.float32)
        y = self.answers(self.network(layers), x).argmax(1)
        ended = self.optimize("--calibration", self.npz("c.npz", x=x[:100]), "--evaluation", self.npz("e.npz", x=x[100:], y=y[100:]), "--max-accuracy-drop", "10")
        self.assertEqual(ended.status, 0, ended.err)
        self.assertEqual((ended.json["samples"], ended.json["original"]["accuracy"]), (100, 1.0))
        self.assertEqual(ended.json["optimized"]["precision"], "int8")
        random = arete("optimize", self.path("m.onnx"), "-o", self.path("o.onnx"), "--target", "browser", "--max-accuracy-drop", "50")
        self.assertEqual(random.status, 0, random.err)

    def test_time_first_and_scalars(self):
        """Inputs without a batch axis: each row of the array is a whole input."""
        rng = np.random.default_rng(6)
        nodes = [helper.make_node("MatMul", ["x", "w"], ["m"]), helper.make_node("Mul", ["m", "gain"], ["s"]), helper.make_node("Relu", ["s"], ["r"]),
                 helper.make_node("MatMul", ["r", "v"], ["y"])]
        model = model_of(nodes, [floats("x", ["T", 1, 32]), floats("gain", [])], [floats("y", ["T", 1, 8])],
                         [("w", rng.normal(0, 0.2, (32, 128)).astype(np.float32)), ("v", rng.normal(0, 0.1, (128, 8)).astype(np.float32))])
        self.save("m.onnx", model)
        x = rng.normal(size=(40, 50, 1, 32)).astype(np.float32)
        for gain in (np.float32(2), np.full(40, 2, np.float32)):
            ended = self.optimize("--calibration", self.npz("c.npz", x=x, gain=gain))
            self.assertEqual(ended.status, 0, ended.err)
            self.assertEqual((ended.json["calibration_samples"], ended.json["samples"]), (40, 40))
        self.expect_error(self.optimize("--calibration", self.npz("c.npz", x=x[:, :, :, :5], gain=np.float32(2))), 3, "the whole input behind an axis of 1")

    def test_a_fixed_time_axis_is_no_batch(self):
        """Twenty steps of an LSTM: whole inputs are judged right, rows are refused, random inputs need no rows."""
        rng = np.random.default_rng(11)
        w = lambda n, *s: (n, rng.normal(0, 0.3, s).astype(np.float32))
        nodes = [helper.make_node("LSTM", ["x", "w", "r"], ["", "h"], hidden_size=32), helper.make_node("Squeeze", ["h", "axis"], ["s"]),
                 helper.make_node("MatMul", ["s", "v"], ["y"])]
        model = model_of(nodes, [floats("x", [20, "N", 16])], [floats("y", ["N", 5])], [w("w", 1, 128, 16), w("r", 1, 128, 32), w("v", 32, 5), ("axis", np.array([0]))])
        self.save("m.onnx", model)
        x = rng.normal(size=(60, 20, 1, 16)).astype(np.float32)
        y = np.array([self.answers(model, one)[0].argmax() for one in x])
        run = lambda *data: arete("optimize", self.path("m.onnx"), "-o", self.path("o.onnx"), "--precision", "fp32", "--json", *data)
        ended = run("--evaluation", self.npz("e.npz", x=x, y=y))
        self.assertEqual((ended.status, ended.json["original"]["accuracy"], ended.json["samples"]), (0, 1.0, 60), ended.err)
        self.expect_error(run("--evaluation", self.npz("e.npz", x=x[:, :, 0], y=y)), 3, "input x", "[1,20,?,16]")
        rows = self.npz("c.npz", x=x.reshape(-1, 1, 16))
        self.expect_error(arete("optimize", self.path("m.onnx"), "-o", self.path("o.onnx"), "--target", "mobile", "--calibration", rows), 3, "[1,20,?,16]")
        self.assertEqual(run().status, 0)

    def test_a_dynamic_time_axis_is_no_batch(self):
        """Sequences of one step each are 64 samples and not 64 steps, while ranges are looked for too."""
        rng = np.random.default_rng(16)
        w = lambda n, *s: (n, rng.normal(0, 0.3, s).astype(np.float32))
        nodes = [helper.make_node("LSTM", ["x", "w", "r"], ["", "h"], hidden_size=32), helper.make_node("Squeeze", ["h", "axis"], ["s"]),
                 helper.make_node("MatMul", ["s", "v"], ["m"]), helper.make_node("Relu", ["m"], ["p"]), helper.make_node("MatMul", ["p", "u"], ["y"])]
        model = model_of(nodes, [floats("x", ["T", 1, 16])], [floats("y", [1, 5])],
                         [w("w", 1, 128, 16), w("r", 1, 128, 32), w("v", 32, 2048), w("u", 2048, 5), ("axis", np.array([0]))])
        self.save("m.onnx", model)
        x = rng.normal(size=(64, 1, 16)).astype(np.float32)
        made = []
        for samples in (x, x[:, None]):
            ended = self.optimize("--calibration", self.npz("c.npz", x=samples), "--max-accuracy-drop", "100")
            self.assertEqual((ended.status, ended.json["optimized"]["precision"]), (0, "int8"), ended.err)
            self.assertEqual(ended.json["calibration_samples"], 64)
            with open(self.path("o.onnx"), "rb") as file:
                made.append(file.read())
        self.assertEqual(made[0], made[1])

    def test_dynamic_int8_is_judged_sample_by_sample(self):
        """One loud sample would set the scale of its whole batch, which no single request has."""
        rng = np.random.default_rng(12)
        layers = dense(rng, 64, 256, 256, 10)
        model = self.network(layers)
        self.save("m.onnx", model)
        x = rng.normal(size=(128, 64)).astype(np.float32)
        x[::16] *= 1000
        ended = arete("optimize", self.path("m.onnx"), "-o", self.path("o.onnx"), "--target", "browser", "--evaluation", self.npz("e.npz", x=x), "--max-accuracy-drop", "20", "--json")
        self.assertEqual(ended.status, 0, ended.err)
        self.assertEqual(ended.json["optimized"]["name"], "int8 dynamic")
        small = onnx.load(self.path("o.onnx"))
        one_by_one = np.concatenate([self.answers(small, row[None]) for row in x])
        at_once = self.answers(small, x)
        top1 = lambda y: float((y.argmax(1) == self.answers(model, x).argmax(1)).mean())
        self.assertGreater(top1(one_by_one), top1(at_once) + 0.1)
        self.assertAlmostEqual([v["agreement"] for v in ended.json["variants"] if v["name"] == "int8 dynamic"][0], top1(one_by_one), delta=0.02)

    def test_many_labels_of_a_sample(self):
        """Bools [N,C] are compared one by one, sigmoids by their highest: then the note says so."""
        rng = np.random.default_rng(13)
        layers = dense(rng, 32, 256, 6)
        bools = self.network(layers)
        bools.graph.node.append(helper.make_node("Greater", ["y", "zero"], ["yes"]))
        bools.graph.initializer.append(onnx.numpy_helper.from_array(np.float32(0), "zero"))
        bools.graph.output[0].CopyFrom(helper.make_tensor_value_info("yes", TensorProto.BOOL, ["N", 6]))
        self.save("m.onnx", bools)
        x = self.npz("c.npz", x=rng.normal(size=(600, 32)).astype(np.float32))
        ended = self.optimize("--calibration", x, "--max-accuracy-drop", "10")
        self.assertEqual(ended.status, 0, ended.err)
        self.assertTrue(all(v["agreement"] is None for v in ended.json["variants"]), ended.json)
        self.save("m.onnx", self.network(layers, last="Sigmoid"))
        self.assertIn("only the highest of each sample is compared", self.optimize("--calibration", x).err)

    def test_scores_or_an_embedding(self):
        self.save("m.onnx", self.network(dense(np.random.default_rng(14), 32, 256, 64)))
        x = self.npz("c.npz", x=np.random.default_rng(15).normal(size=(64, 32)).astype(np.float32))
        self.assertIn("'y' is taken for a score a class", self.optimize("--calibration", x).err)
        with open(self.path("m.card.json"), "w", encoding="utf-8") as file:
            json.dump({"output": {"kind": "tensor"}}, file)
        self.assertNotIn("score a class", self.optimize("--calibration", x).err)

    def test_a_voice_detector_with_state(self):
        """Silero: a window, a state [2,N,128] and a scalar rate, with LSTM, If and Loop inside."""
        data = os.environ.get("ARETE_DATA")
        if not data:
            print("SKIP: no data")
            return
        model = os.path.join(data, "silero_vad/silero_vad.onnx")
        rng = np.random.default_rng(7)
        samples = self.npz("c.npz", input=rng.normal(0, 0.1, (12, 512)).astype(np.float32), state=np.zeros((12, 2, 1, 128), np.float32), sr=np.int64(16000))
        ended = arete("optimize", model, "-o", self.path("o.onnx"), "--precision", "fp32", "--evaluation", samples, "--json")
        self.assertIn(ended.status, (0, 1), ended.err)
        self.assertEqual(ended.json["samples"], 12)

    def test_evaluation_that_was_calibrated_on(self):
        model = conv_classifier()
        self.save("m.onnx", model)
        x = np.random.default_rng(8).normal(size=(40, 3, 16, 16)).astype(np.float32)
        y = self.answers(model, x).argmax(1)
        self.npz("c.npz", x=x[:20])
        ended = self.optimize("--calibration", self.path("c.npz"), "--evaluation", self.npz("e.npz", x=x[10:], y=y[10:]), "--max-accuracy-drop", "50")
        self.assertIn("10 evaluation samples are calibration samples too", ended.err)
        shutil.copy(self.path("c.npz"), self.path("copy.npz"))
        ended = self.optimize("--calibration", self.path("c.npz"), "--evaluation", self.path("copy.npz"), "--max-accuracy-drop", "50")
        self.assertIn("20 evaluation samples are calibration samples too", ended.err)
        self.assertTrue(ended.json["weak_evidence"])

    def test_nothing_is_written_among_samples(self):
        self.save("m.onnx", conv_classifier())
        os.makedirs(self.path("data/cat"))
        for out in ("data/o.onnx", "data/cat/o.onnx", "./data/../data/o.onnx"):
            ended = arete("optimize", self.path("m.onnx"), "-o", self.path(out), "--calibration", self.path("data"))
            self.expect_error(ended, 3, "among the samples", "give another path")
        ended = arete("optimize", self.path("m.onnx"), "-o", self.path("o.onnx"), "--report", self.path("data/cat/1.png"), "--evaluation", self.path("data"))
        self.expect_error(ended, 3, "the report", "among the samples")

    def test_a_model_that_no_pass_changes(self):
        """The original's graph again is neither faster nor slower, however the machine wavers."""
        rng = np.random.default_rng(9)
        self.save("m.onnx", self.network(dense(rng, 64, 64, 8)))
        plain = onnx.load(self.path("m.onnx"))
        plain.graph.node.pop()  # the Identity
        plain.graph.node[-1].output[0] = "y"
        self.save("m.onnx", plain)
        for _ in range(3):
            ended = arete("optimize", self.path("m.onnx"), "-o", self.path("o.onnx"), "--threads", "2", "--json")
            self.assertEqual(ended.status, 1, ended.err)
            self.assertIn("the original's graph", ended.json["variants"][0]["why"])
        ended = arete("optimize", self.path("m.onnx"), "-o", self.path("o.onnx"), "--precision", "fp32", "--json")
        self.assertEqual((ended.status, ended.json["slower"]), (0, False), ended.err)


if __name__ == "__main__":
    main()
