"""A short storm of quotes under every shipped tariff; tests/storm has the long one."""

from __future__ import annotations

from tests.storm import storm_quotes

SHORT = 3000


def test_random_quotes_under_every_shipped_tariff_keep_every_promise():
    tally = storm_quotes.pour(seed=5, quotes=SHORT, minutes=5)
    assert tally.findings == []
    assert tally.sold + sum(tally.refused.values()) == SHORT
    assert tally.sold > SHORT // 2
    assert set(tally.refused) >= {"AMOUNT_BELOW_MINIMUM", "AMOUNT_IN_GAP", "UNITS_ABOVE_TOKEN"}


def test_the_storm_finds_a_line_that_is_a_cent_too_much(monkeypatch):
    real = storm_quotes.money_quote

    def wrong(costing, amount):
        quote = real(costing, amount)
        object.__setattr__(quote, "amount_minor", quote.amount_minor + 1)
        return quote

    monkeypatch.setattr(storm_quotes, "money_quote", wrong)
    findings = storm_quotes.pour(seed=5, quotes=200, minutes=5).findings
    assert any("lines are not the amount" in words for words in findings)
