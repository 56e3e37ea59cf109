"""Finds the functions of clang-formatted C++ and how deep their control statements nest, by reading braces.

No compiler is asked, so this is a heuristic. It leans on the format: the brace of a body stands after a space, that of
an initialiser (`a_{1}`) does not. Text comes without comments, strings and preprocessor lines (tree.py).
"""

import collections
import re

from tidy_rules.tree import line_of

Function = collections.namedtuple("Function", "name first_line last_line nesting nesting_line")

_SCOPE_TOKEN = re.compile(r"[{};]|^[ \t]*(?:public|private|protected):", re.MULTILINE)
_SCOPE = re.compile(r"(?:inline\s+)?(?:namespace|(?:typedef\s+)?(?:class|struct|union|enum))\b|extern\s*\"\"\s*$")
_NAME = re.compile(r"([~\w:]+|operator[^(]*)\s*\(")
_BODY_TOKEN = re.compile(r"[{}();]|\b(?:else\s+if|if|for|while|switch|do|try|else|catch)\b")
_BEFORE_CONTROL_BRACE = re.compile(r"(?:\)|\belse|\bdo|\btry)\s+$")


def _without_template(head):
    """Cuts leading template<...>s, whose `class T` would look like a class."""
    head = head.lstrip()
    while head.startswith("template"):
        depth, end = 0, len(head)
        for match in re.finditer(r"[<>]", head):
            depth += 1 if match.group(0) == "<" else -1
            if depth == 0:
                end = match.end()
                break
        head = head[end:].lstrip()
    return head


def _is_function(head):
    """True for `int f(int x) const`, and for a lambda that gets a name; false for a table's initialiser."""
    before, equals, after = head.partition(" = ")
    if equals:
        return after.lstrip().startswith("[") and "(" in after
    return "(" in head and not head.rstrip().endswith("=")


def _matching_brace(code, at):
    depth = 0
    for match in re.compile(r"[{}]").finditer(code, at):
        depth += 1 if match.group(0) == "{" else -1
        if depth == 0:
            return match.start()
    return len(code) - 1


def functions(code):
    """Yields each Function of a file; a lambda inside a function belongs to that function."""
    head_from = at = 0
    while match := _SCOPE_TOKEN.search(code, at):
        at = match.end()
        if match.group(0) != "{":
            head_from = at
            continue
        raw = code[head_from:match.start()]
        head = _without_template(raw)
        if _SCOPE.match(head):
            head_from = at
            continue
        end = _matching_brace(code, match.start())
        if code[match.start() - 1].isspace() and _is_function(head):
            start = head_from + len(raw) - len(raw.lstrip())
            nesting, offset = deepest_nesting(code[match.start() + 1:end])
            found = _NAME.search(head)
            yield Function(found.group(1).strip() if found else "?", line_of(code, start), line_of(code, end), nesting,
                           line_of(code, match.start() + 1 + offset))
            head_from = end + 1
        at = end + 1


class _Nesting:
    """Counts control statements around the place reached. `chain`: those begun whose braces have not come (yet)."""

    def __init__(self):
        self.frames = []  # (levels that this brace adds, chain outside, parentheses open outside)
        self.levels = self.chain = self.parens = 0

    def base(self):
        return self.frames[-1][2] if self.frames else 0

    def open(self, is_control):
        if is_control and self.chain and self.parens == self.base():
            self.frames.append((self.chain, 0, self.parens))
        else:  # a block, a lambda or an initialiser inside a statement that goes on after it
            self.frames.append((self.chain, self.chain, self.parens))
        self.levels += self.chain
        self.chain = 0

    def close(self):
        if self.frames:
            added, self.chain, self.parens = self.frames.pop()
            self.levels -= added


def deepest_nesting(body):
    """Returns (control statements around and including the deepest one, its offset)."""
    state, deepest, offset = _Nesting(), 0, 0
    for match in _BODY_TOKEN.finditer(body):
        token = match.group(0)
        if token == "(":
            state.parens += 1
        elif token == ")":
            state.parens = max(state.base(), state.parens - 1)
        elif token == "{":
            state.open(_BEFORE_CONTROL_BRACE.search(body, max(0, match.start() - 40), match.start()))
        elif token == "}":
            state.close()
        elif token == ";":
            if state.parens == state.base():
                state.chain = 0
        else:
            state.chain += 1
            if state.levels + state.chain > deepest:
                deepest, offset = state.levels + state.chain, match.start()
    return deepest, offset
