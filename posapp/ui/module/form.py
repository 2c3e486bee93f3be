"""The work side of a task: one field, what the file says, and who stands by."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from posapp.domain.site import Site
from posapp.ui import messages
from posapp.ui.i18n import say, translate
from posapp.ui.module import words
from posapp.ui.module.presenter import ModulePageState, Task
from posapp.ui.widgets.buttons import Button
from posapp.ui.widgets.fields import TextField
from posapp.ui.widgets.lines import QuoteLines
from posapp.ui.widgets.panels import Banner, Panel, escape
from posapp.ui.widgets.text import Label, Paragraph

COLUMNS = 2


class TaskForm(QWidget):
    """Rendered from the page's state; says what was typed and chosen."""

    typed = Signal(str)
    second_chosen = Signal(int)
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._task: Task | None = None
        self._people: list[Button] = []
        self._dialog: QFileDialog | None = None
        self._column = QVBoxLayout(self)
        self._column.setSpacing(12)
        self._head()
        self._entry_panel()
        self._second = QWidget()
        column = QVBoxLayout(self._second)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(
            Label(translate("Module", "Who is the second person?"), "caption", "muted")
        )
        self._grid = QGridLayout()
        self._grid.setSpacing(8)
        column.addLayout(self._grid)
        self._nobody = Paragraph(
            translate("Module", "Nobody else who may stand by is known to this till.")
        )
        column.addWidget(self._nobody)
        self._column.addWidget(self._second)
        self.problem = Banner("bad")
        self.problem.hide()
        self._column.addWidget(self.problem)
        self._column.addStretch(1)

    def _head(self) -> None:
        row = QHBoxLayout()
        self._title = Label("", "name", elide=True)
        back = Button(translate("Module", "Back"), key="Esc")
        back.clicked.connect(self.left)
        row.addWidget(self._title, 1)
        row.addWidget(back)
        self._column.addLayout(row)
        self._words = Paragraph("")
        self._column.addWidget(self._words)

    def _entry_panel(self) -> None:
        panel = Panel()
        column = QVBoxLayout(panel)
        column.setContentsMargins(24, 16, 24, 16)
        column.setSpacing(4)
        self._caption = Label("", "caption", "muted")
        column.addWidget(self._caption)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.field = TextField("")
        self.choose = Button(translate("Module", "Choose file"), icon="find")
        row.addWidget(self.field, 1)
        row.addWidget(self.choose)
        column.addLayout(row)
        self.lines = QuoteLines()
        column.addWidget(self.lines)
        self._column.addWidget(panel)
        self.field.changed.connect(self.typed)
        self.choose.clicked.connect(self._ask_file)

    def focus_people(self) -> None:
        """To the first who may stand by."""
        if self._people:
            self._people[0].setFocus()

    def show_state(self, state: ModulePageState, site: Site, formatter: messages.Formatter) -> None:
        """Render the task of a state."""
        task = state.task
        assert task is not None
        self._task = task
        self._title.setText(words.task_words(task))
        self._words.set_html(escape(words.task_explained(task)))
        caption, example = words.entry_words(task)
        self._caption.setText(caption)
        self.field.edit.setAccessibleName(caption)
        self.field.edit.setPlaceholderText(example)
        self.field.show_text(state.entry)
        self.field.edit.setReadOnly(state.busy)
        self.choose.setVisible(task is not Task.PAIR)
        document = state.document
        self.lines.setVisible(document is not None)
        if document is not None:
            self.lines.show_lines(words.document_lines(document, site))
        self._second.setVisible(state.needs_two and document is not None)
        self._show_people(state)
        self.problem.setVisible(state.failure is not None)
        if state.failure is not None:
            told = say(state.failure, formatter)
            self.problem.tell("bad", told.what, told.body)

    def _show_people(self, state: ModulePageState) -> None:
        names = [person.name for person in state.seconds]
        if names != [button.text() for button in self._people]:
            for button in self._people:
                button.hide()
                self._grid.removeWidget(button)
                button.deleteLater()
            self._people = []
            for place, person in enumerate(state.seconds):
                spoken = f"{person.name}, {words.role_words(person.role)}"
                button = Button(person.name, icon="people", checkable=True, name=spoken)
                button.clicked.connect(lambda _=False, n=place: self.second_chosen.emit(n))
                self._people.append(button)
                self._grid.addWidget(button, place // COLUMNS, place % COLUMNS)
        for place, button in enumerate(self._people):
            button.setChecked(place == state.second)
        self._nobody.setVisible(not names)

    def _ask_file(self) -> None:
        """The system's own dialog; a path can be typed as well."""
        dialog = QFileDialog(self, self._title.whole)
        writes = self._task is Task.AUDIT
        accept, mode = QFileDialog.AcceptMode, QFileDialog.FileMode
        dialog.setAcceptMode(accept.AcceptSave if writes else accept.AcceptOpen)
        dialog.setFileMode(mode.AnyFile if writes else mode.ExistingFile)
        dialog.fileSelected.connect(self.field.show_text)
        self._dialog = dialog
        dialog.open()

    def set_compact(self, compact: bool) -> None:
        """Paddings for a window below or above 1280."""
        sides, ends = (16, 16) if compact else (24, 20)
        self._column.setContentsMargins(sides, ends, sides, ends)
