"""Deltas between bundles of nets that were really trained: what travels, beside bsdiff, zstd --patch-from, casync and the whole."""
import contextlib
import json
import shutil
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from harness import figures

sys.path.insert(0, "examples/fashion")

import unpack  # noqa: E402

TITLE = "Deltas between bundles"
ABOUT = ("Two bundles of a 784-1024-512-10 net that numpy trained on Fashion-MNIST. *Head*: its last layer trained on. *Layer*: the int8 form, one "
         "layer quantised anew with another range. *Net*: trained from another seed. *Labels*, *metadata*: the same weights. Each bundle "
         "has 16 golden samples and their answers. The demand: at most the changed tensors by zstd (`-12`, those of the golden file too), 1 % of "
         "them, and 16 KiB. The peers get the same content as a tar archive of the plain files: `bsdiff`, `zstd -19 --long=27 --patch-from`, and "
         "the chunks of `casync` that the older archive lacks, as it stores them. *Whole* is the newer bundle.")
SIZES = (784, 1024, 512, 10)
STEPS, BATCH, RATE = 600, 128, 0.1
ALLOWED_SHARE, ALLOWED_BYTES = 0.01, 16384
LABELS = ["T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]


def train(images, labels, weights, steps, seed, only_last=False):
    """Plain SGD on cross-entropy."""
    rng, weights = np.random.default_rng(seed), [(w.copy(), b.copy()) for w, b in weights]
    for _ in range(steps):
        rows = rng.integers(0, len(images), BATCH)
        inputs = [images[rows]]
        for i, (w, b) in enumerate(weights):
            out = inputs[-1] @ w + b
            inputs.append(np.maximum(out, 0) if i < len(weights) - 1 else out)
        shares = np.exp(inputs[-1] - inputs[-1].max(1, keepdims=True))
        grad = shares / shares.sum(1, keepdims=True)
        grad[np.arange(BATCH), labels[rows]] -= 1
        grad /= BATCH
        for i in reversed(range(len(weights))):
            w, b = weights[i]
            back = (grad @ w.T) * (inputs[i] > 0)
            if not only_last or i == len(weights) - 1:
                weights[i] = ((w - RATE * (inputs[i].T @ grad)).astype(np.float32), (b - RATE * grad.sum(0)).astype(np.float32))
            grad = back
    return weights


def fresh(seed):
    rng = np.random.default_rng(seed)
    return [(rng.normal(0, (2 / a) ** 0.5, (a, b)).astype(np.float32), np.zeros(b, np.float32)) for a, b in zip(SIZES, SIZES[1:])]


def save(path, nodes, tensors):
    ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", SIZES[0]]), helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", SIZES[-1]])]
    graph = helper.make_graph(nodes, "net", ends[:1], ends[1:], [numpy_helper.from_array(array, name) for name, array in tensors.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return tensors


def float_model(path, weights):
    nodes, tensors, value = [], {}, "x"
    for i, (w, b) in enumerate(weights):
        tensors.update({f"w{i}": w, f"b{i}": b})
        last = i == len(weights) - 1
        nodes.append(helper.make_node("Gemm", [value, f"w{i}", f"b{i}"], ["y" if last else f"g{i}"]))
        if not last:
            nodes.append(helper.make_node("Relu", [f"g{i}"], [f"r{i}"]))
        value = f"r{i}"
    return save(path, nodes, tensors)


def int8_model(path, weights, shares):
    """Weights of int8, each layer's range so large a share of its largest weight."""
    nodes, tensors, value = [], {}, "x"
    for i, ((w, b), share) in enumerate(zip(weights, shares)):
        scale = np.float32(share * np.abs(w).max() / 127)
        tensors.update({f"w{i}": np.clip(np.rint(w / scale), -127, 127).astype(np.int8), f"s{i}": scale, f"b{i}": b})
        last = i == len(weights) - 1
        nodes += [helper.make_node("DequantizeLinear", [f"w{i}", f"s{i}"], [f"d{i}"]),
                  helper.make_node("Gemm", [value, f"d{i}", f"b{i}"], ["y" if last else f"g{i}"])]
        if not last:
            nodes.append(helper.make_node("Relu", [f"g{i}"], [f"r{i}"]))
        value = f"r{i}"
    return save(path, nodes, tensors)


def arete(context, *words):
    command = [context.settings.build / "arete", "bundle", *words, "--json"]
    return json.loads(subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout.splitlines()[-1])


class Version:
    """A bundle, its folder of plain files, and its tensors."""

    def __init__(self, context, place, tensors, labels=LABELS, changelog=""):
        self.folder, self.bundle, self.tensors = place / "files", place / "b.arete", tensors
        card = {"input": {"kind": "tensor"}, "output": {"kind": "classification", "activation": "softmax", "labels": labels}}
        (place / "net.card.json").write_text(json.dumps(card), encoding="utf-8")
        options = ["--changelog", changelog] if changelog else []
        self.bytes = arete(context, "create", place / "net.onnx", "-o", self.bundle, "--version", "1.0.0", "--original", place / "net.onnx", *options)["bytes"]
        arete(context, "extract", self.bundle, "-o", self.folder)
        self.tar = place / "files.tar"
        subprocess.run(["tar", "--sort=name", "--mtime=@0", "--owner=0", "--group=0", "-cf", self.tar, "-C", self.folder, "."], check=True)
        with np.load(self.folder / "golden.npz") as golden:
            self.tensors.update({f"golden {name}": golden[name] for name in golden.files})


def packed(data, *options):
    return len(subprocess.run(["zstd", "-q", "-c", *options], input=data, check=True, capture_output=True).stdout)


def changed_bytes(older, newer):
    """Of the changed tensors by zstd, each alone."""
    return sum(packed(array.tobytes(), "-12") for name, array in newer.tensors.items()
               if name not in older.tensors or older.tensors[name].tobytes() != array.tobytes())


def casync_bytes(place, older, newer):
    stores = {name: place / name for name in ("old.castr", "new.castr")}
    for store in stores.values():
        shutil.rmtree(store, ignore_errors=True)
    subprocess.run(["casync", "make", f"--store={stores['old.castr']}", place / "old.caibx", older.tar], check=True, capture_output=True)
    shutil.copytree(stores["old.castr"], stores["new.castr"])
    subprocess.run(["casync", "make", f"--store={stores['new.castr']}", place / "new.caibx", newer.tar], check=True, capture_output=True)
    size = lambda store: sum(file.stat().st_size for file in store.rglob("*") if file.is_file())  # noqa: E731
    return size(stores["new.castr"]) - size(stores["old.castr"]) + (place / "new.caibx").stat().st_size


def sizes(context, place, older, newer):
    delta, again = place / "delta", place / "again.arete"
    ours = arete(context, "delta", older.bundle, newer.bundle, "-o", delta)["bytes"]
    arete(context, "apply", older.bundle, delta, "-o", again)
    if again.read_bytes() != newer.bundle.read_bytes():
        raise RuntimeError("the delta does not give the newer bundle")
    subprocess.run(["bsdiff", older.tar, newer.tar, place / "bsdiff"], check=True)
    subprocess.run(["zstd", "-q", "-f", "-19", "--long=27", f"--patch-from={older.tar}", newer.tar, "-o", place / "patch"], check=True)
    return {"ours": ours, "changed tensors": changed_bytes(older, newer), "zstd --patch-from": (place / "patch").stat().st_size,
            "bsdiff": (place / "bsdiff").stat().st_size, "casync": casync_bytes(place, older, newer), "whole": newer.bytes}


def fashion():
    shape, pixels = unpack.read_split_images(unpack.DEFAULT_SOURCE, "train")
    labels = np.frombuffer(unpack.read_split_labels(unpack.DEFAULT_SOURCE, "train"), np.uint8)
    return np.frombuffer(pixels, np.uint8).reshape(shape[0], -1).astype(np.float32) / 255, labels.astype(np.int64)


def run(context):
    for tool in ("zstd", "bsdiff", "casync"):
        if shutil.which(tool) is None:
            context.say(f"bundle_delta: skipped, Debian's {tool} is not installed")
            return None
    root = context.scratch("deltas")
    shutil.rmtree(root, ignore_errors=True)
    images, labels = fashion()
    context.say("bundle_delta: training")
    first = train(images, labels, fresh(1), STEPS, 1)
    head = train(images[:5000], labels[:5000], first, STEPS, 2, only_last=True)
    other = train(images, labels, fresh(2), STEPS, 3)
    shares, anew = (1.0, 1.0, 1.0), (1.0, 0.8, 1.0)
    pairs = {"head": ((float_model, first), (float_model, head), {}), "layer": ((int8_model, first, shares), (int8_model, first, anew), {}),
             "net": ((float_model, first), (float_model, other), {}), "labels": ((float_model, first), (float_model, first), {"labels": [*LABELS[:-1], "Boot"]}),
             "metadata": ((float_model, first), (float_model, first), {"changelog": "found to be good"})}
    rows, table, raw = [], [], {}
    for name, (before, after, options) in pairs.items():
        versions = []
        for role, (make, *arguments), more in (("old", before, {}), ("new", after, options)):
            place = (root / name / role).resolve()
            place.mkdir(parents=True)
            versions.append(Version(context, place, make(place / "net.onnx", *arguments), **more))
        found = raw[name] = sizes(context, (root / name).resolve(), *versions)
        most = found["changed tensors"] * (1 + ALLOWED_SHARE) + ALLOWED_BYTES
        rows.append(figures.figure(f"{name}: delta", found["ours"], "bytes", None, f"at most {most:,.0f} bytes", "holds" if found["ours"] <= most else "fails",
                                   f"{found['changed tensors']:,} bytes of changed tensors by zstd"))
        table.append([name, *found.values()])
    with contextlib.suppress(OSError):
        shutil.rmtree(root)
    return {"title": TITLE, "about": ABOUT, "figures": rows, "disturbance": {}, "raw": raw,
            "tables": [{"title": "Bytes", "columns": ["pair", *next(iter(raw.values()))], "rows": table}]}
