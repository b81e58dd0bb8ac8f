"""Exports of personal data: everything that is kept about a shopper, or about a customer by one brand."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.contracts import Role, Shopper
from accounts.models import Brand, PrivacyRequest, User
from accounts.selectors import shopper_of
from accounts.services import tokens_for
from checkout import services
from core.privacy import list_tables
from tests.factories import (
    ApiKeyFactory,
    BrandFactory,
    CustomerFactory,
    DiscountCodeFactory,
    MembershipFactory,
    UserFactory,
)
from tests.personal_history import (
    Offers,
    add_to_audience,
    address_of,
    assign_codes,
    create_history,
    create_offers,
    place_order,
    return_order,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def offers(billo: Brand, at: datetime) -> Offers:
    return create_offers(billo, at)


@pytest.fixture
def cake_offers(at: datetime) -> Offers:
    return create_offers(BrandFactory(slug="cake"), at)


@pytest.fixture
def who(user: User) -> Shopper:
    return shopper_of(user.customer)


def read(response: Any) -> dict[str, Any]:
    assert response.status_code == 200, response.content
    document: dict[str, Any] = json.loads(b"".join(response.streaming_content))
    return document


def path_of(who: Shopper) -> str:
    return f"/api/v1/customers/{who.customer_id}/export/"


def fill(offers: Offers, who: Shopper, at: datetime) -> None:
    return_order(create_history(offers, who, at), at)
    add_to_audience(offers.brand, [who], at)
    assign_codes(offers, [who], at)


def iter_values(document: Any) -> Iterator[Any]:
    """Yield each text and number of a JSON document."""
    if isinstance(document, dict | list):
        for value in document.values() if isinstance(document, dict) else document:
            yield from iter_values(value)
    else:
        yield document


def test_a_shopper_gets_all_registered_data_of_all_brands(
    shopper: Client, user: User, who: Shopper, offers: Offers, cake_offers: Offers, at: datetime
) -> None:
    for each in (offers, cake_offers):
        fill(each, who, at)
    tokens_for(user=user, at=at)

    document = read(shopper.get("/api/v1/me/export/"))

    data = document["data"]
    assert set(data) == {table.export for table in list_tables() if table.export}
    assert document["customer_id"] == who.customer_id
    assert data["accounts"][0]["email"] == user.email
    for part in ("orders", "profiles", "consents", "coupon_redemptions", "discount_code_redemptions", "vouchers",
                 "first_logins", "events", "audiences", "segments", "assigned_codes", "code_emails"):  # fmt: skip
        assert {row.get("brand", "billo") for row in data[part]} >= {"billo"}, part
        assert len(data[part]) >= 2, part
    assert {row["brand"] for row in data["orders"]} == {"billo", "cake"}
    assert data["orders"][0]["metadata"] == {"contact": address_of(who)}


def test_an_export_has_each_row_that_the_registry_finds(
    shopper: Client, user: User, who: Shopper, offers: Offers, at: datetime
) -> None:
    fill(offers, who, at)

    data = read(shopper.get("/api/v1/me/export/"))["data"]

    for table in list_tables():
        if table.export and table.export != "account_history":
            assert len(data[table.export]) == table.find_rows(customers=[who.key], users=[user.pk]).count()


def test_a_shopper_gets_nothing_of_others(
    shopper: Client, who: Shopper, offers: Offers, cake_offers: Offers, at: datetime
) -> None:
    other = shopper_of(CustomerFactory(customer_id="somebody-else"))
    fill(offers, other, at)

    document = read(shopper.get("/api/v1/me/export/"))

    assert "somebody-else" not in json.dumps(document)
    assert document["data"]["orders"] == []


def test_a_brand_gets_its_own_data_only(
    server: Client, user: User, who: Shopper, offers: Offers, cake_offers: Offers, at: datetime
) -> None:
    for each in (offers, cake_offers):
        fill(each, who, at)

    document = read(server.get(path_of(who)))

    text = json.dumps(document)
    assert "cake" not in text.lower()
    assert user.email not in text
    assert {"accounts", "sessions", "sign_ins", "account_history"}.isdisjoint(document["data"])
    assert {row["brand"] for row in document["data"]["orders"]} == {"billo"}
    assert len(document["data"]["coupon_redemptions"]) == 2


def test_a_brand_that_keeps_nothing_learns_nothing(
    server: Client, who: Shopper, offers: Offers, cake_offers: Offers, at: datetime
) -> None:
    fill(cake_offers, who, at)

    known, unknown = (server.get(f"/api/v1/customers/{name}/export/") for name in (who.customer_id, "nobody"))

    assert known.status_code == unknown.status_code == 404
    assert known.content == unknown.content
    assert not PrivacyRequest.objects.exists()


def test_merged_customers_are_part_of_the_export(
    server: Client, shopper: Client, who: Shopper, offers: Offers, cake_offers: Offers, at: datetime
) -> None:
    guest = shopper_of(CustomerFactory(customer_id="guest-7"))
    for each in (offers, cake_offers):
        place_order(each, guest, at)
    services.merge_customers(brand=offers.brand, source_id=guest.customer_id, target_id=who.customer_id, at=at)

    by_brand, by_shopper = read(server.get(path_of(guest))), read(shopper.get("/api/v1/me/export/"))

    assert by_brand["customer_id"] == who.customer_id
    for document in (by_brand, by_shopper):
        assert [row["brand"] for row in document["data"]["orders"]] == ["billo"]
        assert len(document["data"]["events"]) > 2  # those of before the merge, too
        assert {row.get("brand") for row in document["data"]["events"]} == {"billo"}
        assert document["data"]["merged_customers"][0]["customer_id"] == "guest-7"


def test_exports_are_audited_without_the_customer_id(
    server: Client, shopper: Client, user: User, who: Shopper, offers: Offers, at: datetime
) -> None:
    fill(offers, who, at)

    read(server.get(path_of(who)))
    read(shopper.get("/api/v1/me/export/"))

    of_brand, of_shopper = PrivacyRequest.objects.order_by("pk")
    assert (of_brand.brand, of_brand.user) == (offers.brand, None)
    assert of_brand.api_key is not None
    assert (of_shopper.brand, of_shopper.user) == (None, user)
    event = PrivacyRequest.pgh_event_models["insert"].objects.get(pgh_obj=of_brand)  # type: ignore[attr-defined]
    assert event.pgh_context.metadata["url"] == "/api/v1/customers/<customer_id>/export/"


@pytest.mark.parametrize(("role", "status"), [(Role.OWNER, 200), (Role.EDITOR, 200), (Role.VIEWER, 403)])
def test_owners_and_editors_may_export(
    role: Role, status: int, shopper_client: Callable[[Any], Client], who: Shopper, offers: Offers, at: datetime
) -> None:
    place_order(offers, who, at)
    staff = UserFactory()
    MembershipFactory(brand=offers.brand, user=staff, role=role)

    assert shopper_client(staff).get(path_of(who)).status_code == status


@pytest.mark.parametrize("scope", ["read", "checkout", "export"])
def test_other_keys_may_not(scope: str, who: Shopper, offers: Offers, at: datetime) -> None:
    place_order(offers, who, at)
    key = ApiKeyFactory(brand=offers.brand, scopes=[scope])

    response = Client(headers={"Authorization": f"Api-Key {key.text}"}).get(path_of(who))

    assert (response.status_code, response.json()["code"]) == (403, "permission_denied")


def test_a_long_history_takes_as_many_statements_as_a_short_one(
    server: Client, who: Shopper, offers: Offers, at: datetime
) -> None:
    code = offers.order_code
    place_order(offers, who, at)
    read(server.get(path_of(who)))
    counts = []
    for _ in range(2):
        place_order(replace(offers, order_code=DiscountCodeFactory(brand=code.brand)), who, at)
        with CaptureQueriesContext(connection) as queries:
            read(server.get(path_of(who)))
        counts.append(len(queries))

    assert counts[0] == counts[1]
