"""`arete bundle fetch` where something is wrong: the mirror, the root that was given, the bundle that is here, the power."""
import glob
import http.server
import json
import os
import shutil
import threading

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, TargetFile

import publish_test
from harness import Case, arete, conv_classifier, main


class Fetch(Case):
    create, publish, load = publish_test.Publish.create, publish_test.Publish.publish, publish_test.Publish.load
    one, served = publish_test.Publish.one, publish_test.Publish.served

    def setUp(self):
        super().setUp()
        self.keys = self.new_trust("keys")
        self.root = os.path.join(self.keys, "root.json")

    def new_trust(self, name):
        ended = arete("keys", "new", "trust", "--keys", self.path(name))
        self.assertEqual(ended.status, 0, ended.err)
        return self.path(name)

    def fetch(self, name="shoes", *arguments, status=0, place=None, output="got.arete"):
        root = ("--root", self.root) if self.root else ()
        ended = arete("bundle", "fetch", name, "--repository", place or self.path("repo"), "--trust", self.path("trust"),
                      *root, "-o", self.path(output), "--json", *arguments)
        self.assertEqual(ended.status, status, ended.err)
        return ended

    def save_bytes(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def sealed(self, version, release, *to):
        plain = self.create(version, release, "shoes", 0, "--changelog", version)
        path = plain.replace(".arete", ".sealed.arete")
        recipients = [part for name in to for part in ("--to", name)]
        ended = arete("bundle", "seal", plain, "-o", path, "--keys", self.keys, *recipients)
        self.assertEqual(ended.status, 0, ended.err)
        return path

    def device(self, name):
        ended = arete("keys", "new", "device", name, "--keys", self.keys)
        self.assertEqual(ended.status, 0, ended.err)
        return "--key", self.one(f"keys/{name}-*.key")

    # ---- Trust ----

    def test_a_wrong_root_is_not_kept(self):
        self.publish(self.create("1.0.0", 1))
        right, self.root = self.root, os.path.join(self.new_trust("other"), "root.json")
        self.expect_error(self.fetch(status=3), 3, "may not be this repository's")
        self.assertFalse(os.path.exists(self.path("trust/root.json")))
        self.root = right
        self.assertEqual(self.fetch().err, "")
        self.assertIn("--root is not used", self.fetch().err)
        # What is wrong later takes nothing away.
        with open(self.path("repo/metadata/timestamp.json"), "w") as file:
            file.write("{}")
        self.fetch(status=3)
        self.assertTrue(os.path.exists(self.path("trust/root.json")))

    def test_a_broken_trust_folder_is_named_and_is_no_first_time(self):
        self.publish(self.create("1.0.0", 1))
        self.fetch()
        self.save_bytes("trust/root.json", b"{")
        self.expect_error(self.fetch(status=3), 3, "trust/root.json")
        self.assertEqual(self.load(self.path("trust/root.json")), b"{")
        os.remove(self.path("trust/root.json"))
        os.mkdir(self.path("trust/root.json"))
        self.expect_error(self.fetch(status=3), 3, "trust/root.json", "is a folder")

    def test_words_of_the_command_line(self):
        self.publish(self.create("1.0.0", 1))
        self.expect_error(self.fetch("shoes@", status=3), 3, "NAME@VERSION")
        self.expect_error(self.fetch(place="ftp://there", status=3), 3, "http:// or https://", "folder")
        self.assertFalse(os.path.exists(self.path("trust")))
        os.mkdir(self.path("folder"))
        self.expect_error(self.fetch(output="folder", status=3), 3, "is a folder")

    # ---- What is signed ----

    def resign(self, change):
        """Targets changed and signed again by their own keys, as a publisher who makes a mistake would."""
        keys = {name: CryptoSigner(load_pem_private_key(self.load(self.one(f"keys/{name}-*.key")), None))
                for name in ("targets", "online")}
        path = lambda name: self.path("repo/metadata/" + name)
        targets = Metadata.from_file(path("1.targets.json"))
        change(targets.signed.targets)
        targets.sign(keys["targets"])
        targets.to_file(path("1.targets.json"))
        snapshot = Metadata.from_file(path("1.snapshot.json"))
        snapshot.signed.meta["targets.json"] = MetaFile.from_data(1, self.load(path("1.targets.json")), ["sha256"])
        snapshot.sign(keys["online"])
        snapshot.to_file(path("1.snapshot.json"))
        timestamp = Metadata.from_file(path("timestamp.json"))
        timestamp.signed.snapshot_meta = MetaFile.from_data(1, self.load(path("1.snapshot.json")), ["sha256"])
        timestamp.sign(keys["online"])
        timestamp.to_file(path("timestamp.json"))

    def test_a_bundle_is_the_one_that_its_target_says(self):
        self.publish(self.create("1.0.0", 1))
        for field, value in (("manifest_sha256", "0" * 64), ("release_counter", 7), ("model_version", "1.0.1")):
            with self.subTest(field):
                keep = {}

                def change(targets):
                    custom = targets["shoes/shoes-1.0.0.arete"].unrecognized_fields["custom"]
                    keep[field], custom[field] = custom[field], value

                def back(targets):
                    targets["shoes/shoes-1.0.0.arete"].unrecognized_fields["custom"].update(keep)

                self.resign(change)
                self.expect_error(self.fetch(status=3), 3, "what was signed is")
                self.assertEqual(glob.glob(self.path("got*")) + glob.glob(self.path(".*")), [])
                self.resign(back)
                shutil.rmtree(self.path("trust"))
        self.fetch()

    def test_no_bundle_is_taken_for_one(self):
        self.publish(self.create("1.0.0", 1))
        place, = glob.glob(self.path("repo/targets/shoes/*"))
        data = b"no bundle" * 100

        def change(targets):
            old = targets["shoes/shoes-1.0.0.arete"]
            new = TargetFile.from_data("shoes/shoes-1.0.0.arete", data, ["sha256"])
            new.unrecognized_fields = old.unrecognized_fields
            targets["shoes/shoes-1.0.0.arete"] = new
            self.save_bytes(f"repo/targets/shoes/{new.hashes['sha256']}.shoes-1.0.0.arete", data)

        os.remove(place)
        self.resign(change)
        self.expect_error(self.fetch(status=3), 3, "this is no bundle")
        self.assertEqual(glob.glob(self.path("got*")), [])

    def test_targets_lead_nowhere_else(self):
        self.publish(self.create("1.0.0", 1))
        for name in ("shoes/../../../evil.arete", "/etc/evil.arete", "shoes//evil.arete", "shoes/evil\x1b[31m.arete"):
            with self.subTest(name):
                def change(targets):
                    target, = targets.values()
                    targets.clear()
                    targets[name] = TargetFile(target.length, target.hashes, name, target.unrecognized_fields)

                self.resign(change)
                ended = self.fetch(status=3)
                self.expect_error(ended, 3, "is no path below the targets")
                self.assertNotIn("\x1b", ended.err)

    # ---- Mirrors ----

    def test_a_mirror_that_goes_on_about_what_it_has_not_is_not_listened_to(self):
        self.publish(self.create("1.0.0", 1))
        folder, ended = self.path("repo"), []

        class Talker(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments):
                super().__init__(*arguments, directory=folder)

            def log_message(self, *_):
                pass

            def send_error(self, code, *_):
                self.send_response(code)
                self.send_header("Content-Length", str(1 << 40))
                self.end_headers()
                try:
                    while True:
                        self.wfile.write(b"no" * 1000)
                except OSError:
                    ended.append(code)

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Talker)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.assertTrue(self.fetch(place=f"http://127.0.0.1:{server.server_port}").json["new"])

    # ---- The bundle that is here ----

    def test_the_first_run_has_the_arguments_of_every_other_one(self):
        self.publish(self.create("1.0.0", 1))
        have = ("--have", self.path("got.arete"))
        self.assertTrue(self.fetch("shoes", *have).json["new"])
        self.assertFalse(self.fetch("shoes", *have).json["new"])

    def test_what_is_broken_here_is_fetched_anew(self):
        good = self.load(self.create("1.0.0", 1))
        self.publish(self.path("shoes-1.0.0.arete"))
        have = ("--have", self.path("got.arete"))
        size = int.from_bytes(good[12:16], "little")
        damaged = bytearray(good)
        damaged[48 + size + 1000] ^= 1
        for data, words in ((b"", "too few bytes"), (b"no bundle at all" * 9, "no bundle"), (good[:len(good) // 2], "short"),
                            (bytes(damaged), "damaged")):
            self.save_bytes("got.arete", data)
            ended = self.fetch("shoes", *have)
            self.assertIn(words, ended.err)
            self.assertIn("the whole one follows", ended.err)
            self.assertTrue(ended.json["new"])
            self.assertEqual(self.load(self.path("got.arete")), good)

    def test_a_bundle_of_another_model_is_a_mistake(self):
        self.publish(self.create("1.0.0", 1))
        boots = self.create("1.0.0", 1, "boots")
        self.expect_error(self.fetch("shoes", "--have", boots, status=3), 3, "a bundle of 'boots', not of 'shoes'")

    def test_a_damaged_sealed_bundle_is_seen_with_its_key(self):
        key = self.device("line-7")
        good = self.load(self.sealed("1.0.0", 1, "line-7"))
        self.publish(self.path("shoes-1.0.0.sealed.arete"))
        have = ("--have", self.path("got.arete"))
        self.fetch("shoes", *have, *key)
        damaged = bytearray(good)
        damaged[48 + int.from_bytes(good[12:16], "little") + 1000] ^= 1
        self.save_bytes("got.arete", bytes(damaged))
        self.assertFalse(self.fetch("shoes", *have).json["new"])  # nobody can tell
        self.assertIn("damaged", self.fetch("shoes", *have, *key).err)
        self.assertEqual(self.load(self.path("got.arete")), good)

    # ---- Deltas and grants ----

    def test_no_file_of_the_user_is_in_the_way(self):
        key = self.device("line-7")
        first, second = self.sealed("1.0.0", 1, "line-7"), self.sealed("1.1.0", 2, "line-7")
        self.publish(first)
        self.publish(second, "--delta-from", first, *key)
        names = [self.save_bytes(name, b"mine") for name in ("got.arete.delta", "got.arete.grants.arriving")]
        self.fetch("shoes@1.0.0", *key)
        ended = self.fetch("shoes", "--have", self.path("got.arete"), "--on-delta-failure", "fail", *key)
        self.assertTrue(ended.json["by_delta"])
        for name in names:
            self.assertEqual(self.load(name), b"mine")
        self.assertEqual(glob.glob(self.path(".*")), [])

    def test_a_power_cut_between_the_bundle_and_its_grants_loses_neither(self):
        key = self.device("line-7")
        self.publish(self.sealed("1.0.0", 1, "line-7"))
        self.fetch()
        got, arriving = self.path("got.arete"), self.path(".got.arete.grants.arriving")
        grants = self.load(got + ".grants")
        # As it lies there when the bundle has taken its place and the grants of the one before are still there.
        self.save_bytes("got.arete.grants", json.dumps(dict(json.loads(grants), about="0" * 64)).encode())
        self.save_bytes(os.path.basename(arriving), grants)
        self.assertEqual(arete("bundle", "verify", got, *key).status, 0)
        shutil.rmtree(self.path("repo/targets"))  # nothing is needed from there
        self.assertFalse(self.fetch("shoes", "--have", got).json["new"])
        self.assertFalse(os.path.exists(arriving))
        self.assertEqual(json.loads(self.load(got + ".grants")), json.loads(grants))
        # And what fails afterwards does not take them away.
        os.rename(got + ".grants", arriving)
        self.fetch(status=3)
        self.assertEqual(arete("bundle", "verify", got, *key).status, 0)

    def test_a_delta_from_an_open_bundle_to_a_sealed_one_gives_a_sealed_one(self):
        key = self.device("line-7")
        first, second = self.create("1.0.0", 1), self.sealed("1.1.0", 2, "line-7")
        self.publish(first)
        self.publish(second, "--delta-from", first, *key)
        have = ("--have", first, "--on-delta-failure")
        self.expect_error(self.fetch("shoes", *have, "ask", status=3), 3, "no terminal here to ask at")  # without a key
        ended = self.fetch("shoes", *have, "fail", *key)
        self.assertTrue(ended.json["by_delta"])
        self.assertTrue(arete("bundle", "show", self.path("got.arete"), "--json").json["sealed"])
        self.assertEqual(arete("bundle", "verify", self.path("got.arete"), *key).status, 0)
        self.assertNotIn(self.load(self.path("m1.0.0.onnx"))[-200:], self.load(self.path("got.arete")))


if __name__ == "__main__":
    main()
