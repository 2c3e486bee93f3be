"""The machine: a finite buffer, real-time answers, paper that runs out, a head that takes time.

No sockets and no threads here: the server gives it bytes and the time, and takes its answers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from posapp.printing.lines import (
    BarcodeLine,
    BitmapLine,
    CutLine,
    FeedLine,
    Line,
    QrLine,
    TextLine,
    line_height,
)
from posapp.printing.profile import Profile
from posapp.printing.render.draw import height_of
from posapp.printing.symbols import code128_digits
from posapp.printing.virtual.commands import DLE, Command, next_command
from posapp.reports.document import Align

DOTS_PER_MM = 8
NEAR_END_MM = 150
CUTTER_MM = 12  # from the head to the knife
EVENTS_KEPT = 200
TEXT_LINE_MAX = 400
DEFAULT_PITCH_DOTS = 30


@dataclass(slots=True)
class _Style:
    bold: bool = False
    size: int = 1
    inverse: bool = False
    align: Align = Align.LEFT
    slot: int = 0
    pitch: int = DEFAULT_PITCH_DOTS


@dataclass(slots=True)
class _Codes:
    module: int = 3
    stored: bytes = b""
    width: int = 3
    height: int = 162


@dataclass(slots=True)
class Sheet:
    """What has been printed since the last cut, and the bytes that came for it."""

    lines: list[Line] = field(default_factory=list)
    data: bytearray = field(default_factory=bytearray)


class Engine:
    """One printer. `cut` is called with each sheet that falls out."""

    def __init__(
        self,
        profile: Profile,
        cut: Callable[[Sheet], None],
        *,
        paper_mm: int = 40_000,
        speed_mm_s: int = 0,
    ) -> None:
        """`speed_mm_s` 0 prints at once."""
        self._profile = profile
        self._cut_sheet = cut
        self._speed = speed_mm_s
        self._codecs = dict(profile.codepages)
        self._paper_dots = paper_mm * DOTS_PER_MM
        self.cover_open = False
        self.error = False
        self.mute = False
        self.answers: deque[bytes] = deque()
        self.events: deque[str] = deque(maxlen=EVENTS_KEPT)
        self.sheet = Sheet()
        self.printed_dots = 0
        self._power_up()

    def _power_up(self) -> None:
        self._buffer = bytearray()
        self._window = b""
        self._text = bytearray()
        self._style = _Style()
        self._codes = _Codes()
        self._asb = False
        self._told = b""
        self._busy_until_ms = 0
        self.answers.clear()

    # ------------------------------------------------------------ what the world does to it

    def power_cycle(self) -> None:
        """The plug: whatever was in memory is gone, what is on paper stays."""
        lost = len(self._buffer) + len(self._text)
        self._power_up()
        self.error = False
        self.events.append(f"power lost, {lost} bytes forgotten")

    def load_paper(self, paper_mm: int) -> None:
        """A roll of `paper_mm`; 0 takes the paper out."""
        self._paper_dots = paper_mm * DOTS_PER_MM
        self.events.append(f"paper {paper_mm} mm")

    @property
    def paper_mm(self) -> int:
        """What is left of the roll."""
        return self._paper_dots // DOTS_PER_MM

    @property
    def stopped(self) -> bool:
        """Off line: it prints nothing until someone acts."""
        return self.cover_open or self.error or self._paper_dots <= 0

    @property
    def buffered(self) -> int:
        """Bytes that wait in the receive buffer."""
        return len(self._buffer)

    @property
    def room(self) -> int:
        """Bytes the receive buffer can still take."""
        return max(0, self._profile.rx_buffer - len(self._buffer))

    # ------------------------------------------------------------ bytes in

    def receive(self, data: bytes) -> None:
        """At most `room` bytes. Real-time commands are obeyed now, wherever they stand."""
        for byte in data:
            self._window = (self._window + bytes([byte]))[-3:]
            if self._window[0] == DLE and len(self._window) == 3:
                self._real_time(self._window[1], self._window[2])
        self._buffer += data
        self.sheet.data += data

    def _real_time(self, kind: int, number: int) -> None:
        if kind == 0x04 and 1 <= number <= 4:
            self._answer(bytes([0x12 | self._eot_bits(number)]))
        elif kind == 0x05 and number in (1, 2):
            self.error = False
        elif kind == 0x14 and number == 1:
            self.events.append("drawer by DLE DC4")

    def _eot_bits(self, number: int) -> int:
        out, near = self._paper_dots <= 0, self.paper_mm < NEAR_END_MM
        if number == 1:
            return 0x08 if self.stopped else 0
        if number == 2:
            return (
                (0x04 if self.cover_open else 0)
                | (0x20 if out else 0)
                | (0x40 if self.error else 0)
            )
        if number == 3:
            return 0x40 if self.error else 0
        return (0x0C if near else 0) | (0x60 if out else 0)

    def _answer(self, data: bytes) -> None:
        if not self.mute:
            self.answers.append(data)

    def _asb_bytes(self) -> bytes:
        out, near = self._paper_dots <= 0, self.paper_mm < NEAR_END_MM
        first = 0x10 | (0x08 if self.stopped else 0) | (0x20 if self.cover_open else 0)
        paper = (0x03 if near else 0) | (0x0C if out else 0)
        return bytes([first, 0x40 if self.error else 0, paper, 0x0F])

    # ------------------------------------------------------------ the head

    def run(self, now_ms: int) -> None:
        """Print what can be printed by `now_ms`, and say what changed."""
        self._tell_change()
        while not self.stopped and now_ms >= self._busy_until_ms:
            command = next_command(self._buffer)
            if command is None:
                break
            del self._buffer[: command.length]
            before = self.printed_dots
            self._obey(command)
            moved = self.printed_dots - before
            if self._speed:
                duration = moved * 1000 // (DOTS_PER_MM * self._speed)
                self._busy_until_ms = max(now_ms, self._busy_until_ms) + duration
            self._tell_change()
        self._tell_change()

    def _tell_change(self) -> None:
        if self._asb:
            now = self._asb_bytes()
            if now != self._told:
                self._told = now
                self._answer(now)

    def _feed(self, dots: int) -> None:
        self._paper_dots = max(0, self._paper_dots - dots)
        self.printed_dots += dots

    def _print(self, line: Line) -> None:
        self.sheet.lines.append(line)
        self._feed(height_of(line, self._profile))

    def _obey(self, command: Command) -> None:
        handler = _HANDLERS.get(command.name)
        if handler is None:
            self.events.append(f"unknown {command.name} {command.data.hex()}")
        else:
            handler(self, command.data)

    def _take_text(self, data: bytes) -> None:
        self._text += data
        cells = self._profile.columns // self._style.size
        if len(self._text) > cells:
            self.events.append(f"wrapped at {cells}")
            while len(self._text) > cells:
                rest = self._text[cells:]
                del self._text[cells:]
                self._line_feed(b"")
                self._text = bytearray(rest[:TEXT_LINE_MAX])

    def _line_feed(self, _: bytes) -> None:
        style = self._style
        if not self._text:
            self._print(FeedLine(style.pitch))
            return
        codec = self._codecs.get(style.slot)
        if codec is None:
            self.events.append(f"no code page in slot {style.slot}")
            codec = "cp437"
        text = bytes(self._text).decode(codec, errors="replace")
        self._text.clear()
        page = (style.slot, codec)
        line = TextLine(text, style.align, style.bold, style.size, style.inverse, page)
        self._print(line)
        taken = line_height(line, self._profile.line_dots, self._profile.cell_height)
        if style.pitch > taken:
            self._print(FeedLine(style.pitch - taken))

    def _initialise(self, _: bytes) -> None:
        self._style = _Style()
        self._codes = _Codes()
        self._text.clear()

    def _print_mode(self, data: bytes) -> None:
        self._style.bold = bool(data[0] & 0x08)
        self._style.size = 2 if data[0] & 0x30 else 1

    def _size(self, data: bytes) -> None:
        self._style.size = max(data[0] >> 4, data[0] & 0x0F) + 1

    def _align(self, data: bytes) -> None:
        self._style.align = Align(data[0] % 48 if data[0] % 48 <= 2 else 0)

    def _cut(self, data: bytes) -> None:
        if data[0] in (65, 66, 97, 98):
            self._feed(CUTTER_MM * DOTS_PER_MM + (data[1] if len(data) > 1 else 0))
        self.sheet.lines.append(CutLine())
        sheet, self.sheet = self.sheet, Sheet()
        # What has come but is not printed yet belongs to the next sheet.
        if self._buffer:
            self.sheet.data += self._buffer
            del sheet.data[-len(self._buffer) :]
        self._cut_sheet(sheet)

    def _feed_dots(self, data: bytes) -> None:
        self._print(FeedLine(data[0]))

    def _feed_lines(self, data: bytes) -> None:
        self._print(FeedLine(data[0] * self._style.pitch))

    def _picture(self, data: bytes) -> None:
        width = data[1] + 256 * data[2]
        rows = data[3] + 256 * data[4]
        bits = data[5:]
        lines = self.sheet.lines
        if lines and isinstance(lines[-1], BitmapLine) and lines[-1].width_bytes == width:
            above = lines.pop()
            assert isinstance(above, BitmapLine)
            lines.append(BitmapLine(width, above.rows + rows, above.bits + bits))
        else:
            lines.append(BitmapLine(width, rows, bits))
        self._feed(rows)

    def _barcode(self, data: bytes) -> None:
        if data[0] != 73:
            self.events.append(f"unknown barcode {data[0]}")
            return
        try:
            digits = code128_digits(data[2:])
        except ValueError:
            self.events.append("barcode of letters")
            return
        self._print(BarcodeLine(digits, self._codes.width, self._codes.height))

    def _symbol(self, data: bytes) -> None:
        """`GS ( k`: the QR functions 65 to 81 of code type 49."""
        kind, function, rest = data[0], data[1], data[2:]
        if kind != 49:
            self.events.append(f"unknown symbol {kind}")
        elif function == 67:
            self._codes.module = rest[0]
        elif function == 80:
            self._codes.stored = rest[1:]
        elif function == 81:
            text = self._codes.stored.decode("latin-1")
            self._print(QrLine(text, self._codes.module))

    def _send_id(self, data: bytes) -> None:
        if data[:2] == b"00":
            self._answer(b"\x37\x22" + data[2:6] + b"\x00")

    def _send_status(self, data: bytes) -> None:
        if data[0] in (1, 49):
            self._answer(bytes([0x03 if self.paper_mm < NEAR_END_MM else 0x00]))
        else:
            self._answer(b"\x00")

    def _send_info(self, _: bytes) -> None:
        self._answer(b"_" + self._profile.name.encode("ascii", "replace")[:40] + b"\x00")

    def _set_asb(self, data: bytes) -> None:
        self._asb = data[0] != 0
        self._told = b""

    def _set_bold(self, data: bytes) -> None:
        self._style.bold = bool(data[0] & 1)

    def _set_inverse(self, data: bytes) -> None:
        self._style.inverse = bool(data[0] & 1)

    def _set_slot(self, data: bytes) -> None:
        self._style.slot = data[0]

    def _set_pitch(self, data: bytes) -> None:
        self._style.pitch = data[0]

    def _usual_pitch(self, _: bytes) -> None:
        self._style.pitch = DEFAULT_PITCH_DOTS

    def _bar_width(self, data: bytes) -> None:
        self._codes.width = data[0]

    def _bar_height(self, data: bytes) -> None:
        self._codes.height = data[0]

    def _drawer(self, _: bytes) -> None:
        self.events.append("drawer")

    def _nothing(self, _: bytes) -> None:
        """Accepted and without effect here."""


_HANDLERS: dict[str, Callable[[Engine, bytes], None]] = {
    "text": Engine._take_text,
    "lf": Engine._line_feed,
    "ESC @": Engine._initialise,
    "ESC !": Engine._print_mode,
    "ESC 2": Engine._usual_pitch,
    "ESC 3": Engine._set_pitch,
    "ESC E": Engine._set_bold,
    "ESC G": Engine._set_bold,
    "ESC J": Engine._feed_dots,
    "ESC a": Engine._align,
    "ESC d": Engine._feed_lines,
    "ESC p": Engine._drawer,
    "ESC t": Engine._set_slot,
    "GS !": Engine._size,
    "GS B": Engine._set_inverse,
    "GS I": Engine._send_info,
    "GS V": Engine._cut,
    "GS a": Engine._set_asb,
    "GS h": Engine._bar_height,
    "GS k": Engine._barcode,
    "GS r": Engine._send_status,
    "GS v": Engine._picture,
    "GS w": Engine._bar_width,
    "GS ( k": Engine._symbol,
    "GS ( H": Engine._send_id,
    **dict.fromkeys(
        ("real-time", "nul", "cr", "ESC M", "ESC R", "ESC =", "FS .", "GS H", "GS P", "GS f"),
        Engine._nothing,
    ),
}
