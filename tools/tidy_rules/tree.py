"""The files of the repository as the rules see them: names, lines, and C++ text without comments and strings."""

import collections
import os
import pathlib
import re
import subprocess

CPP_FOLDERS = ("src", "include", "apps", "tests", "fuzz", "bench", "examples")
CPP_SUFFIXES = (".cpp", ".cc", ".h")

Finding = collections.namedtuple("Finding", "path line rule wrong fix")
Include = collections.namedtuple("Include", "line angled name")

# Raw strings, line comments, block comments, strings, character literals (not the ' of 1'000).
_NOT_CODE = re.compile(
    r'R"([^()\s\\]{0,16})\((?:.|\n)*?\)\1"|//(?:\\\n|[^\n])*|/\*(?:.|\n)*?\*/|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'")
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^">\n]+)[">]', re.MULTILINE)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.MULTILINE)


def _blank(match):
    """Keeps the lines, so that line numbers stay right; a string leaves its quotes behind."""
    text = match.group(0)
    return ("" if text.startswith("/") else text[-1] * 2) + "\n" * text.count("\n")


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


class Tree:
    """The repository at `root`; reads each file once. `files` are paths with forward slashes, sorted."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.files = sorted(self._tracked_or_new())
        self._texts = {}
        self._codes = {}

    def _tracked_or_new(self):
        command = ["git", "-C", str(self.root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        if (self.root / ".git").exists():
            listing = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode()
            return [name for name in listing.split("\0") if name and (self.root / name).is_file()]
        return self._walk()  # an unpacked archive

    def _walk(self):
        found = []
        for folder, folders, names in os.walk(self.root):
            folders[:] = [name for name in folders if name not in ("build", ".git", "__pycache__")]
            found += [pathlib.Path(folder, name).relative_to(self.root).as_posix() for name in names]
        return found

    def cpp(self, *folders):
        folders = tuple(folder + "/" for folder in folders or CPP_FOLDERS)
        return [name for name in self.files if name.endswith(CPP_SUFFIXES) and name.startswith(folders)]

    def text(self, name):
        if name not in self._texts:
            self._texts[name] = (self.root / name).read_bytes().decode("utf-8", "replace")
        return self._texts[name]

    def code(self, name):
        """C++ text with comments gone and strings emptied; same lines as text()."""
        if name not in self._codes:
            self._codes[name] = _NOT_CODE.sub(_blank, self.text(name))
        return self._codes[name]

    def code_without_directives(self, name):
        return _DIRECTIVE.sub(lambda match: "\n" * match.group(0).count("\n"), self.code(name))

    def is_python(self, name):
        return name.endswith(".py") or ("." not in name.rsplit("/", 1)[-1] and
                                        re.match(r"#!.*\bpython3?\b", self.text(name)) is not None)

    def includes(self, name):
        text = self.text(name)
        return [Include(line_of(text, m.start(2)), m.group(1) == "<", m.group(2)) for m in _INCLUDE.finditer(text)]
