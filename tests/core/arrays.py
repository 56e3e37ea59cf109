"""Arrays for tests/core, by NumPy itself.

arrays.py FOLDER          writes .npy and .npz files of every kind into FOLDER
arrays.py FOLDER check    reads FOLDER/ours.npz and ours_*.npy, which the C++ test wrote, and compares
"""

import os
import sys

import numpy as np

FOLDER = sys.argv[1]
DTYPES = ["f4", "f8", "f2", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1", "c8", "c16"]


def path(name):
    return os.path.join(FOLDER, name)


def counting(dtype, shape):
    """0, 1, 2, ... in every dtype; the C++ test counts the same."""
    return np.arange(int(np.prod(shape))).reshape(shape).astype(dtype)


def halves():
    bits = np.arange(65536, dtype=np.uint16)
    with np.errstate(invalid="ignore"):
        np.save(path("half_bits_as_float.npy"), bits.view(np.float16).astype(np.float32).view(np.uint32))
    # Around every place where rounding turns: both halves, their middle, and its neighbours.
    finite = np.sort(bits.view(np.float16)[np.isfinite(bits.view(np.float16))].astype(np.float32))
    middle = (finite[:-1].astype(np.float64) + finite[1:].astype(np.float64)) / 2
    middle = middle.astype(np.float32)
    infinity = np.float32(np.inf)
    edges = np.array([65504, 65519.996, 65520, 65536, 1e30, np.inf, -65520, -np.inf, 1e-8, -1e-8, 0.0, -0.0,
                      2.0**-24, 2.0**-25, np.nextafter(np.float32(2.0**-25), infinity)], np.float32)
    floats = np.concatenate([finite, middle, np.nextafter(middle, infinity), np.nextafter(middle, -infinity), edges])
    np.save(path("floats.npy"), floats)
    with np.errstate(over="ignore"):
        np.save(path("floats_as_half_bits.npy"), floats.astype(np.float16).view(np.uint16))


def make():
    os.makedirs(FOLDER, exist_ok=True)
    arrays = {dtype: counting(dtype, (2, 3)) for dtype in DTYPES}
    for name, array in arrays.items():
        np.save(path(f"plain_{name}.npy"), array)
    np.savez(path("stored.npz"), **arrays)
    np.savez_compressed(path("deflated.npz"), **arrays)
    np.savez_compressed(path("long_runs.npz"), x=np.zeros((300, 1000), np.float32), y=np.arange(300))
    np.savez(path("names.npz"), **{"a b": np.zeros(1), "é/ü": np.ones(1), "": np.zeros(0)})
    np.save(path("scalar.npy"), np.float32(2.5))
    np.save(path("empty.npy"), np.zeros((0, 3), np.float32))
    np.save(path("one_axis.npy"), np.arange(5, dtype=np.int64))
    np.save(path("many_axes.npy"), np.zeros((1,) * 20, np.float32))
    np.save(path("fortran.npy"), np.asfortranarray(np.ones((2, 3), np.float32)))
    np.save(path("big_endian.npy"), np.ones(3, ">f4"))
    np.save(path("text.npy"), np.array(["a", "bc"]))
    np.save(path("objects.npy"), np.array([{}, None], dtype=object), allow_pickle=True)
    np.save(path("structured.npy"), np.zeros(2, dtype=[("x", "f4"), ("y", "i4")]))
    for version in ((1, 0), (2, 0), (3, 0)):
        with open(path(f"version_{version[0]}.npy"), "wb") as file:
            np.lib.format.write_array(file, np.arange(3, dtype=np.float32), version=version)
    halves()


def check():
    with np.load(path("ours.npz")) as archive:
        assert set(archive.files) == set(DTYPES) | {"scalar", "empty", "one axis é"}, archive.files
        for dtype in DTYPES:
            found, wanted = archive[dtype], counting(dtype, (2, 3))
            assert found.dtype == wanted.dtype and (found == wanted).all(), (dtype, found)
        assert archive["scalar"] == np.float32(2.5) and archive["scalar"].shape == ()
        assert archive["empty"].shape == (0, 3) and archive["one axis é"].shape == (5,)
    for dtype in DTYPES:
        found = np.load(path(f"ours_{dtype}.npy"))
        assert (found == counting(dtype, (2, 3))).all(), (dtype, found)


check() if sys.argv[2:] == ["check"] else make()
