"""Random carts, offers and profiles: every kind of condition and benefit, and numbers that are hard to divide."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from pricing import Cart, EligibleOffer, Facts, Line, Offer, Profile, Shipping, ShopperFacts, parse_offer
from pricing.options import ALL_OPTIONS, OPTIONS
from pricing.profile import OPTIONS as PROFILE_OPTIONS

SKUS = ["mug", "tea", "pan", "card"]
CATEGORIES = ["kitchen", "food", "steel"]
CURRENCIES = {"EUR": 2, "JPY": 0, "KWD": 3}


@st.composite
def lines(draw: st.DrawFn, number: int) -> Line:
    """Draw a line with the id l<number>."""
    price = draw(st.one_of(st.integers(0, 40), st.integers(0, 5000), st.sampled_from([0, 1, 99, 333, 3333, 9999])))
    floor = draw(st.one_of(st.just(0), st.integers(0, price + 5)))
    return Line(
        f"l{number}",
        draw(st.sampled_from(SKUS)),
        draw(st.one_of(st.integers(1, 4), st.integers(1, 30))),
        price,
        frozenset(draw(st.lists(st.sampled_from(CATEGORIES), max_size=2))),
        draw(st.sampled_from([None, "billo", "cake"])),
        floor,
        draw(st.sampled_from([True, True, True, False])),
        draw(st.booleans()),
    )


@st.composite
def carts(draw: st.DrawFn, max_size: int = 6) -> Cart:
    """Draw a cart in one of three currencies."""
    currency = draw(st.sampled_from(["EUR", "EUR", "JPY", "KWD"]))
    numbers = range(draw(st.integers(0, max_size)))
    freight = tuple(Shipping(f"s{n}", draw(st.integers(0, 999))) for n in range(draw(st.integers(0, 2))))
    return Cart(currency, CURRENCIES[currency], tuple(draw(lines(n)) for n in numbers), freight)


PERCENTS = st.one_of(st.sampled_from([10, 50, 100, "33.33", "0.01", "12.5"]), st.integers(1, 100))
CENTS = st.sampled_from(["0.01", "0.07", "0.50", "1.99", "3.33", "10.00"])
PLAIN_MONEY = st.one_of(st.integers(0, 120).map(str), CENTS)


def per_currency(low: int) -> st.SearchStrategy[dict[str, str]]:
    """Return amounts with a value for some or all of the carts' currencies."""
    whole = st.integers(low, 120).map(str)
    return st.dictionaries(st.sampled_from(sorted(CURRENCIES)), whole, min_size=2)


MONEY = st.one_of(PLAIN_MONEY, PLAIN_MONEY, per_currency(0))
POSITIVE_MONEY = st.one_of(st.integers(1, 120).map(str), CENTS, per_currency(1))
UNITS = st.integers(1, 5)
METHODS = st.sampled_from(["all", "cheapest", "credit_cheapest"])
PICKS = st.sampled_from(["cheapest", "dearest"])


def optional(**kinds: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return dictionaries with any subset of these keys."""
    return st.fixed_dictionaries({}, optional=kinds)


SELECTS = optional(
    skus=st.lists(st.sampled_from(SKUS), max_size=2),
    categories=st.lists(st.sampled_from(CATEGORIES), max_size=2),
    exclude_skus=st.lists(st.sampled_from(SKUS), max_size=1),
    unit_price_to=POSITIVE_MONEY,
    skip_already_discounted=st.booleans(),
)
NARROWINGS = optional(
    select=SELECTS,
    max_units=UNITS,
    per=st.sampled_from(["order", "line"]),
    pick=PICKS,
    only_complete_groups_of=UNITS,
    max_discount=POSITIVE_MONEY,
    split=st.sampled_from(["value", "quantity"]),
)
TARGETS = st.sampled_from(["order", "line", "unit", "cheapest_line", "shipping"])
EFFECT = st.one_of(
    st.fixed_dictionaries({"percent": PERCENTS}),
    st.fixed_dictionaries({"amount": POSITIVE_MONEY}),
    st.fixed_dictionaries({"unit_price": MONEY}),
)


def benefit(kind: str, **keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return benefits of a kind with any narrowing."""
    own = st.fixed_dictionaries({"kind": st.just(kind), **keys})
    return st.tuples(own, NARROWINGS).map(lambda pair: pair[1] | pair[0])


@st.composite
def groups(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a groups benefit of any form."""
    size = draw(UNITS)
    nth, scope = st.integers(1, size), st.sampled_from(["within_group", "across_groups"])
    picked = st.tuples(
        EFFECT, st.fixed_dictionaries({"pick": PICKS, "nth": nth, "scope": scope}, optional={"max_uses": UNITS})
    )
    priced = st.one_of(
        EFFECT,
        st.fixed_dictionaries({"group_price": MONEY}),
        st.fixed_dictionaries({"then": picked.map(lambda pair: pair[0] | pair[1])}),
    )
    return draw(NARROWINGS) | {"kind": "groups", "size": size, "fill": draw(PICKS)} | draw(priced)


@st.composite
def tiers(draw: st.DrawFn) -> dict[str, Any]:
    """Draw tiers of any form."""
    basis = draw(st.sampled_from(["order_amount", "line_amount", "eligible_quantity"]))
    unit = draw(st.sampled_from(["percent", "amount"]))
    starts = sorted(draw(st.sets(st.integers(1, 90), min_size=1, max_size=3)))
    begin = [start if basis == "eligible_quantity" else str(start) for start in starts]
    steps = [{"from": start, "value": draw(PERCENTS if unit == "percent" else MONEY)} for start in begin]
    return draw(NARROWINGS) | {"kind": "tiers", "basis": basis, "unit": unit, "tiers": steps}


def without_useless_options(document: dict[str, Any]) -> dict[str, Any]:
    """Return a benefit without the options that have no effect on it."""
    on = document.get("on") or ("line" if document.get("basis") == "line_amount" else "order")
    has_target = document["kind"] in ("percent", "amount", "set_price", "tiers")
    useful = OPTIONS[document["kind"], on if has_target else ""]
    select = {key: value for key, value in document.get("select", {}).items() if f"select.{key}" in useful}
    if document["kind"] == "gift":
        useful -= {"per", "max_units"} if document.get("per") != "unit" else set()
    kept = {key: value for key, value in document.items() if key in useful or key not in ALL_OPTIONS}
    return kept | {"select": select}


BENEFITS = st.one_of(
    benefit("percent", value=PERCENTS, on=TARGETS),
    benefit("amount", value=POSITIVE_MONEY, on=TARGETS),
    benefit("set_price", value=MONEY, on=TARGETS),
    benefit("set_price", value=MONEY, on=st.just("bundle"), bundle_size=UNITS),
    benefit(
        "buy_get",
        buy=st.fixed_dictionaries({"quantity": UNITS}, optional={"select": SELECTS}),
        get=st.tuples(st.fixed_dictionaries({"quantity": UNITS}, optional={"select": SELECTS}), EFFECT).map(
            lambda pair: pair[0] | pair[1]
        ),
        repeat=st.booleans(),
        partial=st.sampled_from([True, True, False]),
    ),
    groups(),
    tiers(),
    benefit("unit_ladder", first=MONEY, next=MONEY),
    benefit("gift", sku=st.sampled_from(SKUS)),
    benefit("gift", sku=st.sampled_from(SKUS), per=st.just("unit"), quantity=UNITS),
    benefit("percent", value=PERCENTS, on=st.just("shipping"), methods=METHODS),
).map(without_useless_options)
NONE_OF = st.sampled_from(SKUS).map(lambda sku: {"kind": "none_of", "select": {"skus": [sku]}})
CONDITIONS = st.one_of(
    NONE_OF,
    st.just({"kind": "not", "condition": {"kind": "audience", "any": ["vip"]}}),
    st.fixed_dictionaries(
        {"kind": st.sampled_from(["min_subtotal", "max_subtotal"]), "value": MONEY}, optional={"select": SELECTS}
    ),
    st.fixed_dictionaries(
        {"kind": st.sampled_from(["min_quantity", "max_quantity", "min_line_quantity"]), "value": UNITS},
        optional={"select": SELECTS},
    ),
    st.fixed_dictionaries({"kind": st.just("contains"), "select": SELECTS, "quantity": UNITS}),
    st.fixed_dictionaries({"kind": st.just("audience"), "any": st.just(["vip"])}),
    st.fixed_dictionaries({"kind": st.just("nth_order"), "value": st.integers(1, 2)}),
)
RUNNING = st.fixed_dictionaries(
    {"kind": st.sampled_from(["min_subtotal", "max_subtotal"]), "value": MONEY, "basis": st.just("running")}
)


COMPOUND = st.one_of(
    st.one_of(CONDITIONS, RUNNING).map(lambda part: {"kind": "not", "condition": part}),
    st.lists(st.one_of(CONDITIONS, RUNNING), min_size=2, max_size=3).map(
        lambda parts: {"kind": "any_of", "conditions": parts}
    ),
)


def documents(*, combining: bool = True, compound: bool = False) -> st.SearchStrategy[dict[str, Any]]:
    """Return offer documents; without `combining` all offers can be combined.

    With `compound`, conditions may contain others, which the offer form can't represent.
    """
    parts = st.one_of(CONDITIONS, RUNNING, COMPOUND) if compound else st.one_of(CONDITIONS, RUNNING)
    conditions = st.lists(parts, max_size=1)
    keys: dict[str, st.SearchStrategy[Any]] = {
        "benefits": st.lists(BENEFITS, min_size=1, max_size=2),
        "conditions": conditions,
        "lane": st.integers(0, 2),
        "priority": st.integers(0, 2),
        "max_applications": st.sampled_from([None, None, 1, 2]),
    }
    if combining:
        keys["group"] = st.sampled_from([None, None, "g", "h"])
        keys["combinable"] = st.sampled_from([True, True, True, False])
        keys["exclusive"] = st.sampled_from([False] * 7 + [True])
    return st.fixed_dictionaries(keys)


OFFERS = documents(compound=True).map(parse_offer)
COMBINABLE_OFFERS = documents(combining=False, compound=True).map(parse_offer)
PROFILES = st.builds(Profile, **{name: st.sampled_from(options) for name, options in PROFILE_OPTIONS.items()})
FACTS = st.sampled_from(
    [ShopperFacts({}), ShopperFacts({"": Facts(frozenset({"vip"}), 1), "billo": Facts(frozenset({"vip"}))})]
)


def eligible_offer(
    number: int,
    offer: Offer,
    *,
    brand: str | None = None,
    budget_left: int | None = None,
    currency: str | None = None,
) -> EligibleOffer:
    """Return an eligible offer with the ref o<number> and that age."""
    return EligibleOffer(
        f"o{number}", "promotion", "", offer, brand=brand, order=number, budget_left=budget_left, currency=currency
    )


@st.composite
def eligible_offers(
    draw: st.DrawFn, offers: st.SearchStrategy[Offer] = OFFERS, max_size: int = 4, *, budgets: bool = True
) -> list[EligibleOffer]:
    """Draw eligible offers, some of a brand, some with a budget."""
    return [
        eligible_offer(
            number,
            offer,
            brand=draw(st.sampled_from([None, None, "billo", "cake"])),
            budget_left=draw(st.one_of(st.none(), st.none(), st.integers(0, 3000))) if budgets else None,
            currency=draw(st.sampled_from([None, None, "EUR", "JPY"])),
        )
        for number, offer in enumerate(draw(st.lists(offers, max_size=max_size)))
    ]
