"""The Python environments of the servers that ours is compared with: made on first use from tools/lock, nowhere else."""
import hashlib
import json
import pathlib
import subprocess

PYTHON = "/usr/bin/python3"  # as in tools/install: not one that somebody put before it
PIP = ("-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check", "install", "--only-binary", ":all:", "--no-deps",
       "--require-hashes", "-r")


def environment(name):
    """build/venv-NAME with the packages of tools/lock/pypi-NAME.txt; returns its folder of programs."""
    lock, place = pathlib.Path(f"tools/lock/pypi-{name}.txt"), pathlib.Path(f"build/venv-{name}")
    wanted, stamp = hashlib.sha256(lock.read_bytes()).hexdigest(), place / "stamp"
    if not stamp.exists() or stamp.read_text(encoding="ascii") != wanted:
        subprocess.run([PYTHON, "-m", "venv", "--clear", place], check=True)
        subprocess.run([place / "bin/python", *PIP, lock], check=True)
        stamp.write_text(wanted, encoding="ascii")
    return (place / "bin").resolve()


def versions(name, packages):
    """{package: version} as installed."""
    listed = subprocess.run([environment(name) / "python", "-m", "pip", "--disable-pip-version-check", "list", "--format", "json"],
                            check=True, capture_output=True, text=True)
    found = {item["name"].lower(): item["version"] for item in json.loads(listed.stdout)}
    return {package: found[package] for package in packages}
