"""A head office on a clock that is moved by hand, a line to it, one enrolled till."""

import pytest

from posapp.headoffice.desk import Desk
from tests.office import DirectLine, FixedClock, an_office, enrolled_till


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def office(tmp_path, clock):
    office = an_office(tmp_path / "office", clock)
    yield office
    office.close()


@pytest.fixture
def line(office):
    return DirectLine(Desk(office))


@pytest.fixture
def till(office, line, clock):
    return enrolled_till(office, line, clock=clock)
