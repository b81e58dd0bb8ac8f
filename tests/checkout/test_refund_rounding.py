"""Partial refunds with the policy keep: shares add up to the minor unit, and stay close to the exact share."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from checkout.refunds import LineRefund, LineState, OrderState, RefundRequest, ShippingState, apply_refund
from core.money import decimals

CURRENCIES = {"JPY": 0, "EUR": 2, "KWD": 3}
thorough = settings(max_examples=150, deadline=None)


@st.composite
def lines(draw: st.DrawFn) -> LineState:
    """Draw a line of up to 12 units with up to five discounts, in a currency with 0, 2 or 3 decimals."""
    currency = draw(st.sampled_from(sorted(CURRENCIES)))
    assert decimals(currency) == CURRENCIES[currency]
    quantity = draw(st.integers(1, 12))
    price = draw(st.integers(1, 40)) * 10 ** draw(st.integers(0, CURRENCIES[currency]))
    left, shares = quantity * price, []
    for _ in range(draw(st.integers(1, 5))):
        shares.append(draw(st.integers(0, min(left, draw(st.sampled_from([1, 3, left]))))))
        left -= shares[-1]
    return LineState("a", quantity, quantity * price, tuple(shares))


def greatest_deviation(line: LineState, share: int) -> Fraction:
    """Return how far a share that came back may be from the exact one, if the whole is rounded.

    The method divides each share by one divisor and rounds it, which is half a unit at most. The quotients add up to
    the rounded whole but for half a unit each, and to the exact one but for another half; a share has its part of that.
    """
    count = sum(1 for one in line.shares if one)
    return Fraction(1, 2) + (Fraction(share * (count + 1), 2 * sum(line.shares)) if share else 0)


def test_small_shares_move_a_large_one_by_more_than_a_unit() -> None:
    line = LineState("a", 2, 2008, (0, 1, 1, 1, 1001), returned_quantity=1, returned_value=1004)

    assert sum(line.returned_shares) == 502
    assert abs(line.returned_shares[-1] - Fraction(1001, 2)) <= greatest_deviation(line, 1001)


@thorough
@given(line=lines(), data=st.data())
def test_any_split_adds_up_and_each_step_is_close_to_the_exact_share(line: LineState, data: st.DataObject) -> None:
    state = OrderState({"a": line}, ShippingState(0, tuple(0 for _ in line.shares)))
    total = [0] * len(line.shares)
    while not state.is_returned:
        before = state.lines["a"]
        units, value = before.quantity - before.returned_quantity, before.value - before.returned_value
        by_units = units > 0 and data.draw(st.booleans())
        refund = (
            LineRefund("a", quantity=data.draw(st.integers(1, units)))
            if by_units
            else LineRefund("a", amount=data.draw(st.integers(1, value)))
        )
        state = apply_refund(state, RefundRequest([refund], shipping=False))
        after = state.lines["a"]
        steps = [now - then for now, then in zip(after.returned_shares, before.returned_shares, strict=True)]

        assert min(steps) >= 0
        total = [sum_ + step for sum_, step in zip(total, steps, strict=True)]
        exact = Fraction(sum(line.shares) * after.returned_value, line.value)
        assert abs(sum(after.returned_shares) - exact) <= Fraction(1, 2)
        for share, returned in zip(line.shares, after.returned_shares, strict=True):
            assert abs(returned - Fraction(share * after.returned_value, line.value)) <= greatest_deviation(line, share)
    assert tuple(total) == line.shares


def test_discounts_of_a_line_are_rounded_together() -> None:
    """Half of a line with three discounts of one minor unit each: 1.5, and not three times 0.5 rounded up."""
    line = LineState("a", 2, 200, (1, 1, 1), returned_quantity=1, returned_value=100)

    assert sum(line.returned_shares) == 2
    assert LineState("a", 2, 200, (1, 1, 1), 1, 100, is_rounded_together=False).returned_shares == (1, 1, 1)
