"""Builds and runs the reference module: `posapp module init` and `posapp module serve`.

Its folder holds `module.db` (SQLCipher) and `module.key`, the store's key in a file: that
guards nothing against a thief of the disk, and so only keys marked as test keys are taken.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from posapp import paths
from posapp.bootstrap import module_line, module_people
from posapp.bootstrap.module_config import CONFIG_FILE as CONFIG_FILE
from posapp.bootstrap.module_config import read_config
from posapp.bootstrap.module_people import (
    ClosedModule,
    KeyedModule,
    OpenModule,
    Surroundings,
)
from posapp.bootstrap.sta_tables import choose
from posapp.clock import Clock, Randomness, SystemClock, SystemRandomness, epoch_ms
from posapp.codec.files import read_bounded, write_private
from posapp.errors import ConfigError
from posapp.security_module.link.identity import LineKeys
from posapp.security_module.reference.endpoints import open_endpoint
from posapp.security_module.reference.engine import Engine, Policy, card_of
from posapp.security_module.reference.keys import load_key_file
from posapp.security_module.reference.operators import Action, Operator, Role
from posapp.security_module.reference.server import Server
from posapp.security_module.reference.store import (
    FILE_NAME,
    ModuleStore,
    create_store,
    open_store,
)
from posapp.wire.audit import AuditKind
from posapp.wire.introductions import TEXT_BYTES_MAX, ModuleCard, Trust

if TYPE_CHECKING:
    from posapp.bootstrap.module_run import Run

KEY_FILE = "module.key"
CARD_FILE = "module.card"
KEY_BYTES = 32


def init(
    folder: Path,
    key_file: Path | None,
    trust_file: Path | None = None,
    *,
    supervisor: str | None = None,
    pin: str = "",
    clock: Clock | None = None,
    randomness: Randomness | None = None,
) -> str:
    """Make a module in `folder` with the test keys of `key_file`; the new module's id.

    With `trust_file` (the text of a `Trust`) it makes nothing before head office's first
    authorisation, and its keys may come later, sealed (then `key_file` is None); without, it is a
    laboratory's module, without limits. Its public keys are in `module.card`. With a `supervisor`
    (a name) and a PIN it starts closed, and that person adds the others. Where `module.toml` names
    a token it keeps what it is told to keep. Raises ConfigError MODULE_EXISTS, MODULE_KEYLESS,
    KEYS_NOT_TEST, KEY_FILE_INVALID, FILE_UNREADABLE, CONFIG_FIELD; InputError
    TRUST_INVALID(field), PIN_FORM; ModuleError
    HSM_... Nothing half-made is left: the store appears whole or not at all.
    """
    now = (clock or SystemClock()).now()
    source = randomness or SystemRandomness()
    if key_file is None and trust_file is None:
        raise ConfigError("MODULE_KEYLESS")
    keys = () if key_file is None else load_key_file(key_file)
    trust = None if trust_file is None else _read_trust(trust_file)
    paths.private_folder(folder)
    if (folder / FILE_NAME).exists():
        raise ConfigError("MODULE_EXISTS", folder=str(folder))
    module_id = f"REF-{source.bytes(4).hex().upper()}"
    secret = source.bytes(KEY_BYTES)
    if supervisor is None:
        write_private(folder / KEY_FILE, secret.hex().encode("ascii"))
    else:
        first = Operator(1, supervisor, Role.SUPERVISOR)
        module_people.make(folder, module_id, secret, first, pin, source)
    laboratory = secret if supervisor is None else None
    stored = module_people.keep_keys(folder, keys, module_id, laboratory)
    create_store(folder, secret, module_id, stored, epoch_ms(now), trust)
    store = open_store(folder, secret)
    try:
        text = card_of(module_id, *store.identity(source)).to_text()
    finally:
        store.close()
    (folder / CARD_FILE).write_text(text, encoding="ascii")
    return module_id


def serve(
    folder: Path,
    listen: str,
    *,
    clock: Clock | None = None,
    randomness: Randomness | None = None,
    policy: Policy | None = None,
    sta_tables: Path | None = None,
    paired_only: bool = False,
    in_clear: bool = False,
    new_tables: bool = False,
    out: TextIO | None = None,
) -> None:
    """Answer on `pty:LINKPATH`, `unix:PATH` or `tcp:HOST:PORT` until SIGTERM or SIGINT.

    A module that trusts somebody or has operators answers only whom it is paired with, unless
    `in_clear`, for tests: then anybody until it is paired, as a laboratory's module does, unless
    `paired_only`. What answers nobody in the clear may listen to other machines.

    EA07 takes the tables of `sta_tables`, else of POSAPP_STA_TABLES, else of the line
    `sta_tables = "FILE"` in the folder's `module.toml`, else the sample set. It keeps to the
    tables it began with, for others make tokens that no meter takes, unless `new_tables`. When it
    can be asked it prints `ready ADDRESS` (what a till's configuration takes) and then a line that
    says what it is. Raises ConfigError MODULE_MISSING, MODULE_KEY_MISSING,
    MODULE_KEY_EXPOSED, KEYS_NOT_TEST, STA_TABLES_CHANGED, CONFIG_SYNTAX, CONFIG_FIELD,
    PORT_BUSY, LISTEN_..., SEAL_MISSING, SEAL_EXPOSED; ModuleError SEAL_DAMAGED, HSM_...;
    InputError STA_TABLES; StoreError STORE_IN_USE, STORE_KEY_WRONG, STORE_NEWER, STORE_DAMAGED,
    LINE_FILE_SEALED.
    """
    if sys.platform != "win32":
        from posapp.security_module.reference.process_posix import forbid_core_dumps

        forbid_core_dumps()
    if not (folder / FILE_NAME).is_file():
        raise ConfigError("MODULE_MISSING", folder=str(folder))
    tables = choose(sta_tables, read_config(folder).sta_tables)
    time, source = clock or SystemClock(), randomness or SystemRandomness()

    def make_engine(store: ModuleStore, around: Surroundings) -> Engine:
        store.hold_tables(tables.fingerprint, new=new_tables)
        return around.engine(store, time, source, policy, tables=tables)

    module: OpenModule
    if module_people.has_operators(folder):
        module = ClosedModule(folder, time, source, make_engine)
    else:
        module = KeyedModule(folder, _read_key(folder / KEY_FILE), make_engine)
    try:
        clear = in_clear or (module.is_laboratory and not paired_only)
        endpoint = open_endpoint(listen, sealed=not clear)
        try:
            lines = module.line_secret, module.desk, module.module_id, time, source
            gate = module_line.gate_of(folder, *lines, clear=clear)
            server = Server(endpoint, gate, module.rest)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: server.stop())
            stream = out or sys.stdout
            stream.write(
                f"ready {endpoint.address}\nmodule {module.module_id} NOT CERTIFIED - TEST KEYS\n"
            )
            stream.flush()
            server.run()
        finally:
            endpoint.close()
    finally:
        module.close()


def pair(folder: Path) -> str:
    """Let one till pair with the module in `folder` for some minutes; the words with the code.

    It may be served meanwhile. Raises ConfigError MODULE_KEY_MISSING, MODULE_KEY_EXPOSED.
    """
    return module_line.pair(folder, _line_secret(folder), SystemClock(), SystemRandomness())


def unpair(folder: Path, name: str) -> str:
    """Forget a till by its name; empty: only say which there are. Raises as `pair`, StoreError."""
    return module_line.unpair(folder, _line_secret(folder), SystemRandomness(), name)


def change_keys(
    folder: Path,
    meters: Path,
    out: Path,
    to: tuple[str | None, int | None, str | None],
    sta_tables: Path | None = None,
    *,
    operator: int = 0,
    pin: str = "",
) -> Run:
    """New keys for a list of meters, by the module in `folder` while it is not served.

    `to` is SGC, KRN and TI for rows that name none, None for unchanged. Where there are operators
    one of them signs in with a PIN. Raises as `serve` and `module_people.worked_at` for the folder
    and as `module_run.change_keys` for the run; ConfigError BULK_MISSING.
    """
    # Imported here: numpy comes with an extra and takes a tenth of a second.
    from posapp.bootstrap import module_run
    from posapp.sts.bulk.campaign import Target

    tables = choose(sta_tables, read_config(folder).sta_tables)
    if not (folder / FILE_NAME).is_file():
        raise ConfigError("MODULE_MISSING", folder=str(folder))
    staffed = module_people.has_operators(folder)
    secret = None if staffed else _read_key(folder / KEY_FILE)
    action, clock = Action.CHANGE_KEY, SystemClock()
    with module_people.worked_at(folder, operator, pin, action, secret) as opened:
        opened.store.hold_tables(tables.fingerprint)
        engine = opened.around.engine(opened.store, clock, SystemRandomness(), tables=tables)
        if opened.generation is not None:
            engine.note_person(AuditKind.LOGIN, operator, "key-change", opened.generation)
        keys = module_run.RunKeys(opened.store.keys())
        if opened.keeper is not None:
            keys = module_run.RunKeys(opened.keeper.attributes(), opened.keeper.hmac)
        return module_run.change_keys(engine, keys, clock, tables, meters, out, Target(*to))


def line_keys(folder: Path) -> tuple[str, LineKeys]:
    """The id of the module in `folder`, and its end of the line. Raises as `pair`, InputError."""
    card = ModuleCard.read(_read_text(folder / CARD_FILE))
    return card.module_id, LineKeys(folder, _line_secret(folder), SystemRandomness())


def _line_secret(folder: Path) -> bytes:
    if module_people.has_operators(folder):
        return module_people.line_secret(folder)
    return _read_key(folder / KEY_FILE)


def _read_trust(path: Path) -> bytes:
    return Trust.read(_read_text(path)).to_text().encode("ascii")


def _read_text(path: Path) -> bytes:
    try:
        return read_bounded(path, TEXT_BYTES_MAX)
    except (OSError, ValueError) as error:
        raise ConfigError("FILE_UNREADABLE", file=str(path), reason=str(error)) from None


def _read_key(path: Path) -> bytes:
    try:
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise ConfigError("MODULE_KEY_EXPOSED", file=str(path))
        secret = bytes.fromhex(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        raise ConfigError("MODULE_KEY_MISSING", file=str(path)) from None
    if len(secret) != KEY_BYTES:
        raise ConfigError("MODULE_KEY_MISSING", file=str(path))
    return secret
