"""`arete bundle create --reference`: every number of the reference is computed again, by numpy and ONNX Runtime."""
import json
import os

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from harness import Case, arete, conv_classifier, floats, main, model_of

CLASSES = {"input": {"kind": "tensor"}, "output": {"kind": "classification", "activation": "softmax", "labels": list("abcd")}}


def answers(path, **inputs):
    return ort.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, inputs)


def linear(width=3, outputs=2, batch="N", seed=1):
    """x [N,width] -> y [N,outputs]"""
    w = np.random.default_rng(seed).normal(size=(width, outputs)).astype(np.float32)
    return model_of([helper.make_node("MatMul", ["x", "w"], ["y"])], [floats("x", [batch, width])],
                    [floats("y", [batch, outputs])], [("w", w)])


class Reference(Case):
    def create(self, model, data, *options):
        return arete("bundle", "create", model, "-o", self.path("b.arete"), "--name", "shoes", "--version", "1.0.0", "--json",
                     "--unproven", "--reference", data, *options)

    def reference(self, *arguments):
        ended = self.create(*arguments)
        self.assertEqual(ended.status, 0, ended.err)
        self.assertEqual(arete("bundle", "extract", self.path("b.arete"), "-o", self.path("out")).status, 0)
        with open(self.path("out/manifest.json"), encoding="utf-8") as file:
            told = json.load(file)["reference"]
        with open(os.path.join(self.path("out"), told["file"]), encoding="utf-8") as file:
            reference = json.load(file)
        self.assertEqual(told["samples"], reference["samples"])
        self.assertEqual(ended.json["reference_samples"], reference["samples"])
        return reference

    def card(self, card):
        self.save("m.card.json", json.dumps(card).encode())

    def expect_distribution(self, row, values, **near):
        """The same values on the same edges."""
        near = near or {"rtol": 1e-9, "atol": 1e-12}
        values, edges = np.asarray(values, np.float64), np.array(row["edges"])
        self.assertTrue((np.diff(edges) > 0).all(), row["name"])
        self.assertLessEqual(len(edges), 19)
        bins = np.searchsorted(edges, values, side="left")
        counts = np.bincount(bins, minlength=len(edges) + 1)
        self.assertEqual(row["counts"], counts.tolist(), row["name"])
        self.assertEqual(sum(row["counts"]) + row["missing"], len(values))
        sums = np.bincount(bins, weights=values, minlength=len(edges) + 1)
        np.testing.assert_allclose(row["means"], sums / np.maximum(counts, 1), err_msg=row["name"], **near)
        np.testing.assert_allclose([row[key] for key in ("minimum", "maximum", "mean", "deviation")],
                                   [values.min(), values.max(), values.mean(), values.std()], err_msg=row["name"], **near)

    def expect_features(self, reference, wanted, **near):
        self.assertEqual([row["name"] for row in reference["features"]], list(wanted))
        for row in reference["features"]:
            self.expect_distribution(row, wanted[row["name"]], **near)

    def test_elements_are_features_and_values_a_regression(self):
        model, x = self.save("m.onnx", linear()), np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32)
        x[:, 1] = np.round(x[:, 1])  # few distinct values
        x[:, 2] = np.where(np.arange(500) % 2 == 0, 0, x[:, 2])  # one that is half of all
        self.card({"output": {"kind": "tensor"}})
        np.savez(self.path("d.npz"), x=x)
        reference = self.reference(model, self.path("d.npz"))
        self.expect_features(reference, {f"x[{i}]": x[:, i] for i in range(3)})
        self.assertEqual([row["name"] for row in reference["outputs"]], ["y[0]", "y[1]"])
        for i, row in enumerate(reference["outputs"]):
            self.expect_distribution(row, answers(model, x=x)[0][:, i], rtol=1e-5, atol=1e-6)
        self.assertNotIn("classes", reference)
        self.assertNotIn("confidence", reference)
        self.assertEqual(reference["predictor"], "variant main")
        even, few, half = (row["counts"] for row in reference["features"])
        self.assertEqual(even, [25] * 20)
        self.assertEqual(few, np.unique(x[:, 1], return_counts=True)[1].tolist())
        self.assertEqual(max(half), 250)

    def test_channels_classes_and_confidence(self):
        model = self.save("m.onnx", conv_classifier())
        x = np.random.default_rng(0).normal(size=(300, 3, 16, 16)).astype(np.float32) * np.float32([1, 2, 3])[:, None, None]
        np.savez(self.path("d.npz"), x=x)
        self.card(CLASSES)
        reference = self.reference(model, self.path("d.npz"))
        numbers = {"mean": np.mean, "deviation": np.std, "minimum": np.min, "maximum": np.max}
        self.expect_features(reference, {f"x.channel{c}.{name}": number(x[:, c].astype(np.float64), axis=(1, 2))
                                         for c in range(3) for name, number in numbers.items()})
        scores = answers(model, x=x)[0].astype(np.float64)
        self.assertEqual(reference["classes"], {"counts": np.bincount(scores.argmax(1), minlength=4).tolist(), "missing": 0})
        shares = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
        self.expect_distribution(reference["confidence"], shares.max(1), rtol=1e-4, atol=1e-6)
        self.assertNotIn("outputs", reference)

    def test_without_a_card_scores_are_classes(self):
        model, x = self.save("m.onnx", conv_classifier(classes=6)), np.random.default_rng(2).normal(size=(40, 3, 16, 16))
        np.savez(self.path("d.npz"), x=x.astype(np.float32))
        reference = self.reference(model, self.path("d.npz"))
        scores = answers(model, x=x.astype(np.float32))[0]
        self.assertEqual(reference["classes"]["counts"], np.bincount(scores.argmax(1), minlength=6).tolist())
        self.expect_distribution(reference["confidence"], scores.max(1), rtol=1e-4, atol=1e-6)

    def test_a_yes_or_no(self):
        model, x = self.save("m.onnx", linear(outputs=1)), np.random.default_rng(5).normal(size=(90, 3)).astype(np.float32)
        np.savez(self.path("d.npz"), x=x, y=np.zeros(90, np.int64))
        self.card({"output": {"kind": "classification", "activation": "sigmoid"}})
        reference = self.reference(model, self.path("d.npz"))
        share = 1 / (1 + np.exp(-answers(model, x=x)[0][:, 0].astype(np.float64)))
        self.assertEqual(reference["classes"]["counts"], [int((share <= 0.5).sum()), int((share > 0.5).sum())])
        self.expect_distribution(reference["confidence"], np.maximum(share, 1 - share), rtol=1e-4, atol=1e-6)

    def test_class_numbers_have_no_confidence(self):
        graph = [helper.make_node("ArgMax", ["x"], ["y"], axis=1, keepdims=0)]
        model = self.save("m.onnx", model_of(graph, [floats("x", ["N", 5])],
                                             [helper.make_tensor_value_info("y", TensorProto.INT64, ["N"])]))
        x = np.random.default_rng(4).normal(size=(70, 5)).astype(np.float32)
        np.savez(self.path("d.npz"), x=x)
        self.card({"output": {"kind": "classification", "labels": list("abcdefg")}})
        reference = self.reference(model, self.path("d.npz"))
        self.assertEqual(reference["classes"]["counts"], np.bincount(x.argmax(1), minlength=7).tolist())
        self.assertNotIn("confidence", reference)

    def test_a_record_names_its_features(self):
        model, rng = self.save("m.onnx", linear(outputs=1)), np.random.default_rng(3)
        x = np.column_stack([rng.normal(20, 5, 200), rng.integers(0, 4, 200), rng.exponential(1, 200)]).astype(np.float32)
        self.card({"input": {"kind": "record", "fields": ["temperature", "load", {"name": "Öl", "default": 0}]}})
        rows = [",".join(repr(float(v)) for v in row) + f",{i % 7}.5" for i, row in enumerate(x)]
        self.save("d.csv", ("temperature,load,Öl,label\n" + "\n".join(rows) + "\n").encode())
        reference = self.reference(model, self.path("d.csv"))
        self.expect_features(reference, {"temperature": x[:, 0], "load": x[:, 1], "Öl": x[:, 2]})
        self.assertEqual(reference["features"][1]["edges"], [0.5, 1.5, 2.5])

    def test_images_are_prepared_as_the_card_says(self):
        nodes = [helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]), helper.make_node("GlobalAveragePool", ["t"], ["p"]),
                 helper.make_node("Flatten", ["p"], ["y"])]
        model = self.save("m.onnx", model_of(nodes, [floats("x", [1, 12, 10, 3])], [floats("y", [1, 3])]))
        mean, std = [0.5, 0.4, 0.3], [0.2, 0.25, 0.5]
        self.card({"input": {"kind": "image", "width": 10, "height": 12, "mean": mean, "std": std, "layout": "NHWC"},
                   "output": {"kind": "classification", "activation": "softmax", "labels": ["cat", "dog", "hen"]}})
        rng, pixels = np.random.default_rng(0), []
        for i in range(30):
            folder = self.path(f"images/{['cat', 'dog'][i % 2]}")
            os.makedirs(folder, exist_ok=True)
            pixels.append(rng.integers(0, 256, (12, 10, 3), np.uint8))
            Image.fromarray(pixels[-1]).save(os.path.join(folder, f"{i:02}.png"))
        self.save("images/cat/bad.png", b"\x89PNG")
        ended = self.create(model, self.path("images"))
        self.assertEqual(ended.status, 0, ended.err)
        self.assertIn("bad.png", ended.err)
        reference = self.reference(model, self.path("images"))
        self.assertEqual(reference["samples"], 30)
        x = (np.array(pixels) / 255 - mean) / std
        self.expect_features(reference, {f"x.channel{c}.{name}": number(x[..., c], axis=(1, 2)) for c in range(3) for name, number in
                                         (("mean", np.mean), ("deviation", np.std), ("minimum", np.min), ("maximum", np.max))},
                             rtol=1e-5, atol=1e-6)
        self.assertEqual(reference["classes"]["counts"], np.bincount(x.mean((1, 2)).argmax(1), minlength=3).tolist())

    def test_two_inputs_of_other_dtypes_and_a_spectrum(self):
        nodes = [helper.make_node("Cast", ["ids"], ["f"], to=TensorProto.FLOAT), helper.make_node("Cast", ["half"], ["h"], to=TensorProto.FLOAT),
                 helper.make_node("ReduceMean", ["s"], ["m"], axes=[1, 2, 3], keepdims=0), helper.make_node("Unsqueeze", ["m", "axes"], ["u"]),
                 helper.make_node("Concat", ["f", "h", "u"], ["y"], axis=1)]
        inputs = [helper.make_tensor_value_info("ids", TensorProto.INT64, ["N", 2]),
                  helper.make_tensor_value_info("half", TensorProto.FLOAT16, ["N", 1]), floats("s", ["N", 1, "T", 9])]
        model = self.save("m.onnx", model_of(nodes, inputs, [floats("y", ["N", 4])], [("axes", np.array([1], np.int64))]))
        rng = np.random.default_rng(0)
        ids, half = rng.integers(-3, 9, (60, 2)), rng.normal(size=(60, 1)).astype(np.float16)
        s = rng.normal(size=(60, 1, 5, 9)).astype(np.float32)
        np.savez(self.path("d.npz"), ids=ids, half=half, s=s)
        self.card({"output": {"kind": "tensor"}})
        reference = self.reference(model, self.path("d.npz"))
        flat = s.reshape(60, -1).astype(np.float64)
        self.expect_features(reference, {
            "ids[0]": ids[:, 0], "ids[1]": ids[:, 1], "half[0]": half[:, 0], "s.channel0.mean": flat.mean(1),
            "s.channel0.deviation": flat.std(1), "s.channel0.minimum": flat.min(1), "s.channel0.maximum": flat.max(1)})

    def test_a_fixed_batch_counts_each_sample_once(self):
        model, x = self.save("m.onnx", linear(batch=8)), np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
        np.savez(self.path("d.npz"), x=x)
        self.card({"output": {"kind": "tensor"}})
        reference = self.reference(model, self.path("d.npz"))
        self.expect_features(reference, {f"x[{i}]": x[:, i] for i in range(3)})
        y = x.astype(np.float64) @ np.random.default_rng(1).normal(size=(3, 2)).astype(np.float32)
        self.expect_distribution(reference["outputs"][1], y[:, 1], rtol=1e-4, atol=1e-6)

    def test_the_answers_are_the_originals(self):
        original, changed = conv_classifier(), conv_classifier()
        for weight in changed.graph.initializer:
            if weight.name == "c3":
                weight.CopyFrom(numpy_helper.from_array(np.float32([9, 0, 0, 0]), "c3"))
        x = np.random.default_rng(0).normal(size=(64, 3, 16, 16)).astype(np.float32)
        np.savez(self.path("d.npz"), x=x)
        model, float_model = self.save("m.onnx", changed), self.save("float.onnx", original)
        alone = self.reference(model, self.path("d.npz"))
        self.assertEqual((alone["predictor"], alone["classes"]["counts"][0]), ("variant main", 64))
        beside = self.reference(model, self.path("d.npz"), "--original", float_model)
        self.assertEqual(beside["predictor"], "original model")
        self.assertEqual(beside["classes"]["counts"], np.bincount(answers(float_model, x=x)[0].argmax(1), minlength=4).tolist())
        self.assertEqual(beside["features"], alone["features"])
        graph = [helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT), helper.make_node("ReduceMean", ["f"], ["y"], axes=[2, 3])]
        half = helper.make_tensor_value_info("x", TensorProto.FLOAT16, ["N", 4, 16, 16])
        other = self.save("other.onnx", model_of(graph, [half], [floats("y", ["N", 4, 1, 1])]))
        self.expect_error(self.create(model, self.path("d.npz"), "--original", other), 3, "other.onnx")

    def test_so_many_samples_at_most(self):
        model, x = self.save("m.onnx", linear()), np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32)
        np.savez(self.path("d.npz"), x=x)
        reference = self.reference(model, self.path("d.npz"), "--reference-samples", 70)
        self.assertEqual(reference["samples"], 70)
        self.expect_features(reference, {f"x[{i}]": x[:70, i] for i in range(3)})
        self.assertEqual(self.create(model, self.path("d.npz"), "--reference-samples", 0).status, 2)

    def test_more_samples_than_the_window(self):
        model, x = self.save("m.onnx", linear(width=2)), np.random.default_rng(0).normal(size=(90_000, 2)).astype(np.float32)
        np.savez(self.path("d.npz"), x=x)
        reference = self.reference(model, self.path("d.npz"), "--reference-samples", 100_000)
        self.expect_features(reference, {"x[0]": x[:, 0], "x[1]": x[:, 1]})
        self.assertLess(max(reference["features"][0]["counts"]) / 90_000, 0.06)

    def test_show_tells_it_and_the_same_data_give_the_same_bytes(self):
        model, x = self.save("m.onnx", linear()), np.random.default_rng(0).normal(size=(80, 3)).astype(np.float32)
        np.savez(self.path("d.npz"), x=x)
        first = self.create(model, self.path("d.npz"))
        self.assertEqual(first.status, 0, first.err)
        self.assertIn("variant main", first.err)
        self.assertEqual(first.json["manifest_sha256"], self.create(model, self.path("d.npz")).json["manifest_sha256"])
        self.assertIn("80 reference samples", arete("bundle", "show", self.path("b.arete")).out)
        shown = arete("bundle", "show", self.path("b.arete"), "--json").json
        self.assertEqual(shown["reference"], {"file": "reference.json", "samples": 80})
        self.assertEqual(arete("bundle", "verify", self.path("b.arete")).status, 0)

    def test_rows_that_are_no_numbers_are_left_out(self):
        model, x = self.save("m.onnx", linear()), np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
        x[3, 1], x[5, 2] = np.nan, np.inf
        np.savez(self.path("d.npz"), x=x)
        ended = self.create(model, self.path("d.npz"))
        self.assertEqual(ended.json["reference_samples"], 18)
        self.assertIn("row 3", ended.err)
        np.savez(self.path("none.npz"), x=np.full((4, 3), np.nan, np.float32))
        os.remove(self.path("b.arete"))
        self.expect_error(self.create(model, self.path("none.npz")), 3, "none of 4", "none.npz")
        self.expect_error(self.create(model, self.path("nothing.npz")), 3, "nothing.npz")
        np.savez(self.path("wide.npz"), x=np.zeros((4, 9), np.float32))
        self.expect_error(self.create(model, self.path("wide.npz")), 3)
        self.assertFalse(os.path.exists(self.path("b.arete")))


if __name__ == "__main__":
    main()
