"""The machine, the versions, and who else used it: what makes a figure worth believing."""
import os
import pathlib
import platform
import re
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FEATURES = ("avx", "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx512_bf16",
            "amx_tile", "amx_int8", "amx_bf16", "asimd", "asimddp", "i8mm", "bf16", "sve", "sve2")
TICKS = os.sysconf("SC_CLK_TCK")
OTHERS_LIMIT = 0.05  # of a core: above it a run is void


def physical_cores():
    """Of those that this process may use."""
    allowed = os.sched_getaffinity(0)
    siblings = {pathlib.Path(f"/sys/devices/system/cpu/cpu{n}/topology/thread_siblings_list").read_text() for n in allowed}
    return max(1, len(siblings))


def describe():
    info = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    flags = set((re.search(r"^(?:flags|Features)\s*:(.*)$", info, re.M) or [None, ""])[1].split())
    name = re.search(r"^model name\s*:\s*(.*)$", info, re.M)
    memory = re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text(encoding="utf-8"))
    family, model = (re.search(rf"^{key}\s*:\s*(\d+)$", info, re.M) for key in ("cpu family", "model"))
    return {"cpu": name[1] if name else platform.machine(),
            "family_model": f"{family[1]}/{model[1]}" if family and model else "",
            "features": [f for f in FEATURES if f in flags], "physical_cores": physical_cores(),
            "memory_gib": round(int(memory[1]) / 2**20, 1), "system": "Linux " + platform.release().split("-")[0]}


def today():
    return time.strftime("%Y-%m-%d", time.gmtime())


def git(*arguments):
    return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True).stdout.strip()


def commit():
    """The commit, and how many files differ from it (results themselves aside)."""
    changed = git("status", "--porcelain", "--", ".", ":!bench/results", ":!bench/RESULTS.md")
    return {"commit": git("rev-parse", "HEAD"), "changed_files": len(changed.splitlines())}


def arete_version(arete):
    return subprocess.run([arete, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]


def busy_s():
    """CPU seconds that the cores we may use were busy or stolen, since boot."""
    total = 0
    allowed = {f"cpu{n}" for n in os.sched_getaffinity(0)}
    for line in pathlib.Path("/proc/stat").read_text(encoding="ascii").splitlines():
        name, *fields = line.split()
        if name in allowed:
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[:8])
            total += user + nice + system + irq + softirq + steal
    return total / TICKS


def process_s(pid):
    """CPU seconds of a process, its threads, and its children that have ended."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / TICKS


class Watch:
    """How much of a core others used between start and stop. `pids` are ours beside this process."""

    def __init__(self, pids=()):
        self.pids = [os.getpid(), *pids]
        self.start = (time.monotonic(), self.others_s())

    def others_s(self):
        return busy_s() - sum(map(process_s, self.pids))

    def stop(self):
        elapsed_s = time.monotonic() - self.start[0]
        return max(0.0, (self.others_s() - self.start[1]) / elapsed_s)
