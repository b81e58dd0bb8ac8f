"""Who gets the offers of a brand: every kind of caller, kind of offer and verb, with the outcome from one table."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.contracts import CheckoutBy, Role
from accounts.models import AcceptanceGrant, Brand, User
from accounts.services import create_grant, end_grant
from coupons.models import CouponRedemption
from redemptions.backends import get_backends
from tests.factories import (
    ApiKeyFactory,
    BrandFactory,
    CampaignFactory,
    CouponFactory,
    DiscountCodeFactory,
    MembershipFactory,
    PromotionFactory,
    ShopperFactory,
)
from tests.isolation.endpoints import resolved
from vouchers.models import Voucher
from vouchers.services import claim

pytestmark = pytest.mark.django_db
REDEMPTIONS, QUOTE = "/api/v1/checkout/redemptions/", "/api/v1/checkout/quote/"
APPLIED, UNKNOWN, DENIED, NOT_FOUND = "applied", "unknown", "denied", "not found"

# --- callers: of Billo, the brand of the offers, of Tea, which has a grant of Billo, and of Cake ----------------------
CALLERS = (
    "shopper", "owner", "owner key", "granted key", "other owner", "other key", "platform key", "internal key"
)  # fmt: skip

# --- verbs: of whoever sends a cart, and on orders by those who sent them ---------------------------------------------
ACTIONS = ("confirm", "cancel", "refund", "amend")
SENDERS = ("owner key", "granted key", "shopper", "platform key")
SENDING: dict[str, dict[str, str]] = {
    "quote": {
        "shopper": APPLIED, "owner": DENIED, "owner key": APPLIED, "granted key": APPLIED,
        "other owner": DENIED, "other key": UNKNOWN,
        "platform key": APPLIED, "internal key": DENIED,
    },
    "reserve": {
        "shopper": APPLIED, "owner": DENIED, "owner key": APPLIED, "granted key": APPLIED,
        "other owner": DENIED, "other key": UNKNOWN,
        "platform key": APPLIED, "internal key": DENIED,
    },
}  # fmt: skip
ACTING: dict[tuple[str, tuple[str, ...]], dict[str, str]] = {
    ("owner key", ("confirm", "cancel", "refund", "amend")): {
        "shopper": DENIED, "owner": APPLIED, "owner key": APPLIED, "granted key": NOT_FOUND,
        "other owner": NOT_FOUND, "other key": NOT_FOUND,
        "platform key": NOT_FOUND, "internal key": DENIED,
    },
    ("granted key", ("confirm", "cancel", "amend")): {
        "shopper": DENIED, "owner": DENIED, "owner key": DENIED, "granted key": APPLIED, "other owner": NOT_FOUND,
        "other key": NOT_FOUND, "platform key": NOT_FOUND, "internal key": DENIED,
    },
    ("granted key", ("refund",)): {
        "shopper": DENIED, "owner": APPLIED, "owner key": APPLIED, "granted key": APPLIED, "other owner": NOT_FOUND,
        "other key": NOT_FOUND, "platform key": NOT_FOUND, "internal key": DENIED,
    },
    ("shopper", ("confirm", "cancel")): {
        "shopper": APPLIED, "owner": APPLIED, "owner key": APPLIED, "granted key": NOT_FOUND,
        "other owner": NOT_FOUND, "other key": NOT_FOUND,
        "platform key": APPLIED, "internal key": DENIED,
    },
    ("shopper", ("refund", "amend")): {
        "shopper": DENIED, "owner": APPLIED, "owner key": APPLIED, "granted key": NOT_FOUND,
        "other owner": NOT_FOUND, "other key": NOT_FOUND,
        "platform key": APPLIED, "internal key": DENIED,
    },
    ("platform key", ("confirm", "cancel")): {
        "shopper": DENIED, "owner": DENIED, "owner key": DENIED, "granted key": NOT_FOUND,
        "other owner": NOT_FOUND, "other key": NOT_FOUND,
        "platform key": APPLIED, "internal key": DENIED,
    },
    ("platform key", ("refund", "amend")): {
        "shopper": DENIED, "owner": APPLIED, "owner key": APPLIED, "granted key": NOT_FOUND,
        "other owner": NOT_FOUND, "other key": NOT_FOUND,
        "platform key": APPLIED, "internal key": DENIED,
    },
}  # fmt: skip

# --- shoppers: what each setting of the brand allows them on orders that they sent -----------------------------------
SHOPPERS: dict[str, dict[str, str]] = {
    CheckoutBy.SERVER: {"quote": APPLIED, "reserve": DENIED, "confirm": DENIED, "cancel": APPLIED},
    CheckoutBy.SHOPPER_RESERVES: {"quote": APPLIED, "reserve": APPLIED, "confirm": DENIED, "cancel": APPLIED},
    CheckoutBy.SHOPPER: {"quote": APPLIED, "reserve": APPLIED, "confirm": APPLIED, "cancel": APPLIED},
}

# --- kinds: how a cart chooses an offer, and the endpoint that redeems it without a cart, if any ----------------------
WAYS = {
    "promotion": ("automatic", "code"),
    "discount_code": ("code",),
    "coupon": ("code",),
    "voucher": ("voucher",),
}
USAGES = {
    "shopper": APPLIED, "owner": DENIED, "owner key": DENIED, "granted key": DENIED, "other owner": DENIED,
    "other key": DENIED, "platform key": DENIED, "internal key": DENIED,
}  # fmt: skip
COUPONS = {
    "shopper": APPLIED, "owner": DENIED, "owner key": APPLIED, "granted key": APPLIED, "other owner": DENIED,
    "other key": NOT_FOUND, "platform key": APPLIED, "internal key": DENIED,
}  # fmt: skip
ALONE: dict[str, dict[str, dict[str, str]]] = {
    "promotion": {},
    "discount_code": {"api/v1/discountcodeusage/": USAGES},
    "coupon": {
        "api/v1/coupons/<uuid:pk>/redemptions/": COUPONS,
        "api/v1/coupons/<uuid:pk>/reservations/": COUPONS,
    },
    "voucher": {},
}
OUTSIDE = {  # what takes something of a brand without a cart and without one of its offers, or gives it to nobody
    "api/v1/checkout/offers/",
    "api/v1/campaigns/<slug:slug>/first-login/",
}
ALL_WAYS = [(kind, way) for kind, ways in WAYS.items() for way in ways]


@dataclass
class Shop:
    """Billo and Cake with their callers, and a customer of both."""

    billo: Brand
    cake: Brand
    user: User
    clients: dict[str, Client]
    numbers: Iterator[int]

    def create_offer(self, kind: str, way: str, brand: Brand | None = None) -> dict[str, Any]:
        """Create an offer of a brand, Billo by default. Return the members of a cart that choose it, and its ID."""
        brand, text = brand or self.billo, f"CODE{next(self.numbers)}"
        if kind == "promotion":
            if way == "automatic":
                return {"id": PromotionFactory(brand=brand, trigger="automatic").pk}
            return {"id": PromotionFactory(brand=brand, trigger="code", text=text).pk, "codes": [text]}
        if kind == "discount_code":
            return {"id": DiscountCodeFactory(brand=brand, text=text).code, "codes": [text]}
        if kind == "coupon":
            return {"id": CouponFactory(brand=brand, text=text).pk, "codes": [text]}
        campaign = CampaignFactory(brand=brand, voucher_type="purchase")
        claim(campaign=campaign.slug, customer_key=self.user.customer.pk, at=timezone.now())
        voucher = Voucher.objects.get(campaign=campaign)
        return {"id": voucher.pk, "vouchers": [str(voucher.pk)]}

    def send(self, caller: str, path: str, body: Any = None) -> Any:
        return self.clients[caller].post(path, body or {}, content_type="application/json")

    def cart(self, caller: str, chosen: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Return a cart with a line of Billo that a caller sends; servers name the customer."""
        line = {"id": "a", "sku": "shoe", "quantity": 1, "unit_price": "100.00", "brand": "billo"}
        members = {"currency": "EUR", "lines": [line], "transaction_type": "purchase"}
        members |= {name: value for name, value in chosen.items() if name != "id"} | more
        if caller.endswith("key"):
            members["customer_id"] = self.user.customer.customer_id
        return members

    def order(self, sender: str, chosen: dict[str, Any]) -> str:
        """Reserve an order with the offer as a sender. Return the ID of the redemption."""
        body = self.cart(sender, chosen, order=f"order-{next(self.numbers)}")
        response = self.send(sender, REDEMPTIONS, body)
        assert response.status_code == 201, response.content
        assert response.json()["quote"]["applied"]
        return str(response.json()["id"])


@pytest.fixture
def shop(shopper_client: Callable[[User], Client], brand_client: Callable[[Brand], Client], settings: Any) -> Shop:
    settings.THROTTLES = dict.fromkeys(settings.THROTTLES, "1000000/minute")
    billo, cake, tea = (BrandFactory(slug=slug) for slug in ("billo", "cake", "tea"))
    create_grant(issuer=billo, acceptor=tea, kinds=WAYS, at=timezone.now())
    user = ShopperFactory()

    def key_client(**fields: Any) -> Client:
        return Client(headers={"Authorization": f"Api-Key {ApiKeyFactory(**fields).text}"})

    clients = {
        "shopper": shopper_client(user),
        "owner": shopper_client(MembershipFactory(brand=billo, role=Role.OWNER).user),
        "owner key": brand_client(billo),
        "granted key": brand_client(tea),
        "other owner": shopper_client(MembershipFactory(brand=cake, role=Role.OWNER).user),
        "other key": brand_client(cake),
        "platform key": key_client(platform=True),
        "internal key": key_client(internal=True),
    }
    return Shop(billo, cake, user, clients, iter(range(1, 10_000)))


def outcome_of(response: Any) -> str:
    """Return what a caller got: the offer, an answer as for an unknown one, or a refusal."""
    body = response.json()
    if response.status_code in {200, 201}:
        return APPLIED
    assert response["Content-Type"] == "application/problem+json"
    if (response.status_code, body["code"]) == (409, "code_not_found"):
        return UNKNOWN
    return {(403, "permission_denied"): DENIED, (404, "not_found"): NOT_FOUND}[response.status_code, body["code"]]


# --- the table is complete --------------------------------------------------------------------------------------------
def test_every_kind_has_a_row() -> None:
    assert set(WAYS) == set(ALONE) == set(get_backends())


def test_every_verb_has_a_row() -> None:
    head = "api/v1/checkout/redemptions/"
    covered = {"api/v1/checkout/quote/", head} | {f"{head}<uuid:pk>/{action}/" for action in ACTIONS}
    covered |= {route for routes in ALONE.values() for route in routes}
    posts = {route for route, method in resolved() if method == "POST"}
    verbs = {
        route
        for route in posts
        if route.startswith("api/v1/checkout/")
        or route.endswith(("/redemptions/", "/reservations/", "usage/", "first-login/"))
    }

    assert verbs - OUTSIDE == covered
    assert {(sender, action) for sender, actions in ACTING for action in actions} == {
        (sender, action) for sender in SENDERS for action in ACTIONS
    }


def test_every_caller_is_in_every_row() -> None:
    tables = [*SENDING.values(), *ACTING.values(), *(table for routes in ALONE.values() for table in routes.values())]

    assert all(set(table) == set(CALLERS) for table in tables)


# --- carts ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize(("kind", "way"), ALL_WAYS)
def test_a_cart_gets_the_offers_that_its_sender_may_get(kind: str, way: str, caller: str, shop: Shop) -> None:
    chosen = shop.create_offer(kind, way)

    quoted = shop.send(caller, QUOTE, shop.cart(caller, chosen))
    reserved = shop.send(caller, REDEMPTIONS, shop.cart(caller, chosen, order="1"))

    for verb, response in (("quote", quoted), ("reserve", reserved)):
        expected = SENDING[verb][caller]
        if expected is DENIED:
            assert outcome_of(response) == DENIED, verb
        elif expected is APPLIED:
            assert outcome_of(response) == APPLIED, verb
            quote = response.json() if verb == "quote" else response.json()["quote"]
            assert [(offer["kind"], offer["id"]) for offer in quote["applied"]] == [(kind, str(chosen["id"]))]
        else:
            _assert_unknown(response, verb, caller, chosen, shop)


def _assert_unknown(response: Any, verb: str, caller: str, chosen: dict[str, Any], shop: Shop) -> None:
    """Check that the answer is that to a code or a voucher that doesn't exist, and that nothing is taken."""
    other = {"vouchers": [str(uuid.uuid4())]} if "vouchers" in chosen else {"codes": ["NOSUCH"]}
    if "codes" not in chosen and "vouchers" not in chosen:
        other = {}
    path, more = (QUOTE, {}) if verb == "quote" else (REDEMPTIONS, {"order": "2"})
    unknown = shop.send(caller, path, shop.cart(caller, other, **more))
    sent, missing = ((members.get("codes") or members.get("vouchers") or [""])[0] for members in (chosen, other))
    quote, empty = (answer.json().get("quote", answer.json()) for answer in (response, unknown))

    assert response.status_code == unknown.status_code
    if response.status_code < 400:
        assert quote["applied"] == quote["next_best"] == []
        assert quote["total"] == "100.00"
    assert str(quote).replace(sent, missing) == str(empty) if sent else quote == empty


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("route", [(kind, route) for kind, routes in ALONE.items() for route in routes])
def test_an_offer_is_redeemed_without_a_cart_by_those_who_may(route: tuple[str, str], caller: str, shop: Shop) -> None:
    kind, path = route
    chosen = shop.create_offer(kind, "code")
    body = {"discount_code" if kind == "discount_code" else "code": chosen["codes"][0]}
    if caller.endswith("key") and kind != "discount_code":
        body["customer_id"] = shop.user.customer.customer_id

    response = shop.send(caller, f"/{path}".replace("<uuid:pk>", str(chosen["id"])), body)

    assert outcome_of(response) == ALONE[kind][path][caller]
    if outcome_of(response) == NOT_FOUND:
        missing = shop.send(caller, f"/{path}".replace("<uuid:pk>", str(uuid.uuid4())), body)
        assert response.content == missing.content


# --- orders -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize(("kind", "way"), ALL_WAYS)
def test_an_order_is_changed_by_those_who_may(kind: str, way: str, caller: str, shop: Shop) -> None:
    for (sender, actions), table in ACTING.items():
        for action in actions:
            chosen = shop.create_offer(kind, way)
            path = f"{REDEMPTIONS}{shop.order(sender, chosen)}/"
            if action in {"refund", "amend"}:
                assert shop.send(sender, f"{path}confirm/").status_code == 200
            body = shop.cart(caller, {}) if action == "amend" else {}

            response = shop.send(caller, f"{path}{action}/", body)

            assert outcome_of(response) == table[caller], (sender, action, response.content)


# --- what brands let shoppers do --------------------------------------------------------------------------------------
def test_every_setting_of_shoppers_has_a_row() -> None:
    assert set(SHOPPERS) == set(CheckoutBy)


def test_a_new_brand_lets_only_servers_reserve_and_confirm() -> None:
    assert Brand().checkout_by == CheckoutBy.SERVER


@pytest.mark.parametrize("setting", CheckoutBy)
@pytest.mark.parametrize(("kind", "way"), ALL_WAYS)
def test_shoppers_reserve_and_confirm_as_the_brand_allows(kind: str, way: str, setting: str, shop: Shop) -> None:
    chosen = [shop.create_offer(kind, way) for _ in range(4)]
    placed = {action: shop.order("shopper", chosen.pop()) for action in ("confirm", "cancel")}
    Brand.objects.filter(pk=shop.billo.pk).update(checkout_by=setting)

    outcomes = {
        "quote": outcome_of(shop.send("shopper", QUOTE, shop.cart("shopper", chosen[0]))),
        "reserve": outcome_of(shop.send("shopper", REDEMPTIONS, shop.cart("shopper", chosen[1], order="new"))),
    } | {action: outcome_of(shop.send("shopper", f"{REDEMPTIONS}{pk}/{action}/")) for action, pk in placed.items()}

    assert outcomes == SHOPPERS[setting]


@pytest.mark.parametrize("setting", CheckoutBy)
@pytest.mark.parametrize("route", [(kind, route) for kind, routes in ALONE.items() for route in routes])
def test_shoppers_redeem_without_a_cart_whatever_the_brand_allows(
    route: tuple[str, str], setting: str, shop: Shop
) -> None:
    kind, path = route
    chosen = shop.create_offer(kind, "code")
    Brand.objects.filter(pk=shop.billo.pk).update(checkout_by=setting)
    body = {"discount_code" if kind == "discount_code" else "code": chosen["codes"][0]}

    response = shop.send("shopper", f"/{path}".replace("<uuid:pk>", str(chosen["id"])), body)

    assert outcome_of(response) == APPLIED


@pytest.mark.parametrize("caller", ["owner", "owner key", "platform key"])
def test_what_a_shopper_reserved_is_confirmed_for_the_brand(caller: str, shop: Shop) -> None:
    Brand.objects.filter(pk=shop.billo.pk).update(checkout_by=CheckoutBy.SHOPPER_RESERVES)
    path = f"{REDEMPTIONS}{shop.order('shopper', shop.create_offer('promotion', 'code'))}/"

    assert shop.clients[caller].get(path).status_code == 200
    assert shop.send(caller, f"{path}confirm/").json()["status"] == "confirmed"


def test_one_brand_of_a_cart_that_forbids_it_is_enough_to_refuse_a_shopper(shop: Shop) -> None:
    Brand.objects.filter(pk=shop.cake.pk).update(checkout_by=CheckoutBy.SERVER)
    offers = [shop.create_offer("coupon", "code", brand) for brand in (shop.billo, shop.cake)]
    line = {"id": "a", "sku": "shoe", "quantity": 1, "unit_price": "100.00"}
    lines = [line | {"brand": "billo"}, line | {"id": "b", "brand": "cake"}]
    cart = {"currency": "EUR", "lines": lines, "codes": [offer["codes"][0] for offer in offers], "order": "1"}

    refused = shop.send("shopper", REDEMPTIONS, cart)
    allowed = shop.send("shopper", REDEMPTIONS, cart | {"lines": lines[:1], "codes": offers[0]["codes"]})

    assert (outcome_of(refused), outcome_of(allowed)) == (DENIED, APPLIED)
    assert "Cake" in refused.json()["detail"]
    assert "Billo" not in refused.json()["detail"]
    assert CouponRedemption.objects.values_list("coupon", flat=True).get() == offers[0]["id"]


def test_a_shopper_reserves_a_cart_without_offers_of_any_brand(shop: Shop) -> None:
    Brand.objects.update(checkout_by=CheckoutBy.SERVER)

    response = shop.send("shopper", REDEMPTIONS, shop.cart("shopper", {}, order="1"))
    confirmed = shop.send("shopper", f"{REDEMPTIONS}{response.json()['id']}/confirm/")

    assert (response.status_code, confirmed.status_code) == (201, 200)


# --- grants -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("granted", WAYS)
@pytest.mark.parametrize(("kind", "way"), ALL_WAYS)
def test_a_grant_gives_offers_of_its_kinds(kind: str, way: str, granted: str, shop: Shop) -> None:
    tea = Brand.objects.get(slug="tea")
    create_grant(issuer=shop.billo, acceptor=tea, kinds=[granted], at=timezone.now())
    chosen = shop.create_offer(kind, way)

    answer = shop.send("granted key", QUOTE, shop.cart("granted key", chosen)).json()

    assert bool(answer["applied"]) == (kind == granted)


@pytest.mark.parametrize(("kind", "way"), ALL_WAYS)
def test_a_grant_that_ended_gives_nothing(kind: str, way: str, shop: Shop) -> None:
    chosen = shop.create_offer(kind, way)
    placed = shop.order("granted key", shop.create_offer(kind, way))

    end_grant(grant=AcceptanceGrant.objects.get(), at=timezone.now())

    _assert_unknown(
        shop.send("granted key", QUOTE, shop.cart("granted key", chosen)), "quote", "granted key", chosen, shop
    )
    assert shop.send("granted key", f"{REDEMPTIONS}{placed}/confirm/").status_code == 200


def test_an_amendment_takes_no_more_of_a_brand_whose_grant_ended(shop: Shop) -> None:
    chosen = shop.create_offer("promotion", "code")
    path = f"{REDEMPTIONS}{shop.order('granted key', chosen)}/"
    shop.send("granted key", f"{path}confirm/")
    end_grant(grant=AcceptanceGrant.objects.get(), at=timezone.now())
    cart = shop.cart("granted key", {})
    (line,) = cart["lines"]

    more = shop.send("granted key", f"{path}amend/", cart | {"lines": [line | {"quantity": 2}]})
    less = shop.send("granted key", f"{path}amend/", cart | {"lines": [line | {"unit_price": "50.00"}]})

    assert outcome_of(more) == DENIED
    assert (outcome_of(less), less.json()["quote"]["discount_total"]) == (APPLIED, "5.00")


def test_a_grant_gives_only_offers_of_brands_in_the_cart(shop: Shop) -> None:
    chosen = shop.create_offer("voucher", "voucher")
    cart = shop.cart("granted key", chosen)
    cart["lines"][0]["brand"] = "tea"

    answer = shop.send("granted key", QUOTE, cart | {"shipping": "5.00"}).json()

    assert (answer["applied"], answer["total"]) == ([], "105.00")


RESERVED_ALONE = {
    "shopper": {"confirm": APPLIED, "release": APPLIED, "refund": DENIED},
    "owner": {"confirm": APPLIED, "release": APPLIED, "refund": APPLIED},
    "owner key": {"confirm": APPLIED, "release": APPLIED, "refund": APPLIED},
    "granted key": {"confirm": APPLIED, "release": APPLIED, "refund": NOT_FOUND},
    "other owner": {"confirm": NOT_FOUND, "release": NOT_FOUND, "refund": NOT_FOUND},
    "other key": {"confirm": NOT_FOUND, "release": NOT_FOUND, "refund": NOT_FOUND},
    "platform key": {"confirm": APPLIED, "release": APPLIED, "refund": APPLIED},
    "internal key": {"confirm": DENIED, "release": DENIED, "refund": DENIED},
}


@pytest.mark.parametrize("caller", CALLERS)
def test_a_coupon_that_was_reserved_without_a_cart_is_changed_by_those_who_may(caller: str, shop: Shop) -> None:
    for action, expected in RESERVED_ALONE[caller].items():
        chosen = shop.create_offer("coupon", "code")
        coupon, body = chosen["id"], {"code": chosen["codes"][0]}
        reserved = shop.send("shopper", f"/api/v1/coupons/{coupon}/reservations/", body)
        assert reserved.status_code == 201, reserved.content
        path = f"/api/v1/coupons/redemptions/{CouponRedemption.objects.get(coupon=coupon).pk}/"
        if action == "refund":
            assert shop.send("shopper", f"{path}confirm/").status_code == 200

        response = shop.send(caller, f"{path}{action}/")

        assert outcome_of(response) == expected, (action, response.content)
