"""Codes that keep a balance: orders draw it down, refunds fill it up, and it is shown with its movements."""

import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import Sum
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.contracts import ALL_BRANDS, Shopper
from accounts.models import Brand
from checkout import services
from checkout.contracts import Actor, AmendmentOptions, AmendmentTerms, QuoteRequest, RedemptionOptions
from checkout.models import Redemption
from checkout.refunds import LineRefund, RefundRequest
from core.errors import DomainError
from pricing import Cart, Line
from promotions.models import PricingProfile, Promotion
from redemptions.balances.models import BalanceMovement
from redemptions.balances.selectors import get_balances
from redemptions.codes import services as codes
from redemptions.codes.models import Code
from redemptions.limits.models import Limit
from redemptions.stored_values import StoredValue
from redemptions.uses.models import OfferUse
from tests.checkout.builders import QUOTE, REDEMPTIONS, error_fields, line, post, post_action, status_and_code
from tests.factories import BrandFactory, CouponFactory, PromotionFactory

pytestmark = pytest.mark.django_db
CODE = "/api/v1/codes/{}/"


def stored(value: str = "15.00", **keys: Any) -> dict[str, Any]:
    """Return an offer of an amount off the order whose rest stays on the code."""
    return {"benefits": [{"kind": "amount", "value": value, "on": "order", "keep_balance": True, **keys}]}


def buy(price: str = "10.00", **changes: Any) -> dict[str, Any]:
    """Return a cart of one unit with the code GOODWILL."""
    cart = {"customer_id": "u1", "currency": "EUR", "lines": [line(unit_price=price)], "codes": ["GOODWILL"]}
    return {name: value for name, value in (cart | changes).items() if value is not None}


def give_code(brand: Brand, way: str, value: str = "15.00") -> None:
    """Give the brand the code GOODWILL, with a balance, in one of the ways in which codes come into being."""
    kind, _, origin = way.partition(" ")
    text = "GOODWILL" if origin == "generic" else None
    factory = PromotionFactory if kind == "promotion" else CouponFactory
    offer = factory(brand=brand, offer=stored(value), text=text, **({"trigger": "code"} if kind == "promotion" else {}))
    if origin != "generic":
        lines = {"imported": ["code", "GOODWILL"], "assigned": ["code,customer_id", "GOODWILL,u1"]}[origin]
        result = codes.import_codes(
            kind=kind, brand=brand, offer=offer.pk, lines=lines, allow_weak=True, at=timezone.now()
        )
        assert result.imported == 1


@pytest.fixture
def goodwill(billo: Brand) -> None:
    """Billo's generic code GOODWILL, worth 15.00."""
    give_code(billo, "promotion generic")


def place(server: Client, reference: str, price: str = "10.00", **changes: Any) -> dict[str, Any]:
    """Reserve an order and confirm it."""
    reserved = post(server, REDEMPTIONS, buy(price, order=reference, **changes))
    assert reserved.status_code == 201, reserved.content
    confirmed = post_action(server, reserved.json(), "confirm")
    assert confirmed.status_code == 200, confirmed.content
    redemption: dict[str, Any] = reserved.json()
    return redemption


def read_left(server: Client) -> str:
    """Return what is left on the code GOODWILL, as support sees it; its movements must add up to it."""
    balance = server.get(CODE.format("GOODWILL")).json()["balance"]
    rows = server.get(CODE.format("GOODWILL") + "movements/").json()["results"]
    assert rows == [] or rows[0]["balance"] == balance["left"]
    call_command("check_consistency")
    left: str = balance["left"]
    return left


# --- the rule ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "way",
    [f"{kind} {origin}" for kind in ("promotion", "coupon") for origin in ("generic", "imported", "assigned")],
)
def test_a_goodwill_code_keeps_what_a_small_cart_leaves_of_it(billo: Brand, server: Client, way: str) -> None:
    give_code(billo, way)

    # when an order takes 10.00, then 5.00 are left, also for the same customer
    first = place(server, "o1")
    assert first["quote"]["discount_total"] == "10.00"
    assert first["quote"]["applied"][0]["balance_left"] == "5.00"
    assert read_left(server) == "5.00"
    quoted = post(server, QUOTE, buy()).json()
    assert (quoted["discount_total"], quoted["total"]) == ("5.00", "5.00")
    assert quoted["applied"][0]["balance_left"] == "0.00"

    # and when it is refunded, then 15.00 are left
    assert post_action(server, first, "refund").status_code == 200
    assert read_left(server) == "15.00"
    assert [
        (row["reason"], row["amount"], row["balance"], row["redemption"])
        for row in server.get(CODE.format("GOODWILL") + "movements/").json()["results"]
    ] == [("returned", "10.00", "15.00", first["id"]), ("reserved", "-10.00", "5.00", first["id"])]


def test_an_empty_code_is_used_until_something_comes_back(billo: Brand, server: Client) -> None:
    give_code(billo, "coupon assigned")
    place(server, "o1")
    second = place(server, "o2")
    assert second["quote"]["discount_total"] == "5.00"

    rejected = post(server, QUOTE, buy()).json()["rejected"]
    assert rejected[0]["reason"]["code"] == "code_already_used"
    assert status_and_code(post(server, REDEMPTIONS, buy(order="o3"))) == (409, "code_already_used")
    assert server.get(CODE.format("GOODWILL")).json()["status"] == "used"
    offers = server.get("/api/v1/checkout/offers/?customer_id=u1").json()["results"]
    assert offers == []

    # a refund of the second order makes the code usable again
    post_action(server, second, "refund")
    assert server.get(CODE.format("GOODWILL")).json()["status"] == "available"
    (offer,) = server.get("/api/v1/checkout/offers/?customer_id=u1").json()["results"]
    assert offer["balance"] == {"currency": "EUR", "initial": "15.00", "left": "5.00"}
    assert post(server, QUOTE, buy()).json()["discount_total"] == "5.00"


# --- reservations -----------------------------------------------------------------------------------------------------
def test_a_reservation_takes_from_the_balance_and_a_cancellation_returns_it(goodwill: None, server: Client) -> None:
    reserved = post(server, REDEMPTIONS, buy(order="o1")).json()
    assert read_left(server) == "5.00"

    post_action(server, reserved, "cancel")
    assert read_left(server) == "15.00"
    post_action(server, reserved, "cancel")  # no effect
    assert read_left(server) == "15.00"


def expire(reservation: dict[str, Any]) -> None:
    """Let the time of a reservation pass."""
    past = timezone.now() - timedelta(seconds=1)
    Redemption.objects.filter(pk=reservation["id"]).update(expires_at=past)
    OfferUse.objects.filter(redemption_id=reservation["id"]).update(reserved_until=past)


def test_an_expired_reservation_gives_way_to_the_next_order_and_is_not_returned_twice(
    goodwill: None, server: Client
) -> None:
    first = post(server, REDEMPTIONS, buy("20.00", order="o1")).json()
    expire(first)

    # what it held is left at once, and the next order takes it
    assert post(server, QUOTE, buy("20.00")).json()["discount_total"] == "15.00"
    place(server, "o2", "20.00")
    movements = BalanceMovement.objects.order_by("pk").values_list("reason", "amount", "balance")
    assert list(movements) == [("reserved", -1500, 0), ("expired", 1500, 1500), ("reserved", -1500, 0)]

    # the task that releases expired reservations returns nothing again
    assert services.release_expired(at=timezone.now()) == 1
    assert read_left(server) == "0.00"


def test_the_task_returns_what_an_expired_reservation_held(goodwill: None, server: Client) -> None:
    expire(post(server, REDEMPTIONS, buy(order="o1")).json())

    assert services.release_expired(at=timezone.now()) == 1
    assert list(BalanceMovement.objects.order_by("pk").values_list("reason", "balance")) == [
        ("reserved", 500), ("expired", 1500)
    ]  # fmt: skip
    assert read_left(server) == "15.00"


def test_a_late_confirmation_takes_the_balance_again_if_it_is_left(goodwill: None, server: Client) -> None:
    first = post(server, REDEMPTIONS, buy(order="o1")).json()
    second = post(server, REDEMPTIONS, buy(order="o2", customer_id="u2")).json()
    assert read_left(server) == "0.00"
    for reservation in (first, second):
        expire(reservation)

    assert post_action(server, first, "confirm").status_code == 200
    place(server, "o3", "1.00", customer_id="u3")  # of what the second one held
    assert status_and_code(post_action(server, second, "confirm")) == (409, "reservation_expired")
    services.release_expired(at=timezone.now())
    assert read_left(server) == "4.00"


# --- refunds ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("returns_uses", [True, False])
def test_partial_refunds_return_exactly_their_shares(
    billo: Brand, goodwill: None, server: Client, returns_uses: bool
) -> None:
    PricingProfile.objects.create(brand=billo, return_cancelled_uses=returns_uses)
    lines = [line(id=name, quantity=1, unit_price="3.33") for name in "abc"]
    order = place(server, "o1", lines=lines)
    assert read_left(server) == "5.01"

    post_action(server, order, "refund", {"lines": [{"id": "a"}]})
    assert read_left(server) == "8.34"
    post_action(server, order, "refund", {"lines": [{"id": "b", "amount": "0.01"}]})
    assert read_left(server) == "8.35"
    post_action(server, order, "refund")
    assert read_left(server) == "15.00"


def test_refunds_that_reprice_the_rest_return_the_difference(billo: Brand, goodwill: None, server: Client) -> None:
    order = place(server, "o1", lines=[line(quantity=4, unit_price="5.00")])
    assert read_left(server) == "0.00"

    # three units that are left still cost the whole balance, two of them less
    post_action(server, order, "refund", {"lines": [{"id": "a", "quantity": 1}], "policy": "recompute"})
    assert read_left(server) == "0.00"
    post_action(server, order, "refund", {"lines": [{"id": "a", "quantity": 1}], "policy": "recompute"})
    assert read_left(server) == "5.00"


# --- amendments -------------------------------------------------------------------------------------------------------
def amend(server: Client, order: dict[str, Any], price: str, **changes: Any) -> Any:
    body = buy(price, **changes) | {"customer_id": None, "codes": changes.get("codes")}
    return post_action(server, order, "amend", {name: value for name, value in body.items() if value is not None})


@pytest.mark.parametrize("terms", ["original", "current"])
@pytest.mark.parametrize("way", ["promotion generic", "coupon assigned"])
def test_an_amendment_takes_and_returns_the_difference(billo: Brand, server: Client, way: str, terms: str) -> None:
    give_code(billo, way)
    order = place(server, "o1", "10.00")

    assert amend(server, order, "4.00", terms=terms).json()["quote"]["discount_total"] == "4.00"
    assert read_left(server) == "11.00"
    amended = amend(server, order, "50.00", terms=terms).json()
    assert amended["quote"]["discount_total"] == "15.00"
    assert amended["quote"]["applied"][0]["balance_left"] == "0.00"
    assert read_left(server) == "0.00"
    assert set(BalanceMovement.objects.values_list("reason", flat=True)) == {"reserved", "amended"}
    post_action(server, order, "refund")
    assert read_left(server) == "15.00"


@pytest.mark.parametrize("terms", ["original", "current"])
def test_an_amendment_takes_no_more_than_other_orders_have_left(goodwill: None, server: Client, terms: str) -> None:
    order = place(server, "o1", "10.00")
    place(server, "o2", "2.00", customer_id="u2")

    assert amend(server, order, "50.00", terms=terms).json()["quote"]["discount_total"] == "13.00"
    assert read_left(server) == "0.00"


def test_an_amendment_without_the_code_returns_everything(goodwill: None, server: Client) -> None:
    order = place(server, "o1")

    assert amend(server, order, "10.00", codes=[]).json()["quote"]["discount_total"] == "0.00"
    assert read_left(server) == "15.00"


# --- carts ------------------------------------------------------------------------------------------------------------
def test_a_cart_in_another_currency_takes_nothing(goodwill: None, server: Client) -> None:
    rejected = post(server, QUOTE, buy(currency="USD")).json()["rejected"]

    assert rejected[0]["reason"]["code"] == "currency_mismatch"
    assert status_and_code(post(server, REDEMPTIONS, buy(order="o1", currency="USD"))) == (409, "currency_mismatch")
    assert read_left(server) == "15.00"


@pytest.mark.parametrize(
    ("currency", "value", "price", "left"),
    [("JPY", "1500", "1000", "500"), ("KWD", "1.500", "1.499", "0.001")],
)
def test_a_balance_is_exact_in_currencies_with_other_decimals(
    brand_client: Callable[[Brand], Client], currency: str, value: str, price: str, left: str
) -> None:
    brand = BrandFactory(currency=currency)
    PromotionFactory(brand=brand, offer=stored(value), trigger="code", text="GOODWILL")
    server = brand_client(brand)

    order = place(server, "o1", price, currency=currency)

    assert order["quote"]["discount_total"] == price
    assert read_left(server) == left


def test_a_balance_in_a_currency_that_the_offer_names_is_not_of_the_brand(billo: Brand, server: Client) -> None:
    PromotionFactory(brand=billo, offer=stored("2000", currency="JPY"), trigger="code", text="GOODWILL")

    place(server, "o1", "1500", currency="JPY")

    assert server.get(CODE.format("GOODWILL")).json()["balance"] == {
        "currency": "JPY", "initial": "2000", "left": "500"
    }  # fmt: skip


def test_several_codes_with_balances_pay_one_cart(billo: Brand, goodwill: None, server: Client) -> None:
    PromotionFactory(brand=billo, offer=stored("8.00"), trigger="code", text="SORRY")

    order = place(server, "o1", "20.00", codes=["GOODWILL", "SORRY"])

    # the second one keeps what the cart doesn't need of it
    assert order["quote"]["total"] == "0.00"
    left = {applied["code"]: applied["balance_left"] for applied in order["quote"]["applied"]}
    assert sorted(left.values()) == ["0.00", "3.00"]
    for code in ("GOODWILL", "SORRY"):
        assert server.get(CODE.format(code)).json()["balance"]["left"] == left[code]
    post_action(server, order, "refund")
    assert read_left(server) == "15.00"


def test_a_rest_below_a_cent_for_each_line_is_given_to_the_cent(billo: Brand, server: Client) -> None:
    give_code(billo, "promotion generic", "0.02")
    lines = [line(id=name, unit_price="1.00") for name in "abc"]

    order = place(server, "o1", lines=lines)

    assert order["quote"]["discount_total"] == "0.02"
    assert sum(float(share["amount"]) for share in order["quote"]["applied"][0]["lines"]) == 0.02
    assert read_left(server) == "0.00"


def test_a_cart_of_shipping_alone_takes_nothing_of_a_balance(goodwill: None, server: Client) -> None:
    quoted = post(server, QUOTE, buy(lines=[], shipping="4.99")).json()

    assert (quoted["discount_total"], quoted["rejected"][0]["reason"]["code"]) == ("0.00", "no_eligible_lines")
    assert read_left(server) == "15.00"


def test_floors_and_ceilings_leave_the_rest_on_the_code(billo: Brand, server: Client) -> None:
    PromotionFactory(
        brand=billo, offer=stored(), trigger="code", text="GOODWILL", max_per_order={"EUR": 600}, budget=10_000
    )

    assert place(server, "o1", "50.00")["quote"]["discount_total"] == "6.00"
    assert place(server, "o2", lines=[line(unit_price="9.00", min_unit_price="7.00")])["quote"]["discount_total"] == (
        "2.00"
    )
    assert read_left(server) == "7.00"


def test_customers_who_share_a_code_share_its_balance(goodwill: None, server: Client) -> None:
    place(server, "o1", customer_id="u1")

    assert place(server, "o2", customer_id="u2")["quote"]["discount_total"] == "5.00"
    assert status_and_code(post(server, REDEMPTIONS, buy(order="o3", customer_id="u3")))[1] == "code_already_used"


def test_the_same_request_takes_once_and_another_one_replaces_it(goodwill: None, server: Client) -> None:
    post(server, REDEMPTIONS, buy("10.00", order="o1"))
    post(server, REDEMPTIONS, buy("10.00", order="o1"))
    assert read_left(server) == "5.00"

    assert post(server, REDEMPTIONS, buy("12.00", order="o1")).json()["quote"]["discount_total"] == "12.00"
    assert read_left(server) == "3.00"


def test_a_failed_order_takes_nothing(goodwill: None, server: Client) -> None:
    response = post(server, REDEMPTIONS, buy(order="o1", expect_total="1.00"))

    assert status_and_code(response) == (409, "price_changed")
    assert read_left(server) == "15.00"
    assert not BalanceMovement.objects.exists()


def test_coupons_that_keep_a_balance_are_redeemed_at_checkout_only(billo: Brand, shopper: Client) -> None:
    coupon = CouponFactory(brand=billo, offer=stored(), text="GOODWILL")

    response = post(shopper, f"/api/v1/coupons/{coupon.pk}/redemptions/", {"code": "GOODWILL"})

    assert status_and_code(response) == (409, "cart_required")
    assert not OfferUse.objects.exists()


# --- codes of different balances --------------------------------------------------------------------------------------
def test_imported_codes_have_their_own_balances(billo: Brand, server: Client) -> None:
    promotion = PromotionFactory(brand=billo, offer=stored("15.00"), trigger="code")
    path = f"/api/v1/promotions/{promotion.pk}/batches/import/?allow_weak=true"
    file = "code,balance\nSMALL,3.00\nGOODWILL,\nWRONG,3.001\nNOTHING,0.00\nLARGE,40.00\n"

    result = server.post(path, file, content_type="text/csv").json()

    assert [error["text"] for error in result["errors"]] == ["WRONG", "NOTHING"]
    initial = [server.get(CODE.format(code)).json()["balance"]["initial"] for code in ("SMALL", "GOODWILL", "LARGE")]
    assert initial == ["3.00", "15.00", "40.00"]
    assert place(server, "o1", "20.00", codes=["SMALL"])["quote"]["discount_total"] == "3.00"
    # an order takes at most the amount of the offer
    large = [place(server, f"l{number}", "20.00", codes=["LARGE"])["quote"]["discount_total"] for number in range(3)]
    assert large == ["15.00", "15.00", "10.00"]


def test_generated_codes_have_the_balance_of_their_batch(billo: Brand, server: Client) -> None:
    promotion = PromotionFactory(brand=billo, offer=stored("15.00"), trigger="code")
    path = f"/api/v1/promotions/{promotion.pk}/batches/"

    batch = post(server, path, {"count": 2, "balance": "7.50"}).json()

    assert batch["balance"] == server.get(batch["job"]).json()["balance"] == "7.50"
    for code in Code.objects.filter(batch=batch["id"]):
        assert server.get(CODE.format(code.text)).json()["balance"]["initial"] == "7.50"


@pytest.mark.parametrize(("balance", "offer"), [("0.00", stored()), ("1.001", stored()), ("5.00", None)])
def test_a_batch_with_a_wrong_balance_is_refused(
    billo: Brand, server: Client, balance: str, offer: dict[str, Any] | None
) -> None:
    promotion = PromotionFactory(brand=billo, trigger="code", **({"offer": offer} if offer else {}))

    response = post(server, f"/api/v1/promotions/{promotion.pk}/batches/", {"count": 1, "balance": balance})

    assert (response.status_code, error_fields(response)) == (400, ["balance"])


# --- consistency ------------------------------------------------------------------------------------------------------
def test_a_wrong_balance_is_recounted_and_repaired(
    goodwill: None, server: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    place(server, "o1")
    Limit.objects.filter(scope="balance:EUR").update(taken=1200)
    with pytest.raises(SystemExit):
        call_command("check_consistency", "--repair")
    assert read_left(server) == "5.00"

    BalanceMovement.objects.all().delete()
    with pytest.raises(SystemExit):
        call_command("check_consistency", "--repair")
    assert read_left(server) == "5.00"
    assert list(BalanceMovement.objects.values_list("reason", "amount", "balance")) == [("corrected", -1000, 500)]


# --- who sees a balance -----------------------------------------------------------------------------------------------
def test_customers_see_the_movements_of_their_own_codes(
    billo: Brand, server: Client, brand_client: Callable[[Brand], Client]
) -> None:
    give_code(billo, "promotion assigned")
    PromotionFactory(brand=billo, offer=stored(), trigger="code", text="SHARED")
    order = place(server, "o1")
    place(server, "o2", codes=["SHARED"])

    path = "/api/v1/checkout/movements/?customer_id="
    (movement,) = server.get(f"{path}u1").json()["results"]
    assert movement["code"] == "GOODWILL"
    assert (movement["amount"], movement["balance"], movement["redemption"]) == ("-10.00", "5.00", order["id"])
    assert server.get(f"{path}u2").json()["results"] == []
    assert brand_client(BrandFactory()).get(f"{path}u1").json()["results"] == []
    assert status_and_code(brand_client(BrandFactory()).get(CODE.format("GOODWILL") + "movements/"))[0] == 404


# --- any sequence -----------------------------------------------------------------------------------------------------
STEP = st.tuples(
    st.sampled_from(["reserve", "confirm", "cancel", "amend", "refund a unit", "refund all", "expire", "release"]),
    st.integers(0, 3),  # the order
    st.integers(1, 900),  # the price of a unit
    st.integers(1, 3),  # units
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEP, min_size=1, max_size=14), st.integers(1, 2_000), st.sampled_from(AmendmentTerms))
def test_after_any_sequence_the_rest_is_what_live_orders_did_not_take(
    at: datetime, steps: list[tuple[str, int, int, int]], initial: int, terms: AmendmentTerms
) -> None:
    brand = BrandFactory()
    promotion = PromotionFactory(
        brand=brand, offer=stored(f"{initial // 100}.{initial % 100:02}"), trigger="code", text="GOODWILL"
    )
    shopper = Shopper(None, "u1")
    orders: dict[int, Redemption] = {}
    now = at
    for step, number, price, units in steps:
        now += timedelta(seconds=1)
        cart = Cart("EUR", 2, (Line("a", "a", units, price), Line("b", "b", 1, price)))
        request = QuoteRequest(cart, ("GOODWILL",), shop=brand.slug)
        with contextlib.suppress(DomainError):
            if step == "reserve":
                options = RedemptionOptions(str(number), brand.pk, f"{price}/{units}".encode(), skip=True)
                orders[number] = services.reserve(
                    request=request, options=options, shopper=shopper, acceptance=ALL_BRANDS, at=now
                )
            elif step == "expire":
                now += timedelta(minutes=20)
            elif step == "release":
                services.release_expired(at=now)
            elif number in orders:
                run_step(step, orders[number], request, terms, now)
        check_balance(promotion, initial, now, steps)
    services.release_expired(at=now + timedelta(days=1))
    for order in orders.values():
        with contextlib.suppress(DomainError):
            services.return_redemption(redemption=order, request=RefundRequest(), at=now)
    assert check_balance(promotion, initial, now) == initial
    call_command("check_consistency")


def run_step(step: str, order: Redemption, request: QuoteRequest, terms: AmendmentTerms, at: datetime) -> None:
    """Run a step of an order. Raises DomainError if its status doesn't allow it."""
    if step == "confirm":
        services.confirm(redemption=order, by=Actor.SERVER, at=at)
    elif step == "cancel":
        services.cancel(redemption=order, at=at)
    elif step == "amend":
        services.amend(
            redemption=order, request=request, options=AmendmentOptions(terms=terms, skip=True),
            acceptance=ALL_BRANDS, at=at,
        )  # fmt: skip
    else:
        part = RefundRequest([LineRefund("a", 1, None)] if step == "refund a unit" else ())
        services.return_redemption(redemption=order, request=part, at=at)


def check_balance(promotion: Promotion, initial: int, at: datetime, steps: object = ()) -> int:
    """Compare what is left with what live orders have and with the movements. Return it."""
    value = StoredValue("EUR", initial)
    (balance,) = get_balances(values={(promotion.pk, "GOODWILL"): value}, at=at).values()
    held = 0
    for order in Redemption.objects.filter(parts__brand=promotion.brand).exclude(status__in=["released", "expired"]):
        if order.status != "reserved" or order.expires_at > at:
            held += sum(item.amount - item.returned_amount for item in order.items.all())
    assert balance.left == initial - held, steps
    movements = BalanceMovement.objects.filter(offer_id=promotion.pk)
    taken = Limit.objects.filter(owner=promotion.pk).aggregate(total=Sum("taken"))["total"] or 0
    assert (movements.aggregate(total=Sum("amount"))["total"] or 0) == -taken
    before = initial
    for movement in movements.order_by("pk"):
        assert movement.balance == before + movement.amount
        before = movement.balance
    return balance.left
