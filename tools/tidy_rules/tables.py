"""Rules about what two places say: rows and their files, tests and the lists that run them, documents and their links."""

import os
import re

from tidy_rules.tree import Finding, line_of

_VERB_NOUN = re.compile(r"[a-z]+(?:_[a-z0-9]+)+$")
_PASS_DECLARED = re.compile(r"^Result<int> (\w+)\(graph::Model& model, const PassContext& context\);", re.MULTILINE)
_STRING = re.compile(r'"(\w+)"')
_LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)")
_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_MAP_ROW = re.compile(r"^([a-z][a-z_.]*)/?  +\S", re.MULTILINE)


def check_passes(tree):
    """src/pass: a row of kPasses, its file, its declaration and its preset have one name."""
    table, header, presets = "src/pass/pass.cpp", "src/pass/pass.h", "src/pass/preset.cpp"
    if not {table, header, presets} <= set(tree.files):
        return
    text = tree.text(table)
    rows = {match[1]: line_of(text, match.start(1)) for match in re.finditer(r'^\s*\{"(\w+)",', text, re.MULTILINE)}
    declared = _PASS_DECLARED.findall(tree.text(header))
    in_presets = set(_STRING.findall(tree.text(presets)))
    for name, line in rows.items():
        if not _VERB_NOUN.match(name):
            yield Finding(table, line, "pass-row", f"'{name}' is not verb_noun", "say what the pass does to what")
        if f"src/pass/{name}.cpp" not in tree.files:
            yield Finding(table, line, "pass-row", f"'{name}' has no file src/pass/{name}.cpp",
                          "a file a pass, named like it")
        if name not in declared:
            yield Finding(table, line, "pass-row", f"pass.h does not declare {name}()", "the function has the row's name")
        if name not in in_presets:
            yield Finding(table, line, "pass-row", f"no preset runs '{name}'", f"name it in {presets}, or delete it")
    for name in declared:
        if name not in rows:
            yield Finding(header, 1, "pass-row", f"{name}() has no row in kPasses", f"add it to {table}")


def check_verbs(tree):
    """apps/arete_NAME.cpp: the verb is in the table of `arete` and in README."""
    table = "apps/arete.cpp"
    if table not in tree.files:
        return
    rows = re.findall(r'^\s*\{"(\w+)",', tree.text(table), re.MULTILINE)
    for name in tree.files:
        match = re.match(r"apps/arete_(\w+)\.cpp$", name)
        if match and match[1] not in rows:
            yield Finding(name, 1, "verb", f"'{match[1]}' is not in the table of {table}", "add a row")
    for verb in rows:
        if "README.md" in tree.files and not re.search(rf"\barete {verb}\b", tree.text("README.md")):
            yield Finding(table, 1, "verb", f"README.md does not say `arete {verb}`", "one line in its table of verbs")


def check_engines(tree):
    """src/engine/NAME/: its maker is in apps/engine_table.cpp; the one that isolates the others, in isolation.cpp."""
    table, isolation = "apps/engine_table.cpp", "apps/isolation.cpp"
    folders = {name.split("/")[2] for name in tree.cpp("src/engine") if name.count("/") == 3}
    for folder in sorted(folders if table in tree.files else ()):
        named_in = isolation if folder == "child" and isolation in tree.files else table
        if f"engine::make_{folder}" not in tree.code(named_in):
            yield Finding(f"src/engine/{folder}/{folder}.h", 1, "engine-row", f"{table} does not name make_{folder}",
                          "add a row")


def check_tests_run(tree):
    """Every test and fuzz target is named in the list that runs it; every golden file in a test."""
    lists = {"tests": "tests/CMakeLists.txt", "fuzz": "fuzz/CMakeLists.txt"}
    texts = {folder: re.sub(r"#.*", "", tree.text(name)) for folder, name in lists.items() if name in tree.files}
    for name in tree.files:
        behaviour = re.match(r"tests/behaviour/(\w+)_test\.py$", name)
        unit = re.match(r"tests/(\w+)/\w+_test\.cpp$", name)
        fuzz = re.match(r"fuzz/(\w+)_fuzz\.cc$", name)
        call = (("tests", rf"arete_behaviour_test\({behaviour[1]}\)") if behaviour else
                ("tests", rf"arete_test\({unit[1]}\b") if unit else ("fuzz", rf"arete_fuzz\({fuzz[1]}\b") if fuzz else None)
        if call and call[0] in texts and not re.search(call[1], texts[call[0]]):
            yield Finding(name, 1, "unrun-test", f"{lists[call[0]]} does not run it", "add a line there")
    yield from _golden(tree)


def _golden(tree):
    for name in tree.files:
        match = re.match(r"(tests/\w+)/golden/(\w+)\.txt$", name)
        if not match:
            continue
        tests = [tree.text(other) for other in tree.files if re.match(re.escape(match[1]) + r"/\w+\.cpp$", other)]
        # Whole, or a beginning that a test completes: "preset_" + name.
        words = {word for text in tests for word in _STRING.findall(text)}
        if match[2] not in words and not any(word.endswith("_") and match[2].startswith(word) for word in words):
            yield Finding(name, 1, "unrun-test", "no test reads this golden file", "delete it")


def check_links(tree):
    """Links of documents lead somewhere, and every document of docs/ is linked from another."""
    linked = set()
    for name in (name for name in tree.files if name.endswith(".md")):
        text = _BLOCK.sub(lambda block: "\n" * block[0].count("\n"), tree.text(name))
        for match in _LINK.finditer(text):
            if "://" in match[1] or match[1].startswith("mailto:"):
                continue
            target = os.path.normpath(os.path.join(os.path.dirname(name), match[1]))
            if not (tree.root / target).exists():
                yield Finding(name, line_of(text, match.start()), "doc-link", f"there is no {target}", "mend the link")
            elif target != name:
                linked.add(target)
    for name in tree.files:
        # A page of decisions is found by its folder, every other one must be named.
        is_linked = name in linked or (name.startswith("docs/adr/") and "docs/adr" in linked)
        if name.startswith("docs/") and not is_linked:
            yield Finding(name, 1, "doc-link", "no document links it", "link it where a reader would look, or delete it")


def check_map(tree, rooms):
    """The list of rooms in ARCHITECTURE.md is that of src/rooms.txt, of those that have files."""
    page = "ARCHITECTURE.md"
    if page not in tree.files:
        return
    block = re.search(r"^```\n(core .*?)^```", tree.text(page), re.MULTILINE | re.DOTALL)
    listed = set(_MAP_ROW.findall(block[1])) if block else set()
    line = line_of(tree.text(page), block.start()) if block else 1
    built = {room.name for room in map(rooms.of_file, tree.cpp("src")) if room} | {"apps"}
    for name in sorted(listed - set(rooms.by_name)):
        yield Finding(page, line, "map", f"room '{name}' is not in src/rooms.txt", "mend the list")
    for name in sorted(built - listed):
        yield Finding(page, line, "map", f"room '{name}' is missing", "say in a line what it is for, and its arrows")
