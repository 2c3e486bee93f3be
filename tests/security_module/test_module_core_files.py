"""A process that holds keys has no core file, even where the limit alone would not prevent it."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

CORE_PATTERN = Path("/proc/sys/kernel/core_pattern")
CRASHES = """
import ctypes, os, resource, sys
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
if sys.argv[1] == "forbidden":
    from posapp.security_module.reference import process_posix
    limits = resource.setrlimit
    resource.setrlimit = lambda *_: None  # a system that does not care for the limit
    process_posix.forbid_core_dumps()
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), flush=True)
os.abort()
"""


def crashed(folder: Path, how: str) -> tuple[str, list[str]]:
    """What prctl says of it, and the files that its crash left in its folder."""
    folder.mkdir()
    run = subprocess.run(
        [sys.executable, "-c", CRASHES, how],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == -signal.SIGABRT, run.stderr
    return run.stdout.strip(), [path.name for path in folder.iterdir()]


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is of Linux")
def test_a_process_that_is_not_dumpable_has_no_core_file_whatever_the_limit(tmp_path: Path) -> None:
    dumpable, left = crashed(tmp_path / "forbidden", "forbidden")
    assert dumpable == "0"
    assert left == []
    dumpable, left = crashed(tmp_path / "allowed", "allowed")
    assert dumpable == "1"
    kept_here = not CORE_PATTERN.read_text().startswith(("|", "/"))
    assert bool(left) == (kept_here and resource.getrlimit(resource.RLIMIT_CORE)[1] != 0)
