"""`arete bundle`: what it writes is read by a reader of its own, made from docs/formats/bundle.md alone."""
import ctypes
import hashlib
import json
import os
import struct

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper

from harness import Case, arete, conv_classifier, floats, main, model_of

MAGIC = b"\x8aART\r\n\x1a\n"
ZSTD = ctypes.CDLL("libzstd.so.1")
ZSTD.ZSTD_decompress.restype = ctypes.c_size_t


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def unpacked(stored, size):
    into = ctypes.create_string_buffer(size)
    assert ZSTD.ZSTD_decompress(into, ctypes.c_size_t(size), stored, ctypes.c_size_t(len(stored))) == size
    return into.raw


def read_bundle(path):
    """(manifest, {path: bytes})"""
    with open(path, "rb") as file:
        data = file.read()
    magic, form, size, digest = struct.unpack_from("<8sII32s", data)
    text = data[48:48 + size]
    assert (magic, form, digest) == (MAGIC, 1, hashlib.sha256(text).digest())
    manifest, at, blobs = json.loads(text), 48 + size, []
    rows = struct.iter_unpack("<II", data[len(data) - 8 * len(manifest["blobs"]):])
    for blob, (stored, coding) in zip(manifest["blobs"], rows):
        part = data[at:at + stored]
        at += stored
        blobs.append(part if coding == 0 else unpacked(part, blob["bytes"]))
        assert sha256(blobs[-1]) == blob["sha256"]
    assert at + 8 * len(blobs) == len(data)
    return manifest, {file["path"]: b"".join(blobs[i] for i in file["blobs"]) for file in manifest["files"]}


def write_bundle(path, manifest, rest):
    text = json.dumps(manifest).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<8sII32s", MAGIC, 1, len(text), hashlib.sha256(text).digest()) + text + rest)


def answers(path, x):
    return ort.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]


class Bundle(Case):
    def create(self, model, name="b.arete", *options, version="1.0.0"):
        return arete("bundle", "create", model, "-o", self.path(name), "--name", "shoes", "--version", version, "--json", *options)

    def created(self, *arguments, **options):
        ended = self.create(*arguments, **options)
        self.assertEqual(ended.status, 0, ended.err)
        return ended.json

    def proven(self, model, name="b.arete", *options, **more):
        return self.created(model, name, "--original", model, *options, **more)

    def content(self, path):
        with open(path, "rb") as file:
            return file.read()

    def test_another_reader_gets_the_original_bytes(self):
        model = self.save("m.onnx", conv_classifier())
        told = self.proven(model, "b.arete", "--claim", "top-1 accuracy=92.5 %, 10,000 images", "--changelog", "heels")
        manifest, files = read_bundle(self.path("b.arete"))
        self.assertEqual(files["main/m.onnx"], self.content(model))
        self.assertEqual({file["path"]: file["sha256"] for file in manifest["files"]},
                         {path: sha256(data) for path, data in files.items()})
        self.assertEqual((manifest["name"], manifest["version"], manifest["release"]), ("shoes", "1.0.0", 1))
        self.assertEqual(manifest["claims"], [{"what": "top-1 accuracy", "value": 92.5, "unit": "%", "how": "10,000 images"}])
        self.assertEqual(manifest["golden"]["samples"], 16)
        self.assertEqual(told["bytes"], os.path.getsize(self.path("b.arete")))
        # The golden answers are the model's own, by ONNX Runtime's judgement.
        with open(self.path("g.npz"), "wb") as file:
            file.write(files["golden.npz"])
        with np.load(self.path("g.npz")) as golden:
            for i in range(16):
                np.testing.assert_allclose(answers(model, golden["input/x"][i]), golden["output/y"][i], rtol=1e-4, atol=1e-6)

    def test_extracted_files_are_the_original_ones_and_run(self):
        model = self.save("m.onnx", conv_classifier())
        self.proven(model)
        ended = arete("bundle", "extract", self.path("b.arete"), "-o", self.path("out/deep"), "--json")
        self.assertEqual(ended.status, 0, ended.err)
        place = self.path("out/deep/main/m.onnx")
        self.assertEqual(self.content(place), self.content(model))
        self.assertTrue(os.path.exists(self.path("out/deep/main/m.golden.npz")))
        self.assertEqual(json.loads(self.content(self.path("out/deep/manifest.json")))["name"], "shoes")
        self.assertEqual(arete("info", place, "--json").status, 0)

    def test_the_same_model_gives_the_same_bytes(self):
        model = self.save("m.onnx", conv_classifier())
        first, second = self.proven(model, "a.arete"), self.proven(model, "b.arete")
        self.assertEqual(first["manifest_sha256"], second["manifest_sha256"])
        self.assertEqual(self.content(self.path("a.arete")), self.content(self.path("b.arete")))

    def test_without_a_proof_it_says_so_or_refuses(self):
        model = self.save("m.onnx", conv_classifier())
        self.expect_error(self.create(model), 3, "golden", "--unproven", "optimize")
        self.assertFalse(os.path.exists(self.path("b.arete")))
        self.assertFalse(self.created(model, "b.arete", "--unproven")["proven"])
        self.assertIn("unproven", arete("bundle", "show", self.path("b.arete")).out)

    def test_golden_answers_of_optimize_are_taken(self):
        model = self.save("m.onnx", conv_classifier())
        np.savez(self.path("samples.npz"), x=np.random.default_rng(0).normal(size=(64, 3, 16, 16)).astype(np.float32))
        ended = arete("optimize", model, "-o", self.path("small.onnx"), "--precision", "int8", "--target", "mobile",
                      "--calibration", self.path("samples.npz"), "--max-accuracy-drop", 100, "--json")
        self.assertIn(ended.status, (0, 1), ended.err)
        self.created(self.path("small.onnx"))
        manifest, _ = read_bundle(self.path("b.arete"))
        row = manifest["variants"][0]["tolerances"][0]
        self.assertEqual(row["output"], "y")
        self.assertAlmostEqual(row["tolerance"], max(1e-4, min(1, 1.5 * row["difference"])))
        self.assertIn("card", manifest)

    def test_a_variant_that_is_far_off_is_refused(self):
        model, changed = self.save("m.onnx", conv_classifier()), conv_classifier()
        weight = next(w for w in changed.graph.initializer if w.name == "w3")
        values = numpy_helper.to_array(weight) + np.float32(0.5) * np.sign(numpy_helper.to_array(weight))
        weight.CopyFrom(numpy_helper.from_array(values.astype(np.float32), "w3"))
        other = self.save("other.onnx", changed)
        self.expect_error(self.create(model, "b.arete", "--original", model, "--variant", f"loud={other}"), 3, "other.onnx", "--accept")
        self.assertFalse(os.path.exists(self.path("b.arete")))
        ended = self.create(model, "b.arete", "--original", model, "--variant", f"loud@aarch64-linux={other}", "--accept")
        self.assertEqual(ended.status, 0, ended.err)
        self.assertIn("accepted", ended.err)
        manifest, _ = read_bundle(self.path("b.arete"))
        self.assertEqual([(v["name"], v["target"]) for v in manifest["variants"]], [("main", "any"), ("loud", "aarch64-linux")])
        self.assertGreater(manifest["variants"][1]["tolerances"][0]["difference"], 0.1)

    def test_variants_with_other_inputs_are_refused(self):
        model = self.save("m.onnx", conv_classifier())
        other = self.save("o.onnx", conv_classifier(classes=5))
        self.expect_error(self.create(model, "b.arete", "--original", model, "--variant", f"o={other}"), 3, "alike", "output")
        self.expect_error(self.create(model, "b.arete", "--unproven", "--variant", "nonsense"), 3, "NAME=FILE")

    def test_an_evaluation_set_travels_and_its_accuracy_is_claimed(self):
        model, rng = self.save("m.onnx", conv_classifier()), np.random.default_rng(3)
        x, y = rng.normal(size=(50, 3, 16, 16)).astype(np.float32), rng.integers(0, 4, 50)
        np.savez(self.path("eval.npz"), x=x, y=y)
        card = {"input": {"kind": "tensor"}, "output": {"kind": "classification", "labels": ["a", "b", "c", "d"]}}
        self.save("m.card.json", json.dumps(card).encode())
        self.proven(model, "b.arete", "--evaluation", self.path("eval.npz"), "--evaluation-samples", 40)
        manifest, files = read_bundle(self.path("b.arete"))
        self.assertEqual(manifest["evaluation"], {"file": "evaluation.npz", "samples": 40})
        self.save("e.npz", files["evaluation.npz"])
        with np.load(self.path("e.npz")) as arrays:
            np.testing.assert_array_equal(arrays["input/x"], x[:40])
            np.testing.assert_array_equal(arrays["labels"], y[:40])
        right = (answers(model, x[:40]).argmax(1) == y[:40]).mean() * 100
        (claim,) = manifest["claims"]
        self.assertAlmostEqual(claim["value"], right)
        self.assertIn("40 samples", claim["how"])
        os.remove(self.path("m.card.json"))
        self.expect_error(self.create(model, "c.arete", "--original", model, "--evaluation", self.path("eval.npz")), 3, "--card")

    def test_a_yes_or_no_is_evaluated_too(self):
        rng = np.random.default_rng(5)
        w = rng.normal(size=(6, 1)).astype(np.float32)
        model = self.save("m.onnx", model_of([helper.make_node("MatMul", ["x", "w"], ["y"])], [floats("x", ["N", 6])],
                                             [floats("y", ["N", 1])], [("w", w)]))
        x, y = rng.normal(size=(60, 6)).astype(np.float32), rng.integers(0, 2, 60)
        np.savez(self.path("eval.npz"), x=x, y=y)
        card = {"input": {"kind": "tensor"}, "output": {"kind": "classification", "activation": "sigmoid", "labels": ["no", "yes"]}}
        self.save("m.card.json", json.dumps(card).encode())
        self.proven(model, "b.arete", "--evaluation", self.path("eval.npz"))
        (claim,) = read_bundle(self.path("b.arete"))[0]["claims"]
        self.assertAlmostEqual(claim["value"], (((x @ w)[:, 0] > 0) == y).mean() * 100)

    def test_external_data_travels_too(self):
        rng = np.random.default_rng(0)
        model = model_of([helper.make_node("MatMul", ["x", "w"], ["y"])], [floats("x", ["N", 64])], [floats("y", ["N", 64])],
                         [("w", rng.normal(size=(64, 64)).astype(np.float32))])
        onnx.save_model(model, self.path("m.onnx"), save_as_external_data=True, location="weights.bin", size_threshold=0)
        self.proven(self.path("m.onnx"))
        manifest, files = read_bundle(self.path("b.arete"))
        self.assertEqual(files["main/weights.bin"], self.content(self.path("weights.bin")))
        self.assertIn("w", [blob.get("tensor") for blob in manifest["blobs"]])
        self.assertEqual(arete("bundle", "extract", self.path("b.arete"), "-o", self.path("out")).status, 0)
        x = rng.normal(size=(2, 64)).astype(np.float32)
        np.testing.assert_array_equal(answers(self.path("out/main/m.onnx"), x), answers(self.path("m.onnx"), x))

    def test_diff_names_the_tensor(self):
        before, after = conv_classifier(), conv_classifier()
        weight = next(w for w in after.graph.initializer if w.name == "w2")
        weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) * np.float32(1.001), "w2"))
        self.proven(self.save("m.onnx", before), "a.arete")
        os.mkdir(self.path("new"))
        self.proven(self.save("new/m.onnx", after), "b.arete", version="1.1.0")
        told = arete("bundle", "diff", self.path("a.arete"), self.path("b.arete"), "--json").json
        self.assertIn("version", told["fields"])
        changed = {file["path"]: file for file in told["files"]}
        self.assertEqual(changed["main/m.onnx"]["tensors"], ["w2"])
        self.assertLess(changed["main/m.onnx"]["changed_bytes"], 80_000)

    def test_a_delta_and_the_older_bundle_are_the_newer_one(self):
        before, after = conv_classifier(), conv_classifier()
        weight = next(w for w in after.graph.initializer if w.name == "w2")
        weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) * np.float32(1.001), "w2"))
        model = self.save("m.onnx", before)
        self.proven(model, "a.arete")
        self.save("m.onnx", after)
        self.proven(model, "b.arete", version="1.1.0")
        told = arete("bundle", "delta", self.path("a.arete"), self.path("b.arete"), "-o", self.path("d"), "--json").json
        self.assertEqual(told["bytes"], os.path.getsize(self.path("d")))
        self.assertLess(told["bytes"], 73_728 + 4096 + 16 * 4 * 4 + 5000)
        ended = arete("bundle", "apply", self.path("a.arete"), self.path("d"), "-o", self.path("c.arete"), "--json")
        self.assertEqual(ended.status, 0, ended.err)
        self.assertEqual(self.content(self.path("c.arete")), self.content(self.path("b.arete")))
        ended = arete("bundle", "apply", self.path("b.arete"), self.path("d"), "-o", self.path("e.arete"))
        self.expect_error(ended, 4, "not from this one")
        self.assertFalse(os.path.exists(self.path("e.arete")))

    def test_damage_is_seen_and_nothing_is_left(self):
        self.proven(self.save("m.onnx", conv_classifier()))
        data = bytearray(self.content(self.path("b.arete")))
        data[-1000] ^= 1
        self.save("bad.arete", bytes(data))
        self.expect_error(arete("bundle", "verify", self.path("bad.arete")), 3, "bad.arete", "blob")
        self.expect_error(arete("bundle", "extract", self.path("bad.arete"), "-o", self.path("out")), 3, "blob")
        self.assertEqual([name for _, _, names in os.walk(self.path("out")) for name in names], [])
        self.assertEqual(arete("bundle", "verify", self.path("b.arete"), "--json").json["version"], "1.0.0")
        self.save("short.arete", bytes(data[:-1]))
        self.expect_error(arete("bundle", "show", self.path("short.arete")), 3, "cut short")
        self.expect_error(arete("bundle", "show", self.save("m.arete", b"PK")), 3, "no bundle")
        self.expect_error(arete("bundle", "show", self.path("nothing")), 3, "nothing")

    def test_paths_that_lead_out_write_nothing(self):
        self.proven(self.save("m.onnx", conv_classifier()))
        manifest, _ = read_bundle(self.path("b.arete"))
        data = self.content(self.path("b.arete"))
        rest = data[48 + struct.unpack_from("<I", data, 12)[0]:]
        for path in ("../evil", "/tmp/evil", "a/../../evil", "a\\..\\evil"):
            manifest["files"][1]["path"] = manifest["golden"]["file"] = path
            write_bundle(self.path("evil.arete"), manifest, rest)
            self.expect_error(arete("bundle", "extract", self.path("evil.arete"), "-o", self.path("out/x")), 3, "relative")
            self.assertFalse(os.path.exists(self.path("out")))


if __name__ == "__main__":
    main()
