"""English words for what a tariff may refuse, and for what moved under a quote."""

from __future__ import annotations

from posapp.ui.message_words import NO_SALE, Words

TARIFF_WORDS: dict[str, Words] = {
    "AMOUNT_IN_GAP": (
        "Part of that sum would buy nothing: the next unit costs a jump more.",
        NO_SALE,
        "Ask for {lower_minor}, which buys {lower_tenths}, or for {upper_minor}.",
    ),
    "RATE_MISSING": (
        "The tariff {tariff} has its prices in {currency}, and this till knows no rate for it.",
        NO_SALE,
        "Connect to head office to get the rate of the day.",
    ),
    "RATE_OLD": (
        "The rate of {currency} is of {stamped}; the tariff {tariff} allows none so old.",
        NO_SALE,
        "Connect to head office to get the rate of the day.",
    ),
    "TARIFF_PRICE_MISSING": (
        "The tariff has no price for {component} on {day}.",
        NO_SALE,
        "Connect to head office to get its prices of this month.",
    ),
    "QUOTE_CHANGED": (
        "Something has changed since the quote: {what}.",
        NO_SALE,
        "The quote was made again. Look at it and go on.",
    ),
}

# What QUOTE_CHANGED may name: words for a person, by the name of the fact.
MOVED: dict[str, str] = {
    "tariff": "the tariff",
    "meter": "what is known of the meter",
    "price": "the price",
    "day": "the day",
    "bought_tenths": "what was bought this month",
    "free_tenths": "the free units of the month",
    "average_tenths": "the average of the months before",
    "entitled": "who gets free units",
    "last_bought": "the last purchase before this month",
    "fees": "the charges due",
    "debts": "the arrears",
    "rate": "the exchange rate",
    "ct_ratio": "the meter's ratio",
}
