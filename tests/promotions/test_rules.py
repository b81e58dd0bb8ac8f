"""Gates: a look-up that asks for them never misses an offer that would have applied."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from pricing import Cart, EligibleOffer, Line, Profile, ShopperFacts, parse_offer, price
from promotions import eligibility, limit_rules

AT = datetime(2027, 3, 17, tzinfo=UTC)
SKUS, CATEGORIES = ["shoe", "hat", "sock"], ["summer", "sale"]

selects = st.fixed_dictionaries(
    {},
    optional={
        "skus": st.lists(st.sampled_from(SKUS), min_size=1, max_size=2, unique=True),
        "categories": st.lists(st.sampled_from(CATEGORIES), min_size=1, max_size=2, unique=True),
        "exclude_skus": st.lists(st.sampled_from(SKUS), min_size=1, max_size=1),
    },
)
conditions = st.one_of(
    st.builds(lambda select: {"kind": "contains", "select": select, "quantity": 1}, selects),
    st.builds(
        lambda euros, select: {
            "kind": "min_subtotal",
            "value": f"{euros}.00",
            **({"select": select} if select else {}),
        },
        st.integers(1, 60),
        selects,
    ),
)
benefits = st.one_of(
    st.builds(lambda select: {"kind": "percent", "value": "10", "on": "order", "select": select}, selects),
    st.builds(
        lambda buy, get: {
            "kind": "buy_get",
            "buy": {"select": buy, "quantity": 1},
            "get": {"select": get, "quantity": 1, "percent": "100"},
            "repeat": True,
        },
        selects,
        selects,
    ),
    st.just({"kind": "gift", "sku": "sticker", "quantity": 1, "price": "0.00"}),
)
offers = st.builds(
    lambda some, what: {"conditions": some, "benefits": what},
    st.lists(conditions, max_size=2),
    st.lists(benefits, min_size=1, max_size=2),
)
lines = st.lists(
    st.tuples(st.sampled_from(SKUS), st.integers(1, 3), st.integers(1, 2_000), st.sets(st.sampled_from(CATEGORIES))),
    min_size=1,
    max_size=3,
)


@given(offers, lines)
def test_an_offer_that_takes_something_off_is_found_by_its_gates_and_its_minimum(
    value: dict[str, object], cart_lines: list[tuple[str, int, int, set[str]]]
) -> None:
    offer = parse_offer(value)
    cart = Cart(
        currency="EUR",
        exponent=2,
        lines=tuple(
            Line(str(number), sku, quantity, unit_price, frozenset(categories), "billo")
            for number, (sku, quantity, unit_price, categories) in enumerate(cart_lines)
        ),
    )

    decision = price(cart, [EligibleOffer("a", "promotion", "A", offer, "billo")], ShopperFacts(), Profile(), AT)

    if decision.applied or decision.gifts:
        assert set(eligibility.match_keys(offer, brand="billo")) & set(eligibility.cart_match_keys(cart, shop=None))
        assert (eligibility.required_subtotal(offer) or 0) <= eligibility.upsell_subtotal(cart)


@given(st.integers(1, 10**12))
def test_the_shares_of_a_cap_add_up_to_it(cap: int) -> None:
    assert sum(limit_rules.split_cap(cap)) == cap


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=16), st.integers(1, 400))
def test_gathering_keeps_the_cap_and_takes_just_what_was_wanted(pairs: list[tuple[int, int]], wanted: int) -> None:
    rows = [(shard, taken, taken + spare) for shard, (taken, spare) in enumerate(pairs)]

    after = limit_rules.consolidate_shards(rows, amount=wanted, home=3)

    if after is None:
        assert sum(cap - taken for _, taken, cap in rows) < wanted
    else:
        assert sum(cap for _, cap in after.values()) == sum(cap for _, _, cap in rows)
        assert sum(taken for taken, _ in after.values()) == sum(taken for _, taken, _ in rows) + wanted
        assert all(0 <= taken <= cap for taken, cap in after.values())
