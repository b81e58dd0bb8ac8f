"""The page that finds redemptions and refused attempts."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.contracts import Role
from accounts.models import Brand
from backoffice.pages import redemption_search
from redemptions.events.contracts import EventType, NewEvent
from redemptions.events.models import Event
from redemptions.events.services import append_events, rejections
from redemptions.search import selectors
from tests.checkout.builders import post, post_action, reserve_order
from tests.factories import (
    BrandFactory,
    CouponFactory,
    CustomerFactory,
    DiscountCodeFactory,
    MembershipFactory,
    ShopperFactory,
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
def viewer(brand: Brand) -> Client:
    return sign_in(MembershipFactory(brand=brand, role=Role.VIEWER).user)


def sign_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def read(client: Client, **query: str) -> str:
    response = client.get(PAGE, query)
    assert response.status_code == 200
    return response.content.decode()


def test_an_order_is_found_by_its_beginning(viewer: Client, brand: Brand, brand_client: ClientOf) -> None:
    DiscountCodeFactory(brand=brand, text="TEN")
    server = brand_client(brand)
    redemption = reserve_order(server, customer_id="c1", order="A-1001")
    reserve_order(server, customer_id="c2", order="B-1")
    post_action(server, redemption, "confirm")

    page = read(viewer, order="A-")

    (event,) = Event.objects.filter(type="redemption.confirmed")
    assert f"{PAGE}{event.pk}/" in page
    for text in ("A-1001", "Confirmed", "Reserved:", "c1", "€12.00", "TEN", "times in Europe/Madrid"):
        assert text in page, text
    assert "B-1" not in page
    assert "A-1001" in read(viewer, customer="c1")
    assert "A-1001" in read(viewer, code="t-e-n", status="confirmed", kind="discount_code")
    assert "No redemptions match your filters." in read(viewer, customer="nobody")
    assert "No redemptions match your filters." in read(viewer, status="returned")


def test_a_refused_attempt_tells_why_in_words_with_numbers(
    viewer: Client, brand: Brand, shopper_client: ClientOf, brand_client: ClientOf
) -> None:
    coupon = CouponFactory(brand=brand, title="Last one", maximum_number_of_coupons=1)
    for name in ("ann", "ben"):
        post(shopper_client(ShopperFactory(username=name)), f"/api/v1/coupons/{coupon.pk}/redemptions/")
    DiscountCodeFactory(brand=brand, text="BIG", terms={"conditions": [{"kind": "min_subtotal", "value": "500.00"}]})
    order = {"order": "1", "codes": ["BIG"], "currency": "EUR", "customer_id": "c1"}
    lines = [{"id": "a", "sku": "shoe", "quantity": 1, "unit_price": "10.00"}]
    post(brand_client(brand), "/api/v1/checkout/redemptions/", order | {"lines": lines})
    rejections.flush()

    page = read(viewer, status="rejected")

    assert "This coupon has reached its usage limit." in page
    assert "Missing: 490.00" in page


def test_attempts_that_were_counted_together_show_their_number(viewer: Client, brand: Brand) -> None:
    reason = {"code": "code_expired"}
    append_events(
        [
            NewEvent(
                EventType.REDEMPTION_REJECTED, timezone.now(), brand.pk, "coupon", reason=reason, data={"count": 1200}
            )
        ]
    )

    page = read(viewer)

    assert "This code has expired." in page
    assert "1,200 attempts" in page


def test_days_pages_and_wrong_filters(
    viewer: Client, brand: Brand, brand_client: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redemption_search, "ROWS", 2)
    DiscountCodeFactory(brand=brand, text="TEN")
    for number in range(3):
        reserve_order(brand_client(brand), customer_id=f"c{number}", order=f"order-{number}")
    tomorrow = (timezone.now() + timedelta(days=2)).date().isoformat()

    first = viewer.get(PAGE, {"code": "TEN"})
    assert [row["order"] for row in first.context["rows"]] == ["order-2", "order-1"]
    second = viewer.get(PAGE + first.context["older"])
    assert [row["order"] for row in second.context["rows"]] == ["order-0"]
    assert second.context["newest"] == "?code=TEN"
    assert "No redemptions match" in read(viewer, since=tomorrow)
    assert "The end date must be on or after the start date." in read(viewer, since=tomorrow, until="2026-01-01")
    for query in ({"before": "x"}, {"status": "used"}, {"kind": "gift"}, {"since": "x"}, {"offer": "x"}):
        assert "order-1" not in read(viewer, **query)


def test_staff_see_their_brands_only(brand: Brand, brand_client: ClientOf) -> None:
    other = BrandFactory(slug="other", name="Other brand")
    for owner in (brand, other):
        DiscountCodeFactory(brand=owner, text="TEN")
        reserve_order(brand_client(owner), customer_id="c1", order=f"of-{owner.slug}")
    olga = UserFactory(username="olga")
    MembershipFactory(brand=brand, user=olga)

    page = read(sign_in(olga), customer="c1")
    assert "of-billo" in page
    assert "of-other" not in page
    MembershipFactory(brand=other, user=olga)
    page = read(sign_in(olga), customer="c1")
    assert "of-other" in page
    assert "Other brand" in page
    assert "of-other" in read(sign_in(UserFactory(username="root", is_superuser=True)))
    assert sign_in(ShopperFactory(username="ann")).get(PAGE).status_code in (302, 403)


def test_the_page_takes_a_fixed_number_of_queries(viewer: Client, brand: Brand, brand_client: ClientOf) -> None:
    DiscountCodeFactory(brand=brand, text="TEN")

    def count_queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            read(viewer)
        return len(captured)

    reserve_order(brand_client(brand), customer_id="c0", order="0")
    few = count_queries()
    for number in range(1, 6):
        reserve_order(brand_client(brand), customer_id=f"c{number}", order=f"{number}")

    assert count_queries() == few


# --- export ----------------------------------------------------------------------------------------------------------
def export(client: Client, **query: str) -> list[dict[str, str]]:
    response: Any = client.get(f"{PAGE}export/", query)
    assert response.status_code == 200
    assert response.streaming
    text = b"".join(response.streaming_content).decode().removeprefix("\ufeff")
    return list(csv.DictReader(io.StringIO(text)))


def test_the_export_has_everything_that_the_filters_match_newest_first(
    viewer: Client, brand: Brand, brand_client: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selectors, "CHUNK", 2)
    code = DiscountCodeFactory(brand=brand, text="TEN")
    server = brand_client(brand)
    orders = [reserve_order(server, customer_id=f"c{number}", order=f"order-{number}") for number in range(5)]
    post_action(server, orders[-1], "confirm")
    reserve_order(brand_client(DiscountCodeFactory(text="TEN").brand), customer_id="c1", order="of-another-brand")

    rows = export(viewer)

    assert [row["order"] for row in rows] == [f"order-{number}" for number in (4, 3, 2, 1, 0)]
    assert (rows[0]["status"], rows[0]["subtotal"], rows[0]["discount"]) == ("confirmed", "120.00", "12.00")
    assert (rows[0]["kind"], rows[0]["offer_id"], rows[0]["code"]) == ("discount_code", str(code.offer_id), "TEN")
    assert (rows[0]["brand"], rows[0]["redemption_id"], rows[0]["reason"]) == ("billo", orders[-1]["id"], "")
    assert rows[0]["created_at"] <= rows[0]["at"]
    assert rows[0]["at"].endswith("+01:00")
    assert [row["order"] for row in export(viewer, customer="c3")] == ["order-3"]
    assert export(viewer, status="returned") == []
    page = read(viewer, kind="discount_code", offer=str(code.offer_id))
    assert f"/admin/redemptions/export/?kind=discount_code&amp;offer={code.offer_id}" in page
    assert "Only TEN" in page


def test_the_export_reads_chunks(
    viewer: Client, brand: Brand, brand_client: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selectors, "CHUNK", 2)
    DiscountCodeFactory(brand=brand, text="TEN")
    for number in range(5):
        reserve_order(brand_client(brand), customer_id=f"c{number}", order=f"order-{number}")

    with CaptureQueriesContext(connection) as captured:
        assert len(export(viewer, code="TEN")) == 5

    assert len([query for query in captured if "redemptions_event e" in query["sql"]]) == 3


def test_the_export_escapes_formulas_and_says_why_attempts_were_refused(viewer: Client, brand: Brand) -> None:
    customer = CustomerFactory(customer_id="=1+1")
    reason = {"code": "code_expired"}
    append_events(
        [
            NewEvent(
                EventType.REDEMPTION_REJECTED, timezone.now(), brand.pk, "coupon", customer=customer.pk, reason=reason,
                data={"count": 12},
            )
        ]
    )  # fmt: skip

    (row,) = export(viewer)

    assert (row["customer_id"], row["reason"], row["count"]) == ("'=1+1", "code_expired", "12")


@pytest.mark.parametrize("query", ["before=x", "status=used", "kind=gift", "since=x", "offer=x"])
def test_invalid_filters_export_nothing(viewer: Client, query: str) -> None:
    assert viewer.get(f"{PAGE}export/?{query}").status_code == 404


def test_users_without_a_brand_export_nothing() -> None:
    assert sign_in(ShopperFactory(username="ann")).get(f"{PAGE}export/").status_code in (302, 403)
    assert Client().get(f"{PAGE}export/").status_code == 302
