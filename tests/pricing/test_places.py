"""Lines of values in a TOML text, for every way TOML lets a person write one."""

from __future__ import annotations

import tomllib

import pytest

from posapp import paths
from posapp.pricing.places import find_places

TEXT = '''\
# a comment with [brackets] and = signs
plain = 1
"quoted key" = "a # that is no comment"
dotted.inner = true   # here
many = [ 1,
  [ "]", '}' ],

  { a = 1, b.c = 2 },
]
long = """
line with = and [
and \\""" escaped
""""
literal = \'\'\'
\\ stays
\'\'\'
moment = 2025-07-01 10:00:00

[table.sub]
x = 1

[[rows]]
y = "z"
[rows.deep]
w = 1
[[rows]]
y = 2
'''


def test_every_value_has_its_line():
    places = find_places(TEXT)
    assert tomllib.loads(TEXT)["literal"] == "\\ stays\n"
    assert places[("plain",)] == 2
    assert places[("quoted key",)] == 3
    assert places[("dotted", "inner")] == 4
    assert places[("many",)] == 5 and places[("many", 0)] == 5
    assert places[("many", 1, 1)] == 6
    assert places[("many", 2)] == 8 and places[("many", 2, "b", "c")] == 8
    assert places[("long",)] == 10 and places[("literal",)] == 14
    assert places[("moment",)] == 17
    assert places[("table", "sub", "x")] == 20
    assert places[("rows", 0)] == 22 and places[("rows", 0, "y")] == 23
    assert places[("rows", 0, "deep", "w")] == 25
    assert places[("rows", 1)] == 26 and places[("rows", 1, "y")] == 27


def leaves(value, path=()):
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path


@pytest.mark.parametrize(
    "file", sorted((paths.resources() / "tariffs").glob("*.toml")), ids=lambda f: f.stem
)
def test_every_value_of_the_shipped_packs_is_found_on_a_line_that_names_it(file):
    text = file.read_text("utf-8")
    lines, places = text.splitlines(), find_places(text)
    for path in leaves(tomllib.loads(text)):
        if isinstance(path[-1], str):
            assert path[-1] in lines[places[path] - 1]
        else:
            assert path in places
