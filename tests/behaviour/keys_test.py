"""`arete keys`: roots are checked by python-tuf, keys by OpenSSL's program."""
import glob
import json
import os
import shutil
import stat
import subprocess

from tuf.api.metadata import Metadata, Root

from harness import BIN, Case, arete, conv_classifier, main


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
        self.assertIn("1 signatures instead of 2", self.keys("sign", unfinished, "--with", away[1], status=3))
        self.assertFalse(self.keys("sign", unfinished, "--with", away[1], "--accept", status=1)["complete"])

    def sign_all(self, document, path):
        """Writes what somebody hands over, with no signature yet."""
        with open(path, "w") as file:
            json.dump({"signatures": [], "signed": document}, file)

    def next_root(self):
        """The next root as it should be, unsigned."""
        with open(self.path("keys/root.json")) as file:
            document = json.load(file)["signed"]
        document["version"] += 1
        return document

    def test_what_a_root_changes_is_shown_before_it_is_signed(self):
        self.trust()
        self.take_away("root")
        told = self.keys("rotate", "targets", status=1)
        changes = self.keys("sign", told["path"], status=1)["changes"]
        self.assertEqual(changes["roles"], {"targets": {
            "in": [told["new"]], "out": [told["old"]], "threshold_before": 1, "threshold": 1}})
        self.assertEqual(changes["reasons"], [])
        shown = arete("keys", "sign", told["path"], "--keys", self.path("keys"))
        self.assertIn(f"targets gets the key {told['new']}", shown.out)
        self.assertIn(f"targets loses the key {told['old']}", shown.out)
        self.assertIn("good until", shown.out)

    def test_a_root_that_takes_over_is_not_signed_unseen(self):
        self.trust()
        handed = self.path("handed.json")
        stranger = {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": "11" * 32}}
        def lower(document):
            document["roles"]["root"]["threshold"] = 1
        def more(document):
            document["keys"]["ab" * 32] = stranger
            document["roles"]["targets"]["keyids"].append("ab" * 32)
        def fewer_roots(document):
            del document["roles"]["root"]["keyids"][1:]
            document["roles"]["root"]["threshold"] = 1
        def another_key(document):
            document["keys"][document["roles"]["targets"]["keyids"][0]] = stranger
        def other(document):
            document["consistent_snapshot"] = False
        for change, words in ((lower, "signatures instead of 2"), (more, "targets would have more keys"),
                              (fewer_roots, "more than one root key"), (another_key, "would mean another key"),
                              (other, "consistent_snapshot")):
            with self.subTest(words):
                document = self.next_root()
                change(document)
                self.sign_all(document, handed)
                self.assertIn(words, self.keys("sign", handed, status=3))
                self.assertFalse(os.path.exists(self.path("keys/2.root.json")))
                self.assertFalse(os.path.exists(self.path("keys/2.root.json.unfinished")))
        lowered = self.next_root()
        lower(lowered)
        self.sign_all(lowered, handed)
        self.assertTrue(self.keys("sign", handed, "--accept")["complete"])

    def test_only_the_next_root_is_signed(self):
        self.trust()
        self.assertIn("comes root 2", self.keys("sign", self.path("keys/root.json"), status=3))
        document = self.next_root()
        document["version"] = 3
        self.sign_all(document, self.path("handed.json"))
        self.assertIn("is root 3", self.keys("sign", self.path("handed.json"), status=3))

    def test_signatures_from_two_places_come_together(self):
        self.trust()
        away = self.take_away("root")
        unfinished = self.keys("rotate", "targets", status=1)["path"]
        carried = self.path("carried.json")
        shutil.copy(unfinished, carried)
        self.keys("sign", unfinished, "--with", away[0], status=1)
        self.assertTrue(self.keys("sign", carried, "--with", away[1])["complete"])
        self.root(1).verify_delegate("root", self.root(2))

    def test_two_different_next_roots_are_a_conflict(self):
        self.trust()
        away = self.take_away("root")
        self.keys("rotate", "targets", status=1)
        self.sign_all(self.next_root(), self.path("handed.json"))
        self.assertIn("another root of that version",
                      self.keys("sign", self.path("handed.json"), "--with", away[0], status=4))

    def test_a_revoked_root_key_signs_nothing_later_either(self):
        self.trust()
        away = self.take_away("root")
        stolen = next(path for path in away if self.of_role("root")[0]["id"][:8] in path)
        told = self.keys("revoke", self.of_role("root")[0]["id"][:8], status=1)
        signed = self.keys("sign", told["path"], "--with", stolen, "--with", away[0], "--with", away[1],
                           "--with", away[2])
        self.assertTrue(signed["complete"])
        self.assertNotIn(told["old"], self.root(2).signatures)

    def test_a_revocation_that_was_cut_off_before_its_root_is_made_whole(self):
        self.trust()
        first = self.of_role("targets")[0]["id"]
        shutil.copy(self.path("keys/root.json"), self.path("root.json"))
        self.keys("revoke", "targets")
        shutil.copy(self.path("root.json"), self.path("keys/root.json"))
        told = self.keys("revoke", "targets")
        self.assertEqual((told["old"], told["version"]), (first, 2))
        with open(self.path("keys/revoked.json")) as file:
            self.assertEqual([row["id"] for row in json.load(file)], [first])

    def test_a_path_that_is_wrong_changes_nothing(self):
        self.trust()
        before = sorted(os.listdir(self.path("keys")))
        self.keys("revoke", "targets", "--with", self.path("no.key"), status=3)
        self.keys("rotate", "targets", "--with", self.path("keys/root.json"), status=3)
        self.assertEqual(sorted(os.listdir(self.path("keys"))), before)

    def test_a_key_that_lies_there_twice_signs_once(self):
        self.trust()
        for path in glob.glob(self.path("keys/*.key")):
            shutil.copy(path, path.replace(".key", ".backup.key"))
        self.keys("rotate", "root")
        model = self.save("m.onnx", conv_classifier())
        arete("bundle", "create", model, "-o", self.path("b.arete"), "--version", "1.0.0", "--original", model)
        ended = arete("bundle", "publish", self.path("b.arete"), "--repository", self.path("repo"), "--keys", self.path("keys"))
        self.assertEqual(ended.status, 0, ended.err)
        for name in ("1.targets.json", "timestamp.json", "2.root.json"):
            with open(self.path(f"repo/metadata/{name}")) as file:
                ids = [signature["keyid"] for signature in json.load(file)["signatures"]]
            self.assertEqual(len(ids), len(set(ids)), name)

    def test_a_root_that_was_signed_elsewhere_comes_back(self):
        self.trust()
        away = self.take_away("root")
        unfinished = self.keys("rotate", "targets", status=1)["path"]
        os.mkdir(self.path("offline"))
        missing = arete("keys", "sign", unfinished, "--keys", self.path("offline"), "--with", away[0])
        self.expect_error(missing, 3, "there is no", "root.json")
        shutil.copy(self.path("keys/root.json"), self.path("offline/root.json"))
        signed = arete("keys", "sign", unfinished, "--keys", self.path("offline"), "--with", away[0], "--with", away[1],
                       "--json")
        self.assertTrue(signed.json["complete"], signed.err)
        self.assertTrue(self.keys("sign", signed.json["path"])["complete"])
        self.assertFalse(os.path.exists(unfinished))
        self.root(1).verify_delegate("root", self.root(2))

    def test_what_cannot_be_used_is_passed_over_with_a_warning(self):
        self.trust()
        self.keys("new", "device", "hall")
        with open(self.path("keys/rubbish.key"), "w") as file:
            file.write("rubbish")
        os.chmod(self.path("keys/rubbish.key"), 0o600)
        subprocess.run(["openssl", "genpkey", "-algorithm", "rsa", "-out", self.path("keys/tls.key"), "-quiet"],
                       check=True)
        subprocess.run(["openssl", "pkey", "-in", self.path("keys/tls.key"), "-pubout", "-out",
                        self.path("keys/tls.pub")], check=True)
        os.mkfifo(self.path("keys/pipe.key"))
        os.chmod(glob.glob(self.path("keys/online-*.key"))[0], 0o644)
        for verb in (["list"], ["revoke", "hall"], ["rotate", "targets"]):
            ended = arete("keys", *verb, "--keys", self.path("keys"))
            self.assertEqual(ended.status, 0, ended.err)
            for name in ("rubbish.key", "tls.key", "tls.pub", "pipe.key", "online-"):
                self.assertRegex(ended.err, f"arete: warning: .*{name}.* was passed over: ")
            self.assertNotIn("hall", ended.err)

    def test_options_that_say_nothing_are_refused(self):
        self.trust()
        for name in ("d1", "d2"):
            self.keys("new", "device", name)
        for arguments in (["rotate", "d2", "--with", "x"], ["revoke", "d2", "--days", "5"],
                          ["rotate", "d2", "--member", "d1"], ["rotate", "targets", "--member", "d1"],
                          ["new", "device", "zz", "--member", "d2"], ["new", "device", "zz", "--roots", "5"],
                          ["new", "group", "zz", "--member", "d2", "--threshold", "1"]):
            with self.subTest(arguments):
                self.assertIn("leave it out", self.keys(*arguments, status=3))
        ended = arete("keys", "new", "trust", "--member", "d1", "--keys", self.path("other"))
        self.expect_error(ended, 3, "leave it out")

    def test_a_root_that_cannot_be_read_is_not_replaced(self):
        os.makedirs(self.path("keys/root.json"))
        self.keys("new", "trust", status=3)
        self.assertEqual(glob.glob(self.path("keys/*.key")), [])
        os.rmdir(self.path("keys/root.json"))
        self.trust()
        self.keys("rotate", "root")
        os.remove(self.path("keys/root.json"))
        self.assertIn("2.root.json", self.keys("new", "trust", status=4))

    def test_a_folder_that_is_not_there_says_how_to_make_it(self):
        for verb in (["list"], ["revoke", "d1"]):
            self.assertIn("`arete keys new trust` makes it", self.keys(*verb, status=3))
        self.assertIn("root.json lies that is believed", self.keys("sign", "x", status=3))
        self.assertFalse(os.path.exists(self.path("keys")))
        helped = arete("keys", "--help")
        self.assertIn("arete keys new device line-7 --keys FOLDER", helped.out)

    def test_what_is_no_key_is_named(self):
        self.trust()
        self.assertIn("names 3 keys", self.keys("revoke", "root", status=3))
        self.assertIn("no key of the root is 'nobody'", self.keys("rotate", "nobody", status=3))
        for role in ("root", "targets", "snapshot", "timestamp", "online"):
            self.assertIn("is the name of a role", self.keys("new", "device", role, status=3))
        for name in ("1a2b3c4d", "00112233445566"):
            self.assertIn("looks like the id of a key", self.keys("new", "device", name, status=3))
        self.keys("new", "device", "1a2b3c4")
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

    def devices(self, *names):
        for name in names:
            self.keys("new", "device", name)

    def nested(self):
        self.devices("d1", "d2", "d3")
        self.keys("new", "group", "g1", "--member", "d1", "--member", "d2")
        self.keys("new", "group", "g2", "--member", "g1", "--member", "d3")

    def every_grant(self):
        return sorted(glob.glob(self.path("keys/*.grants")))

    def reads(self, device, *groups):
        self.assertEqual(self.sealed_for(*groups).status, 0)
        keys = [path for path in glob.glob(self.path(f"keys/{device}-*.key"))]
        return any(arete("bundle", "verify", self.path("s.arete"), "--key", key,
                         *[part for path in self.every_grant() for part in ("--grants", path)]).status == 0
                   for key in keys)

    def test_a_member_that_is_missing_stops_a_revocation_before_it_begins(self):
        self.nested()
        os.rename(self.path("keys/d3.pub"), self.path("d3.pub"))
        before = sorted(os.listdir(self.path("keys")))
        self.assertIn("'d3' is a member of 'g2'", self.keys("revoke", "d1", status=3))
        self.assertEqual(sorted(os.listdir(self.path("keys"))), before)
        os.rename(self.path("d3.pub"), self.path("keys/d3.pub"))
        self.assertEqual(self.keys("revoke", "d1")["renewed_groups"], ["g1", "g2"])
        self.assertFalse(self.reads("d1", "g2"))
        self.assertTrue(self.reads("d2", "g2"))

    def test_a_revocation_that_was_cut_off_is_made_whole(self):
        self.nested()
        # As it lies there when g1 was renewed and g2 was not: its newest pair is the one before.
        shutil.copy(self.path("keys/g2.pub"), self.path("g2.pub"))
        self.keys("revoke", "d1")
        shutil.copy(self.path("g2.pub"), self.path("keys/g2.pub"))
        self.assertTrue(self.reads("d1", "g2"))
        self.assertEqual(self.keys("revoke", "d1")["renewed_groups"], ["g2"])
        self.assertFalse(self.reads("d1", "g2"))
        self.assertTrue(self.reads("d2", "g2"))
        self.assertEqual(self.keys("revoke", "d1")["renewed_groups"], [])

    def test_a_rotation_that_was_cut_off_leaves_nothing_to_a_revoked_device(self):
        self.nested()
        for name in ("g1", "g2"):
            shutil.copy(self.path(f"keys/{name}.pub"), self.path(f"{name}.pub"))
        self.keys("rotate", "d1")
        for name in ("g1", "g2"):
            shutil.copy(self.path(f"{name}.pub"), self.path(f"keys/{name}.pub"))
        self.assertEqual(self.keys("revoke", "d1")["renewed_groups"], ["g1", "g2"])
        self.assertFalse(self.reads("d1", "g1", "g2"))
        with open(self.path("keys/revoked.json")) as file:
            self.assertEqual([row["name"] for row in json.load(file)], ["d1", "d1"])

    def test_a_device_whose_public_key_is_gone_can_be_revoked(self):
        self.nested()
        os.remove(self.path("keys/d3.pub"))
        self.assertEqual(self.keys("revoke", "d3")["renewed_groups"], ["g2"])
        self.assertFalse(self.reads("d3", "g2"))

    def test_a_revoked_group_stays_revoked_when_a_member_is(self):
        self.nested()
        self.assertEqual(self.keys("revoke", "g1")["renewed_groups"], ["g2"])
        self.assertEqual(self.keys("revoke", "d1")["renewed_groups"], [])
        self.assertIn("is revoked", self.sealed_for("g1").err)

    def test_what_is_revoked_gets_no_new_key_under_its_name(self):
        self.nested()
        self.keys("revoke", "d1")
        self.assertIn("gets a new name", self.keys("rotate", "d1", status=3))
        os.remove(self.path("keys/d1.pub"))
        self.assertIn("gets a new name", self.keys("new", "device", "d1", status=3))

    def test_groups_get_new_members_but_never_themselves(self):
        self.nested()
        self.devices("d4")
        told = self.keys("rotate", "g1", "--member", "d4")
        self.assertEqual(told["renewed_groups"], ["g2"])
        self.assertEqual([(row["name"], row["members"]) for row in told["groups"]],
                         [("g1", ["d1", "d2", "d4"]), ("g2", ["g1", "d3"])])
        self.assertTrue(self.reads("d4", "g2"))
        before = sorted(os.listdir(self.path("keys")))
        for group, member in (("g1", "g1"), ("g1", "g2")):
            self.assertIn("a member of itself", self.keys("rotate", group, "--member", member, status=3))
        self.assertIn("there is no", self.keys("rotate", "g1", "--member", "nobody", status=3))
        self.assertEqual(sorted(os.listdir(self.path("keys"))), before)

    def test_the_last_member_of_a_group_can_be_revoked(self):
        self.devices("d1")
        self.keys("new", "group", "g1", "--member", "d1")
        told = self.keys("revoke", "d1")
        self.assertEqual(told["groups"][0]["members"], [])
        self.assertFalse(self.reads("d1", "g1"))

    def test_new_files_and_who_is_to_have_them_are_told(self):
        self.devices("d1", "d2")
        told = self.keys("new", "group", "g1", "--member", "d1", "--member", "d2")
        self.assertEqual(told["members"], ["d1", "d2"])
        for name in ("private", "grants", "public"):
            self.assertTrue(os.path.exists(told[name]))
        told = self.keys("rotate", "d1")
        self.assertTrue(os.path.exists(told["private"]))
        self.assertTrue(os.path.exists(told["groups"][0]["grants"]))
        shown = arete("keys", "revoke", "d1", "--keys", self.path("keys"))
        self.assertRegex(shown.out, r"g1-[0-9a-f]{8}\.grants is for d2\n")

    def test_the_list_has_members_and_when_what_was_revoked(self):
        self.nested()
        self.keys("revoke", "d1")
        rows = {row["name"]: row for row in self.keys("list")["recipients"]}
        self.assertEqual(rows["g1"]["members"], ["d2"])
        self.assertEqual(rows["g2"]["members"], ["g1", "d3"])
        self.assertRegex(rows["d1"]["revoked_at"], r"^\d{4}-\d\d-\d\dT")
        shown = arete("keys", "list", "--keys", self.path("keys")).out
        self.assertIn(rows["d1"]["revoked_at"], shown)

    def test_those_who_change_the_folder_wait_for_each_other(self):
        names = [f"device-{i}" for i in range(6)]
        self.devices(*names)
        self.keys("new", "group", "all", *[part for name in names for part in ("--member", name)])
        command = [os.path.join(BIN, "arete"), "keys", "revoke"]
        running = [subprocess.Popen([*command, name, "--keys", self.path("keys")], stdout=subprocess.DEVNULL)
                   for name in names]
        self.assertEqual([process.wait() for process in running], [0] * len(names))
        with open(self.path("keys/revoked.json")) as file:
            self.assertEqual(sorted(row["name"] for row in json.load(file)), names)
        self.assertEqual({row["name"]: row for row in self.keys("list")["recipients"]}["all"]["members"], [])


if __name__ == "__main__":
    main()
