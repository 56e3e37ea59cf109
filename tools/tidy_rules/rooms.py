"""Rules about rooms: arrows of includes, third-party and system headers, dead files, arrows of linked symbols."""

import collections
import pathlib
import re
import subprocess

from tidy_rules import headers
from tidy_rules.tree import Finding

ROOMS_FILE = "src/rooms.txt"
Room = collections.namedtuple("Room", "name line arrows libraries")
_ROW = re.compile(r"([a-z0-9_]+(?:\.[a-z0-9_]+)?):([^|]*)(?:\|(.*))?$")


def matches(pattern, room):
    return pattern in ("*", room) or (pattern.endswith(".*") and room.startswith(pattern[:-1]))


class Rooms:
    """src/rooms.txt, and which room each file and each include is in."""

    def __init__(self, tree):
        self.tree = tree
        self.findings = []
        self.by_name = {}
        for number, line in enumerate(tree.text(ROOMS_FILE).splitlines(), 1):
            row = line.split("#")[0].strip()
            if row:
                self._add(number, row)

    def _add(self, number, row):
        match = _ROW.match(row)
        if not match or match[1] in self.by_name:
            wrong = "this room is listed twice" if match else f"cannot read the row '{row}'"
            self.findings.append(Finding(ROOMS_FILE, number, "rooms-file", wrong, "room[.target]: arrows | libraries"))
            return
        room = Room(match[1], number, match[2].split(), (match[3] or "").split())
        self.by_name[room.name] = room
        for library in room.libraries:
            if library != "*" and library not in headers.THIRD_PARTY:
                self.findings.append(Finding(ROOMS_FILE, number, "rooms-file", f"unknown library '{library}'",
                                             "say what its headers begin with in tools/tidy_rules/headers.py"))

    def of_file(self, name):
        """The Room of src/... or None: src/a/b/x.h is in a.b, src/a/x.h in a, deeper files are in none."""
        parts = name.split("/")[1:-1]
        return self.by_name.get(".".join(parts)) if 1 <= len(parts) <= 2 else None

    def allowed(self, room, target):
        return room.name == target or any(matches(arrow, target) for arrow in room.arrows)

    def cycles(self):
        state = {}

        def visit(name, path):
            state[name] = "open"
            for other in self.by_name:
                if other == name or not any(matches(arrow, other) for arrow in self.by_name[name].arrows):
                    continue
                if state.get(other) == "open":
                    wrong = "arrows run in a circle: " + " -> ".join(path[path.index(other):] + [other])
                    yield Finding(ROOMS_FILE, self.by_name[name].line, "rooms-file", wrong, "move the shared value down")
                elif other not in state:
                    yield from visit(other, path + [other])
            state[name] = "done"

        for name in self.by_name:
            if name not in state:
                yield from visit(name, [name])


def check_includes(tree, rooms):
    shared = _shared_headers(tree, rooms)
    for name in tree.cpp("src"):
        room = rooms.of_file(name)
        if room:
            for include in tree.includes(name):
                yield from _check_include(tree, rooms, room, name, include, name in shared)


def _shared_headers(tree, rooms):
    """Headers of src/ that another room or a program includes; the others are private to their room."""
    shared = set()
    for name in tree.cpp("src", "apps", "include"):
        room = rooms.of_file(name) if name.startswith("src/") else None
        for include in tree.includes(name):
            if rooms.of_file("src/" + include.name) not in (None, room):
                shared.add("src/" + include.name)
    return shared


def _check_include(tree, rooms, room, name, include, is_shared):
    def finding(rule, wrong, fix):
        return Finding(name, include.line, rule, wrong, fix)

    header = include.name
    if not include.angled and (tree.root / "src" / header).is_file():
        target = rooms.of_file("src/" + header)
        if target and not rooms.allowed(room, target.name):
            yield finding("arrow", f"room {room.name} may not include room {target.name} (\"{header}\")",
                          f"move the value down, or add the arrow in {ROOMS_FILE} with a page in docs/adr/")
        return
    if (tree.root / "include" / header).is_file():
        if room.name.split(".")[0] != "api":
            yield finding("arrow", f"room {room.name} includes the public interface \"{header}\"",
                          "only src/api/ implements it; use the rooms below")
        return
    if header in headers.CPP_STANDARD:
        return
    library = headers.library_of(header)
    if library:
        yield from _check_library(room, header, library, is_shared, finding)
    elif not include.angled or not headers.is_system(header):
        yield finding("include", f"\"{header}\" is no file of src/ and no known library's",
                      "write the path from src/; a new library goes into src/rooms.txt and tools/tidy_rules/headers.py")
    elif not room.name.startswith("os.") and (room.name, header) not in headers.SYSTEM_ALLOWED:
        yield finding("system-header", f"<{header}> outside os.* (room {room.name})",
                      "call os.base, or add what is missing there")


def _check_library(room, header, library, is_shared, finding):
    if "*" not in room.libraries and library not in room.libraries:
        yield finding("third-party", f"room {room.name} may not touch {library} (<{header}>)",
                      f"use the room that wraps {library}, or list it in {ROOMS_FILE} with a page in docs/adr/")
    elif is_shared:
        yield finding("third-party", f"{library} in a header that other rooms include (<{header}>)",
                      "keep the library's types in .cpp files and in headers that only this room includes")


def check_public_headers(tree):
    """include/ is read by programs of others, which have the language and nothing else."""
    for name in tree.cpp("include"):
        for include in tree.includes(name):
            if include.name not in headers.CPP_STANDARD and not include.name.startswith("arete/"):
                yield Finding(name, include.line, "public-header", f"\"{include.name}\" in a public header",
                              "only the language's headers and arete/; keep the rest in src/api")


def check_dead(tree, rooms):
    included = set()
    for name in tree.cpp():
        folder = pathlib.PurePosixPath(name).parent
        for include in tree.includes(name):
            included |= {"src/" + include.name, "include/" + include.name, str(folder / include.name)}
    for name in tree.cpp("src"):
        if rooms.of_file(name) is None:
            yield Finding(name, 1, "dead-file", "this folder is no room, so the file is not built",
                          f"move it, or list the room in {ROOMS_FILE}")
        elif name.endswith(".h") and name not in included:
            yield Finding(name, 1, "dead-file", "nobody includes this header", "delete it")


# --- links: nm of each room's archive ---
_DEFINED = "TDBRVWGSCui"


def read_symbols(archive):
    """Returns (defined, undefined): our own mangled names in an archive; undefined maps name -> object file."""
    listing = subprocess.run(["nm", "-g", "-P", str(archive)], check=True, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL).stdout.decode()
    defined, undefined, member = set(), {}, "?"
    for line in listing.splitlines():
        if line.endswith("]:"):
            member = line[line.rfind("[") + 1:-2]
            continue
        words = line.split()
        if len(words) < 2 or "5arete" not in words[0]:
            continue
        if words[1] == "U":
            undefined.setdefault(words[0], member)
        elif words[1] in _DEFINED:
            defined.add(words[0])
    return defined, undefined


def demangle(names):
    result = subprocess.run(["c++filt"], input="\n".join(names), stdout=subprocess.PIPE, text=True, check=True)
    return dict(zip(names, result.stdout.splitlines()))


def check_links(tree, rooms, build):
    symbols = {}
    for room in rooms.by_name.values():
        archives = list(pathlib.Path(build).rglob(f"libarete_{room.name.replace('.', '_')}.a"))
        if archives:
            symbols[room.name] = read_symbols(archives[0])
    if not symbols:
        yield Finding(ROOMS_FILE, 1, "link", f"no libarete_*.a under {build}", "build it first")
        return
    homes = collections.defaultdict(set)
    for name, (defined, _) in symbols.items():
        for symbol in defined:
            homes[symbol].add(name)
    for name, (_, undefined) in symbols.items():
        room = rooms.by_name[name]
        wrong = [symbol for symbol in undefined if not any(rooms.allowed(room, home) for home in homes[symbol])]
        readable = demangle(wrong) if wrong else {}
        for symbol in wrong:
            where = ", ".join(sorted(homes[symbol])) or "no room"
            yield Finding(ROOMS_FILE, room.line, "link",
                          f"room {name} ({undefined[symbol]}) calls {readable[symbol]}, which is defined in {where}",
                          "move the value down, or add the arrow with a page in docs/adr/")
