"""The peer of bench_media_worker: the same image through Pillow and numpy, as a Python server prepares it.

    pillow_worker.py IMAGE WIDTH HEIGHT [FILTER]
"""
import io
import json
import pathlib
import resource
import sys
import time

import numpy as np
import PIL
from PIL import Image, ImageOps

MEAN, STD = np.array((0.485, 0.456, 0.406), np.float32), np.array((0.229, 0.224, 0.225), np.float32)


class Job:
    def __init__(self, path, width, height, kind="bilinear"):
        self.data, self.size, self.kind = pathlib.Path(path).read_bytes(), (int(width), int(height)), Image.Resampling[kind.upper()]
        self.image = self.decode()

    def decode(self):
        return ImageOps.exif_transpose(Image.open(io.BytesIO(self.data))).convert("RGB")

    def rest(self):
        return self.finish(self.image)

    def finish(self, image):
        pixels = np.asarray(image.resize(self.size, self.kind), np.float32) / np.float32(255)
        return np.ascontiguousarray(((pixels - MEAN) / STD).transpose(2, 0, 1))[None]

    def whole(self):
        return self.finish(self.decode())


def main():
    job = Job(*sys.argv[1:])
    print("ready " + json.dumps({"engine": "Pillow " + PIL.__version__}), flush=True)
    for line in sys.stdin:
        _, step, *rest = line.split()
        look = getattr(job, step)
        usage, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        for _ in range(int(rest[0]) if rest else 1):
            look()
        wall_s, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
        print(json.dumps({"wall_s": wall_s, "cpu_s": after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime}), flush=True)


if __name__ == "__main__":
    main()
