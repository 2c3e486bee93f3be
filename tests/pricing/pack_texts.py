"""Two packs as a clerk would write them: a plain one, and one with nearly every field there is."""

GOOD = """\
format = 1
code = "TEST"
version = 3
name = "Test tariff"
currency = "KES"
effective_from = 2025-07-01
effective_until = 2026-07-01T12:00:00
unit_rounding = "nearest"
source = ["a table", "another"]

[[component]]
kind = "monthly_fee"
code = "fee"
amount = 120

[[component]]
kind = "blocks"
code = "energy"
blocks = [
  { up_to = 50, price = 2.50 },
  { up_to = 1500.5, price = 11.62 },
  { price = 19.57 },
]

[[component]]
kind = "per_kwh"
code = "fuel"
price = 5.19
counts_as = "levy"

[[component]]
kind = "levy"
code = "rural"
percent = 5
of = ["energy"]

[[component]]
kind = "vat"
code = "vat"
percent = 16
of = ["fee", "energy", "fuel", "rural"]
included = false

[[example]]
name = "by money"
bought = 60
fee_paid = true
pay = 1000
units = 49.6
raw_units = 49.57

[[example]]
name = "by units"
buy = 10
cost = 229.85
lines = { fee = 120.00, "block 1" = 25.00 }
"""


RICH = """\
format = 1
code = "RICH"
version = 1
name = "Everything"
currency = "KES"
effective_from = 2025-07-01
unit_rounding = "down"
money_rounding = "half_even"
leftover = "change"
average_months = 3
source = "made up"
pegged = { currency = "USD", decimals = 4, days_max = 7 }
cash_rounding = { step = 0.05, rule = "half_up" }

[[invoice]]
from = 0
title = "RECEIPT"

[[invoice]]
from = 50.01
title = "TAX INVOICE"
note = "Keep it."

[[component]]
kind = "channel_fee"
code = "shop"
amount = 1
percent = 2
least = 1
most = 30

[[component]]
kind = "arrears"
code = "old"
accounts = ["water", "rates"]
order = "listed"
share = 30
share_of = "rest"
most = 500

[[component]]
kind = "daily_fee"
code = "daily"
amount = 0.25
days_max = 90

[[component]]
kind = "monthly_fee"
code = "service"
amount = 3
skipped_months = "add_up"
months_max = 6
share = 20

[[component]]
kind = "monthly_fee"
code = "big"
amount = 4
when = { month_above = 60 }

[[component]]
kind = "free_units"
code = "free"
units = 25
counts_in_blocks = true
when = { entitled = true, average_up_to = 450 }

[[component]]
kind = "blocks"
code = "energy"
blocks = [{ up_to = 60, price = 0.25 }, { price = 0.30 }]
skipped_months = "add_up"
when = { months = [5, 6, 7, 8] }

[[component]]
kind = "blocks"
code = "warm"
blocks = [{ price = 0.20 }]
when = { months = [1, 2, 3, 4, 9, 10, 11, 12] }

[[component]]
kind = "per_kwh"
code = "fuel"
prices = [
  { from = 2025-07-01, price = 0.03 },
  { from = 2025-08-01, price = 0 },
]
until = 2026-07-01
counts_as = "levy"

[[component]]
kind = "levy"
code = "rural"
percent = 5
of = ["energy", "warm"]
when = { entitled = false }

[[component]]
kind = "vat"
code = "vat"
percent = 16
of = ["service", "daily"]
included = true

[[example]]
name = "with everything"
at = 2025-08-13
rate = 129.5
bought = 10
average = 50
entitled = false
ct_ratio = 1
last_bought = 2025-06-30
fees = { service = { through = 2025-06-30, owed = 1.50 } }
debts = { water = 12.00, rates = 3 }
pay = 2000
units = 41.6
lines = { "old water" = 12.00 }
left = { water = 0, service = 378.85 }
"""
