"""Remember the key that signs a module's book: when the module is lost, only the book speaks."""

from __future__ import annotations

from posapp.ports import SecurityModule, Store


class NoteModule:
    """Runs on the report lane whenever the module is there; writes once a module."""

    def __init__(self, store: Store, module: SecurityModule) -> None:
        self._store = store
        self._module = module
        self._noted = ""

    def __call__(self) -> bool:
        """Whether there was something new to keep. Returns at once otherwise."""
        status = self._module.status()
        module_id, key = status.module_id, status.audit_key
        if not module_id or not key or module_id == self._noted:
            return False
        known = self._store.read(lambda reader: reader.module_key(module_id))
        if not known:
            self._store.write(lambda uow: uow.note_module_key(module_id, key))
        self._noted = module_id
        return not known
