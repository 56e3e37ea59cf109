"""Arete as another program sees it: installed, moved, linked by CMake and by pkg-config, in C and in C++."""
import os
import re
import shlex
import subprocess
import urllib.request

import numpy as np
import onnxruntime

from harness import BIN, SOURCE, Case, conv_classifier, main

EXAMPLES = os.path.join(SOURCE, "examples", "embed")
STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
# What every program on the system has.
BASE_LIBRARIES = {"linux-vdso.so.1", "libstdc++.so.6", "libm.so.6", "libgcc_s.so.1", "libc.so.6", "ld-linux-x86-64.so.2"}


def run(*command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=200, check=False, **options)
    return done


def lines_of(*command):
    done = run(*command)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


class Embed(Case):
    def setUp(self):
        super().setUp()
        # Installed at one place and then moved: nothing in it may hold the first.
        first = os.path.join(self.parent.name, "first")
        self.prefix = os.path.join(self.parent.name, "moved tree")  # pkg-config garbles letters beyond ASCII
        self.good(run("cmake", "--install", BIN, "--prefix", first))
        os.rename(first, self.prefix)

    def good(self, done):
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def installed(self, *parts):
        return os.path.join(self.prefix, *parts)

    def flags(self, package):
        environment = {**os.environ, "PKG_CONFIG_PATH": self.installed("lib", "pkgconfig")}
        printed = self.good(run("pkg-config", "--cflags", "--libs", package, env=environment))
        return [*shlex.split(printed), "-Wl,-rpath," + self.installed("lib")]

    def compile(self, compiler, source, *flags):
        program = self.path(os.path.basename(source).replace(".", "_") + compiler.replace("+", "p"))
        self.good(run(compiler, *STRICT, source, *flags, "-o", program))
        return program

    def source(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def built_by_cmake(self):
        build = self.path("by cmake")
        self.good(run("cmake", "-G", "Ninja", "-S", EXAMPLES, "-B", build, "-DCMAKE_PREFIX_PATH=" + self.prefix,
                      "-DCMAKE_C_FLAGS=" + " ".join(STRICT), "-DCMAKE_CXX_FLAGS=" + " ".join(STRICT)))
        self.good(run("cmake", "--build", build))
        return [os.path.join(build, "embed_c"), os.path.join(build, "embed_cpp")]

    def test_examples(self):
        """Both examples, built both ways, say what ONNX Runtime says in Python; what is wrong is named."""
        programs = self.built_by_cmake()
        programs.append(self.compile("gcc", os.path.join(EXAMPLES, "main.c"), "-std=c11", *self.flags("arete-run")))
        programs.append(self.compile("g++", os.path.join(EXAMPLES, "main.cpp"), "-std=c++17", *self.flags("arete")))
        fashion = os.path.join(SOURCE, "examples", "fashion", "fashion.onnx")
        random = np.random.default_rng(5)
        for model, shape in ((fashion, (1, 1, 28, 28)), (self.save("é x.onnx", conv_classifier()), (1, 3, 16, 16))):
            x = random.normal(0, 1, shape).astype(np.float32)
            x.tofile(self.path("x.bin"))
            session = onnxruntime.InferenceSession(model)
            wanted = session.run(None, {session.get_inputs()[0].name: x})[0]
            for program in programs:
                printed = self.good(run(program, model, self.path("x.bin"), env={}))
                np.testing.assert_allclose(np.array(printed.split(), np.float32), wanted.ravel(), rtol=1e-4, atol=1e-5)
        for program in programs:
            for arguments, code, words in (((), 2, "cannot open ''"), ((self.folder,), 1, "is a folder"),
                                           ((fashion,), 1, "needs 3136 bytes, got 0"),
                                           ((os.path.join(SOURCE, "README.md"),), 5, "README.md")):
                ended = run(program, *arguments)
                self.assertEqual((ended.returncode, ended.stdout), (code, ""))
                self.assertIn(words, ended.stderr)

    def test_headers(self):
        """Each header stands alone, in C11 and in C++17 and 20, and includes only the standard library and its own."""
        folder = self.installed("include", "arete")
        headers = sorted(os.listdir(folder))
        self.assertEqual(headers, sorted(os.listdir(os.path.join(SOURCE, "include", "arete"))))
        for header in headers:
            with open(os.path.join(folder, header), encoding="utf-8") as file:
                included = re.findall(r"#include\s*[<\"]([^>\"]+)", file.read())
            for name in included:
                self.assertTrue(re.fullmatch(r"arete/[a-z_]+\.h|std(io|int|def|lib)\.h|[a-z_]+", name), f"{header}: {name}")
        include = "-I" + self.installed("include")
        c = self.source("c.c", "".join(f"#include <arete/{name}>\n" for name in ("c.h", "c_optimize.h", "version.h")))
        self.good(run("gcc", "-std=c11", *STRICT, "-fsyntax-only", include, c))
        for header in headers:
            cpp = self.source("one.cpp", f"#include <arete/{header}>\n#include <arete/{header}>\n")
            self.good(run("g++", "-std=c++17", *STRICT, "-fsyntax-only", include, cpp))
        self.good(run("g++", "-std=c++20", *STRICT, "-fsyntax-only", include, self.source("all.cpp", "#include <arete/arete.h>\n")))
        wrong = run("gcc", "-std=c11", "-fsyntax-only", include, self.source("wrong.c", "#include <arete/arete.h>\n"))
        self.assertIn("include arete/c.h", wrong.stderr)

    def test_libraries(self):
        """They show the declared functions under a version and nothing else; libarete-run needs no library of others."""
        declared = {}
        for header in ("c.h", "c_optimize.h"):
            with open(self.installed("include", "arete", header), encoding="utf-8") as file:
                declared[header] = set(re.findall(r"\b(arete_[a-z0-9_]+)\([^;]*\) ARETE_NOEXCEPT;", file.read()))
        self.assertGreater(len(declared["c.h"]), 20)
        for library, names in (("arete-run", declared["c.h"]), ("arete", declared["c.h"] | declared["c_optimize.h"])):
            file = self.installed("lib", f"lib{library}.so.0.1")
            shown = {line.split()[-1] for line in lines_of("nm", "-D", "--defined-only", file)}
            self.assertEqual(shown, {name + "@@ARETE_0.1" for name in names} | {"ARETE_0.1"})
            self.assertTrue(any("SONAME" in line and f"[lib{library}.so.0.1]" in line for line in lines_of("readelf", "-d", file)))
            self.assertFalse([line for line in lines_of("readelf", "-d", file) if "RPATH" in line or "RUNPATH" in line])
        needed = {os.path.basename(line.split()[0]) for line in lines_of("ldd", self.installed("lib", "libarete-run.so"))}
        self.assertLessEqual(needed, BASE_LIBRARIES)

    def test_programs(self):
        """The installed programs find each other and the engine's library; another one is put in its place by an option."""
        model = os.path.join(SOURCE, "examples", "fashion", "fashion.onnx")
        np.save(self.path("x.npy"), np.zeros((1, 1, 28, 28), np.float32))
        arete = self.installed("bin", "arete")
        self.assertEqual(self.good(run(arete, "--version", env={})), "arete 0.1.0\n")
        self.good(run(arete, "run", model, "--input", "image=" + self.path("x.npy"), "--output-dir", self.path("o"), env={}))
        self.assertEqual(np.load(self.path("o/logits.npy")).shape, (1, 10))
        with subprocess.Popen([arete, "serve", model, "--port", "0"], stdout=subprocess.PIPE, text=True, env={}) as server:
            url = re.search(r"http://\S+", server.stdout.readline()).group(0)
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url + "/healthz", timeout=20) as answer:
                self.assertEqual(answer.status, 200)
            server.terminate()
        os.remove(self.installed("lib", "arete", "libonnxruntime.so.1"))
        ended = run(arete, "run", model, "--input", "image=" + self.path("x.npy"), "--output-dir", self.path("o"), env={})
        self.expect_words(ended, 4, "libonnxruntime.so.1")

    def expect_words(self, ended, status, *words):
        self.assertEqual(ended.returncode, status, ended.stderr)
        for word in words:
            self.assertIn(word, ended.stderr)

    def test_optimize(self):
        """A program of a few lines makes a model smaller by the installed library; its result runs elsewhere."""
        program = self.compile("g++", self.source("small.cpp", """
#include <arete/arete.h>
#include <iostream>
int main(int argc, char** argv) {
  if (argc != 3) return 2;
  arete::OptimizeRequest request;
  request.model_path = argv[1];
  request.output_path = argv[2];
  request.target = "browser";
  const auto outcome = arete::optimize(request);
  if (!outcome) return std::cerr << outcome.error().message << "\\n", 1;
  std::cout << outcome->json << "\\n";
  return outcome->success ? 0 : 3;
}
"""), "-std=c++20", *self.flags("arete"))
        model, small = self.save("m.onnx", conv_classifier(classes=100)), self.path("small é.onnx")
        printed = self.good(run(program, model, small, env={}))
        self.assertIn('"optimized_model_path":', printed)
        self.assertLess(os.path.getsize(small), 0.6 * os.path.getsize(model))
        onnxruntime.InferenceSession(small)
        ended = run(program, model, os.path.join(self.folder, "no", "folder.onnx"))
        self.expect_words(ended, 1, "make it first")

    def test_package(self):
        """find_package refuses a version that would not run; nothing installed holds a path of the machine that built it."""
        for wanted, good in (("0.1", True), ("0.1.0", True), ("0.2", False), ("1.0", False)):
            project = self.path("wants " + wanted)
            os.mkdir(project)
            self.source(f"wants {wanted}/CMakeLists.txt", "cmake_minimum_required(VERSION 3.16)\nproject(p LANGUAGES NONE)\n"
                        f"find_package(arete {wanted} REQUIRED)\n")
            done = run("cmake", "-G", "Ninja", "-S", project, "-B", project + "/b", "-DCMAKE_PREFIX_PATH=" + self.prefix)
            self.assertEqual(done.returncode == 0, good, done.stderr)
        for folder, _, names in os.walk(self.prefix):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    content = file.read()
                self.assertNotIn(SOURCE.encode(), content, name)
                self.assertNotIn(os.path.join(self.parent.name, "first").encode(), content, name)


if __name__ == "__main__":
    main()
