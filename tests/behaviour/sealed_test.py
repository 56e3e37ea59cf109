"""Sealed bundles: read by a reader of its own, made from docs/formats/bundle.md and grants.md with another library's HPKE."""
import json
import os
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
