"""The page of one redemption or refused attempt, and what staff can do there."""

import re
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.contracts import Role
from accounts.models import Brand, Customer
from accounts.selectors import shopper_of
from core.ids import uuid7
from coupons.contracts import RedemptionRequest
from coupons.models import CouponDefinition, CouponRedemption, RedeemedCode
from coupons.services import confirm, redeem
from discounts.models import Usage, UsageReturn
from discounts.services import redeem_code
from redemptions.codes.models import Code
from redemptions.events.contracts import EventType, NewEvent
from redemptions.events.models import Event
from redemptions.events.services import append_events, rejections
from redemptions.limits.models import Limit
from tests.checkout.builders import post, post_action, reserve_order
from tests.factories import (
    BrandFactory,
    CouponFactory,
    DiscountCodeFactory,
    MembershipFactory,
    PromotionFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
PAGE = "/admin/redemptions/"
ClientOf = Callable[[Any], Client]


@pytest.fixture
def brand() -> Brand:
    brand: Brand = BrandFactory(slug="billo", name="Billo", timezone="Europe/Madrid")
    return brand


@pytest.fixture
def owner(brand: Brand) -> Client:
    return sign_in(MembershipFactory(brand=brand, user=UserFactory(username="olga")).user)


def sign_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def get_customer(name: str = "c1") -> Customer:
    customer: Customer | None = Customer.objects.filter(customer_id=name).first()
    return customer or Customer.objects.create(customer_id=name, user=UserFactory())


def use_code(brand: Brand, text: str = "TEN", at: datetime | None = None) -> None:
    """Let c1 redeem a new discount code without an order."""
    DiscountCodeFactory(brand=brand, text=text)
    redeem_code(
        code=text, shopper=shopper_of(get_customer()), amount=10_000, currency="EUR", brand=brand.slug,
        at=at or timezone.now(),
    )  # fmt: skip


def use_coupon(coupon: CouponDefinition, *, code: str = "", reserve: bool = False) -> CouponRedemption:
    """Let c1 redeem or reserve a coupon without an order."""
    at = timezone.now()
    until = at + timedelta(minutes=9) if reserve else None
    request = RedemptionRequest(uuid7(), get_customer().pk, code=code, reserved_until=until)
    return redeem(coupon=coupon.pk, request=request, at=at)


def find_pages(client: Client, **query: str) -> list[str]:
    """Return the URLs of the pages that the search links to, newest first."""
    response = client.get(PAGE, query)
    assert response.status_code == 200
    return list(dict.fromkeys(re.findall(rf'href="({PAGE}[0-9a-f-]{{36}}/)"', response.content.decode())))


def read(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, path
    return response.content.decode()


def list_actions(client: Client, page: str) -> list[str]:
    return re.findall(rf'href="{page.rsplit("/", 2)[0]}/[0-9a-f-]+/([a-z]+)/"', read(client, page))


def act(client: Client, page: str, action: str) -> list[str]:
    """Post the form of an action, and return the messages of the next page."""
    return [str(message) for message in client.post(f"{page}{action}/", follow=True).context["messages"]]


# --- what the page shows ---------------------------------------------------------------------------------------------
def test_a_use_of_an_order_shows_its_life_decision_and_order(
    owner: Client, brand: Brand, brand_client: ClientOf
) -> None:
    offer = {
        "conditions": [{"kind": "min_subtotal", "value": "50.00"}],
        "benefits": [{"kind": "percent", "value": "10", "on": "order"}],
    }
    promotion = PromotionFactory(brand=brand, name="Autumn", offer=offer)
    PromotionFactory(brand=brand, name="Unrelated", percent="1", priority=9)
    server = brand_client(brand)
    order = reserve_order(server, customer_id="c1", order="A-1001", codes=[])
    post_action(server, order, "confirm")

    (path,) = find_pages(owner, offer=str(promotion.pk), kind="promotion")
    page = read(owner, path)

    for text in (
        "Autumn",
        "Confirmed",
        "Reserved",
        "c1",
        "A-1001",
        "Minimum purchase amount",
        "50.00",
        "Applied",
        "Refund order",
    ):
        assert text in page, text
    assert "Unrelated" not in page
    for url in (
        f"/admin/checkout/redemption/{order['id']}/change/",
        f"/admin/checkout/redemption/{order['id']}/why/",
        f"/admin/checkout/redemption/{order['id']}/refund/",
        f"/admin/promotions/promotion/{promotion.pk}/change/",
        "/admin/redemptions/?customer=c1",
    ):
        assert url in page, url


def test_a_refused_attempt_shows_its_reason(owner: Client, brand: Brand, brand_client: ClientOf) -> None:
    DiscountCodeFactory(brand=brand, text="BIG", terms={"conditions": [{"kind": "min_subtotal", "value": "500.00"}]})
    for customer in ("c1", "c2"):
        get_customer(customer)
        body = {
            "order": customer, "codes": ["BIG"], "currency": "EUR", "customer_id": customer,
            "lines": [{"id": "a", "sku": "shoe", "quantity": 1, "unit_price": "10.00"}],
        }  # fmt: skip
        post(brand_client(brand), "/api/v1/checkout/redemptions/", body)
    rejections.flush()

    newest, oldest = find_pages(owner, status="rejected")

    for path, customer in ((newest, "c2"), (oldest, "c1")):
        page = read(owner, path)
        assert "Missing: 490.00" in page
        assert f"customer={customer}" in page
        assert list_actions(owner, path) == []


def test_the_address_of_an_earlier_event_shows_the_redemption_as_it_is_now(owner: Client, brand: Brand) -> None:
    use_code(brand)
    (event,) = Event.objects.filter(type="redemption.confirmed")
    act(owner, f"{PAGE}{event.pk}/", "refund")

    assert "Returned" in read(owner, f"{PAGE}{event.pk}/")
    assert find_pages(owner) == [f"{PAGE}{Event.objects.get(type='redemption.returned').pk}/"]


def test_other_events_and_unknown_ones_are_not_found(owner: Client, brand: Brand) -> None:
    append_events([NewEvent(EventType.OFFER_CREATED, timezone.now(), brand.pk, "coupon", offer=uuid7())])

    for event in (Event.objects.get().pk, uuid.uuid4()):
        for path in ("", "refund/", "cancel/", "confirm/"):
            assert owner.get(f"{PAGE}{event}/{path}").status_code == 404


# --- actions without an order ----------------------------------------------------------------------------------------
def test_a_discount_code_is_returned_after_a_page_that_says_what_happens(owner: Client, brand: Brand) -> None:
    use_code(brand)
    (page,) = find_pages(owner)

    assert list_actions(owner, page) == ["refund"]
    assert "The customer can redeem the code or coupon once more" in read(owner, f"{page}refund/")
    assert Usage.objects.count() == 1
    assert act(owner, page, "refund") == ["Redemption returned."]
    assert (Usage.objects.count(), UsageReturn.objects.count()) == (0, 1)
    (page,) = find_pages(owner)
    assert list_actions(owner, page) == []
    assert act(owner, page, "refund") == ["Redemption returned."]  # as once
    assert UsageReturn.objects.count() == 1


def test_a_reserved_coupon_is_released_and_a_confirmed_one_returned(owner: Client, brand: Brand) -> None:
    coupon = CouponFactory(brand=brand, title="Summer", maximum_number_of_coupons=5)
    Code.objects.create(text="ONCE-1", kind="coupon", brand=brand, offer=coupon.pk, single_use=True)
    use_coupon(coupon, code="ONCE-1", reserve=True)
    (reserved,) = find_pages(owner)

    assert list_actions(owner, reserved) == ["cancel"]
    assert act(owner, reserved, "cancel") == ["Reservation released."]
    assert CouponRedemption.objects.get().status == "released"
    assert not RedeemedCode.objects.exists()

    use_coupon(coupon)
    confirmed = find_pages(owner)[0]
    assert list_actions(owner, confirmed) == ["refund"]
    assert act(owner, confirmed, "refund") == ["Redemption returned."]
    assert Limit.objects.get(scope__startswith="total").taken == 0


def test_a_reservation_that_was_confirmed_meanwhile_is_not_released(owner: Client, brand: Brand) -> None:
    redemption = use_coupon(CouponFactory(brand=brand), reserve=True)
    (page,) = find_pages(owner)
    confirm(redemption=redemption.pk, at=timezone.now())

    (message,) = act(owner, page, "cancel")

    assert "status" in message
    assert CouponRedemption.objects.get().status == "confirmed"


def test_a_redemption_of_an_order_has_no_action_of_its_own(owner: Client, brand: Brand, brand_client: ClientOf) -> None:
    CouponFactory(brand=brand, text="SUMMER")
    reserve_order(brand_client(brand), customer_id="c1", order="A-1", codes=["SUMMER"])
    (page,) = find_pages(owner)

    for action in ("refund", "cancel", "confirm", "x"):
        assert owner.post(f"{page}{action}/").status_code == 404
    assert CouponRedemption.objects.get().status == "reserved"


@pytest.mark.parametrize("kind", ["coupons.couponredemption", "discounts.usagereturn"])
def test_the_audit_log_records_once_who_returned_a_redemption(owner: Client, brand: Brand, kind: str) -> None:
    if kind.startswith("coupons"):
        use_coupon(CouponFactory(brand=brand))
    else:
        use_code(brand)
    (page,) = find_pages(owner)
    for _ in range(2):
        act(owner, page, "refund")

    (row,) = owner.get(f"/admin/log/?kind={kind}").context["rows"]

    assert (row["change"], row["user"]) == ("Returned", "olga")
    stranger = sign_in(MembershipFactory(brand=BrandFactory()).user)
    assert list(stranger.get(f"/admin/log/?kind={kind}").context["rows"]) == []


# --- who may ---------------------------------------------------------------------------------------------------------
def test_a_viewer_reads_and_changes_nothing(owner: Client, brand: Brand) -> None:
    use_code(brand)
    viewer = sign_in(MembershipFactory(brand=brand, role=Role.VIEWER).user)
    (page,) = find_pages(viewer)

    assert list_actions(viewer, page) == []
    for send in (viewer.get, viewer.post):
        assert send(f"{page}refund/").status_code == 403
    assert Usage.objects.count() == 1


def test_redemptions_of_another_brand_are_not_found(owner: Client, brand: Brand) -> None:
    use_code(brand)
    (page,) = find_pages(owner)
    stranger = sign_in(MembershipFactory(brand=BrandFactory(slug="cake")).user)
    nobody = sign_in(UserFactory())

    for client, statuses in ((stranger, {404}), (nobody, {302, 403, 404}), (Client(), {302})):
        for path in ("", "refund/", "cancel/"):
            assert client.get(f"{page}{path}").status_code in statuses, path
            assert client.post(f"{page}{path}").status_code in (*statuses, 405), path
    assert find_pages(stranger) == []
    assert Usage.objects.count() == 1
