"""What the figures were measured on and with; nothing that tells one machine from another of its kind."""

import os
import platform
import re
import subprocess
import time
from pathlib import Path


def _first_line(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[0]


def _version(command: list[str]) -> str:
    """The first line that a program says of itself, or that it is not here."""
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return "not installed"
    return (done.stdout or done.stderr).splitlines()[0]


def _field(path: str, name: str) -> str:
    match = re.search(rf"^{name}\s*[:=]\s*(.+)$", Path(path).read_text(encoding="utf-8"), re.M)
    return match.group(1).strip('" ') if match else "unknown"


def fdatasync_us(folder: Path) -> float:
    """The median time of an fdatasync after 4 KiB, where the benchmarks keep their data."""
    times = []
    path = folder / "fdatasync"
    with open(path, "wb") as file:
        for _ in range(200):
            file.write(b"x" * 4096)
            file.flush()
            before = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - before)
    path.unlink()
    return sorted(times)[len(times) // 2] * 1e6


def is_busy() -> bool:
    """Whether other work takes a good part of the machine; asked before anything is measured."""
    return os.getloadavg()[0] > os.cpu_count() / 4


def describe(reviewd: Path, folder: Path) -> dict[str, str]:
    memory_gib = int(_field("/proc/meminfo", "MemTotal").split()[0]) / 1024**2
    return {
        "processor": _field("/proc/cpuinfo", "model name"),
        "cores": str(os.cpu_count()),
        "memory": f"{memory_gib:.0f} GiB",
        "system": _field("/etc/os-release", "PRETTY_NAME"),
        "kernel": re.match(r"[\d.]+", platform.release()).group(0),
        "fdatasync of 4 KiB": f"{fdatasync_us(folder):.0f} µs",
        "load average before": f"{os.getloadavg()[0]:.1f}",
        "compiler": _first_line(["cc", "--version"]),
        "reviewd": "; ".join(subprocess.run([reviewd, "--version"], check=True, capture_output=True, text=True).stdout.split("\n")).strip("; "),
        "wrk": re.sub(r" Copyright.*", "", subprocess.run(["wrk", "--version"], capture_output=True, text=True).stdout.splitlines()[0]),
        "Python": platform.python_version(),
        "Go": _version(["go", "version"]).removeprefix("go version "),
        "Node": _version(["node", "--version"]),
        "nginx": _version(["/usr/sbin/nginx", "-v"]).removeprefix("nginx version: "),
    }
