"""The example: how good the float model is, what int8 keeps of it, and that it answers over HTTP, each seen by others' eyes."""
import gzip
import json
import os
import re
import subprocess

import numpy as np
import onnxruntime as ort

from harness import BIN, SOURCE, Case, arete, main

MODEL = os.path.join(SOURCE, "examples/fashion/fashion.onnx")
IMAGES = "/usr/share/datasets/fashion-mnist"


def test_set():
    """-> uint8 [10000,1,28,28], labels."""
    def content(name, header):
        with gzip.open(os.path.join(IMAGES, name)) as file:
            return np.frombuffer(file.read()[header:], np.uint8)
    images = content("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)
    return images, content("t10k-labels-idx1-ubyte.gz", 8)


def top1(path, images, card):
    x = ((images / 255 - card["input"]["mean"][0]) / card["input"]["std"][0]).astype(np.float32)
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0].argmax(1)


class Fashion(Case):
    def test_main_job(self):
        subprocess.run(["/usr/bin/python3", os.path.join(SOURCE, "examples/fashion/unpack.py"), "--out", self.path("data")], check=True, stdout=subprocess.DEVNULL)
        out = self.path("small.onnx")
        ended = arete("optimize", MODEL, "-o", out, "--target", "mobile", "--calibration", self.path("data/train512"),
                      "--evaluation", self.path("data/test"), "--json")
        self.assertEqual(ended.status, 0, ended.err)
        result = ended.json
        with open(self.path("small.card.json"), encoding="utf-8") as file:
            card = json.load(file)
        images, labels = test_set()
        good = {name: float((top1(path, images, card) == labels).mean()) for name, path in (("original", MODEL), ("optimized", out))}
        self.assertGreaterEqual(good["original"], 0.915)
        self.assertGreaterEqual(good["optimized"], good["original"] - 0.003)
        self.assertEqual(result["samples"], 10000)
        for name, accuracy in good.items():
            self.assertAlmostEqual(result[name]["accuracy"], accuracy, delta=0.0005)
        self.assertGreaterEqual(os.path.getsize(MODEL) / os.path.getsize(out), 3.5)
        self.assertLess(os.path.getsize(MODEL), 1_000_000)
        self.ask(out)

    def ask(self, model):
        server = subprocess.Popen([os.path.join(BIN, "arete"), "serve", model, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            port = re.search(r"http://\S+:(\d+)", server.stdout.readline())[1]
            image = os.path.join(SOURCE, "examples/fashion/images/ankle_boot.png")
            done = subprocess.run(["curl", "-sS", "-F", f"image=@{image}", f"http://127.0.0.1:{port}/predict"], capture_output=True, text=True, check=True)
            answer = json.loads(done.stdout)
            self.assertEqual(answer["prediction"], "Ankle boot")
            self.assertAlmostEqual(sum(answer["probabilities"].values()), 1, places=4)
        finally:
            server.terminate()
            self.assertEqual(server.wait(timeout=30), 0)
            server.stdout.close()
            server.stderr.close()


if __name__ == "__main__":
    main()
