"""A till's life by rules and chance, against a plain dict: the short one of every test run.

The rules are in tests/storm/life_machine.py; `python -m tests.storm life` lives hundreds.
"""

from __future__ import annotations

from tests.storm.life_machine import live

LIVES, STEPS, SEED = 12, 40, 20261120


def test_a_tills_life_of_sales_faults_kills_and_restores_adds_up():
    live(LIVES, STEPS, SEED)
