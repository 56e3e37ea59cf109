"""Our TUF client against repositories made by python-tuf: every kind of key, hash bins, and the attacks that the specification lists."""
import copy
import datetime
import functools
import hashlib
import http.server
import os
import subprocess
import threading
import urllib.parse

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (DelegatedRole, Delegations, Metadata, MetaFile, Root, Snapshot, SuccinctRoles, TargetFile, Targets, Timestamp)

from harness import BIN, Case, main

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
LATER = NOW + datetime.timedelta(days=30)
TOP = ("root", "timestamp", "snapshot", "targets")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Mirror(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        pass  # a client that has enough hangs up


class Repository:
    """A folder behind HTTP; documents are objects of python-tuf until publish() writes them."""

    def __init__(self, folder, signers=None, threshold=1):
        self.folder = folder
        self.signers = {role: [CryptoSigner.generate_ed25519()] for role in TOP}
        self.signers.update(signers or {})
        self.root = Root(expires=LATER, consistent_snapshot=True)
        for role in TOP:
            for signer in self.signers[role]:
                self.root.add_key(signer.public_key, role)
        self.root.roles["root"].threshold = threshold
        self.timestamp, self.snapshot, self.targets = Timestamp(expires=LATER), Snapshot(expires=LATER), Targets(expires=LATER)
        self.delegated = {}  # name: (Targets, signers)
        for place in ("metadata", "targets"):
            os.makedirs(os.path.join(folder, place))
        handler = functools.partial(Quiet, directory=folder)
        self.server = Mirror(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.publish_root()

    def url(self, place):
        return f"http://127.0.0.1:{self.server.server_port}/{place}/"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def write(self, name, data):
        path = os.path.join(self.folder, "metadata", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)

    def signed(self, part, signers):
        document = Metadata(part)
        for signer in signers:
            document.sign(signer, append=True)
        return document.to_bytes()

    def publish_root(self, signers=None):
        self.write(f"{self.root.version}.root.json", self.signed(self.root, signers or self.signers["root"]))

    def add(self, path, data, to=None):
        (to or self.targets).targets[path] = TargetFile.from_data(path, data)
        folder, name = os.path.split(path)
        os.makedirs(os.path.join(self.folder, "targets", folder), exist_ok=True)
        place = os.path.join(self.folder, "targets", folder, hashlib.sha256(data).hexdigest() + "." + name)
        with open(place, "wb") as file:
            file.write(data)
        return place

    def publish(self):
        for name, (part, signers) in self.delegated.items():
            data = self.signed(part, signers)
            self.write(f"{part.version}.{name}.json", data)  # a client asks for its name in quotes, which a server takes off
            self.snapshot.meta[f"{name}.json"] = MetaFile.from_data(part.version, data, ["sha256"])
        data = self.signed(self.targets, self.signers["targets"])
        self.write(f"{self.targets.version}.targets.json", data)
        self.snapshot.meta["targets.json"] = MetaFile.from_data(self.targets.version, data, ["sha256"])
        self.publish_snapshot()

    def publish_snapshot(self):
        data = self.signed(self.snapshot, self.signers["snapshot"])
        self.write(f"{self.snapshot.version}.snapshot.json", data)
        self.timestamp.snapshot_meta = MetaFile.from_data(self.snapshot.version, data, ["sha256", "sha512"])
        self.publish_timestamp()

    def publish_timestamp(self):
        self.write("timestamp.json", self.signed(self.timestamp, self.signers["timestamp"]))

    def advance(self):
        for part in (self.targets, self.snapshot, self.timestamp):
            part.version += 1
        self.publish()


class Tuf(Case):
    def setUp(self):
        super().setUp()
        self.repositories = []

    def tearDown(self):
        for repository in self.repositories:
            repository.close()
        super().tearDown()

    def repository(self, **options):
        self.repositories.append(Repository(self.path(f"repository{len(self.repositories)}"), **options))
        return self.repositories[-1]

    def client(self, *arguments):
        ended = subprocess.run([os.path.join(BIN, "tuf_client"), "--metadata-dir", self.path("trusted"), *arguments],
                               capture_output=True, text=True, errors="replace", timeout=60, check=False)
        self.assertIn(ended.returncode, (0, 1), ended.stderr)
        return ended

    def trust(self, repository):
        os.makedirs(self.path("trusted"), exist_ok=True)
        root = os.path.join(repository.folder, "metadata", "1.root.json")
        self.assertEqual(self.client("init", root).returncode, 0)

    def refresh(self, repository):
        return self.client("--metadata-url", repository.url("metadata"), "refresh")

    def download(self, repository, *names):
        os.makedirs(self.path("downloads"), exist_ok=True)
        options = [word for name in names for word in ("--target-name", name)]
        return self.client("--metadata-url", repository.url("metadata"), *options, "--target-base-url", repository.url("targets"),
                           "--target-dir", self.path("downloads"), "download")

    def works(self, ended):
        self.assertEqual(ended.returncode, 0, ended.stderr)

    def refuses(self, ended, words):
        self.assertEqual(ended.returncode, 1)
        self.assertIn(words, ended.stderr)

    def downloaded(self, name):
        with open(self.path("downloads/" + urllib.parse.quote(name, "")), "rb") as file:
            return file.read()

    def trusted(self, role):
        return Metadata.from_file(self.path(f"trusted/{role}.json")).signed.version

    def up_to_date(self, **options):
        repository = self.repository(**options)
        repository.add("shoes/1.0.0", b"model")
        repository.publish()
        self.trust(repository)
        self.works(self.refresh(repository))
        return repository

    # ---- The usual way ----

    def test_keys_of_every_kind(self):
        for scheme in ("ed25519", "ecdsa", "rsassa-pss-sha256", "rsa-pkcs1v15-sha256"):
            make = {"ed25519": CryptoSigner.generate_ed25519, "ecdsa": CryptoSigner.generate_ecdsa}.get(
                scheme, lambda scheme=scheme: CryptoSigner.generate_rsa(scheme=scheme))
            with self.subTest(scheme):
                repository = self.up_to_date(signers={role: [make()] for role in TOP})
                self.works(self.download(repository, "shoes/1.0.0"))
                self.assertEqual(self.downloaded("shoes/1.0.0"), b"model")
                for name in os.listdir(self.path("trusted")):
                    os.remove(self.path("trusted/" + name))

    def test_roots_rotate_and_take_their_threshold(self):
        old = [CryptoSigner.generate_ed25519(), CryptoSigner.generate_ecdsa(), CryptoSigner.generate_rsa()]
        repository = self.up_to_date(signers={"root": old}, threshold=2)
        new = CryptoSigner.generate_ed25519()
        repository.root.revoke_key(old[0].public_key.keyid, "root")
        repository.root.add_key(new.public_key, "root")
        repository.root.version = 2
        repository.publish_root([old[1], new])  # two of the new keys, but one of the old
        self.refuses(self.refresh(repository), "root")
        repository.publish_root([old[1], old[2]])
        self.works(self.refresh(repository))
        self.assertEqual(self.trusted("root"), 2)

    def test_hash_bins(self):
        repository, bins = self.repository(), CryptoSigner.generate_ed25519()
        succinct = SuccinctRoles([bins.public_key.keyid], 1, 4, "bin")
        repository.targets.delegations = Delegations({bins.public_key.keyid: bins.public_key}, succinct_roles=succinct)
        for name in succinct.get_roles():
            repository.delegated[name] = (Targets(expires=LATER), [bins])
        names = [f"models/shoes-{i}" for i in range(20)]
        for name in names:
            (role,) = [found for found, _ in repository.targets.delegations.get_roles_for_target(name)]
            repository.add(name, name.encode(), repository.delegated[role][0])
        repository.publish()
        self.trust(repository)
        self.works(self.download(repository, *names))
        self.assertEqual([self.downloaded(name) for name in names], [name.encode() for name in names])

    def test_delegation_by_paths(self):
        repository, team = self.repository(), CryptoSigner.generate_ed25519()
        role = DelegatedRole("team/shoes", [team.public_key.keyid], 1, True, paths=["models/shoes/*"])
        repository.targets.delegations = Delegations({team.public_key.keyid: team.public_key}, {role.name: role})
        repository.delegated[role.name] = (Targets(expires=LATER), [team])
        for name in ("models/shoes/1.0.0", "models/hats/1.0.0"):
            repository.add(name, b"by team", repository.delegated[role.name][0])
        repository.publish()
        self.trust(repository)
        self.works(self.download(repository, "models/shoes/1.0.0"))
        self.refuses(self.download(repository, "models/hats/1.0.0"), "nobody signs")

    # ---- Attacks (specification 1.5.2) ----

    def test_attack_arbitrary_install(self):
        repository = self.up_to_date()
        place = repository.add("shoes/2.0.0", b"good")
        repository.advance()
        with open(place, "wb") as file:
            file.write(b"evil")
        self.refuses(self.download(repository, "shoes/2.0.0"), "sha256")
        self.assertEqual(os.listdir(self.path("downloads")), [])
        repository.signers["targets"] = [CryptoSigner.generate_ed25519()]
        repository.advance()
        self.refuses(self.refresh(repository), "targets")

    def test_attack_wrong_software(self):
        repository = self.up_to_date()
        self.refuses(self.download(repository, "hats/1.0.0"), "nobody signs")

    def test_attack_rollback(self):
        repository = self.up_to_date()
        old = {name: self.read(repository, name) for name in ("timestamp.json",)}
        repository.advance()
        self.works(self.refresh(repository))
        repository.write("timestamp.json", old["timestamp.json"])
        self.refuses(self.refresh(repository), "went back")
        self.assertEqual(self.trusted("timestamp"), 2)

    def test_attack_rollback_of_targets(self):
        repository = self.up_to_date()
        repository.advance()
        self.works(self.refresh(repository))
        repository.targets.version = 1
        repository.snapshot.version = repository.timestamp.version = 3
        repository.publish()
        self.refuses(self.refresh(repository), "back to version 1")
        self.assertEqual(self.trusted("targets"), 2)

    def test_attack_indefinite_freeze(self):
        for part in ("timestamp", "snapshot", "targets"):
            with self.subTest(part):
                repository = self.repository()
                getattr(repository, part).expires = NOW - datetime.timedelta(days=1)
                repository.publish()
                self.trust(repository)
                self.refuses(self.refresh(repository), "past its time")

    def test_attack_mix_and_match(self):
        repository = self.up_to_date()
        repository.targets.targets.clear()
        repository.add("shoes/1.0.0", b"another")
        data = repository.signed(repository.targets, repository.signers["targets"])
        repository.advance()
        repository.write("2.targets.json", data)  # signed, but not what the snapshot is about
        self.refuses(self.refresh(repository), "targets")

    def test_attack_endless_data(self):
        repository = self.up_to_date()
        repository.write("timestamp.json", b" " * 20_000_000)
        self.refuses(self.refresh(repository), "more than 16384 bytes")
        repository.publish_timestamp()
        place = repository.add("shoes/2.0.0", b"good")
        repository.advance()
        with open(place, "ab") as file:
            file.write(b"x" * 1_000_000)
        self.refuses(self.download(repository, "shoes/2.0.0"), "more than 4 bytes")

    def test_attack_fast_forward(self):
        repository = self.up_to_date()
        repository.snapshot.version = repository.timestamp.version = 1_000_000
        repository.publish()
        self.works(self.refresh(repository))
        for role in ("snapshot", "timestamp"):  # the keys that were stolen are replaced
            for signer in repository.signers[role]:
                repository.root.revoke_key(signer.public_key.keyid, role)
            repository.signers[role] = [CryptoSigner.generate_ed25519()]
            repository.root.add_key(repository.signers[role][0].public_key, role)
            getattr(repository, role).version = 2
        repository.root.version = 2
        repository.publish_root()
        repository.publish()
        self.works(self.refresh(repository))
        self.assertEqual((self.trusted("timestamp"), self.trusted("snapshot")), (2, 2))

    def test_attack_key_compromise_below_the_threshold(self):
        keys = [CryptoSigner.generate_ed25519() for _ in range(3)]
        repository = self.up_to_date(signers={"root": keys}, threshold=2)
        evil = CryptoSigner.generate_ed25519()
        repository.root = copy.deepcopy(repository.root)
        repository.root.add_key(evil.public_key, "targets")
        repository.root.version = 2
        repository.publish_root([keys[0], evil])
        self.refuses(self.refresh(repository), "it takes 2")
        self.assertEqual(self.trusted("root"), 1)

    def test_attack_slow_or_broken_mirror_leaves_what_was_trusted(self):
        repository = self.up_to_date()
        before = {name: self.read_trusted(name) for name in os.listdir(self.path("trusted"))}
        for data in (b"", b"{}", b"[" * 1000, b"\xff\xfe", b'{"signed":{},"signatures":[]}', self.read(repository, "timestamp.json")[:-20]):
            repository.write("timestamp.json", data)
            self.assertEqual(self.refresh(repository).returncode, 1)
        self.assertEqual({name: self.read_trusted(name) for name in os.listdir(self.path("trusted"))}, before)

    def read(self, repository, name):
        with open(os.path.join(repository.folder, "metadata", name), "rb") as file:
            return file.read()

    def read_trusted(self, name):
        with open(self.path("trusted/" + name), "rb") as file:
            return file.read()


if __name__ == "__main__":
    main()
