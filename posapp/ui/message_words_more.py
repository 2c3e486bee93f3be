"""English sentences for the store, set-up and sync; see `message_words`."""

from __future__ import annotations

from posapp.ui.message_words import AGAIN, HELP, NO_SALE, NOTHING, SAFE, Words

STORE: dict[str, Words] = {
    "STORE_KEY_WRONG": (
        "The key does not open this till's store.",
        "Nothing was read or changed.",
        "Use the key that belongs to this store, or restore its backup.",
    ),
    "STORE_KEY_MISSING": (
        "The key of this till's store was not found in {where}.",
        "Nothing was read or changed.",
        "Sign in as the user who set the till up, or restore the key.",
    ),
    "STORE_IN_USE": (
        "Another till is already open on {folder}.",
        "Nothing was changed; the other till goes on.",
        "Use the window that is open, or start this till with its own folder.",
    ),
    "STORE_NEWER": (
        "This store was written by a newer version of the till.",
        "Nothing was changed.",
        "Install the newer version again.",
    ),
    "STORE_DAMAGED": (
        "The store is damaged and selling stops.",
        "Sales that head office confirmed are safe there.",
        "Do not delete anything. " + HELP,
    ),
    "STORE_LOG_LOST": (
        "The newest part of the store {path} cannot be read. It was copied to {copy}.",
        "Sales that head office confirmed are safe there; later ones may be missing here.",
        "Copy the folder. When head office knows what is missing, move {copy} away: then "
        "the store opens without that part.",
    ),
    "STORE_MISSING": ("There is no store in {path}.", NOTHING, "Set this till up first."),
    "STORE_EXISTS": ("There is a store in {path} already.", NOTHING, "Choose another folder."),
    "STORE_BUSY": ("The store is busy.", NO_SALE, AGAIN),
    "STORE_CLOSED": ("The store is closed.", NO_SALE, "Start the till again."),
    "STORE_READ_ONLY": ("The store can only be read.", NO_SALE, "Look at the disk's rights."),
    "STORE_DISK_ERROR": ("The disk refused to write.", SAFE, "Look at the disk. " + HELP),
    "STORE_NOT_ENCRYPTED": ("This store is not encrypted.", NOTHING, HELP),
    "STORE_PRAGMA_REFUSED": ("The store refused its safety settings.", NOTHING, HELP),
    "DISK_FULL": (
        "The disk is full.",
        "Nothing was sold, and what was sold before is safe.",
        "Free some space, then go on.",
    ),
    "NOT_ENROLLED": (
        "This till does not belong to a head office yet.",
        NOTHING,
        "Set it up with head office's address and a one-time code.",
    ),
    "ALREADY_ENROLLED": ("This till is set up already.", NOTHING, "Nothing to do."),
    "RECEIPT_GAP": ("Receipt {receipt} does not follow {last}.", NO_SALE, HELP),
    "SALE_STATE_WRONG": ("A sale is not in the state it should be.", NO_SALE, HELP),
    "SHIFT_STATE_WRONG": ("Shift {shift} is not in the state it should be.", NOTHING, HELP),
    "POSTINGS_UNBALANCED": ("The books of this sale do not add up.", NO_SALE, HELP),
    "JOURNAL_ENTRY_INVALID": ("A journal entry cannot be read.", NOTHING, HELP),
    "JOURNAL_ENTRY_TOO_LARGE": ("A journal entry is too large.", NOTHING, HELP),
}

SETUP: dict[str, Words] = {
    "CONFIG_SYNTAX": ("The file {file} cannot be read: {reason}.", NOTHING, "Correct it."),
    "CONFIG_FIELD": ("The file {file} has an unknown entry {field}.", NOTHING, "Remove it."),
    "CONFIG_VALUE": ("{field} must be one of: {expected}.", NOTHING, "Correct till.toml."),
    "FILE_UNREADABLE": ("{file} cannot be read: {reason}.", NOTHING, "Look at its rights."),
    "FILE_MISSING": ("There is no file {file}.", NOTHING, "Look at the name."),
    "FOLDER_UNUSABLE": ("The folder {folder} cannot be used.", NOTHING, "Look at its rights."),
    "KEYSTORE_MISSING": (
        "This computer has no place to keep the key of the store.",
        NOTHING,
        "Set the store's key to a key file for a try-out, or install a keystore.",
    ),
    "ADDRESS_INVALID": ("{address} is no usable address.", NOTHING, "Correct till.toml."),
    "LISTEN_NOT_LOCAL": ("{address} is not on this computer.", NOTHING, "Listen on 127.0.0.1."),
    "LISTEN_PATH_TAKEN": ("{path} is in use.", NOTHING, "Choose another path."),
    "LISTEN_UNSUPPORTED": ("Cannot listen on {address}.", NOTHING, "Use {expected}."),
    "LISTEN_BUSY": ("Another program listens on {address}.", NOTHING, "Choose another port."),
    "MODULE_EXISTS": ("There is a module in {folder} already.", NOTHING, "Choose another folder."),
    "MODULE_MISSING": ("There is no module in {folder}.", NOTHING, "Make one first."),
    "MODULE_KEY_EXPOSED": ("Others can read {file}.", NOTHING, "Allow only its owner to read it."),
    "MODULE_KEY_MISSING": ("The module's key {file} is missing.", NOTHING, "Restore it."),
    "KEYS_NOT_TEST": ("These keys are not marked as test keys.", NOTHING, "Use test keys here."),
    "KEY_FILE_INVALID": (
        "The key file {file} has a mistake: {field} must be {expected}.",
        NOTHING,
        "Correct it.",
    ),
    "PROCESS_NOT_READY": ("The process {name} did not start.", NOTHING, "Its log is {log}."),
    "DEMO_CUSTOMERS": ("A town has {least} to {most} customers.", NOTHING, "Choose another."),
    "CURRENCY_INVALID": ("The currency {code} is not known.", NOTHING, "Use its ISO code."),
    "TILL_CODE_INVALID": ("{code} is no till code.", NOTHING, "It is four letters or digits."),
}

SYNC: dict[str, Words] = {
    "HEAD_OFFICE_UNREACHABLE": (
        "Head office does not answer.",
        "Selling goes on; what waits is sent later.",
        "Nothing to do.",
    ),
    "ENROL_CODE_FORM": ("This is no one-time code.", NOTHING, "Type it as head office wrote it."),
    "ENROL_CODE_REFUSED": (
        "Head office does not know this code, or it was used.",
        NOTHING,
        "Ask head office for a new one.",
    ),
    "ENROL_REPLY_FORGED": ("The answer did not come from head office.", NOTHING, HELP),
    "SIGNATURE_INVALID": ("A signature does not fit.", NOTHING, HELP),
    "LEASE_FOREIGN": ("This lease is for another till.", NOTHING, "Ask head office."),
    "MESSAGE_INVALID": ("A message has a mistake: {field}.", NOTHING, HELP),
    "FRAME_INVALID": ("A message arrived damaged.", NOTHING, "It is sent again by itself."),
    "FRAME_TOO_LARGE": ("A message is too large.", NOTHING, HELP),
    "FRAME_VERSION": ("Head office speaks another version.", NOTHING, "Update this till."),
    "BATCH_INVALID": ("A batch of sales cannot be read.", NOTHING, HELP),
    "CBOR_INVALID": ("Something stored cannot be read.", NOTHING, HELP),
    "COMPRESSION_INVALID": ("A message arrived damaged.", NOTHING, "It is sent again by itself."),
}

MORE: dict[str, Words] = {**STORE, **SETUP, **SYNC}
