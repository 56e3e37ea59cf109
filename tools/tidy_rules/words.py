"""Rules about words and bytes: banned calls, empty TODOs, big files, names of machines and package registries."""

import re

from tidy_rules.tree import Finding, line_of

BLOB_BYTES = 1 << 20

# (what, fix): calls that src/ must not make. A member or another namespace's function of the same name is fine.
BANNED_CALLS = {
    "exit": "return an Error; main() decides the exit status",
    "abort": "use CHECK for a bug, return an Error for anything else",
    "quick_exit": "return an Error; main() decides the exit status",
    "_exit": "return an Error; main() decides the exit status",
    "terminate": "use CHECK for a bug, return an Error for anything else",
    "system": "use the process interface of os.base",
    "getenv": "apps/ reads the environment and passes values",
    "secure_getenv": "apps/ reads the environment and passes values",
    "setenv": "hand the value to who needs it",
    "putenv": "hand the value to who needs it",
    "rand": "take a seeded std::mt19937 from the caller",
    "srand": "take a seeded std::mt19937 from the caller",
    "strcpy": "use std::string or std::copy_n",
    "strcat": "use std::string",
    "sprintf": "use std::to_chars or fmt",
    "vsprintf": "use std::to_chars or fmt",
    "printf": "return the text; apps/ prints",
    "gets": "use std::getline",
}
BANNED_CALLS_ALLOWED = {("src/core/check.cpp", "abort"), ("src/core/check.cpp", "std::cerr"),  # CHECK ends the program
                        # ONNX Runtime has no other door for it.
                        ("src/engine/onnxruntime/library.cpp", "setenv"),
                        # The second Ctrl-C and a limit that was reached end the process under threads at work.
                        ("src/os/base/machine.cpp", "_exit"), ("src/os/base/limits.cpp", "_exit")}

_CALL = re.compile(r"(?<![\w.>:])(?:std::|::)?(" + "|".join(BANNED_CALLS) + r")\s*\(")
_THROW = re.compile(r"\bthrow\b")
_SHARED = re.compile(r"\bshared_ptr<(?!const\b)")
_STREAM = re.compile(r"\bstd::(?:cout|cerr|clog)\b")
_USING = re.compile(r"^[ \t]*using\s+namespace\b", re.MULTILINE)
_TODO = re.compile(r"\b(TODO|FIXME)\b(?!(?:\([^)\n]+\))?:?[ \t]+\w[^\n]{9,})")

# Joined here, so that this file does not hold what it looks for.
_HOSTS = ["pypi" + ".org", "pythonhosted" + ".org", "deb.debian" + ".org", "security.debian" + ".org",
          "snapshot.debian" + ".org", "registry.npmjs" + ".org", "proxy.golang" + ".org", "crates" + ".io",
          "archive.ubuntu" + ".com"]
_FORBIDDEN = [
    (re.compile("|".join(re.escape(host) for host in _HOSTS)), "host name of a package registry",
     "name the package; the machine's own settings say where it comes from"),
    (re.compile(r"(?<![\w.$}\"'])/(?:" + "work|root" + r")/\w|/tmp/" + "bash"), "path of one machine",
     "use a path relative to the repository"),
]


def check_calls(tree):
    for name in tree.cpp("src"):
        code = tree.code(name)
        for match in _CALL.finditer(code):
            if (name, match[1]) not in BANNED_CALLS_ALLOWED:
                yield Finding(name, line_of(code, match.start(1)), "banned-call", f"{match[1]}() in src/",
                              BANNED_CALLS[match[1]])
        for match in _STREAM.finditer(code):
            if (name, match[0]) in BANNED_CALLS_ALLOWED:
                continue
            yield Finding(name, line_of(code, match.start()), "banned-call", f"{match[0]} in src/",
                          "return the text, or log through os.base")
        for match in _THROW.finditer(code):
            yield Finding(name, line_of(code, match.start()), "banned-call", "throw in src/", "return an Error")
        for match in _SHARED.finditer(code):
            yield Finding(name, line_of(code, match.start()), "shared-ptr", "shared_ptr to what can change",
                          "one owner and references, or shared_ptr<const T>")
        if name.endswith(".h"):
            for match in _USING.finditer(code):
                yield Finding(name, line_of(code, match.start()), "using", "using namespace in a header",
                              "write the names out")


def check_headers_open(tree):
    for name in tree.cpp("src", "include"):
        if not name.endswith(".h"):
            continue
        if not any(line.startswith(("//", "/*")) for line in tree.text(name).splitlines()[:4]):
            yield Finding(name, 1, "header-sentence", "the header does not open with what it is",
                          "say in one sentence what this is, and what it is not for")
        if not re.search(r"^//.*\b([Tt]hreads?|pure)\b", tree.text(name), re.MULTILINE):
            yield Finding(name, 1, "header-threads", "the header does not say which threads may use it",
                          'add a line "// Threads: ..." to its opening comment')
        if "#pragma once" not in tree.text(name) and "#ifndef" not in tree.text(name):
            yield Finding(name, 1, "header-guard", "no include guard", "add #pragma once")


def check_text(tree):
    for name in tree.files:
        size = (tree.root / name).stat().st_size
        if size > BLOB_BYTES:
            yield Finding(name, 1, "blob", f"{size} bytes; a file may have {BLOB_BYTES}",
                          "make it at build or test time, or list it in tools/tidy_exceptions.txt")
            continue
        text = tree.text(name)
        if "\0" in text[:8000]:
            continue
        for pattern, what, fix in _FORBIDDEN:
            for match in pattern.finditer(text):
                yield Finding(name, line_of(text, match.start()), "forbidden-word", f"{what}: {match[0]}", fix)
        for match in _TODO.finditer(text):
            if name.startswith(("src/", "apps/", "tests/", "fuzz/", "bench/")):
                yield Finding(name, line_of(text, match.start()), "todo", f"{match[1]} without saying what",
                              "say what is missing and why, or do it")
