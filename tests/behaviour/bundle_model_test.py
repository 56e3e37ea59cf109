"""A bundle where a model is taken: every verb answers as with the .onnx that went into it, and refuses a broken one by name."""
import os
import shutil
import subprocess
from pathlib import Path

import harness

try:
    import numpy as np
    import onnx
    import onnxruntime  # noqa: F401
    import urllib3  # noqa: F401
except ImportError as missing:
    harness.skip(f"the test venv lacks {missing.name}")

from onnx import helper

import serving
from harness import BIN, arete, conv_classifier, floats, model_of

HERE = os.uname().machine + "-linux"
SHOES = np.random.default_rng(5).normal(size=(3, 3, 16, 16)).astype(np.float32)


def dense(seed=0):
    """x [N,64] -> y [N,64]"""
    weight = np.random.default_rng(seed).normal(size=(64, 64)).astype(np.float32)
    return model_of([helper.make_node("MatMul", ["x", "w"], ["y"])], [floats("x", ["N", 64])], [floats("y", ["N", 64])], [("w", weight)])


class BundleModel(harness.Case):
    def bundle(self, model, name="b.arete", *options, version="1.0.0"):
        ended = arete("bundle", "create", model, "-o", self.path(name), "--name", "shoes", "--version", version, "--original", model, "--accept",
                      *options)
        self.assertEqual(ended.status, 0, ended.err)
        return self.path(name)

    def answer(self, model, x, *options, cwd=None):
        """The bytes of the output file."""
        np.save(self.path("x.npy"), x)
        ended = arete("run", model, "--input", f"x={self.path('x.npy')}", "--output-dir", self.path("out"), *options, cwd=cwd)
        self.assertEqual(ended.status, 0, ended.err)
        return Path(self.path("out/y.npy")).read_bytes()

    def external(self, name="ext", seed=0):
        """A model with its weights in files of their own, one of them in a folder."""
        folder = Path(self.path(name))
        (folder / "below").mkdir(parents=True)
        onnx.save_model(dense(seed), folder / "m.onnx", save_as_external_data=True, location="below/weights.bin", size_threshold=0)
        return str(folder / "m.onnx")

    def broken(self, bundle, change):
        data = bytearray(Path(bundle).read_bytes())
        change(data)
        Path(self.path("broken.arete")).write_bytes(data)
        return self.path("broken.arete")

    def serve(self, *arguments, **more):
        server = serving.Server(self.folder, *arguments, **more)
        self.addCleanup(server.stop)
        return server

    def served(self, server, name, x):
        said = server.infer(name, {"x": x})
        self.assertEqual(said.status, 200, said.data)
        output = said.json()["outputs"][0]
        return np.array(output["data"], np.float32).reshape(output["shape"]), said.json()["model_version"]

    # ---- info, run, bench, convert ----

    def test_runs_as_the_model_bit_for_bit(self):
        model = self.save("m.onnx", conv_classifier())
        bundle = self.bundle(model)
        self.assertEqual(self.answer(bundle, SHOES), self.answer(model, SHOES))
        # By its content, not its name.
        shutil.copy(bundle, self.path("b.onnx"))
        self.assertEqual(self.answer(self.path("b.onnx"), SHOES), self.answer(model, SHOES))

    def test_info_says_what_it_says_of_the_model_and_of_the_bundle(self):
        model = self.save("m.onnx", conv_classifier())
        told = arete("info", self.bundle(model, "b.arete", "--release", 4, version="1.2.3"), "--json").json
        self.assertEqual(told.pop("bundle"), {"name": "shoes", "version": "1.2.3", "release": 4, "variant": "main", "target": "any",
                                              "engine": "onnxruntime", "model": "main/m.onnx"})
        self.assertEqual(told, arete("info", model, "--json").json)
        words = arete("info", self.path("b.arete")).out
        for word in ("shoes 1.2.3, release 4", "main for any by onnxruntime"):
            self.assertIn(word, words)
        self.assertEqual(arete("info", self.path("b.arete"), "--text").out, arete("info", model, "--text").out)

    def test_bench(self):
        ended = arete("bench", self.bundle(self.save("m.onnx", conv_classifier())), "--runs", 5, "--engine", "auto", "--json")
        self.assertEqual(ended.status, 0, ended.err)
        self.assertGreater(ended.json["p50_latency_ms"], 0)
        self.assertEqual(ended.json["precision"], "fp32")

    def test_convert(self):
        model = self.save("m.onnx", conv_classifier())
        for source, out in ((model, "a.onnx"), (self.bundle(model), "b.onnx")):
            self.assertEqual(arete("convert", source, "-o", self.path(out), "--opset", 17).status, 0)
        self.assertEqual(Path(self.path("a.onnx")).read_bytes(), Path(self.path("b.onnx")).read_bytes())

    def test_external_data_comes_from_the_bundle_alone(self):
        model = self.external()
        bundle = self.bundle(model)
        wanted = self.answer(model, SHOES.reshape(-1, 64))
        # A working folder with other weights of that name, and nothing of it is written to.
        trap = Path(self.path("trap/below"))
        trap.mkdir(parents=True)
        (trap / "weights.bin").write_bytes(np.ones((64, 64), np.float32).tobytes())
        shutil.rmtree(self.path("ext"))
        self.assertEqual(self.answer(bundle, SHOES.reshape(-1, 64), cwd=trap.parent), wanted)
        self.assertEqual(sorted(p.name for p in trap.parent.rglob("*")), ["below", "weights.bin"])
        self.assertEqual(arete("info", bundle, "--json").json["bytes"] // 1000, (64 * 64 * 4 + 219) // 1000)

    def test_variants(self):
        model, other = self.save("m.onnx", dense(0)), self.save("o.onnx", dense(1))
        x = SHOES.reshape(-1, 64)
        bundle = self.bundle(model, "b.arete", "--variant", f"far@other-linux={other}", "--variant", f"here@{HERE}={other}")
        self.assertEqual(self.answer(bundle, x), self.answer(other, x))
        self.assertEqual(self.answer(bundle, x, "--variant", "main"), self.answer(model, x))
        self.assertEqual(self.answer(bundle, x, "--variant", "far"), self.answer(other, x))
        self.assertEqual(arete("info", bundle, "--json").json["bundle"]["variant"], "here")
        self.assertEqual(arete("info", bundle, "--variant", "main", "--json").json["bundle"]["variant"], "main")
        for verb in (["info"], ["bench"], ["run", "--input", f"x={self.path('x.npy')}", "--output-dir", self.path("out")]):
            ended = arete(*verb, bundle, "--variant", "none")
            self.expect_error(ended, 3, "b.arete: ", "'none'", "'main' for any", "'far' for other-linux", f"'here' for {HERE}")
        self.expect_error(arete("info", model, "--variant", "main"), 3, "m.onnx", "--variant")
        only_far = self.bundle(model, "far.arete", "--target", "other-linux")
        self.expect_error(arete("bench", only_far), 3, "far.arete: ", HERE, "'main' for other-linux")

    def test_a_broken_bundle_is_refused_by_name(self):
        bundle = self.bundle(self.save("m.onnx", conv_classifier()))

        def middle(data):
            data[len(data) // 2] ^= 1

        def manifest(data):
            data[60] ^= 1

        def cut(data):
            del data[len(data) // 2:]

        for change in (middle, manifest, cut, lambda data: data.extend(b"more"), lambda data: data.__delitem__(slice(40, None))):
            broken = self.broken(bundle, change)
            for verb in (["info"], ["bench"], ["run", "--output-dir", self.path("none")]):
                ended = arete(*verb, broken)
                self.expect_error(ended, 3, "broken.arete")
                self.assertTrue(ended.err.startswith(f"arete: {broken}"), ended.err)
            ended = subprocess.run([os.path.join(BIN, "arete-serve"), "--port", "0", broken], capture_output=True, text=True, timeout=60)
            self.assertEqual(ended.returncode, 3, ended.stderr)
            self.assertTrue(ended.stderr.startswith(f"arete: {broken}"), ended.stderr)
        self.assertFalse(os.path.exists(self.path("none")))

    # ---- serve ----

    def test_serves_as_the_model(self):
        model = self.save("m.onnx", conv_classifier())
        self.save("m.card.json", b'{"input": {"kind": "tensor"}, "output": {"kind": "classification", "labels": ["a", "b", "c", "d"]}}')
        bundle = self.bundle(model, version="1.10.0")
        wanted = serving.run(model, {"x": SHOES})["y"]
        for isolate in ((), ("--isolate",)):
            server = self.serve(bundle, f"plain={model}", *isolate)
            got, version = self.served(server, "shoes", SHOES)
            self.assertEqual(version, "1.10.0")
            np.testing.assert_array_equal(got, self.served(server, "plain", SHOES)[0])
            np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)
            self.assertEqual(server.get("/v2/models/shoes").json()["versions"], ["1.10.0"])
            self.assertEqual(server.get("/models/shoes").json()["card"]["output"]["labels"], ["a", "b", "c", "d"])
            self.assertEqual(server.get("/v2/models/shoes/versions/1.10.0/ready").status, 200)

    def test_serves_external_data(self):
        model = self.external()
        bundle = self.bundle(model)
        x = SHOES.reshape(-1, 64)
        wanted = serving.run(model, {"x": x})["y"]
        shutil.rmtree(self.path("ext"))
        for isolate in ((), ("--isolate",)):
            np.testing.assert_allclose(self.served(self.serve(bundle, *isolate), "shoes", x)[0], wanted, rtol=1e-4, atol=1e-5)

    def test_serves_the_variant_that_fits_or_is_named(self):
        model, other = self.save("m.onnx", serving.plus(1, 64)), self.save("o.onnx", serving.plus(1.00001, 64))
        bundle = self.bundle(model, "b.arete", "--variant", f"here@{HERE}={other}")
        zeros = np.zeros((1, 64), np.float32)
        self.assertEqual(self.served(self.serve(bundle), "shoes", zeros)[0][0][0], np.float32(1.00001))
        self.assertEqual(self.served(self.serve(bundle, "--variant", "main"), "shoes", zeros)[0][0][0], np.float32(1))

    def test_several_and_a_newer_one_in_place(self):
        one = self.bundle(self.save("one.onnx", serving.plus(1)), "one.arete", version="1.9.0")
        two = self.bundle(self.save("two.onnx", serving.plus(2)), "two.arete", version="1.10.0")
        x = np.zeros((1, 4), np.float32)
        server = self.serve(one, two, f"other={one}")
        self.assertEqual(self.served(server, "shoes", x)[1], "1.10.0")  # 1.10 is newer than 1.9
        self.assertEqual(self.served(server, "other", x)[1], "1.9.0")
        self.assertEqual({key for key in server.index()}, {("shoes", "1.9.0"), ("shoes", "1.10.0"), ("other", "1.9.0")})
        os.replace(self.bundle(self.save("three.onnx", serving.plus(3)), "new.arete", version="2.0.0"), two)
        self.assertEqual(self.served(server, "shoes", x)[0][0][0], 2)
        self.assertEqual(server.load("shoes").status, 200)
        got, version = self.served(server, "shoes", x)
        self.assertEqual((got[0][0], version), (3, "2.0.0"))

    def test_a_repository_holds_bundles_by_its_own_numbers(self):
        root = Path(self.path("models"))
        for version in ("2", "10"):
            (root / "shoes" / version).mkdir(parents=True)
            bundle = self.bundle(self.save("m.onnx", serving.plus(int(version))), version=f"0.0.{version}")
            os.replace(bundle, root / "shoes" / version / "shoes.arete")
        os.replace(self.bundle(self.save("m.onnx", serving.plus(5)), version="3.1.4"), root / "flat.arete")
        (root / "bad" / "1").mkdir(parents=True)
        (root / "bad" / "1" / "bad.arete").write_bytes((root / "flat.arete").read_bytes()[:-1])
        server = self.serve("--repository", root)
        x = np.zeros((1, 4), np.float32)
        got, version = self.served(server, "shoes", x)
        self.assertEqual((got[0][0], version), (10, "10"))
        got, version = self.served(server, "flat", x)
        self.assertEqual((got[0][0], version), (5, "3.1.4"))
        self.assertIn("bad.arete", server.index()[("bad", "1")]["reason"])

    def test_golden_answers_of_the_bundle_decide(self):
        one, far = self.save("m.onnx", serving.plus(1)), self.save("w.onnx", serving.plus(100))
        right = self.bundle(one)
        ended = arete("bundle", "create", far, "-o", self.path("wrong.arete"), "--name", "shoes", "--version", "1.1.0", "--original", one, "--accept")
        self.assertEqual(ended.status, 0, ended.err)
        server, x = self.serve(right), np.zeros((1, 4), np.float32)
        self.assertEqual(self.served(server, "shoes", x)[0][0][0], 1)
        os.replace(self.path("wrong.arete"), right)
        said = server.load("shoes")
        self.assertEqual(said.status, 400, said.data)
        self.assertIn("b.arete/main/w.golden.npz", said.json()["error"])
        got, version = self.served(server, "shoes", x)
        self.assertEqual((got[0][0], version), (1, "1.0.0"))


if __name__ == "__main__":
    harness.main()
