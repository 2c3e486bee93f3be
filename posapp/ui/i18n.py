"""Words of the screen: translation, and how numbers, times and names look in sentences.

`translate("Context", "literal")` is Qt's own lookup; `pyside6-lupdate` finds its calls. Dates
and money use our own fixed patterns, because a till must look the same on every machine.
"""

from __future__ import annotations

from datetime import date, datetime

from PySide6.QtCore import QCoreApplication, QTranslator
from PySide6.QtWidgets import QApplication

from posapp import paths
from posapp.errors import PosError
from posapp.ui import messages

_ISOLATE, _POP = "\u2066", "\u2069"  # a number in a sentence keeps its own direction


def translate(context: str, text: str) -> str:
    """The sentence in the language of the screen."""
    return QCoreApplication.translate(context, text)


def ltr(text: str) -> str:
    """A number that stays left to right inside a sentence of any direction."""
    return f"{_ISOLATE}{text}{_POP}" if QApplication.isRightToLeft() else text


_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def day_text(day: date) -> str:
    """`12 Nov`."""
    return f"{day.day} {QCoreApplication.translate('Dates', _MONTHS[day.month - 1])[:3]}"


def long_day(day: date, *, short: bool = False) -> str:
    """`Wednesday 18 November`, or `Wed 18 November` where there is less room."""
    weekday = QCoreApplication.translate("Dates", _DAYS[day.weekday()])[: 3 if short else None]
    return f"{weekday} {day.day} {QCoreApplication.translate('Dates', _MONTHS[day.month - 1])}"


def time_text(moment: datetime) -> str:
    """`09:42` of a local time."""
    return f"{moment:%H:%M}"


def meter_text(digits: str) -> str:
    """Groups of four, then the rest: `4512 3098 761`."""
    return " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))


def say(error: PosError, format_param: messages.Formatter | None = None) -> messages.Told:
    """The sentences for an error, in the language of the screen."""
    return messages.tell(
        error.code,
        error.params,
        outcome=getattr(error, "outcome", None),
        format_param=format_param,
        translate=lambda text: QCoreApplication.translate("Messages", text),
    )


def load_language(app: QApplication, language: str) -> None:
    """Install the screen's language if it is shipped, and its direction."""
    from PySide6.QtCore import QLocale, Qt

    translator = QTranslator(app)
    path = paths.resources() / "i18n" / "screen" / f"posapp_{language}.qm"
    if path.is_file() and translator.load(str(path)):
        app.installTranslator(translator)
    if QLocale(language).textDirection() == Qt.LayoutDirection.RightToLeft:
        app.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
