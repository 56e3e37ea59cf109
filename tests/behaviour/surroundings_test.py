"""What surrounds the program: files that are none, a full disk, another user, no network, a kill in the middle."""
import os
import random
import shutil
import signal
import socket
import subprocess
import time

import numpy as np
import onnx
from onnx import TensorProto, helper

from harness import BIN, Case, Ended, arete, conv_classifier, floats, main, model_of

NOBODY = 65534


def has_namespaces():
    return os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "--net", "true"], capture_output=True, check=False).returncode == 0


class Files(Case):
    def test_what_is_no_file_is_refused_by_name(self):
        model = self.save("m.onnx", conv_classifier())
        os.mkfifo(self.path("fifo"))
        with socket.socket(socket.AF_UNIX) as unix:
            here = os.getcwd()
            os.chdir(self.folder)  # an address of a socket is short
            unix.bind("socket")
            os.chdir(here)
            for odd in (self.folder, self.path("fifo"), self.path("socket"), "/dev/zero"):
                name = os.path.basename(odd)
                for command in (("optimize", odd, "-o", self.path("o.onnx")), ("bench", odd), ("run", odd, "--output-dir", self.path("d")),
                                ("run", model, "--input", "x=" + odd, "--output-dir", self.path("d")),
                                ("optimize", model, "-o", self.path("o.onnx"), "--card", odd)):
                    self.expect_error(arete(*command, timeout=20), 3, name)
            for odd in (self.path("fifo"), self.path("socket"), "/dev/zero"):
                ended = arete("optimize", model, "-o", self.path("o.onnx"), "--target", "mobile", "--calibration", odd, timeout=20)
                self.expect_error(ended, 3, os.path.basename(odd))
        self.assertFalse(os.path.exists(self.path("o.onnx")) or os.path.exists(self.path("d")))

    def test_float16_and_int64_models_go_the_whole_way(self):
        rng = np.random.default_rng(1)
        half = model_of([helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("Relu", ["c"], ["y"])],
                        [helper.make_tensor_value_info("x", TensorProto.FLOAT16, ["N", 3, 16, 16])], [helper.make_tensor_value_info("y", TensorProto.FLOAT16, ["N", 4, 14, 14])],
                        [("w", rng.normal(size=(4, 3, 3, 3)).astype(np.float16))])
        words = model_of([helper.make_node("Gather", ["table", "ids"], ["e"]), helper.make_node("ReduceMean", ["e"], ["m"], axes=[1], keepdims=0), helper.make_node("MatMul", ["m", "w"], ["y"])],
                         [helper.make_tensor_value_info("ids", TensorProto.INT64, ["N", 12])], [floats("y", ["N", 5])],
                         [("table", rng.normal(size=(50, 64)).astype(np.float32)), ("w", rng.normal(size=(64, 5)).astype(np.float32))])
        for model in (half, words):
            ended = arete("optimize", self.save("m.onnx", model), "-o", self.path("o.onnx"), "--json", "--max-accuracy-drop", "50")
            self.assertIn(ended.status, (0, 1), ended.err)
            onnx.checker.check_model(self.path("o.onnx"))

    def test_two_gibibytes_of_external_data(self):
        """A sparse file of 2.25 GiB beside the model: described at once, and never read whole."""
        with open(self.path("w.bin"), "wb") as file:
            file.truncate(9 << 28)
        tensor = onnx.TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[9, 1 << 26], data_location=TensorProto.EXTERNAL)
        tensor.external_data.add(key="location", value="w.bin")
        model = model_of([helper.make_node("Gather", ["w", "i"], ["y"])], [helper.make_tensor_value_info("i", TensorProto.INT64, [1])], [floats("y", [1, 1 << 26])])
        model.graph.initializer.append(tensor)
        ended = arete("info", self.save("m.onnx", model), "--json")
        self.assertEqual(ended.status, 0, ended.err)
        self.assertEqual(ended.json["parameters"], 9 << 26)


class Surroundings(Case):
    def test_another_user_without_rights(self):
        if os.geteuid() != 0:
            print("SKIP: not root")
            return
        shutil.copytree(os.path.join(BIN, "lib"), self.path("lib"))
        shutil.copy(os.path.join(BIN, "arete"), self.path("arete"))
        self.save("m.onnx", conv_classifier())
        self.save("secret.onnx", conv_classifier())
        os.chmod(self.path("secret.onnx"), 0o600)
        os.mkdir(self.path("out"))
        os.mkdir(self.path("closed"))
        os.chown(self.path("out"), NOBODY, NOBODY)
        for folder in (self.parent.name, self.folder):
            os.chmod(folder, 0o755)
        run = lambda *a: Ended(subprocess.run([self.path("arete"), *a], capture_output=True, text=True, user=NOBODY, group=NOBODY, extra_groups=[], timeout=120, check=False,
                                             env={k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}))
        self.assertEqual(run("optimize", self.path("m.onnx"), "-o", self.path("out/o.onnx"), "--precision", "fp32").status, 0)
        ended = run("optimize", self.path("secret.onnx"), "-o", self.path("out/p.onnx"))
        self.assertNotEqual(ended.status, 0)
        self.expect_error(ended, ended.status, "secret.onnx", "ermission")
        ended = run("optimize", self.path("m.onnx"), "-o", self.path("closed/o.onnx"), "--precision", "fp32")
        self.assertNotEqual(ended.status, 0)
        self.expect_error(ended, ended.status, "closed", "ermission")

    def test_no_network(self):
        if not has_namespaces():
            print("SKIP: no network namespace")
            return
        command = ["unshare", "--net", os.path.join(BIN, "arete"), "optimize", self.save("m.onnx", conv_classifier()), "-o", self.path("o.onnx"), "--target", "browser"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_full_disk(self):
        """The output does not fit: the words name it, the old file stays whole, nothing is left beside it."""
        if not has_namespaces():
            print("SKIP: no network namespace")
            return
        model = self.save("m.onnx", conv_classifier(classes=1000))
        os.mkdir(self.path("disk"))
        script = ('mount -t tmpfs -o size=64k tmpfs "$1" && echo old >"$1/o.onnx" && '
                  '{ "$2" optimize "$3" -o "$1/o.onnx" --precision fp32; echo "status $?"; ls -A "$1"; cat "$1/o.onnx"; }')
        done = subprocess.run(["unshare", "--mount", "bash", "-c", script, "full", self.path("disk"), os.path.join(BIN, "arete"), model],
                              capture_output=True, text=True, timeout=120, check=False)
        self.assertIn("No space left", done.stderr)
        self.assertRegex(done.stdout, r"status [345]\n")
        self.assertTrue(done.stdout.endswith("\no.onnx\nold\n"), done.stdout)

    def test_file_size_limit(self):
        """A limit on the size of files is an error like a full disk, and no signal."""
        model = self.save("m.onnx", conv_classifier(classes=1000))
        command = ["bash", "-c", 'ulimit -f 64; "$0" "$@"', os.path.join(BIN, "arete"), "optimize", model, "-o", self.path("o.onnx"), "--precision", "fp32"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("File too large", done.stderr)
        self.assertFalse(os.path.exists(self.path("o.onnx")))

    def test_kill_in_the_middle(self):
        """Whenever the power goes, the output is absent, the old one, or the new one, whole."""
        model = self.save("m.onnx", conv_classifier())
        command = [os.path.join(BIN, "arete"), "optimize", model, "-o", self.path("o.onnx"), "--target", "browser"]
        moments = random.Random(3)
        start = time.monotonic()
        subprocess.run(command, capture_output=True, check=True)
        whole_s = time.monotonic() - start
        for old in (None, b"old"):
            for _ in range(5):
                if os.path.exists(self.path("o.onnx")):
                    os.remove(self.path("o.onnx"))
                if old:
                    self.save("o.onnx", old)
                process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                time.sleep(whole_s * moments.uniform(0.3, 1.05))
                process.send_signal(signal.SIGKILL)
                process.wait()
                if os.path.exists(self.path("o.onnx")):
                    with open(self.path("o.onnx"), "rb") as file:
                        if file.read() != old:
                            onnx.checker.check_model(self.path("o.onnx"))
                else:
                    self.assertIsNone(old)


if __name__ == "__main__":
    main()
