"""The idle page shows the newest token: whoever reads it there is given no money back for it."""

from __future__ import annotations

from pathlib import Path

from posapp.domain.sale import SaleState
from posapp.ui.sell import idle
from tests.services.counter import GRACE
from tests.services.order_counter import an_order_counter, consent, desk_of
from tests.ui.test_counter_page import a_till


def test_what_the_idle_page_shows_is_marked_as_seen_before(tmp_path: Path):
    with an_order_counter(tmp_path) as counter:
        sale_id = counter.sale(1, 46_000).record.intent.sale_id  # as a recovery leaves it
        last = idle.last_seen(a_till(counter))
        assert last is not None and last.record.tokens
        assert counter.store.read(lambda r: r.sale(sale_id)).state is SaleState.REVEALED


def test_a_sale_that_is_voided_while_the_page_reads_it_is_not_shown(tmp_path: Path, monkeypatch):
    with an_order_counter(tmp_path) as counter:
        sale_id = counter.sale(1, 46_000).record.intent.sale_id
        desk, till, revealed = desk_of(counter), a_till(counter), counter.sell.revealed

        def voided_meanwhile(seen: bytes) -> None:
            desk.void(sale_id, GRACE.operator_id, consent("wrong customer"))
            revealed(seen)

        monkeypatch.setattr(counter.sell, "revealed", voided_meanwhile)
        assert idle.last_seen(till) is None
