"""What the window shows before the store is open: whose till this is and who may sign in.

A name on a button is no secret, so it may lie beside the store; nothing else does. A person can
choose and type while the till opens behind. No Qt.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path

from posapp.domain.operator import Operator, Role
from posapp.domain.site import Site
from posapp.errors import PosError

FILE_NAME = "door.json"
FILE_BYTES_MAX = 64 * 1024

log = logging.getLogger("posapp.ui")


@dataclass(frozen=True, slots=True)
class Door:
    """The last time's people and place; the store has the truth a moment later."""

    site: Site
    people: tuple[Operator, ...]


def load_door(folder: Path) -> Door | None:
    """What was kept last; None when there is nothing, or nothing that can be read."""
    try:
        data = (folder / FILE_NAME).read_bytes()
        if len(data) > FILE_BYTES_MAX:
            return None
        content = json.loads(data)
        site = Site(**{**content["site"], "till_id": bytes.fromhex(content["site"]["till_id"])})
        people = tuple(
            Operator(int(number), str(name), Role(role)) for number, name, role in content["people"]
        )
        assert site.currency.code
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AssertionError, PosError) as error:
        log.info("the door is made anew: %s", type(error).__name__)
        return None
    return Door(site, people)


def keep_door(folder: Path, door: Door) -> None:
    """Keep it for the next start. A folder that cannot be written costs only that."""
    site = {**asdict(door.site), "till_id": door.site.till_id.hex()}
    people = [[p.operator_id, p.name, p.role.value] for p in door.people]
    text = json.dumps({"site": site, "people": people}, ensure_ascii=False)
    temporary = folder / f"{FILE_NAME}.new"
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(folder / FILE_NAME)
    except OSError as error:
        log.info("the door was not kept: %s", error.strerror)
