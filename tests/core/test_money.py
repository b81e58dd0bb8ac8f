"""Exact money: decimal strings outside, integer minor units inside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import money

BY_DECIMALS = {"JPY": 0, "EUR": 2, "KWD": 3}


@pytest.mark.parametrize(
    ("currency", "decimals"),
    [("EUR", 2), ("JPY", 0), ("KWD", 3), ("KRW", 0), ("BHD", 3), ("IQD", 3), ("RSD", 2), ("HUF", 2), ("CLF", 4)],
)
def test_decimals_are_those_of_iso_4217(currency: str, decimals: int) -> None:
    assert money.decimals(currency) == decimals


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("12.50", "EUR", 1250),
        ("12.5", "EUR", 1250),
        ("12", "EUR", 1200),
        ("0.01", "EUR", 1),
        ("-4.10", "EUR", -410),
        ("1250", "JPY", 1250),
        ("1.250", "KWD", 1250),
        ("007.00", "EUR", 700),
    ],
)
def test_amounts_are_parsed_to_minor_units(text: str, currency: str, minor: int) -> None:
    assert money.parse(text, currency) == minor


@pytest.mark.parametrize(("text", "currency"), [("1.005", "EUR"), ("1.500", "EUR"), ("1.0", "JPY"), ("0.0001", "KWD")])
def test_too_many_decimals_are_rejected_not_rounded(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match=f"Use at most {BY_DECIMALS[currency]} decimals for {currency}."):
        money.parse(text, currency)


@pytest.mark.parametrize(
    "text",
    ["", " ", "1,50", "1.", ".5", "1e3", "NaN", "Infinity", "+1", "--1", " 1", "1 ", "1\n", "0x1", "1_000", "٣",
     "\uff11", "€1", "1.2.3", "9999999999999999", None, 12, 1.5, True],
)  # fmt: skip
def test_malformed_amounts_are_rejected(text: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        money.parse(text, "EUR")


def test_amounts_above_the_maximum_are_rejected() -> None:
    assert money.parse("10000000000000.00", "EUR") == money.MAX_MINOR
    with pytest.raises(ValueError, match="too large"):
        money.parse("10000000000000.01", "EUR")


@pytest.mark.parametrize("currency", ["", "XXX", "XAU", "eur", "EURO", "QQQ", "ab"])
def test_unknown_currencies_are_rejected(currency: str) -> None:
    with pytest.raises(ValueError, match="not an ISO 4217 currency"):
        money.parse("1", currency)


@given(st.integers(-money.MAX_MINOR, money.MAX_MINOR), st.sampled_from(sorted(BY_DECIMALS)))
def test_a_formatted_amount_is_parsed_back_unchanged(minor: int, currency: str) -> None:
    text = money.format_decimal(minor, currency)

    assert money.parse(text, currency) == minor
    assert len(text.partition(".")[2]) == BY_DECIMALS[currency]


@given(st.from_regex(r"(0|[1-9][0-9]{0,9})\.[0-9]{2}", fullmatch=True))
def test_a_parsed_amount_is_formatted_back_unchanged(text: str) -> None:
    assert money.format_decimal(money.parse(text, "EUR"), "EUR") == text


def test_amounts_are_formatted_by_locale() -> None:
    assert money.format_currency(1250, "EUR") == "€12.50"
    assert money.format_currency(1250, "JPY") == "¥1,250"
    assert money.format_currency(1250, "RSD") == "RSD12.50"
    assert money.format_currency(1250, "EUR", "nowhere") == "12.50 EUR"
