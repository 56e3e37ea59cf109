"""A stand-in for onnx's build backend, so that `pip download` only fetches the source distribution.

pip asks the backend for the package's name and version before it keeps the file. The real backend would be fetched
unpinned for that; this one answers from the PKG-INFO that is already inside the archive and can build nothing.
"""

import email.parser
import pathlib


def prepare_metadata_for_build_wheel(directory, config_settings=None):
    text = pathlib.Path("PKG-INFO").read_text(encoding="utf-8")
    package = email.parser.HeaderParser().parsestr(text)
    info = pathlib.Path(directory, f"{package['Name']}-{package['Version']}.dist-info")
    info.mkdir()
    (info / "METADATA").write_text(text, encoding="utf-8")
    return info.name


def build_wheel(directory, config_settings=None, metadata_directory=None):
    raise NotImplementedError("only the source files are wanted")
