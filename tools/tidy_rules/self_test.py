"""Plants one offence of each rule in a copy of the repository and shows that tidy finds it there, and only it."""

import pathlib
import shutil
import subprocess
import tempfile

_LONG_BODY = "  x += 1;\n" * 70
_GOOD_HEADER = "// A planted header: it is for the self-test, not for use. Threads: pure.\n#pragma once\n"

# (rule, file, text). A file ending in + is appended to; every other file is new. No rule: another plant needs the file.
PLANTS = [
    ("rooms-file", "src/rooms.txt+", "planted_a: planted_b\nplanted_b: planted_a\n"),
    ("arrow", "src/core/planted_arrow.cpp", '#include "planted_room/value.h"\n'),
    ("third-party", "src/core/planted_library.cpp", "#include <openssl/evp.h>\n"),
    ("third-party", "src/core/planted_library.h", _GOOD_HEADER + "#include <zlib.h>\n"),
    ("", "apps/planted_user.cpp", '#include "core/planted_library.h"\n'),
    ("system-header", "src/core/planted_system.cpp", "#include <unistd.h>\n"),
    ("include", "src/core/planted_include.cpp", '#include "core/no_such_file.h"\n'),
    ("dead-file", "src/planted_folder/deep/er/lost.cpp", "int x;\n"),
    ("dead-file", "src/core/planted_unused.h", _GOOD_HEADER),
    ("file-size", "src/core/planted_long.cpp", "// line\n" * 801),
    ("file-size", "src/core/planted_wide.h", _GOOD_HEADER + "// line\n" * 250),
    ("file-size", "apps/planted_long.cpp", "// line\n" * 151),
    ("function-size", "src/core/planted_function.cpp",
     "namespace arete {\ntemplate <class T>\nT planted(T x) {\n" + _LONG_BODY + "  return x;\n}\n}  // namespace arete\n"),
    ("function-size", "src/core/planted_constructor.cpp",
     "struct P {\n  P(int a) : a_{a}, b_{a} {\n" + _LONG_BODY + "  }\n  int a_, b_;\n};\n"),
    ("function-size", "tests/planted_function.py", "def planted(x):\n" + "    x += 1\n" * 70),
    ("nesting", "src/core/planted_nesting.cpp",
     "int f(int x) {\n  for (;;) {\n    if (x) {\n      while (x) {\n        if (x > 1)\n          for (;;) --x;\n"
     "      }\n    }\n  }\n}\n"),
    ("syntax", "tests/planted_syntax.py", "def f(:\n"),
    ("banned-call", "src/core/planted_exit.cpp", "void f() { exit(1); }\n"),
    ("banned-call", "src/core/planted_getenv.cpp", 'auto x = std::getenv("HOME");\n'),
    ("banned-call", "src/core/planted_cout.cpp", "void f() { std::cout << 1; }\n"),
    ("banned-call", "src/core/planted_throw.cpp", "void f() { throw 1; }\n"),
    ("public-header", "include/arete/planted.h", _GOOD_HEADER + "#include <nlohmann/json.hpp>\n"),
    ("name", "src/core/PlantedFile.cpp", "\n"),
    ("name", "src/core/planted_type.cpp", "struct planted_type {\n  int x = 0;\n};\n"),
    ("name", "src/core/planted_constant.cpp", "constexpr int planted = 1;\n"),
    ("name", "src/core/planted_enum.cpp", "enum class Planted : int { kFirst, SECOND };\n"),
    ("name", "src/core/planted_member.cpp", 
     "class Planted {\n public:\n  int f() { return x; }\n\n private:\n  int x = 0;\n};\n"),
    ("mutable-global", "src/core/planted_global.cpp", "namespace arete {\nstd::map<int, int> planted;\n}\n"),
    ("mutable-global", "src/core/planted_static.cpp", "int f() {\n  static int count = 0;\n  return ++count;\n}\n"),
    ("mutable-global", "src/core/planted_thread.cpp", "thread_local int planted{0};\n"),
    ("shared-ptr", "src/core/planted_shared.cpp", "std::shared_ptr<int> f();\n"),
    ("pass-row", "src/pass/pass.cpp", '    {"planted_row", "no file, declaration or preset", planted_row, true},\n'),
    ("pass-row", "src/pass/pass.h",
     _GOOD_HEADER + "Result<int> planted_lost(graph::Model& model, const PassContext& context);\n"),
    ("", "src/pass/preset.cpp", "\n"),
    ("verb", "apps/arete.cpp", '    {"planted_unsaid", "not in README", run_planted},\n'),
    ("verb", "apps/arete_planted.cpp", "\n"),
    ("", "README.md", "[the map](ARCHITECTURE.md)\n"),
    ("engine-row", "src/engine/planted/planted.h", _GOOD_HEADER),
    ("", "apps/engine_table.cpp", "\n"),
    ("unrun-test", "tests/planted/planted_test.cpp", "\n"),
    ("unrun-test", "tests/planted/golden/planted_lost.txt", "\n"),
    ("unrun-test", "tests/behaviour/planted_test.py", "\n"),
    ("", "tests/CMakeLists.txt", "# arete_test(planted core)\narete_test(quiet core)\n"),
    ("doc-link", "docs/planted_link.md", "[nothing](no_such_file.md)\n"),
    ("doc-link", "docs/planted_orphan.md", "\n"),
    ("map", "ARCHITECTURE.md", "```\ncore   values\nplanted.lost   no such room\n```\n"),
    ("using", "src/core/planted_using.h", _GOOD_HEADER + "using namespace std;\n"),
    ("header-sentence", "src/core/planted_silent.h", "#pragma once\n\n\n\n// Threads: pure.\n"),
    ("header-threads", "src/core/planted_threads.h", "// A planted header.\n#pragma once\n"),
    ("header-guard", "src/core/planted_guard.h", "// A planted header. Threads: pure.\n"),
    ("todo", "src/core/planted_todo.cpp", "// TO" + "DO\n"),
    ("blob", "docs/planted.bin", "x" * ((1 << 20) + 1)),
    ("forbidden-word", "docs/planted_path.md", "see /wo" + "rk/x\n"),
    ("forbidden-word", "docs/planted_host.md", "from pypi" + ".org\n"),
    ("exceptions", "tools/tidy_exceptions.txt+", "blob docs/none.bin\n"),
    ("exceptions", "tools/tidy_exceptions.txt+", "blob docs/none.bin  # nothing needs this row\n"),
]
# What must stay quiet, because it only looks like an offence.
QUIET = [
    ("src/core/planted_quiet.cpp",
     '// exit(1) and std::cout in a comment, /' + 'root of a path\n#include "core/planted_included.h"\n'
     'namespace arete {\nconst char* text = "exit(1); { {";\nconst int kTable[] = {\n' + "    1'000,\n" * 100 + "};\n"
     "void g(App& app) { app.exit(1); }\nstruct Many {\n" + "  int f() { return '{'; }\n" * 100 + "};\n"
     "int else_ifs(int x) {\n  if (x == 0) {\n    return 1;\n" +
     "".join(f"  }} else if (x == {i}) {{\n    return {i};\n" for i in range(9)) + "  }\n  return 0;\n}\n}\n"),
    ("src/core/planted_included.h", _GOOD_HEADER),
    ("src/core/planted_names.cpp",
     "namespace arete {\ntemplate <class shape>\nstatic int planted(shape x) {\n  static const int kTwo = 2;\n"
     "  constexpr int kThree{3};\n  return kTwo + kThree;\n}\nconst int* at(int x);\nextern const int kFour;\n"
     "class Quiet {\n public:\n  static int make() { return 1; }\n  int open = 0;\n\n private:\n  static int twice(int x);\n"
     "  struct Row {\n    int plain = 0;\n  };\n  std::shared_ptr<const int> shared_;\n"
     "  std::map<int, int> map_{{1, 2}};\n  int x_ = 0;\n};\n}\n"),
    ("tests/quiet/quiet_test.cpp", 'const char* golden = "golden_" + name;\n'),
    ("tests/quiet/golden/golden_first.txt", "\n"),
]


def _plant(copy):
    (copy / "src/rooms.txt").open("a").write("planted_room:\n")
    for _, name, text in PLANTS + [("", name, text) for name, text in QUIET]:
        path = copy / name.rstrip("+")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a" if name.endswith("+") else "w") as file:
            file.write(text)
    value = copy / "src/planted_room/value.h"
    value.parent.mkdir()
    value.write_text(_GOOD_HEADER)


def _plant_link(copy):
    """Two archives: core calls what only planted_room defines. Returns the build folder, or None without a compiler."""
    if not shutil.which("c++"):
        return None
    build = copy / "build/planted"
    build.mkdir(parents=True)
    for room, text in (("core", "namespace arete { void above(); void f() { above(); } }"),
                       ("planted_room", "namespace arete { void above() {} }")):
        (build / f"{room}.cpp").write_text(text)
        subprocess.run(["c++", "-c", f"{room}.cpp"], cwd=build, check=True)
        subprocess.run(["ar", "rc", f"libarete_{room}.a", f"{room}.o"], cwd=build, check=True)
    return build


def _copy(root, copy):
    """Only what the rules about rooms and exceptions read; offences that the repository already has stay behind."""
    for name in ("src/rooms.txt", "tools/tidy_exceptions.txt"):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(pathlib.Path(root, name), copy / name)


def run(root, find_all, rules):
    with tempfile.TemporaryDirectory(prefix="tidy") as folder:
        copy = pathlib.Path(folder)
        _copy(root, copy)
        _plant(copy)
        build = _plant_link(copy)
        findings = find_all(copy, build)[1]
    found = {(finding.rule, finding.path) for finding in findings}
    wanted = [(rule, name.rstrip("+")) for rule, name, _ in PLANTS if rule] + ([("link", "src/rooms.txt")] if build else [])
    missed = [pair for pair in wanted if pair not in found]
    loud = [finding for finding in findings if finding.path in dict(QUIET)]
    untested = set(rules) - {rule for rule, _ in wanted} - (set() if build else {"link"})
    for rule, name in wanted:
        print(f"{'MISSED' if (rule, name) in missed else 'found '} {rule:16} {name}")
    for finding in loud:
        print(f"FALSE  {finding.rule:16} {finding.path}:{finding.line}: {finding.wrong}")
    for rule in sorted(untested):
        print(f"UNTRIED {rule}")
    bad = len(missed) + len(loud) + len(untested)
    print(f"tidy --self-test: {len(wanted) - len(missed)} of {len(wanted)} offences found, {len(loud)} false alarms")
    return 1 if bad else 0
