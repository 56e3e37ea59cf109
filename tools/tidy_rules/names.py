"""Rules about names, and about state that outlives a call: what a name says of its thing, and no mutable globals."""

import re

from tidy_rules.cpp_functions import functions
from tidy_rules.tree import Finding, line_of

_FILE_PART = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9_]+)*$")
_CODE_FOLDERS = ("src/", "include/", "apps/", "tests/", "fuzz/", "bench/", "web/")
_GIVEN_NAMES = ("CMakeLists.txt", "README.md", "RESULTS.md")
_C_HEADER = re.compile(r"include/arete/c(?:_\w+)?\.h$")
_C_TYPE = re.compile(r"arete_\w+$")  # the C interface's own, which src/api defines

_TYPE = re.compile(r"\b(?:class|struct|union|enum(?:\s+class)?)\s+(\w+)\s*(?:final\s*)?(?::[^;{()]*)?\{")
_UPPER_CAMEL = re.compile(r"[A-Z][A-Za-z0-9]*$")
_CONSTANT = re.compile(r"^[ \t]*(?:(?:static|inline)\s+)*constexpr\s+[^;={}()]*?(\w+)(?:\[\w*\])?\s*(?:=|\{)", re.MULTILINE)
_ENUM = re.compile(r"\benum(?:\s+class)?\s+\w*\s*(?::\s*[\w:]+\s*)?\{([^}]*)\}")
_K_NAME = re.compile(r"k[A-Z0-9]\w*$")
_CLASS = re.compile(r"^[ \t]*class\s+\w+[^;{()]*\{", re.MULTILINE)
_ACCESS = re.compile(r"\b(public|protected|private)\s*:(?!:)")
_MEMBER = re.compile(r"(?:^|[;}])\s*(?:mutable\s+|const\s+)*[\w:]+(?:<[^;()]*>)?[\s&*]+(?:const\s+)?(\w+)\s*(?:=[^;()]*)?$")
_NO_MEMBER = re.compile(r"\s*(?:using|friend|static|typedef|template|class|struct|enum|return)\b")


def check_file_names(tree):
    for name in tree.files:
        if not name.startswith(_CODE_FOLDERS) or name.rsplit("/", 1)[-1] in _GIVEN_NAMES or name.startswith("fuzz/corpus/"):
            continue
        bad = next((part for part in name.split("/") if not _FILE_PART.match(part)), None)
        if bad:
            yield Finding(name, 1, "name", f"'{bad}' is no snake_case", "files and folders are named in snake_case")


def _names_in(name, code):
    """Yields (offset, name, what is wrong) of types, constants and enum values."""
    for match in _TYPE.finditer(code):
        if not _UPPER_CAMEL.match(match[1]) and not _C_TYPE.match(match[1]):
            yield match.start(1), match[1], "a type is UpperCamel"
    for match in _CONSTANT.finditer(code):
        if not _K_NAME.match(match[1]):
            yield match.start(1), match[1], "a constant is kName"
    for match in _ENUM.finditer(code):
        values = [value.split("=")[0].strip() for value in match[1].split(",")]
        for value in filter(None, values):
            if not _K_NAME.match(value):
                yield match.start(1), value, "an enum value is kName"
    yield from _members_in(code)


def _members_in(code):
    for match in _CLASS.finditer(code):
        for offset, access, statement in _statements(code, match.end()):
            member = None if access != "private" or _NO_MEMBER.match(statement) else _MEMBER.search(statement)
            if member and not member[1].endswith("_"):
                yield offset, member[1], "a member of a class is name_"


def _statements(code, at):
    """Yields (offset, access, text) of each statement of the class whose brace is before `at`; bodies are left out."""
    depth, access, text = 1, "private", ""
    for match in re.compile(r"[{};]|[^{};]+").finditer(code, at):
        token = match[0]
        if token == "{":
            depth += 1
        elif token == "}":
            depth -= 1
            if depth == 0:
                return
            text = "" if depth == 1 and "(" in text else text  # a function's body ends without ;
        elif depth > 1:
            continue
        elif token == ";":
            yield match.start(), access, text
            text = ""
        else:
            changes = list(_ACCESS.finditer(token))
            access = changes[-1][1] if changes else access
            text = token[changes[-1].end():] if changes else text + token


def check_names(tree):
    for path in tree.cpp():
        if _C_HEADER.match(path):
            continue
        code = tree.code_without_directives(path)
        for offset, wrong, rule in _names_in(path, code):
            yield Finding(path, line_of(code, offset), "name", f"'{wrong}': {rule}", "rename it")


# --- state ---
_STATIC = re.compile(r"^[ \t]*(?:inline\s+)?(?:static|thread_local)\s+(?!const\b|constexpr\b|constinit\s+const\b)"
                     r"[^;{}()=]*?(\w+)\s*[={;]", re.MULTILINE)
# At the start of a line, because clang-format indents what is in anything but a namespace.
_GLOBAL = re.compile(r"^(?!(?:using|typedef|extern|namespace|template|static_assert|friend|return|class|struct|enum|union|const|"
                     r"constexpr|static|thread_local|inline|case|public|private|protected)\b)"
                     r"[A-Za-z_][\w:<>,*& ]*[\s&*](\w+)(?: = [^;]*|\{[^;]*)?;", re.MULTILINE)


def check_state(tree):
    for path in tree.cpp("src"):
        code = tree.code_without_directives(path)
        bodies = set()
        for function in functions(code):
            bodies |= set(range(function.first_line + 1, function.last_line + 1))
        for match in _STATIC.finditer(code):
            yield _state(path, line_of(code, match.start(1)), match[1])
        for match in _GLOBAL.finditer(code):
            if line_of(code, match.start()) not in bodies:
                yield _state(path, line_of(code, match.start(1)), match[1])


def _state(path, line, name):
    return Finding(path, line, "mutable-global", f"'{name}' outlives the call and can change",
                   "make it const, or a value that the caller owns")
