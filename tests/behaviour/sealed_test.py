"""Sealed bundles: read by a reader of its own, made from docs/formats/bundle.md and grants.md with another library's HPKE."""
import json
import os
import resource
import struct

import numpy as np
from cryptography.hazmat.primitives import hashes, hpke, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

import serving
from bundle_test import sha256, unpacked
from harness import Case, arete, conv_classifier, main

SUITE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)


def key_id(public):
    return sha256(public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw))


def purpose(grants):
    return f"arete grant 1 {grants['kind']} {grants['about']}".encode()


def opened_secret(grants, private):
    mine, = (grant for grant in grants["grants"] if grant["to"] == key_id(private.public_key()))
    return SUITE.decrypt(bytes.fromhex(mine["encapsulated"] + mine["sealed"]), private, info=purpose(grants))


def read_sealed(path, secret):
    """(manifest, {path: bytes})"""
    with open(path, "rb") as file:
        data = file.read()
    size, = struct.unpack_from("<I", data, 12)
    manifest, at, blobs = json.loads(data[48:48 + size]), 48 + size, []
    rows = struct.iter_unpack("<II", data[len(data) - 8 * len(manifest["blobs"]):])
    for blob, (stored, coding) in zip(manifest["blobs"], rows):
        assert coding & 0x100
        part = data[at:at + stored]
        at += stored
        info = b"arete blob 1" + bytes.fromhex(blob["sha256"])
        key = HKDFExpand(hashes.SHA256(), 32, info).derive(secret)
        form = ChaCha20Poly1305(key).decrypt(part[:12], part[12:], bytes([coding & 0xFF]))
        blobs.append(form if coding & 0xFF == 0 else unpacked(form, blob["bytes"]))
        assert sha256(blobs[-1]) == blob["sha256"]
    return manifest, {file["path"]: b"".join(blobs[i] for i in file["blobs"]) for file in manifest["files"]}


class Sealed(Case):
    def setUp(self):
        super().setUp()
        self.model = self.save("m.onnx", conv_classifier())
        ended = arete("bundle", "create", self.model, "-o", self.path("b.arete"), "--name", "shoes", "--version", "1.0.0",
                      "--original", self.model)
        self.assertEqual(ended.status, 0, ended.err)

    def key(self, name):
        """A device's key pair as another program makes it."""
        private = X25519PrivateKey.generate()
        with open(os.open(self.path(name + ".key"), os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
            file.write(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                             serialization.NoEncryption()))
        with open(self.path(name + ".pub"), "wb") as file:
            file.write(private.public_key().public_bytes(serialization.Encoding.PEM,
                                                         serialization.PublicFormat.SubjectPublicKeyInfo))
        return private

    def seal(self, *names, source="b.arete", output="s.arete"):
        recipients = [part for name in names for part in ("--to", self.path(name + ".pub"))]
        ended = arete("bundle", "seal", self.path(source), "-o", self.path(output), "--json", *recipients)
        self.assertEqual(ended.status, 0, ended.err)
        return ended.json

    def bundle(self, *arguments):
        return arete("bundle", *arguments)

    def write(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content)

    def load(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def test_another_reader_opens_it_with_its_key(self):
        private = self.key("line-7")
        told = self.seal("line-7")
        self.assertEqual(told["granted_to"], ["line-7"])
        grants = json.loads(self.load("s.arete.grants"))
        manifest, files = read_sealed(self.path("s.arete"), opened_secret(grants, private))
        self.assertEqual(files["main/m.onnx"], self.load("m.onnx"))
        self.assertEqual(grants["about"], told["manifest_sha256"])
        shown = self.bundle("show", self.path("s.arete"), "--json").json
        self.assertTrue(shown["sealed"])
        self.assertEqual(shown["manifest_sha256"], told["manifest_sha256"])

    def test_grants_of_another_program_open_it(self):
        first, second = self.key("first"), self.key("second")
        self.seal("first")
        grants = json.loads(self.load("s.arete.grants"))
        secret = opened_secret(grants, first)
        made = SUITE.encrypt(secret, second.public_key(), info=purpose(grants))
        grants["grants"] = [{"to": key_id(second.public_key()), "encapsulated": made[:32].hex(), "sealed": made[32:].hex()}]
        self.write("s.arete.grants", json.dumps(grants).encode())
        ended = self.bundle("verify", self.path("s.arete"), "--key", self.path("second.key"))
        self.assertEqual(ended.status, 0, ended.err)
        ended = self.bundle("verify", self.path("s.arete"), "--key", self.path("first.key"))
        self.assertEqual(ended.status, 3, ended.err)
        self.assertIn("none of the keys given may open it", ended.err)

    def test_without_a_key_nothing_but_the_manifest_is_read(self):
        self.key("line-7")
        self.key("stranger")
        self.seal("line-7")
        ended = self.bundle("verify", self.path("s.arete"))
        self.assertEqual(ended.status, 3)
        self.assertIn("it is sealed; give a key", ended.err)
        ended = self.bundle("verify", self.path("s.arete"), "--key", self.path("stranger.key"))
        self.assertIn("it was granted to 'line-7'", ended.err)
        os.remove(self.path("s.arete.grants"))
        ended = self.bundle("verify", self.path("s.arete"), "--key", self.path("line-7.key"))
        self.assertIn("BUNDLE.grants", ended.err)

    def test_files_are_written_open_only_on_demand(self):
        self.key("line-7")
        self.seal("line-7")
        key = ("--key", self.path("line-7.key"))
        ended = self.bundle("extract", self.path("s.arete"), "-o", self.path("out"), *key)
        self.assertEqual(ended.status, 3)
        self.assertIn("--plaintext", ended.err)
        self.assertFalse(os.path.exists(self.path("out")))
        ended = self.bundle("extract", self.path("s.arete"), "-o", self.path("out"), "--plaintext", *key)
        self.assertEqual(ended.status, 0, ended.err)
        self.assertEqual(self.load("out/main/m.onnx"), self.load("m.onnx"))

    def test_convert_writes_open_only_on_demand(self):
        self.key("line-7")
        self.seal("line-7")
        convert = ("convert", self.path("s.arete"), "-o", self.path("c.onnx"), "--key", self.path("line-7.key"))
        self.expect_error(arete(*convert), 3, "--plaintext")
        self.assertFalse(os.path.exists(self.path("c.onnx")))
        ended = arete(*convert, "--plaintext")
        self.assertEqual(ended.status, 0, ended.err)
        self.assertTrue(os.path.exists(self.path("c.onnx")))

    def test_a_seal_that_fails_takes_nothing_away(self):
        self.key("line-7")
        self.key("mine")
        self.seal("line-7")
        self.seal("mine", output="in.arete")
        key = ("--key", self.path("line-7.key"))
        cut = bytearray(self.load("b.arete"))
        cut[len(cut) // 2] ^= 1
        self.write("broken.arete", bytes(cut))
        kept = {name: self.load(name) for name in ("s.arete", "s.arete.grants")}
        for source, words, more in (("in.arete", "is sealed already; give a key", ()),
                                    ("in.arete", "none of the keys given", key), ("broken.arete", "broken.arete: blob", ()),
                                    ("b.arete", "is a private key", ("--to", self.path("mine.key"))),
                                    ("b.arete", "is a public key", ("--key", self.path("mine.pub"), "--to", "gone"))):
            source = self.path(source) if words != "is a public key" else self.path("in.arete")
            ended = self.bundle("seal", source, "-o", self.path("s.arete"), "--to", self.path("mine.pub"), *more)
            self.expect_error(ended, 3, words)
            self.assertEqual({name: self.load(name) for name in kept}, kept)
            self.assertEqual(self.bundle("verify", self.path("s.arete"), *key).status, 0)
        # Nor does a disk that is full in the middle of it.
        ended = arete("bundle", "seal", self.path("b.arete"), "-o", self.path("s.arete"), "--to", self.path("mine.pub"),
                      preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)))
        self.assertNotEqual(ended.status, 0)
        self.assertEqual({name: self.load(name) for name in kept}, kept)
        self.seal("mine")  # what works takes its place
        self.assertEqual(self.bundle("verify", self.path("s.arete"), "--key", self.path("mine.key")).status, 0)
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith(".")], [])

    def test_between_two_seals_of_one_bundle_the_key_is_found(self):
        """As it lies there when the power fails before and after the bundle takes its place."""
        self.key("mine")
        self.seal("mine")
        old = self.load("s.arete"), self.load("s.arete.grants")
        self.seal("mine")
        new = self.load("s.arete"), self.load("s.arete.grants")
        self.write(".s.arete.grants.arriving", new[1])
        self.write("s.arete.grants", old[1])
        for bundle in (old[0], new[0]):
            self.write("s.arete", bundle)
            ended = self.bundle("verify", self.path("s.arete"), "--key", self.path("mine.key"))
            self.assertEqual(ended.status, 0, ended.err)

    def test_nothing_that_is_read_is_written_over(self):
        self.key("mine")
        self.seal("mine", output="s")
        os.mkdir(self.path("folder"))
        os.symlink(self.path("mine.pub"), self.path("link"))
        self.write("k.grants", self.load("s.grants"))
        kept = {name: self.load(name) for name in ("b.arete", "mine.pub", "mine.key", "k.grants")}
        for output, words in (("b.arete", "would overwrite"), ("mine.pub", "would overwrite"), ("link", "would overwrite"),
                              ("mine.key", "would overwrite"), ("k", "would overwrite"), ("folder", "is no file")):
            ended = self.bundle("seal", self.path("b.arete"), "-o", self.path(output), "--to", self.path("mine.pub"), "--key",
                                self.path("mine.key"), "--grants", self.path("k.grants"))
            self.expect_error(ended, 3, words)
        self.assertEqual({name: self.load(name) for name in kept}, kept)

    def test_who_is_revoked_is_granted_nothing(self):
        keys = ("--keys", self.path("keys"))
        for name in ("trust", "device lost", "device kept"):
            self.assertEqual(arete("keys", "new", *name.split(), *keys).status, 0)
        ended = arete("keys", "revoke", "lost", *keys)
        self.assertEqual(ended.status, 0, ended.err)
        os.mkdir(self.path("away"))
        os.symlink(self.path("keys/lost.pub"), self.path("away/link.pub"))
        self.write("copy.pub", self.load("keys/lost.pub"))
        seal = ("seal", self.path("b.arete"), "-o", self.path("s.arete"))
        for to, more in ((self.path("keys/lost.pub"), ()), (self.path("away/link.pub"), ()), (self.path("copy.pub"), keys),
                         ("lost", keys)):
            self.expect_error(self.bundle(*seal, "--to", to, *more), 3, "revoked")
        self.assertFalse(os.path.exists(self.path("s.arete.grants")))
        # By its name, and where the folder of keys is "keys" here.
        ended = arete("bundle", *seal, "--to", "kept", "--json", cwd=self.folder)
        self.assertEqual(ended.json["granted_to"], ["kept"], ended.err)
        self.expect_error(arete("bundle", *seal, "--to", "copy.pub", cwd=self.folder), 3, "revoked")

    def test_what_was_mistaken_for_what_is_said(self):
        ended = arete("bundle", "create", self.model, "-o", self.path("b2.arete"), "--name", "shoes", "--version", "1.1.0",
                      "--release", "2", "--original", self.model)
        self.assertEqual(ended.status, 0, ended.err)
        older, newer, delta = self.path("b.arete"), self.path("b2.arete"), self.path("d")
        ended = self.bundle("delta", older, newer, "-o", delta)
        self.assertIn("from 1.0.0 to 1.1.0", ended.out)
        self.expect_error(self.bundle("apply", delta, older, "-o", self.path("n")), 3, "it is a delta", "apply OLDER DELTA")
        self.expect_error(self.bundle("apply", older, newer, "-o", self.path("n")), 3, "it is a bundle")
        self.expect_error(self.bundle("verify", delta), 3, "it is a delta")
        broken = bytearray(self.load("b2.arete"))
        broken[48 + int.from_bytes(broken[12:16], "little") + 1000] ^= 1
        self.write("b2.arete", bytes(broken))
        self.expect_error(self.bundle("verify", newer), 3, "b2.arete: blob")

    def test_a_key_that_others_may_read_is_none(self):
        self.key("line-7")
        self.seal("line-7")
        os.chmod(self.path("line-7.key"), 0o644)
        ended = self.bundle("verify", self.path("s.arete"), "--key", self.path("line-7.key"))
        self.assertEqual(ended.status, 3)
        self.assertIn("chmod 600", ended.err)

    def test_more_keys_are_granted_by_who_has_one(self):
        self.key("mine")
        self.key("line-7")
        self.seal("mine")
        arguments = ("grant", self.path("s.arete"), "--to", self.path("line-7.pub"))
        ended = self.bundle(*arguments)
        self.assertEqual(ended.status, 3)
        self.assertIn("--key", ended.err)
        ended = self.bundle(*arguments, "--key", self.path("mine.key"), "--json")
        self.assertEqual(ended.json["granted_to"], ["mine", "line-7"])
        ended = self.bundle("verify", self.path("s.arete"), "--key", self.path("line-7.key"))
        self.assertEqual(ended.status, 0, ended.err)

    def test_deltas_of_sealed_bundles_stay_sealed(self):
        self.key("mine")
        key = ("--key", self.path("mine.key"))
        ended = arete("bundle", "create", self.model, "-o", self.path("b2.arete"), "--name", "shoes", "--version", "1.1.0",
                      "--release", "2", "--original", self.model, "--changelog", "words alone")
        self.assertEqual(ended.status, 0, ended.err)
        self.seal("mine")
        self.seal("mine", source="b2.arete", output="s2.arete")
        ended = self.bundle("delta", self.path("s.arete"), self.path("s2.arete"), "-o", self.path("d"), *key)
        self.assertEqual(ended.status, 0, ended.err)
        grants = ("--grants", self.path("s2.arete.grants"))
        ended = self.bundle("apply", self.path("s.arete"), self.path("d"), "-o", self.path("n.arete"), *key)
        self.assertEqual(ended.status, 3, ended.err)  # without the newer bundle's grants
        self.assertFalse(os.path.exists(self.path("n.arete")))
        ended = self.bundle("apply", self.path("s.arete"), self.path("d"), "-o", self.path("n.arete"), *key, *grants)
        self.assertEqual(ended.status, 0, ended.err)
        ended = self.bundle("verify", self.path("n.arete"), *key, *grants)
        self.assertEqual(ended.status, 0, ended.err)
        self.assertTrue(self.bundle("show", self.path("n.arete"), "--json").json["sealed"])
        self.assertNotIn(self.load("m.onnx")[-200:], self.load("n.arete"))

    def test_models_run_and_are_served_without_touching_the_disk(self):
        self.key("line-7")
        self.key("stranger")
        self.seal("line-7")
        sealed, key = self.path("s.arete"), ("--key", self.path("line-7.key"))
        self.assertEqual(arete("info", sealed, *key, "--json").json["bundle"]["name"], "shoes")
        for wrong, words in (((), "give a key"), (("--key", self.path("stranger.key")), "none of the keys given")):
            ended = arete("run", sealed, "--input", "x=" + self.image(), "--output-dir", self.path("no"), *wrong)
            self.assertEqual(ended.status, 3, ended.err)
            self.assertIn(words, ended.err)
        outputs = []
        for model, more in ((sealed, key), (self.model, ())):
            ended = arete("run", model, "--input", "x=" + self.image(), "--output-dir", self.path("out"), *more)
            self.assertEqual(ended.status, 0, ended.err)
            outputs.append(self.load("out/y.npy"))
        self.assertEqual(*outputs)
        secret = self.load("m.onnx")[1000:1200]
        os.remove(self.model)
        os.remove(self.path("b.arete"))
        for more in ((), ("--isolate",)):
            with serving.Server(self.folder, sealed, *key, *more) as server:
                answer = server.infer("shoes", {"x": np.full((1, 3, 16, 16), 0.5, np.float32)}).json()
                self.assertEqual(answer["model_version"], "1.0.0")
                self.assert_nowhere(secret, server.process.pid)
                with open(f"/proc/{server.process.pid}/limits") as file:
                    cores, = (line for line in file if line.startswith("Max core file size"))
                self.assertEqual(cores.split()[4:6], ["0", "0"])

    def image(self):
        np.save(self.path("x.npy"), np.full((1, 3, 16, 16), 0.5, np.float32))
        return self.path("x.npy")

    def assert_nowhere(self, secret, pid):
        """In no file of the folder, and in none on a disk that the process or a child of it has open."""
        paths = [os.path.join(folder, name) for folder, _, names in os.walk(self.folder) for name in names]
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            for process in [pid, *file.read().split()]:
                links = [f"/proc/{process}/fd/{number}" for number in os.listdir(f"/proc/{process}/fd")]
                paths += [link for link in links if os.path.isfile(link) and not os.readlink(link).startswith("/memfd:")]
        for path in paths:
            with open(path, "rb") as file:
                self.assertNotIn(secret, file.read(), path)

    def test_broken_bytes_are_named(self):
        self.key("line-7")
        self.seal("line-7")
        data = bytearray(self.load("s.arete"))
        data[len(data) // 2] ^= 1
        self.write("s.arete", bytes(data))
        ended = self.bundle("verify", self.path("s.arete"), "--key", self.path("line-7.key"))
        self.assertEqual(ended.status, 3)
        self.assertIn("was not sealed with this content key, or was changed since", ended.err)


if __name__ == "__main__":
    main()
