"""The page at "/" of arete-serve without a browser: what stands in it, under what policy it comes, and that the server
answers each call it makes as it reads the answers. page_in_browser.py looks at it in one.

Needs ARETE_BIN (the built programs) and ARETE_SOURCE. Prints "SKIP: reason" and ends with 77 when it cannot run.
"""
import collections
import hashlib
import html.parser
import json
import re
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper
from serve_test import SOURCE, Server, encode, make_mixed_model, save_model, send
from PIL import Image

PAGE = (SOURCE / "web/serve/index.html").read_text()
MOST_BYTES = 53 * 1024
HOSTILE = ["<img src=x onerror=alert(1)>", "</script><b>", "__proto__", "\u202egnp.exe"]
# What would make markup or code of a text, or keep what was typed.
FORBIDDEN = ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "createContextualFragment", "srcdoc", "setHTML",
             "eval(", "new Function", "import(", "javascript:", "localStorage", "sessionStorage", "indexedDB", "cookie", "postMessage", "window.open"]


class Tags(html.parser.HTMLParser):
    """The page's elements, each with its attributes, its text and the elements around it."""
    VOID = {"meta", "link", "input", "path", "br", "img"}

    def __init__(self):
        super().__init__()
        self.open, self.all = [], []
        self.feed(PAGE)

    def handle_starttag(self, tag, attributes):
        element = {"tag": tag, "text": "", "around": [e["tag"] for e in self.open], **dict(attributes)}
        self.all.append(element)
        if tag not in self.VOID and not self.get_starttag_text().endswith("/>"):
            self.open.append(element)

    def handle_startendtag(self, tag, attributes):
        self.all.append({"tag": tag, "text": "", "around": [], **dict(attributes)})

    def handle_endtag(self, tag):
        while self.open and self.open.pop()["tag"] != tag:
            pass

    def handle_data(self, text):
        for element in self.open:
            element["text"] += text


class PageText(unittest.TestCase):
    def setUp(self):
        self.tags = Tags().all
        self.script = next(t["text"] for t in self.tags if t["tag"] == "script")

    def test_it_is_one_small_file(self):
        self.assertLess(len(PAGE.encode()), MOST_BYTES)
        counts = collections.Counter(t["tag"] for t in self.tags)
        self.assertEqual((counts["script"], counts["style"]), (1, 1))
        links = [t["href"] for t in self.tags if "href" in t] + [t["src"] for t in self.tags if "src" in t]
        self.assertTrue(all(re.match(r"data:image/svg|/[a-z.]+$|#", link) for link in links), links)
        addresses = set(re.findall(r"https?://[^\s'\"]+", PAGE))
        self.assertEqual(addresses, {"http://www.w3.org/2000/svg"})  # a namespace, never asked for
        style = next(t["text"] for t in self.tags if t["tag"] == "style")
        self.assertNotRegex(style, r"url\(|@import")

    def test_texts_never_become_markup(self):
        for word in FORBIDDEN:
            self.assertFalse(word in self.script, word)
        attributes = set(re.findall(r"setAttribute\(([^,]+),", self.script))
        self.assertEqual(attributes, {"name"})  # of the chart's own shapes
        self.assertFalse([t for t in self.tags if any(name.startswith("on") for name in t)])

    def test_what_the_script_names_is_there(self):
        ids = collections.Counter(t["id"] for t in self.tags if "id" in t)
        self.assertEqual(set(ids.values()), {1})
        named = set(re.findall(r"(?:\$|show|write|put)\('([\w-]+)'", self.script))
        for several in re.findall(r"for \(const id of \[([^\]]+)\]\)", self.script):
            named |= set(re.findall(r"'([\w-]+)'", several))
        self.assertGreater(len(named), 30)
        self.assertEqual({name for name in named if not name.endswith("-")} - set(ids), set())
        for attribute in ("for", "aria-labelledby", "aria-describedby"):
            for element in self.tags:
                self.assertLessEqual(set((element.get(attribute) or "").split()), set(ids))

    def test_everything_has_a_name(self):
        targets = {t["for"] for t in self.tags if t["tag"] == "label" and "for" in t}
        for element in self.tags:
            if element["tag"] in ("input", "select", "textarea", "progress"):
                self.assertTrue(element.get("id") in targets or element.get("aria-label"), element)
            if element["tag"] == "button" and element.get("id") != "more":  # which the script names
                self.assertTrue(element["text"].strip(), element)
            if element["tag"] in ("dialog", "nav", "section") and element.get("id") not in ("about", "terminal"):
                self.assertTrue(element.get("aria-label"), element)
        self.assertTrue([t for t in self.tags if t.get("role") == "status"] and [t for t in self.tags if t.get("role") == "alert"])
        self.assertEqual([t for t in self.tags if int(t.get("tabindex") or 0) > 0], [])

    def test_it_suits_dark_and_narrow_windows(self):
        self.assertIn("prefers-color-scheme: dark", PAGE)
        self.assertIn('name="viewport" content="width=device-width', PAGE)
        light, dark = re.findall(r"\{\s*--paper[^}]*\}", PAGE)
        self.assertEqual(set(re.findall(r"--[\w-]+(?=:)", light)), set(re.findall(r"--[\w-]+(?=:)", dark)))


def make_models(folder):
    random = np.random.default_rng(9)
    one = lambda name, size: [(name, TensorProto.FLOAT, ["N", size])]
    labels = save_model(folder / "la bels <i>.onnx", [("image", TensorProto.FLOAT, ["N", 3, 8, 8])], one("logits", 4),
                        [helper.make_node("Flatten", ["image"], ["f"]), helper.make_node("Gemm", ["f", "w"], ["logits"])], {"w": random.normal(size=(192, 4)).astype(np.float32)})
    labels.with_suffix(".card.json").write_text(json.dumps({"input": {"kind": "image", "width": 8, "height": 8}, "output": {"kind": "classification", "activation": "softmax", "labels": HOSTILE}}))
    record = save_model(folder / "record.onnx", one("x", 2), one("y", 2), [helper.make_node("Neg", ["x"], ["y"])], {})
    record.with_suffix(".card.json").write_text(json.dumps({"input": {"kind": "record", "fields": [{"name": "heat", "default": 1.5}, "load"]}}))
    return [labels, record, make_mixed_model(folder)]


def make_versions(folder):
    """A model of two versions: 1 answers x, 2 answers -x."""
    for version, kind in (("1", "Identity"), ("2", "Neg")):
        place = folder / "repository" / "twice" / version
        place.mkdir(parents=True)
        save_model(place / "model.onnx", [("x", TensorProto.FLOAT, ["N", 1])], [("y", TensorProto.FLOAT, ["N", 1])], [helper.make_node(kind, ["x"], ["y"])], {})
    return folder / "repository"


def make_keys(folder):
    path = folder / "keys.json"
    path.write_text(json.dumps({"keys": [{"name": "page", "sha256": hashlib.sha256(b"open sesame").hexdigest(), "scopes": ["predict"]}]}))
    path.chmod(0o600)
    return path


class PageCalls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        folder = Path(cls.folder.name)
        first, *others = make_models(folder)
        cls.server = Server(first, *others, "--repository", make_versions(folder), "--split", "twice:1=50,2=50")
        cls.models = {m["name"]: m for m in cls.get("/models").json()["models"] if m["name"] != "twice"}

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.folder.cleanup()

    @classmethod
    def get(cls, path):
        return send("GET", cls.server.url + path, timeout=10)

    def post(self, path, **more):
        return send("POST", self.server.url + path, timeout=10, **more)

    def pattern(self, beginning):
        """A regular expression that the page reads an answer with, from its text."""
        found = re.search(r"matchAll\(/(" + re.escape(beginning) + r".*?)/gm?\)", PAGE)
        return re.compile(found.group(1), re.MULTILINE)

    def test_the_policy_allows_the_page_alone(self):
        page = self.get("/")
        self.assertTrue(page.data.decode() == PAGE, "the server's page is not that of the source: build again")
        policy = dict(rule.split(" ", 1) for rule in page.headers["Content-Security-Policy"].split("; "))
        self.assertEqual(policy, {"default-src": "'none'", "style-src": "'unsafe-inline'", "script-src": "'unsafe-inline'", "img-src": "blob: data:", "connect-src": "'self'",
                                  "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'"})
        self.assertTrue(page.headers["Content-Type"].startswith("text/html"))

    def test_models_say_what_the_page_shows(self):
        for model in self.models.values():
            for member in ("name", "version", "engine", "inputs", "outputs", "card", "notices", "max_batch_rows", "max_image_bytes"):
                self.assertIn(member, model)
        self.assertEqual(self.models["record"]["card"]["input"]["fields"], [{"name": "heat", "default": 1.5}, {"name": "load"}])
        self.assertEqual(self.models["la bels <i>"]["notices"], [])
        self.assertIn("no card", self.models["mixed"]["notices"][0])
        rows = self.post("/v2/repository/index").json()
        self.assertEqual({(row["name"], row["state"]) for row in rows}, {(name, "READY") for name in [*self.models, "twice"]})
        self.assertTrue(all("reason" in row for row in rows))

    def test_an_image_a_record_and_tensors_are_answered(self):
        png = encode(Image.new("RGB", (20, 10), (200, 30, 60)), "PNG")
        image = self.post("/models/la%20bels%20%3Ci%3E/predict", fields={"image": ("photo.png", png, "image/png")})
        self.assertEqual(list(image.json()["probabilities"]), HOSTILE)
        self.assertTrue(image.headers["Content-Type"].startswith("application/json"))
        text = {"Content-Type": "application/json"}
        record = self.post("/models/record/predict", body='{"load":4}', headers=text)
        self.assertEqual(record.json(), {"outputs": {"y": [[-1.5, -4]]}})
        tensors = self.post("/models/mixed/predict", body='{"inputs":{"half":[[0, 0]],"whole":[9007199254740993]}}', headers=text)
        self.assertIn(b"9007199254740993", tensors.data)
        times = self.pattern(r"(\w+);dur=")
        for answer in (image, record, tensors):
            self.assertEqual([name for name, _ in times.findall(answer.headers["Server-Timing"])], ["decode", "queue", "model"])
        refused = self.post("/models/record/predict", body='{"heat":4}', headers=text)
        self.assertEqual((refused.status, type(refused.json()["error"])), (400, str))

    def test_each_version_can_be_asked(self):
        ask = lambda version: self.post(f"/models/twice/versions/{version}/predict", json={"inputs": {"x": [[3]]}})
        for _ in range(4):
            self.assertEqual(ask("1").json()["outputs"]["y"], [[3]])
            self.assertEqual(ask("2").json()["outputs"]["y"], [[-3]])
        self.assertEqual(ask("3").status, 404)
        self.assertIn("error", ask("3").json())

    def test_the_metrics_are_as_the_page_reads_them(self):
        self.post("/models/record/predict", json={"load": 1})
        lines = self.pattern("^arete_infer_").findall(self.get("/metrics").data.decode())
        labels = self.pattern(r"(\w+)=").findall
        mine = [(name, part, dict(labels(text)), float(value)) for name, part, text, value in lines if dict(labels(text))["model"] == "record"]
        self.assertEqual({(name, part) for name, part, _, _ in mine}, {(n, p) for n in ("duration_seconds", "queue_seconds", "batch_rows") for p in ("sum", "count", "bucket")})
        buckets = [(at["le"], value) for name, part, at, value in mine if (name, part) == ("duration_seconds", "bucket")]
        self.assertEqual(buckets[-1][0], "+Inf")
        self.assertEqual([value for _, value in buckets], sorted(value for _, value in buckets))
        self.assertGreaterEqual(buckets[-1][1], 1)
        self.assertIn("la bels <i>", {dict(labels(text))["model"] for _, _, text, _ in lines})


class PageWithKeys(unittest.TestCase):
    def test_without_a_key_the_page_stands_and_asking_is_refused(self):
        with tempfile.TemporaryDirectory() as name:
            with Server(make_mixed_model(Path(name)), "--api-keys", make_keys(Path(name))) as server:
                for path in ("/", "/models", "/metrics"):
                    self.assertEqual(send("GET", server.url + path, timeout=10).status, 200, path)
                ask = lambda headers: send("POST", server.url + "/models/mixed/predict", json={"inputs": {"half": [[1, 2]], "whole": [3]}}, headers=headers, timeout=10)
                self.assertEqual(ask({}).status, 401)
                self.assertIn("API key", ask({}).json()["error"])
                self.assertEqual(ask({"Authorization": "Bearer wrong"}).status, 401)
                self.assertEqual(ask({"Authorization": "Bearer open sesame"}).status, 200)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
