"""How a till is let in by its module: its key on the line, and passwords from outside."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from posapp.bootstrap import module_access, store_key
from posapp.clock import SystemRandomness
from posapp.config import TillConfig
from posapp.errors import StoreError
from posapp.security_module.link.identity import Peer


def settings(folder: Path) -> TillConfig:
    return TillConfig(folder, store_key="keyfile")


def test_the_key_on_the_line_is_the_same_after_a_restart_and_needs_the_store_s_key(
    tmp_path: Path,
) -> None:
    store_key.create(tmp_path, "keyfile", SystemRandomness())
    first = module_access.line_keys(settings(tmp_path), SystemRandomness())
    first.trust(Peer.read("REF-1", first.certificate))
    again = module_access.line_keys(settings(tmp_path), SystemRandomness())
    assert (again.certificate, again.peers()) == (first.certificate, first.peers())
    (tmp_path / store_key.FILE_NAME).unlink()
    store_key.create(tmp_path, "keyfile", SystemRandomness())
    stolen = module_access.line_keys(settings(tmp_path), SystemRandomness())
    with pytest.raises(StoreError, match="LINE_FILE_SEALED"):
        stolen.peers()


def test_a_password_comes_from_the_environment_else_from_the_keystore(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = {("posapp", "module-prismtoken"): "kept"}
    monkeypatch.setattr(
        store_key, "_keyring", lambda: SimpleNamespace(get_password=lambda *w: kept.get(w))
    )
    monkeypatch.delenv(module_access.SECRET, raising=False)
    assert module_access.secret("prismtoken") == "kept"
    assert module_access.secret("other") is None
    monkeypatch.setenv(module_access.SECRET, "given")
    assert module_access.secret("prismtoken") == "given"


def test_a_keystore_that_is_not_there_is_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks() -> None:
        raise RuntimeError("no session bus")

    monkeypatch.setattr(store_key, "_keyring", breaks)
    monkeypatch.delenv(module_access.SECRET, raising=False)
    assert module_access.secret("prismtoken") is None
