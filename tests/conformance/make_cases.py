#!/usr/bin/env python3
"""Writes the official cases of the onnx wheel, and ml_models.py's, as files that the conformance tests read.

    make_cases.py OUT     OUT/index.txt            a line a case: GROUP/NAME, a tab, how its runnable form was made (or nothing)
                          OUT/GROUP/NAME.onnx      the model as the wheel gives it
                          OUT/GROUP/NAME.run.onnx  only where that cannot be run as it stands (see `runnable`)
                          OUT/GROUP/NAME.data      its inputs and the outputs that the wheel expects, for the runnable form

Groups: node (generated), simple, pytorch-converted, pytorch-operator, light (stored), ml (ours).
NAME.data holds tensors one after the other: a line `input|output DTYPE DIMS BYTES NAME` (DTYPE as ONNX numbers it, DIMS
joined by commas, - for a scalar), then BYTES bytes: packed elements, or for strings each with its length before it (4 bytes).
"""

import pathlib
import struct
import sys
import warnings

import numpy
import onnx
from onnx import TensorProto, numpy_helper, version_converter
from onnx.backend.test.loader import load_node_model_tests

import ml_models

STORED = pathlib.Path(onnx.__file__).parent / "backend/test/data"
# What the pinned ONNX Runtime opens at most; what Arete reads at least.
ENGINE_IR_VERSION, ENGINE_OPSET, OLDEST_OPSET = 13, 26, 7


def packed(value):
    """DTYPE, dims and bytes of an array or tensor message; nothing for what is neither (sequences, maps, optionals)."""
    if isinstance(value, TensorProto):
        value = value if value.raw_data else numpy_helper.to_array(value)
    if isinstance(value, (numpy.ndarray, numpy.generic)):
        value = numpy.asarray(value)
        if value.dtype.kind in "OUS":
            texts = [text if isinstance(text, bytes) else str(text).encode() for text in value.ravel()]
            return TensorProto.STRING, value.shape, b"".join(struct.pack("<I", len(text)) + text for text in texts)
        value = numpy_helper.from_array(value)
    if not isinstance(value, TensorProto):
        return None
    return value.data_type, tuple(value.dims), value.raw_data


def data_bytes(model, inputs, outputs):
    weights = {weight.name for weight in model.graph.initializer}
    wanted = [value.name for value in model.graph.input if value.name not in weights]
    out = b""
    for role, names, values in (("input", wanted, inputs), ("output", [v.name for v in model.graph.output], outputs)):
        for name, value in zip(names, values):
            found = packed(value)
            if found is None:
                continue
            dtype, dims, content = found
            out += f"{role} {dtype} {','.join(map(str, dims)) or '-'} {len(content)} {name}\n".encode() + content
    return out


def runnable(model):
    """The model in a form that both Arete and the engine take, and how it was made ("": it is that already).

    Newer than the engine: the same nodes under the engine's newest stamps; only two runs are ever compared, so it need
    not mean the same, and what the engine then refuses stands in the list. Older than Arete reads: raised by the official
    converter, and expected to give the same."""
    opset = next((entry for entry in model.opset_import if entry.domain in ("", "ai.onnx")), None)
    version = opset.version if opset else ENGINE_OPSET
    if version < OLDEST_OPSET:
        return version_converter.convert_version(model, OLDEST_OPSET), f"raised from opset {version}"
    if version <= ENGINE_OPSET and model.ir_version <= ENGINE_IR_VERSION:
        return model, ""
    stamped = onnx.ModelProto()
    stamped.CopyFrom(model)
    stamped.ir_version = min(model.ir_version, ENGINE_IR_VERSION)
    for entry in stamped.opset_import:
        if entry.domain in ("", "ai.onnx"):
            entry.version = min(entry.version, ENGINE_OPSET)
    return stamped, f"stamped opset {ENGINE_OPSET} for {version}"


def read_value(path, kind):
    """A stored .pb: a tensor, or None for the rest."""
    return onnx.load_tensor(path) if kind == "tensor_type" else None


def stored_case(folder):
    model = onnx.load(folder / "model.onnx")
    weights = {weight.name for weight in model.graph.initializer}
    values = {"input": [v for v in model.graph.input if v.name not in weights], "output": list(model.graph.output)}
    read = {role: [read_value(folder / f"test_data_set_0/{role}_{i}.pb", value.type.WhichOneof("value"))
                   for i, value in enumerate(of_role)] for role, of_role in values.items()}
    return model, read["input"], read["output"]


def light_case(path):
    """Inputs as the official runner makes them: a ramp from 0 to 1."""
    model = onnx.load(path)
    weights = {weight.name for weight in model.graph.initializer}
    inputs = []
    for value in (value for value in model.graph.input if value.name not in weights):
        shape = [dim.dim_value or 1 for dim in value.type.tensor_type.shape.dim]
        count = int(numpy.prod(shape))
        inputs.append((numpy.arange(count).reshape(shape) / count).astype(numpy.float32))
    outputs = sorted(path.parent.glob(path.stem + "_output_*.pb"))
    return model, inputs, [onnx.load_tensor(output) for output in outputs]


def all_cases():
    for case in load_node_model_tests():
        [(inputs, outputs)] = case.data_sets
        yield "node", case.name, (case.model, inputs, outputs)
    for group in ("simple", "pytorch-converted", "pytorch-operator"):
        for folder in sorted((STORED / group).iterdir()):
            if (folder / "model.onnx").exists():
                yield group, folder.name, stored_case(folder)
    for path in sorted((STORED / "light").glob("*.onnx")):
        yield "light", path.stem, light_case(path)
    for name, case in ml_models.all_models():
        yield "ml", name, case


def main():
    warnings.simplefilter("ignore")
    numpy.seterr(all="ignore")
    out = pathlib.Path(sys.argv[1])
    index = []
    for group, name, (model, inputs, outputs) in all_cases():
        (out / group).mkdir(parents=True, exist_ok=True)
        path = f"{group}/{name}"
        changed, how = runnable(model)
        (out / f"{path}.onnx").write_bytes(model.SerializeToString())
        if how:
            (out / f"{path}.run.onnx").write_bytes(changed.SerializeToString())
        (out / f"{path}.data").write_bytes(data_bytes(changed, inputs, outputs))
        index.append(f"{path}\t{how}\n")
    (out / "index.txt").write_text("".join(sorted(index)))


if __name__ == "__main__":
    main()
