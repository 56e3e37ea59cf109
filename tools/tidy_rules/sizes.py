"""Rules about size: lines of files, headers, programs and functions, and how deep control statements nest."""

import ast

from tidy_rules.cpp_functions import functions
from tidy_rules.tree import Finding

FILE_LINES, HEADER_LINES, APP_LINES, FUNCTION_LINES = 800, 250, 150, 70
NESTING = 3
SOURCE_SUFFIXES = (".cpp", ".cc", ".h", ".py", ".sh", ".cmake", ".html", ".js", ".css")


def check_files(tree):
    for name in tree.files:
        if not name.endswith(SOURCE_SUFFIXES) and not tree.is_python(name):
            continue
        limit, what = FILE_LINES, "file"
        if name.endswith(".h") and name.startswith(("src/", "include/")):
            limit, what = HEADER_LINES, "header"
        elif name.startswith("apps/") and name.endswith((".cpp", ".h")):
            limit, what = APP_LINES, "file of apps/"
        lines = tree.text(name).count("\n")
        if lines > limit:
            yield Finding(name, limit + 1, "file-size", f"{lines} lines; a {what} may have {limit}", "split it by meaning")


def _too_long(path, name, first, last):
    lines = last - first + 1
    if lines > FUNCTION_LINES:
        yield Finding(path, first, "function-size", f"{name} has {lines} lines; a function may have {FUNCTION_LINES}",
                      "take out steps that have a name")


def check_cpp_functions(tree):
    for path in tree.cpp():
        for function in functions(tree.code_without_directives(path)):
            yield from _too_long(path, function.name, function.first_line, function.last_line)
            if function.nesting > NESTING:
                yield Finding(path, function.nesting_line, "nesting",
                              f"{function.name} nests {function.nesting} control statements; {NESTING} are allowed",
                              "return early, or take the inner loop out into a function")


def check_python_functions(tree):
    for path in filter(tree.is_python, tree.files):
        try:
            nodes = ast.walk(ast.parse(tree.text(path)))
        except SyntaxError as error:
            yield Finding(path, error.lineno or 1, "syntax", f"Python cannot read this: {error.msg}", "mend it")
            continue
        for node in nodes:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield from _too_long(path, node.name, node.lineno, node.end_lineno)
