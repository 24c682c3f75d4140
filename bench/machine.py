"""On what was measured: the machine and the versions, in a line."""

import platform
from importlib.metadata import version
from pathlib import Path

import psutil

PACKAGES = ("fastapi", "uvicorn", "msgspec", "faust-streaming", "aiokafka", "redis", "psycopg", "numpy", "numba")


def describe(packages: tuple[str, ...] = PACKAGES) -> str:
    """Return the processor, its load, the memory, the system and the versions that matter."""
    load = ", ".join(f"{share:.1f}" for share in psutil.getloadavg())
    gigabytes = psutil.virtual_memory().total / 2**30
    machine = (
        f"{_processor()}, {psutil.cpu_count()} cores, {gigabytes:.0f} GiB, {platform.system()} {platform.release()}; "
        f"load when it began {load}"
    )
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"{machine}\nPython {platform.python_version()}, {versions}"


def _processor() -> str:
    """Return the model of the processor; Linux tells it in a file."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text("utf-8", "replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
