"""What a page says of a module that cannot sell, or whose key ends: one vocabulary, one way on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from posapp.errors import PosError
from posapp.ports import ModuleState
from posapp.ui import messages
from posapp.ui.expiry import Expiry, next_expiry
from posapp.ui.i18n import ltr, say, translate
from posapp.ui.module import words
from posapp.ui.status_words import expiry_words

if TYPE_CHECKING:
    from posapp.domain.site import Site
    from posapp.ports import ModuleStatus

SIGN_IN, LOOK = "sign_in", "module"  # where the button leads
_QUIET = frozenset(
    {
        ModuleState.READY,
        ModuleState.BUSY,
        ModuleState.OPENING,
        ModuleState.HANDSHAKE,
        ModuleState.RECOVERING,  # the page follows the sale itself
    }
)


@dataclass(frozen=True, slots=True)
class Notice:
    """A banner: its tone, two sentences, and the button with its key and where it leads."""

    tone: str
    head: str
    body: str
    button: str
    key: str
    leads_to: str


def notice(
    status: ModuleStatus, trouble: PosError | None, site: Site, now: datetime
) -> Notice | None:
    """What the sell page says of the module; None while it sells and its keys live on.

    `trouble` is what the module said to the PIN of whoever is signed in.
    """
    if status.state in _QUIET:
        expiry = next_expiry(status, now)
        if expiry is None or expiry.step > 1:
            return None
        head, body = expiry_told(expiry, site)
        look = translate("Module", "Look at the module")
        return Notice(expiry.colour, head, body, look, "Alt+5", LOOK)
    told = words.state_told(status)
    head, body = told.what, told.body
    if trouble is not None and status.state.holds:
        said = say(trouble, messages.formatter_for(site))
        head, body = trouble_head(said), said.body
    if status.state is ModuleState.LOCKED:
        sign_in = words.action_words(status)
        return Notice("warn", head, body, sign_in, "F12", SIGN_IN)
    look = translate("Module", "Look at the module")
    return Notice(status.colour or "bad", head, body, look, "Alt+5", LOOK)


def trouble_head(said: messages.Told) -> str:
    """Why a person who is signed in to the till cannot sell."""
    head = translate("Module", "You can look and report, but not sell: {reason}")
    return head.format(reason=said.what)


def expiry_told(expiry: Expiry, site: Site) -> tuple[str, str]:
    """Head and body of the warning that a key ends."""
    name = ltr(f"SGC {expiry.key.sgc} · KRN {expiry.key.krn}")
    body = translate(
        "Module",
        "It makes no token after {moment}. Ask head office for a key file and load it before.",
    )
    moment = words.moment_words(expiry.key.ends_at, site)
    return f"{expiry_words(expiry)}: {name}", body.format(moment=moment)
