"""What the image servers in Python share: bytes of a JPEG -> JSON like ours, by Pillow, numpy and ONNX Runtime on one thread."""
import io
import os

import numpy as np
import onnxruntime
import orjson
from PIL import Image

SIDE = 224
SCALE = (1 / (255 * np.array([0.229, 0.224, 0.225]))).astype(np.float32)
SHIFT = (-np.array([0.485, 0.456, 0.406]) / np.array([0.229, 0.224, 0.225])).astype(np.float32)


def open_session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


class ImageModel:
    def __init__(self):
        self.session = open_session(os.environ["BENCH_MODEL"])
        self.input = self.session.get_inputs()[0].name
        self.labels = [str(i) for i in range(self.session.get_outputs()[0].shape[-1])]

    def tensor(self, jpeg):
        image = Image.open(io.BytesIO(jpeg)).convert("RGB").resize((SIDE, SIDE), Image.BILINEAR)
        pixels = np.asarray(image) * SCALE
        pixels += SHIFT
        return np.ascontiguousarray(pixels.transpose(2, 0, 1))[None]

    def answer(self, jpeg):
        """JSON as bytes."""
        scores = self.session.run(None, {self.input: self.tensor(jpeg)})[0][0]
        shares = np.exp(scores - scores.max())
        shares /= shares.sum()
        best = int(shares.argmax())
        return orjson.dumps({"prediction": self.labels[best], "confidence": float(shares[best]),
                             "probabilities": dict(zip(self.labels, shares.tolist()))})
