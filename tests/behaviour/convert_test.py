"""`arete convert`: a model in another form computes what it computed, by ONNX Runtime's own judgement."""
import os

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, parser

from harness import Case, arete, conv_classifier, floats, main, model_of

FUNCTIONS = """
<ir_version: 10, opset_import: ["" : 17, "our" : 1]>
main (float[N,4] x) => (float[N,4] y) {
  a = our.twice <scale: float = 3.0> (x)
  y = our.twice <scale: float = 0.5> (a)
}
<domain: "our", opset_import: ["" : 13, "our" : 1]>
twice <scale> (v) => (r) {
  s = Constant <value_float: float = @scale> ()
  t = our.leak (v)
  r = Mul (t, s)
}
<domain: "our", opset_import: ["" : 17]>
leak (v) => (r) { r = LeakyRelu <alpha: float = 0.25> (v) }
"""


def outputs(path, feeds):
    return ort.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, feeds)


class Convert(Case):
    def convert(self, source, target, *options):
        ended = arete("convert", source, "-o", self.path(target), "--json", *options)
        self.assertEqual(ended.status, 0, ended.err)
        self.assertEqual(ended.json["path"], self.path(target))
        self.assertEqual(ended.json["bytes"], os.path.getsize(self.path(target)))
        return ended.json

    def test_text_and_back_is_the_same_model(self):
        source = self.save("m.onnx", conv_classifier())
        self.convert(source, "m.txt")
        self.convert(self.path("m.txt"), "again.onnx")
        self.convert(self.path("again.onnx"), "again.txt")
        with open(self.path("m.txt")) as first, open(self.path("again.txt")) as second:
            self.assertEqual(first.read(), second.read())
        again = onnx.load(self.path("again.onnx"))
        onnx.checker.check_model(again, full_check=True)
        self.assertEqual(again.graph, onnx.load(source).graph)

    def test_a_text_that_a_person_wrote_runs(self):
        with open(self.path("hand.txt"), "w") as file:
            file.write("# y = 2 x + 1\nmodel ir=8\nopset ai.onnx 17\ngraph g {\n  input x: float32[N]\n"
                       "  weight two: float32[] = {2}\n  weight one: float32[] = {1}\n"
                       "  y = Add(m, one)   # sorted when it is read\n  m = Mul(x, two)\n  output y: float32[N]\n}\n")
        self.assertEqual(arete("info", self.path("hand.txt"), "--json").json["ops"], {"Add": 1, "Mul": 1})
        self.convert(self.path("hand.txt"), "hand.onnx")
        np.testing.assert_array_equal(outputs(self.path("hand.onnx"), {"x": np.float32([1, -3])})[0], np.float32([3, -5]))

    def test_functions_are_inlined(self):
        source = self.save("f.onnx", parser.parse_model(FUNCTIONS))
        info = self.convert(source, "flat.onnx", "--inline-functions")
        self.assertEqual(info["functions"], 0)
        flat = onnx.load(self.path("flat.onnx"))
        self.assertEqual({n.domain for n in flat.graph.node}, {""})
        onnx.checker.check_model(flat, full_check=True)
        x = {"x": np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)}
        np.testing.assert_array_equal(outputs(self.path("flat.onnx"), x)[0], outputs(source, x)[0])

    def test_defaults_of_functions_are_kept(self):
        model = parser.parse_model('''<ir_version: 10, opset_import: ["" : 17, "our" : 1]>
            main (float[2,4] x, bool c) => (float[2,4] y, float[2,4] z, float[2,4] b) {
              y = our.f(x)
              z = our.f <a: float = 0.75> (x)
              b = If (c) <then_branch = t () => (float[2,4] p) { p = our.f(x) }, else_branch = e () => (float[2,4] q) { q = our.outer(x) }>
            }
            <domain: "our", opset_import: ["" : 17]> f <a: float = 0.5> (v) => (r) { r = LeakyRelu <alpha: float = @a> (v) }
            <domain: "our", opset_import: ["" : 17, "our" : 1]> outer (v) => (r) { r = our.f(v) }''')
        source = self.save("f.onnx", model)
        self.convert(source, "flat.onnx", "--inline-functions")
        for c in (True, False):
            feeds = {"x": np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32), "c": np.array(c)}
            for got, wanted in zip(outputs(self.path("flat.onnx"), feeds), outputs(source, feeds)):
                np.testing.assert_array_equal(got, wanted)
        self.expect_error(arete("convert", source, "-o", self.path("new.onnx"), "--opset", "18"), 3, "--inline-functions")
        self.convert(source, "new.onnx", "--opset", "18", "--inline-functions")

    def test_functions_do_not_hide_a_graph_from_optimize(self):
        source = self.save("f.onnx", parser.parse_model(FUNCTIONS))
        ended = arete("optimize", source, "-o", self.path("o.onnx"), "--precision", "fp32", "--json")
        self.assertIn(ended.status, (0, 1), ended.err)
        folded = [p for p in ended.json["passes"] if p["name"] == "fold_constants"][0]
        self.assertEqual(folded["changes"], 2)
        x = {"x": np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)}
        np.testing.assert_allclose(outputs(self.path("o.onnx"), x)[0], outputs(source, x)[0], rtol=1e-6)

    def test_a_newer_opset(self):
        model = model_of([helper.make_node("Squeeze", ["x"], ["s"], axes=[1]), helper.make_node("Softmax", ["s"], ["y"])],
                         [floats("x", [2, 1, 3])], [floats("y", [2, 3])], opset=9)
        source = self.save("old.onnx", model)
        self.assertEqual(self.convert(source, "new.onnx", "--opset", "17")["opset"], 17)
        x = {"x": np.random.default_rng(0).normal(size=(2, 1, 3)).astype(np.float32)}
        np.testing.assert_allclose(outputs(self.path("new.onnx"), x)[0], outputs(source, x)[0], rtol=1e-6)
        ended = arete("convert", self.path("new.onnx"), "-o", self.path("back.onnx"), "--opset", "9")
        self.expect_error(ended, 3, "new.onnx", "opset 17", "newer one")

    def test_what_a_newer_opset_would_change_is_kept_or_refused(self):
        scales = ("s", np.float32([1, 1, 2, 2]))
        for op, mode in (("Upsample", "nearest"), ("Upsample", "linear"), ("Resize", "nearest"), ("Resize", "linear")):
            model = model_of([helper.make_node(op, ["x", "s"], ["y"], mode=mode)], [floats("x", [1, 1, 3, 3])],
                             [floats("y", [1, 1, 6, 6])], [scales], opset=9 if op == "Upsample" else 10)
            source = self.save("old.onnx", model)
            self.convert(source, "new.onnx", "--opset", "17")
            x = {"x": np.random.default_rng(0).normal(size=(1, 1, 3, 3)).astype(np.float32)}
            np.testing.assert_allclose(outputs(self.path("new.onnx"), x)[0], outputs(source, x)[0], rtol=1e-6, err_msg=op + mode)
        for size, scale in ((7, 0.6), (6, 0.5), (5, 0.3)):
            made = int(size * scale)
            model = model_of([helper.make_node("Resize", ["x", "s"], ["y"], mode="nearest")], [floats("x", [1, 1, size, size])],
                             [floats("y", [1, 1, made, made])], [("s", np.float32([1, 1, scale, scale]))], opset=10)
            source = self.save("old.onnx", model)
            self.convert(source, "new.onnx", "--opset", "17")
            x = {"x": np.random.default_rng(0).normal(size=(1, 1, size, size)).astype(np.float32)}
            np.testing.assert_array_equal(outputs(self.path("new.onnx"), x)[0], outputs(source, x)[0])
        model = model_of([helper.make_node("Hardmax", ["x"], ["y"], axis=1)], [floats("x", [2, 3, 4, 5])], [floats("y", [2, 3, 4, 5])], opset=11)
        ended = arete("convert", self.save("h.onnx", model), "-o", self.path("h13.onnx"), "--opset", "13")
        self.expect_error(ended, 3, "Hardmax (node 0) means something else")

    def test_nothing_that_is_read_is_written(self):
        onnx.save(conv_classifier(), self.path("m.onnx"), save_as_external_data=True, location="m.bin", size_threshold=0)
        with open(self.path("m.bin"), "rb") as file:
            weights = file.read()
        self.expect_error(arete("convert", self.path("m.onnx"), "-o", self.path("m.bin")), 3, "m.bin", "which is read")
        with open(self.path("m.bin"), "rb") as file:
            self.assertEqual(file.read(), weights)
        os.mkfifo(self.path("pipe"))
        os.mkdir(self.path("folder.txt"))
        for place in ("pipe", "folder.txt"):
            self.expect_error(arete("convert", self.path("m.onnx"), "-o", self.path(place)), 3, "special file")

    def test_a_text_may_begin_oddly(self):
        text = "model ir=8\r\nopset ai.onnx 17\r\ngraph g {\r\n  input x: float32[1]\r\n  y = Relu(x)\r\n  output y: float32[1]\r\n}\r\n"
        for name, start, status in (("bom.txt", "\ufeff", 0), ("other.txt", "opset ai.onnx 17\n", 3)):
            with open(self.path(name), "w", newline="", encoding="utf-8") as file:
                file.write(start + text)
            ended = arete("convert", self.path(name), "-o", self.path("o.onnx"))
            self.assertEqual(ended.status, status, ended.err)
            if status:
                self.assertIn("line 1, column 1: expected 'model'", ended.err)

    def test_errors_name_the_place_and_leave_nothing(self):
        for text, words in (("model ir=8\nopset ai.onnx 17\ngraph g {\n  input x float32[N]\n}\n", "line 4, column 11"),
                            ("model ir=8\nopset ai.onnx 17\ngraph g {\n  y = Relu(x)\n}\n", "Relu (node 0)"),
                            ("model ir=8\nopset ai.onnx 17\ngraph g {\n  weight w: float32[9] fnv1a=0\n}\n", "complete form")):
            with open(self.path("bad.txt"), "w") as file:
                file.write(text)
            ended = arete("convert", self.path("bad.txt"), "-o", self.path("bad.onnx"))
            self.expect_error(ended, 3, "bad.txt", words)
            self.assertFalse(os.path.exists(self.path("bad.onnx")))
        source = self.save("m.onnx", conv_classifier())
        self.expect_error(arete("convert", source, "-o", source), 3, "would overwrite")
        self.convert(source, "m.txt")
        self.expect_error(arete("optimize", self.path("m.txt"), "-o", self.path("o.onnx")), 3, "text graph", "arete convert")


if __name__ == "__main__":
    main()
