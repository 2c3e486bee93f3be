"""A module's new line is nobody's: a number that an older till still holds is passed over."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ptys are of Unix")


def test_a_pty_that_somebody_still_holds_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl
    import pty

    from posapp.security_module.reference import pty_posix

    held = pty.openpty()
    name = os.ttyname(held[1])
    till = os.open(name, os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(till, fcntl.LOCK_EX | fcntl.LOCK_NB)
    real, offered = pty.openpty, [held]
    monkeypatch.setattr(pty_posix.pty, "openpty", lambda: offered.pop() if offered else real())
    line = pty_posix.PtyEndpoint(tmp_path / "line")
    try:
        assert str((tmp_path / "line").readlink()) != name
        handle = os.open(tmp_path / "line", os.O_RDWR | os.O_NOCTTY)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the next till gets it
        os.close(handle)
        for closed in held:
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.fstat(closed)
    finally:
        line.close()
        os.close(till)
