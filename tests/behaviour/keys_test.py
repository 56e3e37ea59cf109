"""`arete keys`: roots are checked by python-tuf, keys by OpenSSL's program."""
import glob
import json
import os
import stat
import subprocess

from tuf.api.metadata import Metadata, Root

from harness import Case, arete, conv_classifier, main


class Keys(Case):
    def keys(self, *arguments, status=0):
        ended = arete("keys", *arguments, "--keys", self.path("keys"), "--json")
        self.assertEqual(ended.status, status, ended.err)
        return ended.json if ended.status < 2 else ended.err

    def trust(self):
        self.keys("new", "trust")
        return self.root(1)

    def root(self, version):
        return Metadata[Root].from_file(self.path(f"keys/{version}.root.json"))

    def of_role(self, role):
        return self.keys("list")["root"]["roles"][role]["keys"]

    def take_away(self, role):
        """Moves the private keys of a role to another place."""
        os.makedirs(self.path("away"), exist_ok=True)
        paths = []
        for path in glob.glob(self.path(f"keys/{role}-*.key")):
            paths.append(self.path("away/" + os.path.basename(path)))
            os.rename(path, paths[-1])
        return sorted(paths)

    def test_another_library_believes_the_root(self):
        root = self.trust()
        root.verify_delegate("root", root)
        self.assertEqual(root.signed.roles["root"].threshold, 2)
        self.assertEqual({role: len(found.keyids) for role, found in root.signed.roles.items()},
                         {"root": 3, "targets": 1, "snapshot": 1, "timestamp": 1})
        self.assertEqual(len(root.signatures), 3)
        self.assertGreater((root.signed.expires - root.signed.expires.now(root.signed.expires.tzinfo)).days, 360)

    def test_private_keys_are_for_their_owner_and_for_openssl(self):
        self.trust()
        self.keys("new", "device", "line-7")
        paths = glob.glob(self.path("keys/*.key"))
        self.assertEqual(len(paths), 6)
        for path in paths:
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            subprocess.run(["openssl", "pkey", "-in", path, "-noout"], check=True)
        shown = subprocess.run(["openssl", "pkey", "-pubin", "-in", self.path("keys/line-7.pub"), "-text", "-noout"],
                               check=True, capture_output=True, text=True)
        self.assertIn("X25519", shown.stdout)

    def test_the_first_root_is_not_made_twice(self):
        self.trust()
        self.assertIn("is there already", self.keys("new", "trust", status=4))

    def test_rotation_follows_the_chain(self):
        first = self.trust()
        for number, role in enumerate(["targets", "online", self.of_role("root")[0]["id"][:8]], start=2):
            told = self.keys("rotate", role)
            self.assertTrue(told["complete"])
            before, after = self.root(number - 1), self.root(number)
            before.verify_delegate("root", after)
            after.verify_delegate("root", after)
            self.assertNotIn(told["old"], after.signed.keys)
            self.assertIn(told["new"], after.signed.keys)
            self.assertEqual(after.signed.version, number)
        self.assertNotEqual(first.signed.keys.keys(), self.root(4).signed.keys.keys())
        told = self.keys("rotate", "root", "--days", "30")
        self.assertEqual(self.root(5).signed.keys.keys(), self.root(4).signed.keys.keys())

    def test_a_stolen_root_key_signs_nothing_more(self):
        self.trust()
        stolen = self.of_role("root")[0]["id"]
        told = self.keys("revoke", stolen[:8])
        self.assertTrue(told["complete"])
        after = self.root(2)
        self.root(1).verify_delegate("root", after)
        self.assertNotIn(stolen, after.signatures)
        with open(self.path("keys/revoked.json")) as file:
            self.assertEqual([row["id"] for row in json.load(file)], [stolen])

    def test_keys_in_different_places_sign_one_after_another(self):
        self.trust()
        away = self.take_away("root")
        told = self.keys("revoke", "targets", status=1)
        self.assertFalse(told["complete"])
        self.assertIn("it takes 2", told["missing"])
        self.assertIn("waits for signatures", self.keys("rotate", "online", status=4))
        unfinished = told["path"]
        self.assertEqual(Metadata[Root].from_file(self.path("keys/root.json")).signed.version, 1)
        self.assertFalse(self.keys("sign", unfinished, "--with", away[0], status=1)["complete"])
        self.assertFalse(self.keys("sign", unfinished, "--with", away[0], status=1)["complete"])
        self.assertTrue(self.keys("sign", unfinished, "--with", away[1])["complete"])
        self.assertFalse(os.path.exists(unfinished))
        self.root(1).verify_delegate("root", self.root(2))

    def test_a_changed_root_is_not_signed_to_the_end(self):
        self.trust()
        away = self.take_away("root")
        unfinished = self.keys("rotate", "targets", "--with", away[0], status=1)["path"]
        with open(unfinished) as file:
            document = json.load(file)
        document["signed"]["roles"]["root"]["threshold"] = 1
        with open(unfinished, "w") as file:
            json.dump(document, file)
        self.assertFalse(self.keys("sign", unfinished, "--with", away[1], status=1)["complete"])

    def test_what_is_no_key_is_named(self):
        self.trust()
        self.assertIn("names 3 keys", self.keys("revoke", "root", status=3))
        self.assertIn("no key of the root is 'nobody'", self.keys("rotate", "nobody", status=3))
        self.assertIn("is the name of a role", self.keys("new", "device", "targets", status=3))
        self.assertIn("is no name for a key", self.keys("new", "device", "../x", status=3))
        self.assertIn("has a name", self.keys("new", "device", status=3))

    def sealed_for(self, *names):
        model = self.save("m.onnx", conv_classifier())
        arete("bundle", "create", model, "-o", self.path("b.arete"), "--version", "1.0.0", "--original", model)
        recipients = [part for name in names for part in ("--to", self.path(f"keys/{name}.pub"))]
        return arete("bundle", "seal", self.path("b.arete"), "-o", self.path("s.arete"), *recipients)

    def opens(self, device, *grants):
        key, = glob.glob(self.path(f"keys/{device}-*.key"))
        more = [part for path in grants for part in ("--grants", path)]
        return arete("bundle", "verify", self.path("s.arete"), "--key", key, *more).status == 0

    def grants(self, group):
        return glob.glob(self.path(f"keys/{group}-*.grants"))

    def test_members_of_a_group_read_what_it_is_granted(self):
        for name in ("line-7", "line-8", "line-9"):
            self.keys("new", "device", name)
        self.keys("new", "group", "hall", "--member", "line-7", "--member", "line-8")
        self.keys("new", "group", "plant", "--member", "hall", "--member", "line-9")
        self.assertEqual(self.sealed_for("plant").status, 0)
        both = self.grants("hall") + self.grants("plant")
        self.assertTrue(self.opens("line-7", *both))
        self.assertTrue(self.opens("line-9", *both))
        self.assertFalse(self.opens("line-7", *self.grants("plant")))

    def test_a_lost_device_reads_nothing_new(self):
        for name in ("line-7", "line-8"):
            self.keys("new", "device", name)
        self.keys("new", "group", "hall", "--member", "line-7", "--member", "line-8")
        self.keys("new", "group", "plant", "--member", "hall")
        before = self.grants("hall") + self.grants("plant")
        told = self.keys("revoke", "line-7")
        self.assertEqual(told["renewed_groups"], ["hall", "plant"])
        self.assertEqual(self.sealed_for("plant").status, 0)
        every = self.grants("hall") + self.grants("plant")
        self.assertGreater(len(every), len(before))
        self.assertTrue(self.opens("line-8", *every))
        self.assertFalse(self.opens("line-7", *every))
        refused = self.sealed_for("line-7")
        self.assertEqual(refused.status, 3)
        self.assertIn("is revoked", refused.err)
        self.assertIn("revoked", self.keys("new", "group", "other", "--member", "line-7", status=3))

    def test_a_new_pair_for_a_device_reaches_its_groups(self):
        for name in ("line-7", "line-8"):
            self.keys("new", "device", name)
        self.keys("new", "group", "hall", "--member", "line-7", "--member", "line-8")
        old, = glob.glob(self.path("keys/line-7-*.key"))
        self.assertEqual(self.keys("rotate", "line-7")["renewed_groups"], ["hall"])
        os.remove(old)
        self.assertEqual(self.sealed_for("hall").status, 0)
        self.assertTrue(self.opens("line-7", *self.grants("hall")))


if __name__ == "__main__":
    main()
