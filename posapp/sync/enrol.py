"""The first meeting: a one-time code makes this machine a till of a head office.

Nothing is kept here; the caller stores the answer together with the key it was asked with, and
only then is the till a till. The same key may ask again when the answer was lost.
"""

from __future__ import annotations

from posapp.clock import Clock, Randomness
from posapp.codec.signing import SigningKey
from posapp.errors import HeadOfficeError, InputError
from posapp.sync.http_sync import Transport
from posapp.sync.transports.http import HttpTransport
from posapp.wire import envelope
from posapp.wire.enrolment import EnrolCode, EnrolRequest
from posapp.wire.enrolment import EnrolmentAnswer as EnrolmentAnswer
from posapp.wire.messages import Message, Refused

SECRET_BYTES = 32
TRIES = 3  # of one frame, when the line fails: head office answers the same key the same


def enrol(
    url: str | Transport,
    code: str,
    clock: Clock,
    randomness: Randomness,
    *,
    signing_key: SigningKey,
    software: str,
) -> EnrolmentAnswer:
    """Ask head office to take this machine as the till the code was made for. One exchange.

    `signing_key` is new and becomes the till's own. Raises InputError ENROL_CODE_FORM,
    ENROL_REPLY_FORGED; HeadOfficeError LINE_..., ENROL_CODE_WRONG, ENROL_CODE_EXPIRED,
    ENROL_CODE_USED, ENROL_CODE_BLOCKED; ConfigError HEAD_OFFICE_URL.
    """
    known = EnrolCode.parse(code)
    transport = HttpTransport(url) if isinstance(url, str) else url
    request = envelope.Request(
        Message.ENROL,
        envelope.NO_TILL,
        randomness.bytes(envelope.NONCE_BYTES),
        clock.now(),
        EnrolRequest.make(known, signing_key.public, software).to_body(),
    )
    frame = envelope.write_request(request, signing_key.sign)
    try:
        data = _exchange(transport, frame)
    finally:
        transport.close()
    try:
        claimed = envelope.claimed_reply(data)
        if claimed.message == Message.ERROR:
            raise HeadOfficeError(Refused.from_body(claimed.body).code)
        answer = EnrolmentAnswer.from_body(claimed.body, known.key(), frame)
        envelope.read_reply(data, frame, answer.head_office_key)
    except InputError as error:
        raise InputError("ENROL_REPLY_FORGED", reason=error.code) from error
    return answer


def _exchange(transport: Transport, frame: bytes) -> bytes:
    for left in range(TRIES - 1, -1, -1):
        try:
            return transport.exchange(Message.ENROL, frame)
        except HeadOfficeError:
            if left == 0:
                raise
    raise AssertionError("unreachable")
