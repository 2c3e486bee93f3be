"""English sentences for authorisations, audits, key files and the ceremony; see `message_words`."""

from __future__ import annotations

from posapp.ui.message_words import NOTHING, Words

NO_KEYS = "No key was loaded."
UNUSED = "Nothing of this document was used."
ASK_OFFICE = "Ask head office for a new one."

KEYS_WORDS: dict[str, Words] = {
    "SIGNED_FORM": ("This is no signed document ({field}).", UNUSED, ASK_OFFICE),
    "AUTHORISATION_INVALID": ("This authorisation is damaged ({field}).", UNUSED, ASK_OFFICE),
    "SIGNERS_TOO_FEW": (
        "This document has {found} trusted signatures and needs {needed}.",
        UNUSED,
        "Let another person at head office sign it too.",
    ),
    "AUDIT_INVALID": (
        "This is no audit of a security module ({field}).",
        NOTHING,
        "Read it from the module again.",
    ),
    "MODULE_CARD": (
        "This is no card of a security module ({field}).",
        NOTHING,
        "Take the file that the module wrote when it was made.",
    ),
    "TRUST_INVALID": (
        "This file does not say whom a module believes ({field}).",
        NOTHING,
        "Take the file that head office wrote.",
    ),
    "SEAL_INVALID": (
        "This sealed file is damaged ({field}).",
        NOTHING,
        "Use the copy that was kept elsewhere.",
    ),
    "SEAL_REFUSED": (
        "The PIN does not open this, or it was sealed on another device.",
        NOTHING,
        "Type the PIN again, slowly.",
    ),
    "HPKE_REFUSED": (
        "This was not encrypted for this module, or it is damaged.",
        UNUSED,
        "Ask for a new file made for this module.",
    ),
    "KEY_FILE_FORM": (
        "This is no key file for a security module ({field}).",
        NO_KEYS,
        "Ask the key officers for a new one.",
    ),
    "KEY_FILE_FOREIGN": (
        "This key file was made for another module ({module_id}).",
        NO_KEYS,
        "Take the file made for this one.",
    ),
    "KEY_FILE_OLD": (
        "This key file is number {serial}, and number {newest} was loaded before.",
        NO_KEYS,
        "Take the newest file.",
    ),
    "KEY_FILE_EXPIRED": (
        "This key file was to be loaded before {load_before}.",
        NO_KEYS,
        "Ask the key officers for a new one.",
    ),
    "KEY_FILE_PRODUCTION": (
        "These are real vending keys, and this module's own secret could be copied with its disk.",
        NO_KEYS,
        "Load them into a module whose secret is in a device, or use test keys here.",
    ),
    "KEY_FILE_FULL": (
        "With the keys of this file the module would have more than {most}.",
        NO_KEYS,
        "Ask the key officers for a file with fewer keys.",
    ),
    "AUDIT_NONE": (
        "Head office has no entry of {module_id}'s audit yet.",
        NOTHING,
        "Bring its audit to head office first.",
    ),
    "TIME_BEYOND_LEASE": (
        "Head office's word of the time lies after the end of the module's lease, {until}.",
        UNUSED,
        "Load an authorisation or an acknowledgement first.",
    ),
    "SELFTEST_FAILED": (
        "The security module found a fault in itself ({step}).",
        NOTHING,
        "Stop using it and call head office.",
    ),
    "SELFTEST_TOO_OFTEN": (
        "The security module was tested several times just now.",
        NOTHING,
        "Wait five minutes and test it again.",
    ),
    "MODULE_KEYLESS": (
        "A module that trusts nobody must be made with keys.",
        NOTHING,
        "Name a key file marked test, or whom it trusts.",
    ),
    "FILE_EXISTS": ("{file} is there already.", NOTHING, "Choose another name."),
    "FILE_EXPOSED": (
        "Others on this machine may read {file}.",
        NOTHING,
        "Take their rights away: chmod 600. Think about who may have copied it.",
    ),
    "KEYS_IN_OFFICE": (
        "{folder} has head office files and a key ceremony in one place.",
        NOTHING,
        "Keep vending keys on a machine without a network, in a folder of their own.",
    ),
    "KEYS_MISSING": (
        "There is no key ceremony in {folder}.",
        NOTHING,
        "Look at the folder, or make one with init.",
    ),
    "KEY_THERE": (
        "There is a key for supply group {sgc}, revision {krn} already.",
        NOTHING,
        "A new key has a new revision.",
    ),
    "KEY_NOT_THERE": (
        "There is no key for supply group {sgc}, revision {krn}.",
        NOTHING,
        "Look at the list of keys.",
    ),
    "KEYS_NONE": ("There is no key yet.", NOTHING, "Make one or import one first."),
    "KEYS_TOO_MANY": ("There is room for {most} keys at most.", NOTHING, "Choose fewer."),
    "LOAD_DAYS": (
        "A key file is good for 1 to {most} days.",
        NOTHING,
        "Choose a number of days between them.",
    ),
    "VENDING_KEY_HEX": (
        "A vending key is written in hex digits, two for each byte.",
        NOTHING,
        "Type all of it again.",
    ),
    "OFFICER_PIN_FORM": (
        "An officer's PIN has at least {least} letters, digits or signs.",
        NOTHING,
        "Choose a longer one.",
    ),
    "OFFICER_PIN_SAME": (
        "Both officers have the same PIN.",
        NOTHING,
        "Each chooses a PIN that the other does not know.",
    ),
    "OFFICER_PIN_DIFFERS": ("The two PINs are not the same.", NOTHING, "Type it again."),
    "OFFICER_NAME": ("A name has 1 to 60 letters.", NOTHING, "Type it again."),
    "OFFICER_NAME_SAME": (
        "Both officers have the same name.",
        NOTHING,
        "It takes two different people.",
    ),
    "OFFICERS_TWO": (
        "A key ceremony has two officers.",
        NOTHING,
        "Give --officer twice, each with a name.",
    ),
    "OFFICERS_FILE": (
        "This is no file of officers' public keys.",
        NOTHING,
        "Take the one that keys officers --out wrote.",
    ),
    "MODULE_CARD_FOREIGN": (
        "This is the card of another module ({module_id}).",
        NOTHING,
        "Take the card of the module you named.",
    ),
    "MODULE_CARD_OTHER": (
        "Head office knows module {module_id} with other keys.",
        NOTHING,
        "Find out who made this card. A module that was made anew has a new name.",
    ),
    "MODULE_NOT_REGISTERED": (
        "Head office does not know module {module_id}.",
        NOTHING,
        "Give its card with --card the first time.",
    ),
    "MODULE_COPIED": (
        "Module {module_id} is about twice: it was copied or put back.",
        NOTHING,
        "Take it out of service. Head office makes nothing for it any more.",
    ),
    "MODULE_AT_TILL": (
        "Module {module_id} belongs to another till.",
        NOTHING,
        "Make the module anew before it moves.",
    ),
    "GRANT_FORM": (
        "{text} is no amount for a key.",
        NOTHING,
        "Write supply group, revision and amount: 201457:1=1000.",
    ),
    "GROWTH_RANGE": (
        "What a module may make only grows.",
        NOTHING,
        "To take it back, let the days run out.",
    ),
    "OPENING_HOURS": (
        "{text} are no opening hours.",
        NOTHING,
        "Write them like mon-fri=07:00-18:00.",
    ),
    "SIGNER_FILE": (
        "This is no signer's key file ({field}).",
        NOTHING,
        "Take the one that posapp headoffice signer wrote.",
    ),
    "SIGNER_TWICE": (
        "One person signs once.",
        NOTHING,
        "Let another person sign it.",
    ),
    "SIGNER_UNKNOWN": (
        "Modules do not know this signer.",
        NOTHING,
        "Name the signer with trust before modules are made.",
    ),
    "AUTHORISATION_NONE": (
        "Module {module_id} has no authorisation yet.",
        NOTHING,
        "Make the first one.",
    ),
    "AUDIT_BROKEN": (
        "The audit does not hold at entry {number} ({reason}).",
        "Nothing of it was taken and nothing is acknowledged.",
        "Read it from the module again. If it stays so, take the module out of service.",
    ),
    "AUDIT_MISSING": (
        "The audit begins at entry {first}, and head office has it up to {after}.",
        "Nothing of it was taken.",
        "Read the audit from the module again, from the beginning.",
    ),
    "AUDIT_FORK": (
        "ALARM: module {module_id} has two different entries {number}. It was copied or put back.",
        "The file is kept as evidence and nothing is acknowledged.",
        "Take the module out of service now and find every copy of it.",
    ),
}
