#!/usr/bin/env python3
"""Unpacks Fashion-MNIST into class folders of 8-bit greyscale PNGs.

Writes OUT/train<N>/<label>/00001.png ... (the first N training images,
balanced over the classes) and OUT/test/<label>/... . A label becomes a folder
name by percent-encoding what a file name cannot hold: T-shirt%2Ftop.

Needs nothing beyond the standard library.
"""

import argparse
import gzip
import os
import shutil
import struct
import sys
import tempfile
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
DEFAULT_SOURCE = "/usr/share/datasets/fashion-mnist"
PACKAGE = "dataset-fashion-mnist"
SPLIT_PREFIX = {"train": "train", "test": "t10k"}
IMAGES_MAGIC = 0x00000803  # unsigned bytes, 3 dimensions
LABELS_MAGIC = 0x00000801  # unsigned bytes, 1 dimension


class DataError(Exception):
    """The data set is missing or is not what it should be."""


def read_labels():
    return (HERE / "labels.txt").read_text(encoding="utf-8").splitlines()


def folder_name(label):
    """Encodes only what a path cannot hold, so that names stay readable."""
    name = "".join("%%%02X" % ord(c) if c in '%/\\' or ord(c) < 32 else c
                   for c in label)
    if name in ("", ".", ".."):
        raise DataError("label %r cannot name a folder" % label)
    return name


def read_idx(path, magic, dimensions):
    """Returns (shape, bytes) of one gzipped IDX file of unsigned bytes."""
    try:
        with gzip.open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        raise DataError("%s is missing: install the package that holds it "
                        "(apt-get install %s) or name its folder with --source"
                        % (path, PACKAGE)) from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError("%s: %s" % (path, error)) from None
    header_bytes = 4 + 4 * dimensions
    if len(data) < header_bytes or struct.unpack_from(">I", data)[0] != magic:
        raise DataError("%s: not an IDX file of the expected kind" % path)
    shape = struct.unpack_from(">%dI" % dimensions, data, 4)
    size_bytes = 1
    for extent in shape:
        size_bytes *= extent
    if len(data) != header_bytes + size_bytes:
        raise DataError("%s: %d bytes where its header promises %d"
                        % (path, len(data), header_bytes + size_bytes))
    return shape, data[header_bytes:]


def read_split_labels(source, split):
    path = Path(source) / (SPLIT_PREFIX[split] + "-labels-idx1-ubyte.gz")
    return read_idx(path, LABELS_MAGIC, 1)[1]


def read_split_images(source, split):
    """Returns ((count, height, width), bytes)."""
    path = Path(source) / (SPLIT_PREFIX[split] + "-images-idx3-ubyte.gz")
    return read_idx(path, IMAGES_MAGIC, 3)


def png_chunk(kind, body):
    crc = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)


def encode_png(pixels, width, height):
    """One 8-bit greyscale image, rows top to bottom, as PNG bytes."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    # Each row is preceded by its filter; 0 (none) is the fastest to write.
    rows = b"".join(b"\0" + pixels[y * width:(y + 1) * width]
                    for y in range(height))
    return (b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header)
            + png_chunk(b"IDAT", zlib.compress(rows, 6))
            + png_chunk(b"IEND", b""))


def choose_balanced(classes, class_count, wanted):
    """Per class, the positions of its first images: `wanted` in all."""
    quota = [wanted // class_count + (c < wanted % class_count)
             for c in range(class_count)]
    chosen = [[] for _ in range(class_count)]
    for position, c in enumerate(classes):
        if c >= class_count:
            raise DataError("label %d at position %d is out of range"
                            % (c, position))
        if len(chosen[c]) < quota[c]:
            chosen[c].append(position)
    for c in range(class_count):
        if len(chosen[c]) < quota[c]:
            raise DataError("class %d has %d images, %d were asked for"
                            % (c, len(chosen[c]), quota[c]))
    return chosen


def is_complete(folder, names, chosen):
    """True when the folder holds exactly the files that we would write."""
    if not folder.is_dir() or sorted(os.listdir(folder)) != sorted(names):
        return False
    return all(
        sorted(os.listdir(folder / name))
        == ["%05d.png" % (i + 1) for i in range(len(positions))]
        for name, positions in zip(names, chosen))


def write_folders(folder, names, chosen, shape, pixels):
    count, height, width = shape
    size = height * width
    for name, positions in zip(names, chosen):
        (folder / name).mkdir()
        for i, position in enumerate(positions):
            if position >= count:
                raise DataError("fewer images than labels")
            image = pixels[position * size:(position + 1) * size]
            path = folder / name / ("%05d.png" % (i + 1))
            path.write_bytes(encode_png(image, width, height))


def refuse_foreign(target, names):
    """A folder that holds anything but our classes is not ours to replace."""
    if target.exists():
        foreign = sorted(set(os.listdir(target)) - set(names))
        if foreign:
            raise DataError("%s holds %s, which is none of ours: name another "
                            "--out" % (target, foreign[0]))


def publish(temporary, target, names, chosen):
    """Renames the finished folder into place; another run may have won."""
    try:
        os.rename(temporary, target)
    except OSError:
        if is_complete(target, names, chosen):
            return
        refuse_foreign(target, names)
        shutil.rmtree(target)
        os.rename(temporary, target)


def unpack_split(source, out, split, wanted, target_name):
    labels = read_labels()
    names = [folder_name(label) for label in labels]
    classes = read_split_labels(source, split)
    chosen = choose_balanced(classes, len(labels), wanted)
    target = out / target_name
    if is_complete(target, names, chosen):
        print("%s: complete, left as it is" % target)
        return
    refuse_foreign(target, names)
    shape, pixels = read_split_images(source, split)
    out.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".unpack-", dir=out))
    try:
        # mkdtemp's own mode is private; a folder inside it is not.
        temporary = scratch / target_name
        temporary.mkdir()
        write_folders(temporary, names, chosen, shape, pixels)
        publish(temporary, target, names, chosen)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print("%s: %d images in %d classes" % (target, wanted, len(names)))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", default=DEFAULT_SOURCE, metavar="DIR",
                        help="folder of the gzipped IDX files (%(default)s)")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR",
                        help="folder that receives train<N>/ and test/")
    parser.add_argument("--train", type=int, default=512, metavar="N",
                        help="training images, 0 for none (%(default)s)")
    parser.add_argument("--test", type=int, default=10000, metavar="N",
                        help="test images, 0 for none (%(default)s)")
    arguments = parser.parse_args()
    if arguments.train < 0 or arguments.test < 0:
        parser.error("--train and --test take 0 or more")
    return arguments


def main():
    arguments = parse_arguments()
    try:
        if arguments.train:
            unpack_split(arguments.source, arguments.out, "train",
                         arguments.train, "train%d" % arguments.train)
        if arguments.test:
            unpack_split(arguments.source, arguments.out, "test",
                         arguments.test, "test")
    except (DataError, OSError) as error:
        print("unpack.py: %s" % error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
