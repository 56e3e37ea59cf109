#!/usr/bin/env python3
"""Writes the images that tests/media reads, and what Pillow makes of them.

    make_references.py OUT

OUT/decode/NAME.{png,jpg} with NAME.rgb.npy and NAME.l.npy (uint8 [h,w,3] and [h,w], upright), listed in
OUT/decode/index.txt; OUT/resize/NAME.npy with NAME.FILTER.WxH.npy, listed in OUT/resize/index.txt ("NAME FILTER W H");
OUT/tensor/NAME.jpg with NAME.npy; OUT/into/NAME.png with TRUTH.npy (uint8 [h,w,c]), listed in OUT/into/index.txt
("NAME TRUTH CHANNELS FILTER CROP W H", CROP 0: none); OUT/scaled/NAME.jpg with NAME.WxH.{exact,draft}.npy, listed too; OUT/truncated/NAME.{png,jpg} with NAME.txt, one digit a prefix length (1: Pillow
decodes that many bytes). Everything is drawn from a fixed seed.
"""

import io
import pathlib
import struct
import sys
import zlib

import numpy as np
from PIL import Image, ImageOps

RNG = np.random.default_rng(20240229)
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]  # x, y, steps
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}


def picture(width, height, channels=3):
    """Smooth waves with a little noise: like a photo, every value occurs, JPEG has something to round."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [127.5 + 110 * np.sin(x / (5.0 + 3 * c) + y / (7.0 - c) + c) * np.cos(y / (11.0 + c)) for c in range(channels)]
    pixels = np.stack(planes, -1) + RNG.normal(0, 12, (height, width, channels))
    return np.clip(pixels, 0, 255).astype(np.uint8)


# --- a PNG encoder for the variants that Pillow does not write (16 bit, few bits, interlaced, every filter) ---
def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def pack_row(samples, depth):
    if depth == 16:
        return samples.astype(">u2").tobytes()
    if depth == 8:
        return samples.astype(np.uint8).tobytes()
    bits = np.unpackbits(samples.astype(np.uint8).reshape(-1, 1), axis=1)[:, 8 - depth:]
    return np.packbits(bits.reshape(-1)).tobytes()


def paeth(a, b, c):
    p = a + b - c
    near = min(abs(p - a), abs(p - b), abs(p - c))
    return a if abs(p - a) == near else b if abs(p - b) == near else c


def filter_row(kind, row, above, step):
    out = bytearray([kind])
    for i, value in enumerate(row):
        a = row[i - step] if i >= step else 0
        b = above[i]
        c = above[i - step] if i >= step else 0
        guess = [0, a, b, (a + b) // 2, paeth(a, b, c)][kind]
        out.append((value - guess) & 255)
    return bytes(out)


def filtered(samples, depth):
    """Rows [h, w, c] -> filtered bytes, a filter of another kind for each row."""
    height, _, channels = samples.shape
    step = max(1, depth * channels // 8)
    out, above = b"", None
    for y in range(height):
        row = pack_row(samples[y].reshape(-1), depth)
        out += filter_row(y % 5, row, above or bytes(len(row)), step)
        above = row
    return out


def encode_png(samples, depth, colour, extra=b"", behind=b"", interlaced=False):
    height, width, _ = samples.shape
    if interlaced:
        passes = [samples[y::dy, x::dx] for x, y, dx, dy in ADAM7]
        data = b"".join(filtered(p, depth) for p in passes if p.size)
    else:
        data = filtered(samples, depth)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(data)) + behind
            + chunk(b"IEND", b""))


def random_samples(width, height, depth, colour):
    return RNG.integers(0, 1 << depth, (height, width, CHANNELS[colour]))


def palette_chunk(count):
    return chunk(b"PLTE", RNG.integers(0, 256, 3 * count).astype(np.uint8).tobytes())


def exif_block(orientation, big_endian):
    order = ">" if big_endian else "<"
    mark = b"MM" if big_endian else b"II"
    entries = [(0x010F, 2, 4, b"us\0\0"), (0x0112, 3, 1, struct.pack(order + "HH", orientation, 0))]
    body = b"".join(struct.pack(order + "HHI", tag, kind, count) + value for tag, kind, count, value in entries)
    return mark + struct.pack(order + "HIH", 42, 8, len(entries)) + body + bytes(4)


# --- what is decoded ---
def png_cases():
    for colour, depths in [(GREY, (1, 2, 4, 8, 16)), (RGB, (8, 16)), (PALETTE, (1, 2, 4, 8)), (GREY_ALPHA, (8, 16)),
                           (RGBA, (8, 16))]:
        for depth in depths:
            extra = palette_chunk(1 << depth) if colour == PALETTE else b""
            for interlaced in (False, True):
                name = f"png_c{colour}_d{depth}" + ("_adam7" if interlaced else "")
                yield name, encode_png(random_samples(27, 19, depth, colour), depth, colour, extra, b"", interlaced)
    alpha = chunk(b"tRNS", RNG.integers(0, 256, 200).astype(np.uint8).tobytes())
    yield "png_palette_trns", encode_png(random_samples(33, 9, 8, PALETTE), 8, PALETTE, palette_chunk(256) + alpha)
    yield "png_grey_trns", encode_png(random_samples(9, 9, 8, GREY), 8, GREY, chunk(b"tRNS", b"\0\7"))
    yield "png_grey1_trns", encode_png(random_samples(9, 9, 1, GREY), 1, GREY, chunk(b"tRNS", b"\0\1"))
    yield "png_rgb_trns", encode_png(random_samples(9, 9, 8, RGB), 8, RGB, chunk(b"tRNS", b"\0\1\0\2\0\3"))
    yield "png_gamma", encode_png(random_samples(9, 9, 8, RGB), 8, RGB, chunk(b"gAMA", struct.pack(">I", 22000)))
    for width, height in [(1, 1), (2, 3), (1, 40), (40, 1), (5, 5), (8, 8), (300, 200)]:
        for interlaced in (False, True):
            name = f"png_{width}x{height}" + ("_adam7" if interlaced else "")
            yield name, encode_png(random_samples(width, height, 8, RGB), 8, RGB, b"", b"", interlaced)
    for orientation in range(1, 9):
        samples, exif = picture(37, 70), chunk(b"eXIf", exif_block(orientation, orientation % 2 == 0))
        yield f"png_exif{orientation}_front", encode_png(samples, 8, RGB, exif)
        yield f"png_exif{orientation}_behind", encode_png(samples, 8, RGB, b"", exif)
    for mode, channels in [("L", 1), ("LA", 2), ("RGB", 3), ("RGBA", 4)]:
        pixels = picture(64, 48, channels)
        yield f"png_pillow_{mode}", saved(Image.fromarray(pixels.squeeze(), mode=None), "PNG")
    yield "png_pillow_P", saved(Image.fromarray(picture(64, 48)).quantize(200), "PNG", transparency=3)


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def jpeg_cases():
    photo = Image.fromarray(picture(203, 151))
    for name, sampling in [("444", 0), ("422", 1), ("420", 2)]:
        for quality in (30, 75, 95):
            yield f"jpeg_{name}_q{quality}", saved(photo, "JPEG", subsampling=sampling, quality=quality)
            yield f"jpeg_{name}_q{quality}_progressive", saved(photo, "JPEG", subsampling=sampling, quality=quality, progressive=True)
    yield "jpeg_restarts", saved(photo, "JPEG", restart_marker_blocks=3)
    yield "jpeg_optimised", saved(photo, "JPEG", optimize=True)
    yield "jpeg_rgb", saved(photo, "JPEG", keep_rgb=True)
    yield "jpeg_grey", saved(photo.convert("L"), "JPEG", quality=90)
    yield "jpeg_grey_progressive", saved(photo.convert("L"), "JPEG", progressive=True)
    inks = saved(Image.fromarray(picture(90, 61, 4), "CMYK"), "JPEG", quality=90)
    yield "jpeg_cmyk", inks
    yield "jpeg_ycck", ycck(inks)
    yield "jpeg_trailing_rubbish", saved(photo, "JPEG") + b"rubbish behind the end" * 9
    for width, height in [(1, 1), (7, 5), (8, 8), (16, 17), (27, 27), (1, 100), (100, 1)]:
        yield f"jpeg_{width}x{height}", saved(Image.fromarray(picture(width, height)), "JPEG")
    for orientation in range(1, 9):
        for big_endian in (False, True):
            exif = b"Exif\0\0" + exif_block(orientation, big_endian)
            name = f"jpeg_exif{orientation}_" + ("be" if big_endian else "le")
            yield name, saved(Image.fromarray(picture(61, 40)), "JPEG", exif=exif)
    yield "jpeg_exif6_grey", saved(photo.convert("L"), "JPEG", exif=b"Exif\0\0" + exif_block(6, False))
    yield "jpeg_exif5_cmyk", saved(Image.fromarray(picture(50, 31, 4), "CMYK"), "JPEG", exif=b"Exif\0\0" + exif_block(5, True))
    big = Image.fromarray(np.tile(picture(1000, 750), (4, 4, 1)))
    yield "jpeg_4000x3000_exif6", saved(big, "JPEG", quality=85, exif=b"Exif\0\0" + exif_block(6, True))


def ycck(inks):
    """The same file with Adobe's note that the first three inks are YCbCr."""
    at = inks.index(b"Adobe")
    return inks[:at + 11] + b"\x02" + inks[at + 12:]


def truth(data, mode):
    """Pillow's pixels, upright; for 16-bit grey the high byte, which is where we differ from it on purpose."""
    image = Image.open(io.BytesIO(data))
    if image.mode == "I;16":
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return np.asarray(ImageOps.exif_transpose(image).convert(mode))


def write_decode(folder):
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for cases, ending in ((png_cases, "png"), (jpeg_cases, "jpg")):
        for name, data in cases():
            (folder / f"{name}.{ending}").write_bytes(data)
            np.save(folder / f"{name}.rgb.npy", truth(data, "RGB"))
            np.save(folder / f"{name}.l.npy", truth(data, "L"))
            names.append(f"{name} {ending}")
    (folder / "index.txt").write_text("\n".join(names) + "\n")


# --- what is resized ---
RESIZES = [
    ((203, 151), [(224, 224), (32, 32), (28, 28), (1, 1), (203, 151), (203, 7), (11, 151), (406, 302), (405, 17), (17, 301),
                  (202, 150), (204, 152), (100, 75), (3, 300), (999, 2)]),
    ((28, 28), [(28, 28), (32, 32), (27, 27), (224, 224), (14, 14), (5, 9), (96, 96)]),
    ((1, 1), [(1, 1), (5, 7), (64, 64)]),
    ((2, 1), [(1, 1), (3, 3), (17, 5)]),
    ((5, 7), [(3, 2), (31, 29), (5, 6), (4, 7)]),
    ((32, 32), [(224, 224), (96, 96), (33, 31), (8, 8)]),
    ((1, 500), [(1, 3), (7, 7), (1, 1000)]),
    ((20, 40), [(15, 29), (15, 30), (15, 31), (21, 39), (21, 41), (1, 1), (1, 2)]),  # both sides of the choice of first pass
    ((1080, 1920), [(224, 224), (640, 640)]),
    ((1023, 767), [(224, 224), (96, 96), (320, 240), (512, 384), (1024, 768), (640, 1)]),
]


FILTERS = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS, "nearest": Image.NEAREST}


def write_resize(folder):
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for (width, height), sizes in RESIZES:
        noise = RNG.integers(0, 256, (height, width, 3)).astype(np.uint8)
        edges = np.where(RNG.integers(0, 2, (height, width)) == 1, 255, 0).astype(np.uint8)
        for name, pixels in ((f"rgb_{width}x{height}", noise), (f"grey_{width}x{height}", edges),
                             (f"photo_{width}x{height}", picture(width, height))):
            np.save(folder / f"{name}.npy", pixels)
            for new_width, new_height in sizes:
                for kind, number in FILTERS.items():
                    small = Image.fromarray(pixels).resize((new_width, new_height), number)
                    np.save(folder / f"{name}.{kind}.{new_width}x{new_height}.npy", np.asarray(small))
                    rows.append(f"{name} {kind} {new_width} {new_height}")
    (folder / "index.txt").write_text("\n".join(rows) + "\n")


# --- the whole way, exact: PNG, turned, of other channels than the model's, cropped ---
def resize_and_crop(image, crop, width, height, kind):
    """torchvision's Resize(crop) and CenterCrop((height, width)) of a PIL image, by its documentation; 0: no crop."""
    if crop == 0:
        return image.resize((width, height), kind)
    short, long = min(image.size), max(image.size)
    other = int(crop * long / short)
    image = image.resize((crop, other) if image.width <= image.height else (other, crop), kind)
    left, top = int(round((image.width - width) / 2.0)), int(round((image.height - height) / 2.0))
    return image.crop((left, top, left + width, top + height))


INTO = [(0, 24, 32), (0, 61, 40), (0, 40, 61), (0, 90, 20), (0, 9, 150), (0, 1, 1), (32, 24, 28), (33, 24, 27), (41, 41, 41),
        (40, 40, 21), (95, 64, 95), (256, 224, 224)]  # crop, width, height


def write_into(folder):
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for orientation in range(1, 9):
        for width, height in [(61, 40), (37, 161), (400, 31), (1, 1), (2, 50)]:
            for channels in (1, 3):
                pixels = picture(width, height, channels)
                name = f"o{orientation}_{width}x{height}x{channels}"
                data = encode_png(pixels, 8, RGB if channels == 3 else GREY, chunk(b"eXIf", exif_block(orientation, False)))
                (folder / f"{name}.png").write_bytes(data)
                upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
                for number, (crop, new_width, new_height) in enumerate(INTO):
                    kind = list(FILTERS)[(orientation + number + width) % 4]
                    wanted = 1 if (orientation + number) % 3 == 0 else 3
                    made = resize_and_crop(upright.convert("RGB" if wanted == 3 else "L"), crop, new_width, new_height, FILTERS[kind])
                    truth_name = f"{name}_{number}"
                    np.save(folder / f"{truth_name}.npy", np.asarray(made).reshape(new_height, new_width, wanted))
                    rows.append(f"{name} {truth_name} {wanted} {kind} {crop} {new_width} {new_height}")
    (folder / "index.txt").write_text("\n".join(rows) + "\n")


# --- decoding at a smaller scale ---
def landscape(width, height):
    """As a photograph is: power falls with the square of the frequency, channels go together, and there are edges."""
    y, x = np.mgrid[0:height, 0:width]
    frequency = np.hypot(np.fft.fftfreq(height)[:, None] * height, np.fft.rfftfreq(width)[None] * width) + 1
    planes = [np.fft.irfft2(np.fft.rfft2(RNG.normal(size=(height, width))) / frequency, (height, width)) for _ in range(3)]
    grey = planes[0] / planes[0].std()
    pixels = np.stack([128 + 45 * (grey + 0.25 * plane / plane.std()) for plane in planes], -1)
    for _ in range(12):
        cx, cy, r = RNG.integers(0, width), RNG.integers(0, height), RNG.integers(20, height // 3)
        pixels[np.hypot(x - cx, y - cy) < r] = pixels[np.hypot(x - cx, y - cy) < r] * 0.7 + RNG.integers(0, 80, 3)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def write_scaled(folder):
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for width, height, quality in [(1600, 1200, 90), (1603, 1601, 75)]:
        data = saved(Image.fromarray(landscape(width, height)), "JPEG", quality=quality)
        name = f"landscape_{width}x{height}"
        (folder / f"{name}.jpg").write_bytes(data)
        for new_width, new_height in [(224, 224), (96, 96), (320, 240)]:
            exact = Image.open(io.BytesIO(data)).resize((new_width, new_height), Image.BILINEAR)
            drafted = Image.open(io.BytesIO(data))
            _, box = drafted.draft("RGB", (2 * new_width, 2 * new_height))
            drafted = drafted.resize((new_width, new_height), Image.BILINEAR, box)
            np.save(folder / f"{name}.{new_width}x{new_height}.exact.npy", np.asarray(exact))
            np.save(folder / f"{name}.{new_width}x{new_height}.draft.npy", np.asarray(drafted))
            rows.append(f"{name} {new_width} {new_height}")
    (folder / "index.txt").write_text("\n".join(rows) + "\n")


def write_tensor(folder):
    """A photo as torchvision's ToTensor and Normalize would see it, float32 [1,3,96,128]; PNG, so that it is exact."""
    folder.mkdir(parents=True, exist_ok=True)
    data = saved(Image.fromarray(picture(203, 151)), "PNG", exif=exif_block(6, False))
    (folder / "photo.png").write_bytes(data)
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB").resize((128, 96), Image.BILINEAR)
    mean, std = (np.array(v, np.float32) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    values = (np.asarray(image, np.float32) / np.float32(255) - mean) / std
    np.save(folder / "photo.npy", np.ascontiguousarray(values.transpose(2, 0, 1))[None])


def decodes(data):
    try:
        Image.open(io.BytesIO(data)).load()
        return "1"
    except Exception:  # noqa: BLE001: Pillow raises OSError, SyntaxError, ValueError, struct.error...
        return "0"


def write_truncated(folder):
    folder.mkdir(parents=True, exist_ok=True)
    photo = Image.fromarray(picture(40, 30))
    files = {"rgb.png": saved(photo, "PNG"), "adam7.png": encode_png(picture(20, 20), 8, RGB, interlaced=True),
             "palette.png": encode_png(random_samples(20, 9, 4, PALETTE), 4, PALETTE, palette_chunk(16)),
             "baseline.jpg": saved(photo, "JPEG", exif=b"Exif\0\0" + exif_block(6, False)),
             "restarts.jpg": saved(photo, "JPEG", restart_marker_blocks=2),
             "progressive.jpg": saved(photo, "JPEG", progressive=True), "grey.jpg": saved(photo.convert("L"), "JPEG"),
             "cmyk.jpg": saved(photo.convert("CMYK"), "JPEG")}
    for name, data in files.items():
        (folder / name).write_bytes(data)
        (folder / f"{name}.txt").write_text("".join(decodes(data[:length]) for length in range(len(data) + 1)))


def main():
    out = pathlib.Path(sys.argv[1])
    write_decode(out / "decode")
    write_resize(out / "resize")
    write_tensor(out / "tensor")
    write_into(out / "into")
    write_scaled(out / "scaled")
    write_truncated(out / "truncated")


if __name__ == "__main__":
    main()
