"""Index keys of offers: a lookup by them never misses an offer that would apply."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from pricing import Cart, EligibleOffer, Line, Profile, ShopperFacts, parse_offer, price
from promotions.eligibility import cart_match_keys, match_keys, required_subtotal, upsell_subtotal

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
    lambda some_conditions, some_benefits: {"conditions": some_conditions, "benefits": some_benefits},
    st.lists(conditions, max_size=2),
    st.lists(benefits, min_size=1, max_size=2),
)
lines = st.lists(
    st.tuples(st.sampled_from(SKUS), st.integers(1, 3), st.integers(1, 2_000), st.sets(st.sampled_from(CATEGORIES))),
    min_size=1,
    max_size=3,
)


@given(offers, lines)
def test_an_offer_that_applies_matches_the_cart_by_keys_and_minimum(
    document: dict[str, object], cart_lines: list[tuple[str, int, int, set[str]]]
) -> None:
    offer = parse_offer(document)
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
        assert set(match_keys(offer, brand="billo")) & set(cart_match_keys(cart, shop=None))
        assert (required_subtotal(offer) or 0) <= upsell_subtotal(cart)
