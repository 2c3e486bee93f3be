"""The folder of a module with operators: where its secrets are, and what `module.toml` decides."""

from __future__ import annotations

import pytest

from posapp.bootstrap import module_people
from posapp.bootstrap.module_config import ModuleConfig, TokenPlace, read_config
from posapp.codec.sealed import Cost
from posapp.errors import ConfigError, ModuleError
from posapp.security_module.reference.operators import Operator, Role
from tests.security_module.engines import CountedRandomness, SetClock
from tests.security_module.soft_tokens import LIBRARY, USER_PIN, a_token, needs_soft_hsm

MODULE = "REF-0000A001"
BOSS = Operator(1, "Grace Otieno", Role.SUPERVISOR)
PIN = "739182640517"
CHEAP = Cost(64, 1)


def make(folder):
    folder.mkdir(exist_ok=True)
    module_people.make(folder, MODULE, bytes(32), BOSS, PIN, CountedRandomness(), cost=CHEAP)


def opened(folder):
    return module_people.ClosedModule(folder, SetClock(), CountedRandomness(), cost=CHEAP)


def token_folder(folder, keys="true", device="true"):
    token = a_token()
    folder.mkdir(exist_ok=True)
    (folder / "hsm.pin").write_text(USER_PIN, encoding="ascii")
    (folder / "hsm.pin").chmod(0o600)
    (folder / "module.toml").write_text(
        f'[pkcs11]\nlibrary = "{LIBRARY}"\ntoken = "{token.label}"\npin_file = "hsm.pin"\n'
        f"keys = {keys}\ndevice = {device}\n",
        encoding="utf-8",
    )
    return folder


def test_without_a_token_the_device_secret_is_a_file_and_binds_nothing(tmp_path):
    make(tmp_path)
    module = opened(tmp_path)
    assert (module.module_id, module.bound) == (MODULE, False)
    assert module.key_backend() is None
    assert len(module.line_secret) == 32
    module.operators.login(1, PIN)
    assert module.operators.data_key() == bytes(32)
    module.close()
    module.close()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["device.secret", "operators.lock", "operators.sealed"]


@needs_soft_hsm
def test_with_a_token_its_secret_is_nowhere_on_the_disk(tmp_path):
    folder = token_folder(tmp_path / "module")
    make(folder)
    assert not (folder / "device.secret").exists()
    module = opened(folder)
    module.operators.login(1, PIN)
    backend = module.key_backend()
    assert backend is not None and backend.probe().name == "pkcs11"
    secret = module.line_secret
    module.close()
    module = opened(folder)
    assert module.line_secret == secret
    module.close()


@needs_soft_hsm
def test_a_token_for_one_thing_keeps_only_that(tmp_path):
    for name, keys, device in (("a", "true", "false"), ("b", "false", "true")):
        folder = token_folder(tmp_path / name, keys, device)
        make(folder)
        assert (folder / "device.secret").exists() == (device == "false")
        module = opened(folder)
        assert (module.key_backend() is None) == (keys == "false")
        module.close()


@needs_soft_hsm
def test_a_token_that_is_away_keeps_the_module_from_starting(tmp_path):
    folder = token_folder(tmp_path / "module")
    make(folder)
    text = (folder / "module.toml").read_text(encoding="utf-8")
    (folder / "module.toml").write_text(text.replace('token = "', 'token = "x'), encoding="utf-8")
    with pytest.raises(ModuleError, match="HSM_ABSENT"):
        opened(folder)


def test_the_configuration_is_read_strictly(tmp_path):
    assert read_config(tmp_path) == ModuleConfig()
    path = tmp_path / "module.toml"
    path.write_text('sta_tables = "t.toml"\n', encoding="utf-8")
    assert read_config(tmp_path) == ModuleConfig(tmp_path / "t.toml")
    good = 'library = "l.so"\ntoken = "sts"\npin_file = "p"\n'
    path.write_text(f"[pkcs11]\n{good}keys = true\n", encoding="utf-8")
    place = TokenPlace("l.so", "sts", tmp_path / "p", keys=True, device=False)
    assert read_config(tmp_path) == ModuleConfig(None, place)
    for text, field in (
        ("sta_tables = 1", "sta_tables"),
        ("other = 1", "other"),
        ("pkcs11 = 1", "pkcs11"),
        (f"[pkcs11]\n{good}keys = 1", "pkcs11.keys"),
        (f"[pkcs11]\n{good}pin = '1'", "pkcs11.pin"),
        ('[pkcs11]\nlibrary = "l.so"\ntoken = ""\npin_file = "p"', "pkcs11.token"),
        ('[pkcs11]\nlibrary = "l.so"\ntoken = "sts"', "pkcs11.pin_file"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match="CONFIG_FIELD") as caught:
            read_config(tmp_path)
        assert caught.value.params["field"] == field
    path.write_text("[", encoding="utf-8")
    with pytest.raises(ConfigError, match="CONFIG_SYNTAX"):
        read_config(tmp_path)
