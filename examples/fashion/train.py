#!/usr/bin/env python3
"""Remakes fashion.onnx, its model card and images/ from Fashion-MNIST.

Trains a small CNN on the 60,000 training images for a fixed number of epochs,
takes the last epoch, and only then looks at the 10,000 test images. Every
epoch is checkpointed; a run that was cut goes on where it stopped and ends
with the same weights.

Needs the Debian packages python3-torch and dataset-fashion-mnist.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import unpack

HERE = Path(__file__).resolve().parent
DEFAULT_CHECKPOINT = HERE.parents[1] / "build" / "fashion" / "checkpoint.pt"
SEED = 20170825
BATCH = 128
PEAK_LEARNING_RATE = 0.2
WEIGHT_DECAY = 5e-4
LABEL_SMOOTHING = 0.05
SHIFT_PIXELS = 2
MEAN = 0.5
STD = 0.5
OPSET = 13


def conv_bn(inputs, outputs):
    """The bias is the BatchNorm's: one in the Conv would be redundant."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
                         nn.BatchNorm2d(outputs))


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first = conv_bn(width, width)
        self.second = conv_bn(width, width)

    def forward(self, x):
        y = torch.relu(self.first(x))
        return torch.relu(x + self.second(y))


class FashionNet(nn.Module):
    """28x28 -> 14x14 -> 7x7, most of the work at the cheap low resolution."""

    def __init__(self, classes):
        super().__init__()
        self.stem = conv_bn(1, 32)
        self.middle = conv_bn(32, 40)
        self.widen = conv_bn(40, 80)
        self.residual = Residual(80)
        self.pool = nn.MaxPool2d(2)
        self.average = nn.AdaptiveAvgPool2d(1)
        self.classify = nn.Linear(80, classes)

    def forward(self, x):
        x = self.pool(torch.relu(self.stem(x)))
        x = self.pool(torch.relu(self.middle(x)))
        x = self.residual(torch.relu(self.widen(x)))
        return self.classify(torch.flatten(self.average(x), 1))


def load_split(source, split):
    """Returns (images [N,1,28,28] as uint8, labels [N] as int64)."""
    shape, pixels = unpack.read_split_images(source, split)
    classes = unpack.read_split_labels(source, split)
    images = np.frombuffer(pixels, np.uint8).reshape(shape)[:, None].copy()
    labels = np.frombuffer(classes, np.uint8).astype(np.int64)
    return torch.from_numpy(images), torch.from_numpy(labels)


def normalise(images):
    return (images.float() / 255 - MEAN) / STD


def augment(images, generator):
    """Flips and shifts each image by itself; black comes in at the edges."""
    count, _, height, width = images.shape
    span = 2 * SHIFT_PIXELS + 1
    padded = functional.pad(images, [SHIFT_PIXELS] * 4)
    rows = torch.randint(span, (count, 1), generator=generator)
    columns = torch.randint(span, (count, 1), generator=generator)
    flip = torch.rand(count, 1, generator=generator) < 0.5
    rows = rows + torch.arange(height)
    steps = torch.arange(width)
    columns = columns + torch.where(flip, steps.flip(0), steps)
    which = torch.arange(count)[:, None, None]
    return padded[which, 0, rows[:, :, None], columns[:, None, :]][:, None]


def run_epoch(model, optimizer, schedule, images, labels, epoch):
    """Returns (mean loss, accuracy) over the augmented training images."""
    # Seeded by the epoch, so that a resumed run draws the same numbers.
    generator = torch.Generator().manual_seed(SEED + epoch)
    order = torch.randperm(len(images), generator=generator)
    loss_sum, right, seen = 0.0, 0, 0
    model.train()
    for rows in order.split(BATCH):
        if len(rows) < BATCH:
            break  # a stray small batch would only disturb the statistics
        x = normalise(augment(images[rows], generator))
        y = labels[rows]
        logits = model(x)
        loss = functional.cross_entropy(logits, y,
                                        label_smoothing=LABEL_SMOOTHING)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        loss_sum += loss.item() * len(rows)
        right += (logits.argmax(1) == y).sum().item()
        seen += len(rows)
    return loss_sum / seen, right / seen


def save_checkpoint(path, state):
    """A cut leaves either the old checkpoint or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    torch.save(state, temporary)
    os.replace(temporary, path)


def make_optimizer(model, epochs, steps_per_epoch):
    optimizer = torch.optim.SGD(model.parameters(), lr=PEAK_LEARNING_RATE,
                                momentum=0.9, nesterov=True,
                                weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, PEAK_LEARNING_RATE, epochs=epochs,
        steps_per_epoch=steps_per_epoch, cycle_momentum=False)
    return optimizer, schedule


def train(model, images, labels, epochs, checkpoint):
    """Leaves the model at its last epoch; goes on from the checkpoint."""
    optimizer, schedule = make_optimizer(model, epochs, len(images) // BATCH)
    parts = {"model": model, "optimizer": optimizer, "schedule": schedule}
    start = 0
    if checkpoint.exists():
        state = torch.load(checkpoint)
        if state["epochs"] != epochs:
            raise unpack.DataError("%s is of a run of %d epochs: remove it"
                                   % (checkpoint, state["epochs"]))
        for name, part in parts.items():
            part.load_state_dict(state[name])
        start = state["done"]
    for epoch in range(start, epochs):
        started = time.monotonic()
        loss, accuracy = run_epoch(model, optimizer, schedule, images, labels,
                                   epoch)
        state = {name: part.state_dict() for name, part in parts.items()}
        state.update(done=epoch + 1, epochs=epochs)
        save_checkpoint(checkpoint, state)
        print("epoch %d/%d: loss %.4f, training accuracy %.2f %%, %.0f s"
              % (epoch + 1, epochs, loss, 100 * accuracy,
                 time.monotonic() - started), flush=True)


def predict(model, images):
    """Returns probabilities [N, classes]."""
    model.eval()
    with torch.no_grad():
        return torch.cat([functional.softmax(model(normalise(part)), 1)
                          for part in images.split(500)])


def export(model, path):
    """BatchNormalization stays a node of its own: fusing is Arete's work."""
    model.eval()
    temporary = path.with_name(path.name + ".tmp")
    torch.onnx.export(model, torch.zeros(1, 1, 28, 28), str(temporary),
                      input_names=["image"], output_names=["logits"],
                      dynamic_axes={"image": {0: "N"}, "logits": {0: "N"}},
                      training=torch.onnx.TrainingMode.PRESERVE,
                      do_constant_folding=False, opset_version=OPSET)
    os.replace(temporary, path)


def write_card(path, labels):
    card = {
        "input": {"kind": "image", "width": 28, "height": 28, "mean": [MEAN],
                  "std": [STD], "layout": "NCHW", "orientation": "exif"},
        "output": {"kind": "classification", "activation": "softmax",
                   "labels": labels},
    }
    path.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


def file_stem(label):
    return "".join(c if c.isalnum() else "_" for c in label.lower())


def write_examples(folder, images, classes, probabilities, labels):
    """Per class, the first test image that the model is right and sure of."""
    folder.mkdir(exist_ok=True)
    sure, answer = probabilities.max(1)
    for c, label in enumerate(labels):
        fits = (classes == c) & (answer == c) & (sure > 0.9)
        if not fits.any():
            raise unpack.DataError("no sure and right image of %s" % label)
        position = int(fits.nonzero()[0])
        png = unpack.encode_png(images[position].numpy().tobytes(), 28, 28)
        (folder / (file_stem(label) + ".png")).write_bytes(png)
        print("images/%s.png: test image %d" % (file_stem(label), position))


def report(path, model, classes, probabilities):
    right = (probabilities.argmax(1) == classes).sum().item()
    parameters = sum(p.numel() for p in model.parameters())
    print("%s: %d parameters, %d bytes, top-1 %.2f %% (%d of %d)"
          % (path.name, parameters, path.stat().st_size,
             100 * right / len(classes), right, len(classes)))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", default=unpack.DEFAULT_SOURCE,
                        metavar="DIR",
                        help="folder of the gzipped IDX files (%(default)s)")
    parser.add_argument("--out", default=HERE, type=Path, metavar="DIR",
                        help="where the results go (beside this script)")
    parser.add_argument("--checkpoint", default=DEFAULT_CHECKPOINT, type=Path,
                        metavar="FILE",
                        help="(build/fashion/checkpoint.pt of the repository)")
    parser.add_argument("--epochs", type=int, default=15, metavar="N",
                        help="(%(default)s)")
    parser.add_argument("--threads", type=int, default=2, metavar="N",
                        help="(%(default)s)")
    return parser.parse_args()


def remake(arguments):
    labels = unpack.read_labels()
    model = FashionNet(len(labels))
    images, classes = load_split(arguments.source, "train")
    train(model, images, classes, arguments.epochs, arguments.checkpoint)

    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "fashion.onnx"
    export(model, path)
    write_card(arguments.out / "fashion.card.json", labels)

    # The test images are first read here, when nothing is left to choose.
    images, classes = load_split(arguments.source, "test")
    probabilities = predict(model, images)
    write_examples(arguments.out / "images", images, classes, probabilities,
                   labels)
    report(path, model, classes, probabilities)


def main():
    arguments = parse_arguments()
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(arguments.threads)
    try:
        remake(arguments)
    except (unpack.DataError, OSError) as error:
        print("train.py: %s" % error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
