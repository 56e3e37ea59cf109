"""`arete optimize` as scripts use it: the contract's JSON, what is handed back, and that it really computes."""
import json
import os
import signal
import subprocess
import time

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper
from PIL import Image

from harness import BIN, SOURCE, Case, arete, conv_classifier, floats, main, model_of

STEPS = ["onnx_conversion", "graph_optimization", "quantization", "platform_compilation", "validation"]


class Optimize(Case):
    def dataset(self, name, model, count, seed, labels=True):
        """An .npz whose labels are the model's own answers, so that float accuracy is 100 %."""
        x = np.random.default_rng(seed).normal(size=(count, 3, 16, 16)).astype(np.float32)
        arrays = {"x": x}
        if labels:
            session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
            arrays["y"] = session.run(None, {"x": x})[0].argmax(1)
        np.savez(self.path(name), **arrays)
        return self.path(name)

    def optimize(self, model, *arguments):
        path = self.save("model.onnx", model)
        return arete("optimize", path, "-o", self.path("out.onnx"), "--json", *arguments)

    def excused(self, result):
        """How much of a loss the machine's wavering excuses: as the control shows, at most 5 %."""
        low, high = result["control"]["speedup_interval"]
        return min(max(1, high, 1 / low), 1.05)

    def test_passes_are_compared_on_request(self):
        model = conv_classifier()
        ended = self.optimize(model, "--precision", "fp32", "--level", "aggressive", "--verify-passes",
                              "--calibration", self.dataset("c.npz", model, 20, 1, labels=False))
        self.assertIn(ended.status, (0, 1), ended.err)
        self.assertEqual(ended.json["passes_compared_on"], 3 + 8)
        fused = [p for p in ended.json["passes"] if p["name"] == "fuse_bn_into_conv"][0]
        self.assertEqual((fused["changes"], fused["dropped"], fused["undone_because"]), (2, [], None))

    def test_mobile_contract(self):
        model = conv_classifier()
        calibration = self.dataset("c.npz", model, 64, 1)
        evaluation = self.dataset("e.npz", model, 300, 2)
        report = self.path("report.html")
        ended = self.optimize(model, "--target", "mobile", "--calibration", calibration, "--evaluation", evaluation,
                              "--max-accuracy-drop", "5", "--report", report)
        self.assertEqual(ended.status, 0, ended.err)
        result = ended.json
        self.assertEqual(result["optimized_model_path"], self.path("out.onnx"))
        self.assertEqual([s for s in STEPS if s in result["steps_completed"]], result["steps_completed"])
        self.assertIn("quantization", result["steps_completed"])
        size = os.path.getsize(self.path("out.onnx"))
        self.assertAlmostEqual(result["size_reduction"], 1 - size / os.path.getsize(self.path("model.onnx")), places=6)
        self.assertGreater(result["size_reduction"], 0.6)
        low, high = result["speedup_interval"]
        self.assertTrue(low <= result["speedup"] <= high)
        self.assertEqual(result["slower"], high * self.excused(result) < 1)
        self.assertAlmostEqual(result["accuracy_delta"], 100 * (result["optimized"]["accuracy"] - result["original"]["accuracy"]), places=6)
        self.assertEqual(result["original"]["accuracy"], 1.0)
        self.assertGreater(result["agreement"], 0.95)
        self.assertGreater(result["sqnr_db"], 20)
        chosen = [v for v in result["variants"] if v["chosen"]]
        self.assertEqual(len(chosen), 1)
        self.assertTrue(all(v["why"] for v in result["variants"]))
        with open(report, encoding="utf-8") as page:
            self.assertNotIn("http://", page.read().replace("http://www.w3.org", ""))
        # The accuracy that was claimed is the accuracy that a stranger's engine measures.
        data = np.load(evaluation)
        answers = ort.InferenceSession(self.path("out.onnx"), providers=["CPUExecutionProvider"]).run(None, {"x": data["x"]})[0].argmax(1)
        self.assertAlmostEqual(result["optimized"]["accuracy"], float((answers == data["y"]).mean()), delta=0.02)

    def test_card_beside_the_model(self):
        model = conv_classifier()
        self.optimize(model, "--precision", "fp32")
        with open(self.path("out.card.json"), encoding="utf-8") as file:
            card = json.load(file)
        self.assertEqual(card["input"]["kind"], "image")
        self.assertEqual(card["input"]["mean"], [0.485, 0.456, 0.406])
        self.assertEqual(card["output"]["activation"], "softmax")
        model.graph.node.append(helper.make_node("Softmax", ["y"], ["probability"]))
        model.graph.output[0].name = "probability"
        self.optimize(model, "--precision", "fp32")
        with open(self.path("out.card.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file)["output"]["activation"], "none")

    def test_every_target(self):
        model = conv_classifier()
        calibration = self.dataset("c.npz", model, 32, 1)
        for target, wanted in (("iot", "int8 static per-tensor"), ("browser", "int8 weights only"), ("cpu", None)):
            ended = self.optimize(model, "--target", target, "--calibration", calibration, "--max-accuracy-drop", "10")
            self.assertIn(ended.status, (0, 1), ended.err)
            chosen = [v["name"] for v in ended.json["variants"] if v["chosen"]]
            if wanted:
                self.assertEqual(chosen, [wanted], ended.err)
            else:
                self.assertIn(len(ended.json["variants"]), (5, 6))  # a CPU without VNNI has one more
            self.assertIsNone(ended.json["accuracy_delta"], "accuracy on calibration samples is no evidence")
            onnx.checker.check_model(self.path("out.onnx"))

    def test_nothing_better_hands_the_original_back(self):
        model = model_of([helper.make_node("Relu", ["x"], ["y"])], [floats("x", ["N", 8])], [floats("y", ["N", 8])])
        ended = self.optimize(model, "--target", "mobile")
        self.assertEqual(ended.status, 1, ended.err)
        self.assertIn("original is handed back", ended.err)
        self.assertIn("give --calibration DATA", ended.err)
        ended = self.optimize(model, "--target", "browser")
        self.assertEqual(ended.status, 1, ended.err)
        self.assertIn("nothing to quantise", ended.err)
        with open(self.path("model.onnx"), "rb") as a, open(self.path("out.onnx"), "rb") as b:
            self.assertEqual(a.read(), b.read())

    def test_frozen_inputs_are_a_row_of_their_own(self):
        model = conv_classifier()
        for weight in model.graph.initializer:
            model.graph.input.append(floats(weight.name, list(weight.dims)))
        ended = self.optimize(model, "--precision", "fp32")
        self.assertIn("onnx_conversion", ended.json["steps_completed"])
        self.assertIn("freeze", [v["name"] for v in ended.json["variants"]])
        self.assertEqual(len(onnx.load(self.path("out.onnx")).graph.input), 1 if ended.status == 0 else len(model.graph.input))

    def test_older_opset_is_converted_for_quantising(self):
        model = conv_classifier()
        model.opset_import[0].version = 9
        ended = self.optimize(model, "--target", "iot", "--calibration", self.dataset("c.npz", model, 32, 1), "--max-accuracy-drop", "10")
        self.assertEqual(ended.status, 0, ended.err)
        self.assertGreaterEqual(onnx.load(self.path("out.onnx")).opset_import[0].version, 13)

    def test_two_inputs_dynamic_batch(self):
        rng = np.random.default_rng(0)
        nodes = [helper.make_node("MatMul", ["a", "w"], ["m"]), helper.make_node("MatMul", ["b", "v"], ["n"]),
                 helper.make_node("Add", ["m", "n"], ["s"]), helper.make_node("Relu", ["s"], ["r"]), helper.make_node("MatMul", ["r", "u"], ["y"])]
        w = lambda n, *s: (n, rng.normal(0, s[0] ** -0.5, s).astype(np.float32))
        model = model_of(nodes, [floats("a", ["N", 32]), floats("b", ["N", 16])], [floats("y", ["N", 8])], [w("w", 32, 64), w("v", 16, 64), w("u", 64, 8)])
        np.savez(self.path("c.npz"), a=rng.normal(size=(50, 32)).astype(np.float32), b=rng.normal(size=(50, 16)).astype(np.float32))
        for target in ("mobile", "browser"):
            ended = self.optimize(model, "--target", target, "--calibration", self.path("c.npz"), "--max-accuracy-drop", "20")
            self.assertEqual(ended.status, 0, ended.err)
            self.assertEqual(ended.json["optimized"]["precision"], "int8")

    def test_browser_takes_the_form_that_fits(self):
        """Dynamic int8 where MatMul and Gemm dominate, int8 weights where Conv does."""
        rng = np.random.default_rng(0)
        dense = model_of([helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("Relu", ["h"], ["r"]), helper.make_node("Gemm", ["r", "v", "c"], ["y"])],
                         [floats("x", ["N", 64])], [floats("y", ["N", 4])],
                         [("w", rng.normal(0, 0.1, (64, 256)).astype(np.float32)), ("v", rng.normal(0, 0.1, (256, 4)).astype(np.float32)), ("c", np.zeros(4, np.float32))])
        for model, wanted in ((dense, "int8 dynamic"), (conv_classifier(), "int8 weights only")):
            ended = self.optimize(model, "--target", "browser", "--max-accuracy-drop", "20")
            self.assertEqual(ended.status, 0, ended.err)
            self.assertEqual([v["name"] for v in ended.json["variants"] if v["chosen"]], [wanted])

    def test_conversion_that_fails_is_named(self):
        """Opset 8's Scan with lengths of sequences has no successor: the quantised forms say so, float still runs."""
        body = helper.make_graph([helper.make_node("Add", ["s", "e"], ["n"]), helper.make_node("Identity", ["n"], ["o"])], "body",
                                 [floats("s", [4]), floats("e", [4])], [floats("n", [4]), floats("o", [4])])
        lengths = helper.make_tensor_value_info("lengths", onnx.TensorProto.INT64, ["N"])
        model = model_of([helper.make_node("Scan", ["lengths", "start", "x"], ["last", "y"], body=body, num_scan_inputs=1)],
                         [lengths, floats("start", ["N", 4]), floats("x", ["N", 5, 4])], [floats("last", ["N", 4]), floats("y", ["N", 5, 4])], opset=8)
        np.savez(self.path("c.npz"), lengths=np.full(8, 5), start=np.zeros((8, 4), np.float32), x=np.ones((8, 5, 4), np.float32))
        ended = self.optimize(model, "--target", "mobile", "--calibration", self.path("c.npz"))
        self.assertEqual(ended.status, 1, ended.err)
        self.assertIn("the model cannot be converted from opset 8 to 13: ", ended.err)
        self.assertNotIn("Assertion", ended.err)

    def test_slower_is_said_everywhere(self):
        """What is handed back for size may be slower: JSON, stderr and page agree, and --never-slower keeps it out."""
        data = os.environ.get("ARETE_DATA")
        if not data:
            print("SKIP: no data")
            return
        slower = []
        for name, shape in (("vww01", (96, 96, 3)), ("kws01", (49, 10, 1))):
            model = os.path.join(data, f"mlperf_tiny/onnx/{name}_fp32.onnx")
            x = np.random.default_rng(5).normal(size=(32, *shape)).astype(np.float32)
            np.savez(self.path("c.npz"), x=x)
            run = lambda *more: arete("optimize", model, "-o", self.path("out.onnx"), "--target", "mobile", "--calibration", self.path("c.npz"),
                                      "--report", self.path("r.html"), "--max-accuracy-drop", "100", "--json", *more)
            ended = run()
            self.assertEqual(ended.status, 0, ended.err)
            with open(self.path("r.html"), encoding="utf-8") as page:
                told = json.loads(page.read().split('type="application/json" id="report-data">')[1].split("</script>")[0])
            self.assertEqual(told["slower"], ended.json["slower"])
            self.assertEqual("warning: the model handed back is slower" in ended.err, ended.json["slower"])
            self.assertEqual("slower than the original" in ended.json["verdict"], ended.json["slower"])
            if ended.json["slower"]:
                slower.append(name)
                again = run("--never-slower")
                chosen = [v for v in again.json["variants"] if v["chosen"]]
                self.assertFalse(again.json["slower"], again.err)
                self.assertTrue(all(v["speedup_interval"][1] * self.excused(again.json) >= 1 for v in chosen), again.json)
                self.assertEqual(again.status, 0 if chosen else 1, again.err)
        print("slower as int8 on this machine:", ", ".join(slower) or "none")

    def test_resnet18_224(self):
        """28x28 hides layout, resize and memory mistakes."""
        subprocess.run([os.sys.executable, os.path.join(SOURCE, "tests/models/make_resnet18.py"), self.path("model.onnx")], check=True)
        rng = np.random.default_rng(3)
        for split, count in (("calibration", 8), ("evaluation", 12)):
            os.mkdir(self.path(split))
            for i in range(count):
                picture = Image.fromarray(rng.integers(0, 255, (9, 9, 3), dtype=np.uint8)).resize((320, 240), Image.BICUBIC)
                picture.save(os.path.join(self.path(split), f"{i}.jpg"), quality=90)
        ended = arete("optimize", self.path("model.onnx"), "-o", self.path("out.onnx"), "--target", "mobile", "--json", "--max-accuracy-drop", "50",
                      "--calibration", self.path("calibration"), "--evaluation", self.path("evaluation"))
        self.assertEqual(ended.status, 0, ended.err)
        self.assertGreater(ended.json["size_reduction"], 0.74)
        self.assertGreater(ended.json["sqnr_db"], 15)


class Refusals(Case):
    def test_words(self):
        model = self.save("m.onnx", conv_classifier())
        out = self.path("out.onnx")
        os.mkdir(self.path("empty"))
        bad = np.zeros((4, 3, 16, 16), np.float32)
        bad[:] = np.nan
        np.savez(self.path("nan.npz"), x=bad)
        run = lambda *a: arete("optimize", model, "-o", out, "--target", "mobile", *a)
        self.expect_error(run("--calibration", self.path("empty")), 3, "empty")
        self.expect_error(run("--calibration", self.path("nan.npz")), 3, "NaN")
        self.expect_error(run("--calibration", self.path("absent")), 3, "absent")
        self.expect_error(run("--calibration", "x.npz", "--evaluation", "x.npz"), 3, "different samples")
        self.expect_error(arete("optimize", model, "-o", model), 3, "overwrite")
        self.expect_error(arete("optimize", model, "-o", os.path.join(self.folder, ".", "m.onnx")), 3, "overwrite")
        os.symlink(model, self.path("link.onnx"))
        self.expect_error(arete("optimize", model, "-o", self.path("link.onnx")), 3, "overwrite")
        self.expect_error(arete("optimize", model, "-o", out, "--report", model), 3, "overwrite the model")
        self.expect_error(arete("optimize", model, "-o", out, "--report", out), 3, "same file")
        self.expect_error(arete("optimize", model, "-o", out, "--report", self.path("no/such/r.html")), 3, "folder", "report")
        np.savez(self.path("x.npz"), x=np.zeros((4, 3, 16, 16), np.float32))
        os.symlink(self.path("x.npz"), self.path("also.npz"))
        self.expect_error(run("--calibration", self.path("x.npz"), "--evaluation", self.path("also.npz")), 3, "different samples")
        with open(self.path("m.card.json"), "w", encoding="utf-8") as file:
            json.dump({"input": {"kind": "tensor"}, "output": {"kind": "classification", "activation": "softmax", "labels": ["a", "b", "c"]}}, file)
        self.expect_error(arete("optimize", model, "-o", out, "--report", self.path("m.card.json")), 3, "overwrite the model card")
        self.expect_error(run("--calibration", self.path("x.npz")), 3, "3 labels", "4 classes")
        self.expect_error(arete("optimize", model, "-o", self.path("no/such/out.onnx")), 3, "folder")
        self.expect_error(arete("optimize", model, "-o", self.folder), 3, "folder")
        self.expect_error(run("--calibration", self.path("x.npz"), "--calibration-samples", "0"), 2, "--calibration-samples")
        self.expect_error(run("--precision", "int4"), 3, "int4")
        self.assertFalse(os.path.exists(out))

    def test_folders_that_are_not_the_models_classes(self):
        """Two class folders for a model of four classes: counting would flatter or blame by chance."""
        model = self.save("m.onnx", conv_classifier())
        for label in ("cat", "dog"):
            os.makedirs(self.path("images/" + label))
            Image.new("RGB", (20, 20)).save(self.path(f"images/{label}/a.png"))
        self.expect_error(arete("optimize", model, "-o", self.path("o.onnx"), "--target", "mobile", "--evaluation", self.path("images")), 3, "2 labels", "4 classes", "m.card.json")

    def test_weights_in_files_are_not_overwritten(self):
        onnx.save_model(conv_classifier(), self.path("m.onnx"), save_as_external_data=True, location="w.bin", size_threshold=0)
        for more in (("-o", self.path("w.bin")), ("-o", self.path("o.onnx"), "--report", self.path("w.bin"))):
            self.expect_error(arete("optimize", self.path("m.onnx"), *more), 3, "overwrite the model's weights")
        ended = arete("optimize", self.path("m.onnx"), "-o", self.path("o.onnx"), "--precision", "int8", "--target", "mobile", "--json")
        self.assertEqual(ended.status, 1, ended.err)
        size = os.path.getsize(self.path("m.onnx")) + os.path.getsize(self.path("w.bin"))
        self.assertLessEqual(abs(ended.json["original"]["bytes"] - size), 8 * 4096)  # the package pads between weights
        self.assertEqual(ended.json["original"]["precision"], "fp32")
        self.assertGreater(ended.json["original"]["p50_latency_ms"], 0)
        self.assertGreater(ended.json["threads"], 0)
        onnx.checker.check_model(self.path("o.onnx"))

    def test_rows_that_a_model_mixes_up(self):
        """A dynamic batch outside, one row inside: calibration and proof go one by one and every sample counts."""
        model = conv_classifier()
        for node in model.graph.node:
            if node.op_type == "Flatten":
                node.op_type, node.input[:] = "Reshape", [node.input[0], "one"]
                del node.attribute[:]
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([1, -1], np.int64), "one"))
        x = np.random.default_rng(1).normal(size=(80, 3, 16, 16)).astype(np.float32)
        np.savez(self.path("c.npz"), x=x[:40])
        np.savez(self.path("e.npz"), x=x[40:], y=np.zeros(40, np.int64))
        ended = arete("optimize", self.save("m.onnx", model), "-o", self.path("o.onnx"), "--target", "mobile", "--calibration", self.path("c.npz"),
                      "--evaluation", self.path("e.npz"), "--max-accuracy-drop", "100", "--json")
        self.assertEqual(ended.status, 0, ended.err)
        self.assertEqual((ended.json["calibration_samples"], ended.json["samples"]), (40, 40))
        self.assertIsNotNone(ended.json["agreement"])

    def test_unreadable_images_are_named_and_passed_over(self):
        model = self.save("m.onnx", conv_classifier())
        os.mkdir(self.path("images"))
        rng = np.random.default_rng(0)
        for i in range(6):
            Image.fromarray(rng.integers(0, 255, (20, 20, 3), dtype=np.uint8)).save(self.path(f"images/{i}.png"))
        with open(self.path("images/3.png"), "wb") as file:
            file.write(b"\x89PNG\r\n\x1a\n not really")
        ended = arete("optimize", model, "-o", self.path("out.onnx"), "--target", "mobile", "--calibration", self.path("images"), "--max-accuracy-drop", "100")
        self.assertEqual(ended.status, 0, ended.err)
        self.assertIn("3.png", ended.err)

    def test_interrupt_leaves_nothing(self):
        model = self.save("m.onnx", conv_classifier(size=128))
        process = subprocess.Popen([os.path.join(BIN, "arete"), "optimize", model, "-o", self.path("out.onnx"), "--target", "cpu"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 4)
        self.assertEqual(sorted(os.listdir(self.folder)), ["m.onnx"])


if __name__ == "__main__":
    main()
