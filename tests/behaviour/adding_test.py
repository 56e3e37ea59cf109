"""docs/adding.md: each example applies to the tree, touches no more files than promised, keeps the house rules, compiles,
and passes the tests that it adds."""
import concurrent.futures
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

BIN = os.environ["ARETE_BIN"]
SOURCE = os.environ["ARETE_SOURCE"]
PAGE = os.path.join(SOURCE, "docs", "adding.md")
FORMATTER = os.path.join(SOURCE, "build", "venv", "bin", "clang-format")
CODE = ("src/", "apps/")
EXAMPLES = ["An operator", "A pass", "An engine", "A route of the server"]

sys.path.insert(0, os.path.join(SOURCE, "tools"))
sys.dont_write_bytecode = True
from tidy_rules.tree import Tree  # noqa: E402


def run(*command, **options):
    return subprocess.run(list(command), capture_output=True, text=True, timeout=300, check=False, **options)


def read_examples():
    """Heading -> (files of code, other files, diff), for each section with a diff."""
    with open(PAGE, encoding="utf-8") as file:
        sections = re.split(r"^## ", file.read(), flags=re.MULTILINE)[1:]
    examples = {}
    for section in sections:
        diff = "".join(re.findall(r"^```diff\n(.*?)^```$", section, re.MULTILINE | re.DOTALL))
        promise = re.search(r"\*\*Promise: (\d+) files? of code, (\d+) of tests and documents\.\*\*", section)
        if diff or promise:
            examples[section.splitlines()[0]] = (int(promise[1]), int(promise[2]), diff)
    return examples


class Compiler:
    """Compiles files of a copy of the tree as the build folder would, but for optimising; links tests with what is built."""

    def __init__(self, copy, folder):
        self.copy, self.folder = copy, folder
        with open(os.path.join(BIN, "compile_commands.json"), encoding="utf-8") as file:
            self.entries = {os.path.relpath(entry["file"], SOURCE): entry for entry in json.load(file)}

    def neighbour(self, name):
        """The file itself, or for a new one the file that lies nearest, with the same kind of flags."""
        parts = name.split("/")
        shared = lambda other: len(os.path.commonprefix([parts[:-1], other.split("/")[:-1]]))
        return self.entries[max(self.entries, key=lambda other: (other == name, shared(other), -other.count("/")))]

    def in_copy(self, word):
        """A path of the sources becomes that of the copy, also in -I and -D; what was built stays where it is."""
        flag, path = re.fullmatch(r'(-I|-isystem|-D\w+=")?(.*)', word, re.DOTALL).groups(default="")
        if path.startswith((BIN, os.path.join(SOURCE, "build"))) or not re.match(re.escape(SOURCE) + r'["/]|$', path):
            return word
        return flag + self.copy + path[len(SOURCE):]

    def object_of(self, name):
        return os.path.join(self.folder, name.replace("/", "_") + ".o")

    def errors(self, name):
        entry = self.neighbour(name)
        words = shlex.split(entry["command"])
        at = words.index("-o")
        words = [self.in_copy(word) for word in words[:at] + words[at + 2:] if word not in ("-c", entry["file"])]
        done = run(*words, "-O0", "-c", os.path.join(self.copy, name), "-o", self.object_of(name), cwd=entry["directory"])
        return "" if done.returncode == 0 else f"{name}:\n{done.stderr}"

    def link(self, program, names):
        """The test program with these files in it; what else it needs comes from what was built."""
        commands = run("ninja", "-C", BIN, "-t", "commands", program).stdout.splitlines()
        words = shlex.split(commands[-1].split("&&")[1])
        at = words.index("-o")
        replaced = tuple(name.removeprefix("tests/") + ".o" for name in names)
        words = [word for word in words[:at] + words[at + 2:] if not word.endswith(replaced)]
        path = os.path.join(self.folder, program)
        done = run(words[0], "-o", path, *map(self.object_of, names), *words[1:], cwd=BIN)
        return path, done.stderr if done.returncode else ""


class Adding(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="adding")
        cls.copy = os.path.join(cls.folder.name, "copy")
        for name in Tree(SOURCE).files:
            os.makedirs(os.path.dirname(os.path.join(cls.copy, name)), exist_ok=True)
            shutil.copy2(os.path.join(SOURCE, name), os.path.join(cls.copy, name))
        os.makedirs(os.path.join(cls.copy, "build"))
        os.symlink(os.path.join(SOURCE, "build", "venv"), os.path.join(cls.copy, "build", "venv"))
        cls.compiler = Compiler(cls.copy, cls.folder.name)
        cls.before = cls.tidy()  # what is wrong already is not the example's fault

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def tidy(cls):
        done = run("/usr/bin/python3", os.path.join(cls.copy, "tools", "tidy"))
        if not re.search(r"^tidy: \d+ files", done.stdout, re.MULTILINE):
            raise AssertionError(done.stderr)
        return {line for line in done.stdout.splitlines() if not line.startswith("tidy: ")}

    def git_apply(self, diff, *options):
        alone = {**os.environ, "GIT_CEILING_DIRECTORIES": self.folder.name}  # the copy is no repository, nor in one
        done = run("git", "apply", *options, cwd=self.copy, input=diff, env=alone)
        self.assertEqual(done.returncode, 0, f"{done.stderr}\nThe tree has moved on: mend the example in docs/adding.md")

    def formatted(self, names):
        done = run(FORMATTER, "--dry-run", "--Werror", *names, cwd=self.copy)
        return done.stderr

    def check_example(self, heading):
        code_files, other_files, diff = read_examples()[heading]
        names = re.findall(r"^\+\+\+ b/(.*)$", diff, re.MULTILINE)
        self.assertEqual(len(names), len(set(names)))
        code = [name for name in names if name.startswith(CODE)]
        self.assertLessEqual(len(code), code_files, code)
        self.assertLessEqual(len(names) - len(code), other_files, names)
        self.assertTrue([name for name in names if name.startswith("tests/")], "an example without a test")
        self.git_apply(diff)
        try:
            sources = [name for name in names if name.endswith(".cpp")]
            self.assertEqual(sorted(self.tidy() - self.before), [])
            self.assertEqual(self.formatted([name for name in names if name.endswith((".cpp", ".h"))]), "")
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                self.assertEqual("".join(pool.map(self.compiler.errors, sources)), "")
            self.run_tests([name for name in sources if not name.startswith("apps/")], diff)
        finally:
            self.git_apply(diff, "--reverse")

    def run_tests(self, sources, diff):
        """The tests that the example adds, or all of a room whose tests it changes without adding any."""
        added = re.findall(r"^\+TEST(?:_F)?\((\w+), (\w+)\)", diff, re.MULTILINE)
        self.assertGreater(len(added), 0)
        wanted = "--gtest_filter=" + ":".join(".".join(test) for test in added)
        usual = {**os.environ, "ARETE_RANDOM_GRAPHS": "300"}
        for room in sorted({name.split("/")[1] for name in sources if name.startswith("tests/")}):
            own = [name for name in sources if name.startswith(("src/", f"tests/{room}/"))]
            program, errors = self.compiler.link("test_" + room, own)
            self.assertEqual(errors, "")
            has_added = any(f"+++ b/{name}" in part and "\n+TEST" in part for part in diff.split("diff --git ") for name in own)
            done = run(program, *([wanted] if has_added else []), cwd=self.copy, env=usual)
            self.assertEqual(done.returncode, 0, f"{done.stdout}{done.stderr}\nIs the build older than the sources?")
            passed = re.search(r"^\[  PASSED  \] (\d+) test", done.stdout, re.MULTILINE)
            self.assertGreaterEqual(int(passed[1]), len(added) if has_added else 1)
            self.assertNotIn("[  SKIPPED ]", done.stdout)

    def test_operator(self):
        self.check_example("An operator")

    def test_pass(self):
        self.check_example("A pass")

    def test_engine(self):
        self.check_example("An engine")

    def test_route(self):
        self.check_example("A route of the server")

    def test_all_at_once(self):
        """The examples do not get into one another's way, and there are no others."""
        examples = read_examples()
        self.assertEqual(list(examples), EXAMPLES)
        for _, _, diff in examples.values():
            self.git_apply(diff)
        for _, _, diff in reversed(examples.values()):
            self.git_apply(diff, "--reverse")

    def test_every_rule_is_explained(self):
        done = run("/usr/bin/python3", os.path.join(SOURCE, "tools", "tidy"), "--list")
        rules = [line.split()[0] for line in done.stdout.splitlines()]
        self.assertGreater(len(rules), 10)
        with open(PAGE, encoding="utf-8") as file:
            table = file.read().split("\n## The rules of the house\n")[1]
        self.assertEqual([rule for rule in rules if f"`{rule}`" not in table], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
