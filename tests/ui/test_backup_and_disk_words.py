"""A failed backup and a full disk are told where somebody looks, and counted in the rail."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_window import says
from ui_town import NOW, SITE, World, build_till

from posapp.ports import BackupStatus, DiskStatus
from posapp.ui.care_words import backup_line, trouble_words, troubles
from posapp.ui.shots import settle

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")
GOOD = BackupStatus(configured=True, made_at=NOW, seq=9, tried_at=NOW)
FAILED = replace(GOOD, problem="BACKUP_FOLDER_MISSING")
ROOM = DiskStatus(free_bytes=1 << 33)
FULL = DiskStatus(free_bytes=4096, is_low=True)
WORN = DiskStatus(free_bytes=1 << 33, problem="STORE_DISK_ERROR", failures=2)


def status_with(backup: BackupStatus = GOOD, disk: DiskStatus | None = ROOM):
    return replace(build_till(World()).status(), backup=backup, disk=disk)


@pytest.mark.parametrize(
    ("backup", "disk", "colour", "headline", "count"),
    [
        (FAILED, ROOM, "warn", "The last backup failed.", 1),
        (replace(FAILED, made_at=None), None, "warn", "The last backup failed.", 1),
        (GOOD, FULL, "bad", "The disk of this till is full.", 1),
        (FAILED, WORN, "bad", "The disk of this till could not finish writing.", 2),
    ],
)
def test_the_worse_of_the_two_is_told_and_both_are_counted(backup, disk, colour, headline, count):
    status = status_with(backup, disk)
    told = trouble_words(status, SITE)
    assert told is not None and told[:2] == (colour, headline)
    assert troubles(status) == count


def test_the_last_good_backup_is_named_and_where_there_is_none_that_is_said():
    told = trouble_words(status_with(FAILED), SITE)
    none = trouble_words(status_with(replace(FAILED, made_at=None)), SITE)
    assert told is not None and "18 Nov 09:42" in told[2]
    assert none is not None and "No good backup" in none[2]


def test_where_all_is_well_nothing_is_told():
    for disk in (ROOM, None):
        assert trouble_words(status_with(GOOD, disk), SITE) is None
        assert troubles(status_with(GOOD, disk)) == 0


@pytest.mark.parametrize(
    ("backup", "value", "state"),
    [
        (BackupStatus(), "No place for it", "off"),
        (BackupStatus(configured=True), "None yet", "off"),
        (GOOD, "Made", "ok"),
        (replace(GOOD, same_disk=True), "On the same disk", "warn"),
        (FAILED, "Failed", "warn"),
    ],
)
def test_the_line_of_the_backups_says_how_they_stand(backup, value, state):
    line = backup_line(status_with(backup), SITE)
    assert (line.value, line.state) == (value, state)


def test_the_sync_page_tells_it_and_the_rail_asks_somebody_to_look(selling):
    selling.go("sync")
    page = selling.page("sync")
    assert not page.care.isVisible()
    selling._show_status(status_with(FAILED, FULL))
    settle()
    assert "The disk of this till is full." in says(page.care)
    assert selling.rail.buttons["sync"].count == 2
    selling._show_status(status_with())
    settle()
    assert not page.care.isVisible() and selling.rail.buttons["sync"].count == 0
