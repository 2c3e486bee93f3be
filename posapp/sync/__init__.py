"""The till's half of the talk with head office: journal up, customers, tariffs and lease down.

`engine` decides without I/O, `http_sync` does what it says, `enrol` is the very first meeting.
"""
