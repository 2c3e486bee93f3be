"""SELFTEST: that the ciphers give known answers, the store is whole and the chain hangs together.

The answers are the standard's own test vectors (STS 531-1-07 and -11, CTSA01 step 1).
"""

from __future__ import annotations

from posapp.domain.meter import EncryptionAlgorithm, KeyType, MeterNumber
from posapp.errors import InputError, ModuleError
from posapp.security_module.reference.audit import AuditBook
from posapp.security_module.reference.books import Books
from posapp.security_module.reference.issue import Keeper
from posapp.sts import ciphers, keys, sta, tokens
from posapp.sts.keys import VendingKey
from posapp.sts.sta import StaTables
from posapp.wire.audit import AuditEntry, verify_entries

AT_ONCE = 4  # it reads the whole store, and the line waits
EVERY_MS = 300_000
ENTRIES_WALKED = 256  # the end of the chain; head office walks all of it
_EA07, _EA11 = EncryptionAlgorithm.STA, EncryptionAlgorithm.MISTY1
_METER = MeterNumber("00000000000")
_HMAC = VendingKey(
    bytes.fromhex("abababababababab949494949494949401234567"),
    *("201457", 1, KeyType.UNIQUE, 2014, 255, 4),
    test=True,
)
_DES = VendingKey(
    bytes.fromhex("abababababababab"),
    *("123456", 1, KeyType.UNIQUE, 2014, 255, 2),
    test=True,
)
_KEYS = (
    (_HMAC, _EA07, "87f3ecbb2e46b48f"),
    (_HMAC, _EA11, "929bd3a415c9420a05ec5ee9f3ce91c3"),
    (_DES, _EA07, "e653341f9d5bf36f"),
)
_TOKENS = (
    (_EA07, "87f3ecbb2e46b48f", "68934214362957084107"),
    (_EA11, "929bd3a415c9420a05ec5ee9f3ce91c3", "58625789986991357486"),
)
_RND, _TID, _UNITS = 5, 85740, 1
_BLOCK = 0x05014EEC00013188


def check_ciphers(tables: StaTables) -> None:
    """Raises ModuleError SELFTEST_FAILED(step) unless every known answer comes out.

    A site's own STA tables have none that we know: with them a block must come back as it was.
    """
    for key, ea, expected in _KEYS:
        _check("keys", keys.decoder_key(key, _METER, "01", ea).hex() == expected)
    for ea, known, digits in _TOKENS:
        made = tokens.credit(bytes.fromhex(known), ea, 0, _RND, _TID, _UNITS, sta.SAMPLE)
        _check("ciphers", made == digits)
    secret = bytes.fromhex(_KEYS[0][2])
    sealed = ciphers.encrypt(_EA07, secret, _BLOCK, tables)
    _check("tables", sealed != _BLOCK and ciphers.decrypt(_EA07, secret, sealed, tables) == _BLOCK)


def check_keeper(keeper: Keeper) -> int:
    """How many vending keys give a meter's key. Raises ModuleError SELFTEST_FAILED, HSM_..."""
    for known in keeper.attributes():
        try:
            keeper.decoder_key(known.sgc, known.krn, _METER, "01", _EA07)
        except InputError:  # a key that is for other meters than this one
            continue
    return len(keeper.attributes())


def check_books(books: Books, audit: AuditBook) -> int:
    """The number of the chain's last entry. Raises ModuleError SELFTEST_FAILED(step)."""
    _check("store", books.is_sound())
    try:
        return _walk(books, audit)
    except InputError:
        raise ModuleError("SELFTEST_FAILED", step="audit") from None


def _walk(books: Books, audit: AuditBook) -> int:
    head = audit.head(books)
    entries = books.audit_after(head.number - ENTRIES_WALKED, ENTRIES_WALKED)
    after, before = 0, audit.genesis
    if entries:
        first = AuditEntry.from_bytes(entries[0])
        after, before = first.number - 1, first.previous_hash32
    # Only what head office has acknowledged may be missing before them.
    whole = head.number - ENTRIES_WALKED
    _check("audit", after <= max(whole, books.standing().acknowledged_no))
    _check("audit", after > 0 or before == audit.genesis)
    verdict = verify_entries(after, before, entries)
    _check("audit", verdict.broken_number is None)
    _check("audit", (verdict.number, verdict.hash32) == (head.number, head.hash32))
    head.check(audit.public)
    return head.number


def _check(step: str, right: object) -> None:
    if not right:
        raise ModuleError("SELFTEST_FAILED", step=step)
