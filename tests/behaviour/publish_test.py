"""`arete bundle publish` and `fetch`: python-tuf's updater reads our repository, and ours refuses what was tampered with."""
import datetime
import functools
import glob
import http.server
import json
import os
import shutil
import subprocess
import threading

from securesystemslib.signer import CryptoSigner, KEY_FOR_TYPE_AND_SCHEME  # noqa: F401: registers ed25519
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from tuf.api.metadata import Metadata, Timestamp
from tuf.ngclient import Updater

from harness import BIN, Case, arete, conv_classifier, main


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Publish(Case):
    def setUp(self):
        super().setUp()
        self.assertEqual(arete("keys", "new", "trust", "--keys", self.path("keys")).status, 0)
        self.root = self.path("root.json")
        shutil.copy(self.path("keys/root.json"), self.root)
        self.model = self.save("m.onnx", conv_classifier())

    def create(self, version, release, name="shoes", seed=0, *more):
        model = self.save(f"m{version}.onnx", conv_classifier(seed=seed))
        path = self.path(f"{name}-{version}.arete")
        ended = arete("bundle", "create", model, "-o", path, "--name", name, "--version", version, "--release", str(release),
                      "--original", model, *more)
        self.assertEqual(ended.status, 0, ended.err)
        return path

    def publish(self, *arguments, status=0):
        ended = arete("bundle", "publish", *arguments, "--repository", self.path("repo"), "--keys", self.path("keys"), "--json")
        self.assertEqual(ended.status, status, ended.err)
        return ended

    def fetch(self, name="shoes", *arguments, status=0, place=None, output="got.arete"):
        ended = arete("bundle", "fetch", name, "--repository", place or self.path("repo"), "--trust", self.path("trust"),
                      "--root", self.root, "-o", self.path(output), "--json", *arguments)
        self.assertEqual(ended.status, status, ended.err)
        return ended.json if status == 0 else ended.err

    def load(self, path):
        with open(path, "rb") as file:
            return file.read()

    def served(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=self.path("repo")))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}"

    def one(self, pattern):
        path, = glob.glob(self.path(pattern))
        return path

    def test_another_client_takes_what_we_publish(self):
        bundle = self.create("1.0.0", 1)
        self.publish(bundle)
        os.mkdir(self.path("client"))
        place = self.served()
        updater = Updater(self.path("client"), place + "/metadata/", self.path("client"), place + "/targets/",
                          bootstrap=self.load(self.root))
        updater.refresh()
        info = updater.get_targetinfo("shoes/shoes-1.0.0.arete")
        self.assertEqual(info.unrecognized_fields["custom"]["release_counter"], 1)
        got = updater.download_target(info, self.path("client/got"))
        self.assertEqual(self.load(got), self.load(bundle))

    def test_fetch_takes_the_newest_over_http_and_from_a_folder(self):
        first, second = self.create("1.0.0", 1), self.create("1.1.0", 2, seed=1)
        self.publish(first)
        self.publish(second)
        for place in (self.served(), self.path("repo")):
            told = self.fetch(place=place)
            self.assertEqual((told["version"], told["release"], told["by_delta"]), ("1.1.0", 2, False))
            self.assertEqual(self.load(self.path("got.arete")), self.load(second))
        self.assertEqual(self.fetch("shoes@1.0.0")["version"], "1.0.0")
        self.assertEqual(self.load(self.path("got.arete")), self.load(first))
        self.assertIn("nobody signs for a bundle of 'boots'", self.fetch("boots", status=3))
        told = self.fetch("shoes", "--have", second)
        self.assertEqual((told["new"], told["path"]), (False, None))

    def test_trust_begins_with_a_root_and_only_once(self):
        self.publish(self.create("1.0.0", 1))
        ended = arete("bundle", "fetch", "shoes", "--repository", self.path("repo"), "--trust", self.path("trust"), "-o",
                      self.path("got.arete"))
        self.assertEqual(ended.status, 3)
        self.assertIn("--root", ended.err)
        self.assertEqual(arete("keys", "new", "trust", "--keys", self.path("other")).status, 0)
        self.root = self.path("other/root.json")
        self.assertIn("signed by 0 of its keys", self.fetch(status=3))
        self.assertFalse(os.path.exists(self.path("got.arete")))

    def test_changed_bytes_are_not_taken(self):
        self.publish(self.create("1.0.0", 1))
        path = self.one("repo/targets/shoes/*.arete")
        data = bytearray(self.load(path))
        data[len(data) // 2] ^= 1
        with open(path, "wb") as file:
            file.write(data)
        self.assertIn("has other bytes than were signed", self.fetch(status=3))
        with open(path, "ab") as file:
            file.write(b"more")
        self.assertIn("more than", self.fetch(status=3))
        self.assertEqual(glob.glob(self.path("got*")), [])

    def test_a_lower_release_is_refused_on_both_sides(self):
        newest = self.create("2.0.0", 5)
        old = self.create("1.0.0", 1, seed=1)
        self.publish(old)
        self.publish(newest)
        self.assertIn("is release 5 already", self.publish(self.create("1.5.0", 3, seed=2), status=3).err)
        self.assertIn("going back is not taken", self.fetch("shoes@1.0.0", "--have", newest, status=3))

    def test_a_version_is_published_once(self):
        self.publish(self.create("1.0.0", 1))
        self.assertIn("give the bundle a new version", self.publish(self.create("1.0.0", 1, seed=3), status=4).err)

    def test_a_bundle_for_a_newer_agent_is_not_fetched(self):
        self.publish(self.create("1.0.0", 1, "shoes", 0, "--minimum-agent", "99.0.0"))
        self.assertIn("needs arete 99.0.0", self.fetch(status=3))

    def test_deltas_are_taken_where_they_fit(self):
        first = self.create("1.0.0", 1)
        second = self.create("1.1.0", 2, "shoes", 0, "--changelog", "words alone")
        self.publish(second, "--delta-from", first)
        told = self.fetch("shoes", "--have", first)
        self.assertTrue(told["by_delta"])
        self.assertLess(told["bytes_fetched"], 2000)
        self.assertEqual(arete("bundle", "verify", self.path("got.arete")).status, 0)
        shown = arete("bundle", "show", self.path("got.arete"), "--json").json
        self.assertEqual(shown["manifest_sha256"], told["manifest_sha256"])

    def test_a_failed_delta_is_followed_by_what_was_asked_for(self):
        first = self.create("1.0.0", 1)
        second = self.create("1.1.0", 2, "shoes", 0, "--changelog", "words alone")
        self.publish(second, "--delta-from", first)
        os.remove(self.one("repo/targets/shoes/*.delta"))
        have = ("--have", first, "--on-delta-failure")
        self.assertIn("cannot open", self.fetch("shoes", *have, "fail", status=3))
        self.assertIn("cannot open", self.fetch("shoes", *have, "ask", status=3))  # nobody sits here
        self.assertFalse(os.path.exists(self.path("got.arete")))
        told = self.fetch("shoes", *have, "full")
        self.assertFalse(told["by_delta"])
        self.assertEqual(self.load(self.path("got.arete")), self.load(second))

    def test_sealed_bundles_travel_with_their_grants(self):
        keys = ("--keys", self.path("keys"))
        arete("keys", "new", "device", "line-7", *keys)
        arete("keys", "new", "device", "mine", *keys)
        first = self.create("1.0.0", 1)
        second = self.create("1.1.0", 2, "shoes", 0, "--changelog", "words alone")
        sealed = []
        for path in (first, second):
            sealed.append(path.replace(".arete", ".sealed.arete"))
            ended = arete("bundle", "seal", path, "-o", sealed[-1], "--to", self.path("keys/line-7.pub"), "--to",
                          self.path("keys/mine.pub"))
            self.assertEqual(ended.status, 0, ended.err)
        self.publish(sealed[0])
        self.publish(sealed[1], "--delta-from", sealed[0], "--key", self.one("keys/mine-*.key"))
        key = ("--key", self.one("keys/line-7-*.key"))
        self.fetch("shoes@1.0.0", output="old.arete")
        told = self.fetch("shoes", "--have", self.path("old.arete"), "--on-delta-failure", "fail", *key)
        self.assertTrue(told["by_delta"])
        self.assertEqual(arete("bundle", "verify", self.path("got.arete"), *key).status, 0)
        self.assertTrue(arete("bundle", "show", self.path("got.arete"), "--json").json["sealed"])
        # In the place of the older one: what fails leaves that, with its own grants.
        delta = self.one("repo/targets/shoes/*.delta")
        os.rename(delta, delta + ".away")
        old = ("--have", self.path("old.arete"), "--on-delta-failure", "fail")
        self.fetch("shoes", *old, *key, output="old.arete", status=3)
        self.assertEqual(arete("bundle", "verify", self.path("old.arete"), *key).status, 0)
        os.rename(delta + ".away", delta)
        self.assertTrue(self.fetch("shoes", *old, *key, output="old.arete")["by_delta"])
        self.assertEqual(arete("bundle", "verify", self.path("old.arete"), *key).status, 0)
        # The power failed between the bundle and its grants.
        os.remove(self.path("old.arete.grants"))
        self.assertFalse(self.fetch("shoes", *old, *key, output="old.arete")["new"])
        self.assertEqual(arete("bundle", "verify", self.path("old.arete"), *key).status, 0)
        self.assertEqual(glob.glob(self.path("*.arriving")), [])

    def resign_timestamp(self, path, change):
        document = Metadata[Timestamp].from_bytes(self.load(path))
        change(document.signed)
        pem = load_pem_private_key(self.load(self.one("keys/online-*.key")), None)
        document.sign(CryptoSigner(pem))
        document.to_file(path)

    def test_what_is_past_its_time_counts_within_the_grace_alone(self):
        self.publish(self.create("1.0.0", 1))
        past = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) - datetime.timedelta(days=2)

        def expire(signed):
            signed.expires = past
            signed.unrecognized_fields["issued"] = (past - datetime.timedelta(days=7)).strftime("%Y-%m-%dT%H:%M:%SZ")

        self.resign_timestamp(self.path("repo/metadata/timestamp.json"), expire)
        self.assertIn("past its time", self.fetch(status=3))
        self.assertTrue(self.fetch("shoes", "--grace-days", "3")["past_its_time"])
        self.publish()  # renews it
        self.assertFalse(self.fetch()["past_its_time"])

    def test_without_a_clock_the_latest_signed_time_counts(self):
        self.publish(self.create("1.0.0", 1))
        old = self.path("old")
        shutil.copytree(self.path("repo"), old)
        self.fetch("shoes", "--no-clock")
        later = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(days=30)

        def issue_later(signed):
            signed.version += 1
            signed.expires = later + datetime.timedelta(days=7)
            signed.unrecognized_fields["issued"] = later.strftime("%Y-%m-%dT%H:%M:%SZ")

        self.resign_timestamp(self.path("repo/metadata/timestamp.json"), issue_later)
        self.fetch("shoes", "--no-clock")
        # A month has passed as far as anybody can know: a mirror that stands still is noticed, with and without a clock.
        shutil.copy(self.path("old/metadata/timestamp.json"), self.path("repo/metadata/timestamp.json"))
        self.assertIn("timestamp went back", self.fetch("shoes", "--no-clock", status=3))
        self.resign_timestamp(self.path("repo/metadata/timestamp.json"), lambda signed: setattr(signed, "version", 9))
        self.assertIn("past its time", self.fetch("shoes", "--no-clock", status=3))
        self.assertIn("past its time", self.fetch("shoes", status=3))

    def test_nothing_is_signed_on_top_of_what_was_tampered_with(self):
        self.publish(self.create("1.0.0", 1))
        path = self.path("repo/metadata/1.targets.json")
        document = json.loads(self.load(path))
        document["signed"]["targets"]["shoes/evil.arete"] = document["signed"]["targets"]["shoes/shoes-1.0.0.arete"]
        with open(path, "w") as file:
            json.dump(document, file)
        self.assertIn("what a device would refuse", self.publish(self.create("1.1.0", 2, seed=1), status=3).err)

    def test_the_repository_of_an_intruder_is_not_signed(self):
        """Whoever can write into the folder puts a whole repository of his own there."""
        self.publish(self.create("1.0.0", 1))
        self.assertEqual(arete("keys", "new", "trust", "--keys", self.path("evil")).status, 0)
        evil = self.create("6.6.6", 666, seed=9)
        ended = arete("bundle", "publish", evil, "--repository", self.path("repo"), "--keys", self.path("evil"))
        self.assertEqual(ended.status, 3)
        self.assertIn("another publisher's repository", ended.err)
        self.assertEqual(self.fetch()["version"], "1.0.0")
        ended = arete("bundle", "publish", evil, "--repository", self.path("evilrepo"), "--keys", self.path("evil"))
        self.assertEqual(ended.status, 0)
        shutil.copytree(self.path("evilrepo"), self.path("repo"), dirs_exist_ok=True)
        self.assertIn("another publisher's repository", self.publish(status=3).err)
        # With his root left out, his list is still signed by nobody whom we know.
        shutil.copy(self.path("keys/root.json"), self.path("repo/metadata/1.root.json"))
        self.assertIn("what a device would refuse", self.publish(status=3).err)

    def test_an_older_copy_of_the_repository_is_not_continued(self):
        self.publish(self.create("1.0.0", 1))
        shutil.copytree(self.path("repo"), self.path("backup"))
        self.publish(self.create("1.1.0", 2, seed=1))
        shutil.rmtree(self.path("repo"))
        shutil.copytree(self.path("backup"), self.path("repo"))
        ended = self.publish(self.create("1.2.0", 3, seed=2), status=3)
        self.assertIn("does not hold list 2, the last that was signed", ended.err)
        shutil.rmtree(self.path("repo"))
        self.assertIn("does not hold list 2", self.publish(self.path("shoes-1.0.0.arete"), status=3).err)

    def test_the_online_key_alone_renews_what_is_newest(self):
        self.publish(self.create("1.0.0", 1))
        shutil.copytree(self.path("keys"), self.path("hub"))
        for path in glob.glob(self.path("hub/targets-*.key")) + glob.glob(self.path("hub/root-*.key")):
            os.remove(path)
        ended = arete("bundle", "publish", "--repository", self.path("repo"), "--keys", self.path("hub"))
        self.assertEqual(ended.status, 0, ended.err)
        self.assertEqual(sorted(os.path.basename(path) for path in glob.glob(self.path("repo/metadata/*.targets.json"))),
                         ["1.targets.json"])
        self.assertEqual(self.fetch()["version"], "1.0.0")
        ended = arete("bundle", "publish", self.create("1.1.0", 2, seed=1), "--repository", self.path("repo"), "--keys",
                      self.path("hub"))
        self.assertEqual(ended.status, 3)
        self.assertIn("signs targets", ended.err)
        self.publish(self.path("shoes-1.1.0.arete"))  # the publisher goes on from there
        self.assertEqual(self.fetch()["version"], "1.1.0")

    def test_a_failed_publish_after_a_change_of_keys_bricks_nothing(self):
        self.publish(self.create("1.0.0", 1))
        self.fetch()
        self.assertEqual(arete("keys", "rotate", "online", "--keys", self.path("keys")).status, 0)
        self.publish(self.path("typo.arete"), status=3)
        self.assertEqual(self.fetch()["version"], "1.0.0")
        self.publish(self.create("1.1.0", 2, seed=1))
        self.assertEqual(self.fetch()["version"], "1.1.0")

    def test_a_publish_that_is_killed_is_taken_up_by_the_next(self):
        self.publish(self.create("1.0.0", 1))
        second = self.create("1.1.0", 2, seed=1)
        self.assertEqual(arete("keys", "rotate", "online", "--keys", self.path("keys")).status, 0)
        for number in range(1, 12):
            trace = ["strace", "-f", "-o", "/dev/null", "-e", "trace=rename,renameat,renameat2", "-e",
                     f"inject=rename,renameat,renameat2:signal=SIGKILL:when={number}"]
            killed = subprocess.run([*trace, os.path.join(BIN, "arete"), "bundle", "publish", second, "--repository",
                                     self.path("repo"), "--keys", self.path("keys")], capture_output=True)
            self.publish(second)
            self.assertEqual(self.fetch()["version"], "1.1.0")
            if killed.returncode == 0:
                break

    def test_releases_in_one_command_go_up(self):
        first, second = self.create("1.0.0", 1), self.create("1.1.0", 1, seed=1)
        self.assertIn("is release 1 already", self.publish(first, second, status=3).err)
        higher = self.create("1.2.0", 2, seed=2)
        self.assertIn("already", self.publish(higher, first, status=3).err)
        self.publish(first, higher)
        self.assertEqual(self.fetch()["version"], "1.2.0")

    def test_a_version_is_withdrawn_with_its_deltas(self):
        first, second = self.create("1.0.0", 1), self.create("1.1.0", 2, seed=1)
        self.publish(first)
        self.publish(second, "--delta-from", first)
        self.publish("--withdraw", "shoes@1.1.0")
        self.assertEqual(self.fetch()["version"], "1.0.0")
        self.assertIn("no published bundle", self.publish("--withdraw", "shoes@1.1.0", status=3).err)
        self.publish(self.create("1.1.0", 2, seed=5))
        self.assertEqual(self.fetch()["version"], "1.1.0")

    def test_what_is_broken_is_not_signed(self):
        path = self.create("1.0.0", 1)
        data = bytearray(self.load(path))
        data[len(data) // 2] ^= 1
        with open(path, "wb") as file:
            file.write(data)
        self.assertIn(path, self.publish(path, status=3).err)
        for place in ("http://127.0.0.1:1/repo", ""):
            ended = arete("bundle", "publish", path, "--repository", place, "--keys", self.path("keys"))
            self.assertEqual(ended.status, 3)
            self.assertIn("no folder to publish into", ended.err)

    def test_publishers_at_once_lose_nothing(self):
        paths = [self.create("1.0.0", 1, name) for name in ("a", "b", "c", "d")]
        running = [subprocess.Popen([os.path.join(BIN, "arete"), "bundle", "publish", path, "--repository", self.path("repo"),
                                     "--keys", self.path("keys")]) for path in paths]
        self.assertEqual([process.wait(60) for process in running], [0] * 4)
        for name in ("a", "b", "c", "d"):
            self.assertEqual(self.fetch(name)["version"], "1.0.0")

    def test_devices_follow_new_keys(self):
        self.publish(self.create("1.0.0", 1))
        self.fetch()
        for role in ("targets", "online"):
            self.assertEqual(arete("keys", "rotate", role, "--keys", self.path("keys")).status, 0)
            self.publish()
            self.assertEqual(self.fetch()["version"], "1.0.0")

    def test_what_a_stolen_key_signed_is_dropped(self):
        self.publish(self.create("1.0.0", 1))
        self.fetch()
        self.assertEqual(arete("keys", "revoke", "targets", "--keys", self.path("keys")).status, 0)
        self.assertIn("name the bundles that are still good", self.publish(status=3).err)
        self.assertEqual(self.fetch()["version"], "1.0.0")  # until the publisher says what is good
        ended = self.publish(self.create("1.1.0", 2, seed=1))
        self.assertIn("publish every bundle that is still good again", ended.err)
        self.assertEqual(self.fetch()["version"], "1.1.0")
        self.assertIn("nobody signs", self.fetch("shoes@1.0.0", status=3))
        self.publish()

    def test_a_stolen_online_key_costs_no_release(self):
        self.publish(self.create("1.0.0", 1))
        self.fetch()
        self.assertEqual(arete("keys", "revoke", "online", "--keys", self.path("keys")).status, 0)
        self.publish()
        self.assertEqual(self.fetch()["version"], "1.0.0")

    def test_a_revocation_that_waits_for_signatures_drops_nothing(self):
        self.publish(self.create("1.0.0", 1))
        os.mkdir(self.path("away"))
        for path in glob.glob(self.path("keys/root-*.key")):
            shutil.move(path, self.path("away"))
        self.assertEqual(arete("keys", "revoke", "targets", "--keys", self.path("keys")).status, 1)
        self.publish()
        self.assertEqual(self.fetch()["version"], "1.0.0")

    def test_without_its_key_nothing_is_published(self):
        os.remove(self.one("keys/online-*.key"))
        self.assertIn("is not in the folder of keys", self.publish(self.create("1.0.0", 1), status=3).err)
        self.assertFalse(os.path.exists(self.path("repo/metadata/timestamp.json")))


if __name__ == "__main__":
    main()
