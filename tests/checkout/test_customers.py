"""Customers as a brand's server describes them: their emails, consents and attributes, which no other brand sees."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Brand, Consent, Customer, CustomerProfile
from accounts.selectors import list_subscribed, list_subscribed_customers
from discounts.services import announcements
from mailings.services import sending, unsubscriptions
from promotions.models import Attribute
from tests.checkout.builders import QUOTE, REDEMPTIONS, cart, error_fields, order, post, post_action
from tests.factories import ApiKeyFactory, BrandFactory, DiscountCodeFactory, PromotionFactory, ShopperFactory

pytestmark = pytest.mark.django_db
CUSTOMER = "/api/v1/customers/g1/"
SUBSCRIBED = {"granted": True, "wording": "Send me offers.", "at": "2026-01-02T10:00:00Z"}
GIULIA = {"name": "Giulia", "email": "giulia@example.com", "language": "es", "consent": SUBSCRIBED}


def put(client: Client, body: dict[str, Any], path: str = CUSTOMER, **headers: str) -> Any:
    return client.put(path, body, content_type="application/json", headers=headers)


def addresses(brand: Brand) -> list[str]:
    """Return the addresses of those who are subscribed to the brand, which both reads agree on."""
    keys = list(Customer.objects.values_list("pk", flat=True))
    customers = list_subscribed_customers(brand_id=brand.pk, customer_keys=keys)
    rows = list_subscribed(brand_id=brand.pk).values_list("address", "salutation")
    assert sorted(rows) == sorted((customer.address, customer.name) for customer in customers)
    return sorted(customer.address for customer in customers)


# --- the customer -----------------------------------------------------------------------------------------------------
def test_a_server_describes_a_customer(server: Client) -> None:
    created = put(server, GIULIA)
    answer = created.json()
    recorded = answer["consents"][0].pop("recorded_at")

    assert (created.status_code, answer.pop("updated_at")[:4]) == (201, str(timezone.now().year))
    assert recorded.endswith("Z")
    assert answer == {
        "customer_id": "g1", "name": "Giulia", "email": "giulia@example.com", "language": "es", "attributes": {},
        "marketing_consent": True, "consents": [SUBSCRIBED],
    }  # fmt: skip
    assert put(server, GIULIA, "/api/v1/customers/G1/").status_code == 200
    assert server.get(CUSTOMER).json()["email"] == "giulia@example.com"
    assert (CustomerProfile.objects.count(), Consent.objects.count()) == (1, 1)


def test_a_customer_id_can_have_slashes(server: Client) -> None:
    path = "/api/v1/customers/crm%2Feu%2F17/"

    assert put(server, GIULIA, path).json()["customer_id"] == "crm/eu/17"
    assert server.get(path).json()["email"] == "giulia@example.com"
    assert json.loads(server.get(f"{path}export/").getvalue())["customer_id"] == "crm/eu/17"


def test_a_customer_can_have_the_id_of_a_verb(server: Client) -> None:
    path = "/api/v1/customers/merge/"

    created = put(server, GIULIA, path)
    changed = put(server, {"name": "Julia"}, "/api/v1/customers/Merge/", **{"If-Match": created.headers["ETag"]})

    assert [(answer.status_code, answer.json()["customer_id"]) for answer in (created, changed)] == [
        (201, "merge"), (200, "merge"),
    ]  # fmt: skip
    assert server.get(path).json() == changed.json()
    assert (server.head(path).status_code, put(server, {"unknown": 1}, path).status_code) == (200, 400)
    post(server, REDEMPTIONS, order(codes=[], customer_id="guest-7"))
    assert post(server, path, {"from": "guest-7", "into": "merge"}).json()["into"] == "merge"
    assert server.get(REDEMPTIONS, {"customer_id": "merge"}).json()["results"][0]["order"] == "1001"
    refused = server.delete(path)
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD, OPTIONS, POST, PUT")


def test_the_customer_of_a_verb_is_read_by_its_brand_only(server: Client, shopper: Client) -> None:
    put(server, GIULIA, "/api/v1/customers/merge/")

    assert shopper.get("/api/v1/customers/merge/").status_code == 403
    assert Client().get("/api/v1/customers/merge/").status_code == 401
    key = ApiKeyFactory(brand=BrandFactory()).text
    assert Client(headers={"Authorization": f"Api-Key {key}"}).get("/api/v1/customers/merge/").status_code == 404


def test_what_is_left_out_is_emptied_but_for_the_consent(server: Client) -> None:
    put(server, GIULIA)

    answer = put(server, {}).json()

    assert (answer["name"], answer["email"], answer["language"]) == ("", "", "")
    assert (answer["marketing_consent"], len(answer["consents"])) == (True, 1)


def test_a_change_with_another_version_is_refused(server: Client) -> None:
    tag = put(server, GIULIA).headers["ETag"]
    assert server.get(CUSTOMER).headers["ETag"] == tag

    assert put(server, {"name": "Julia"}, **{"If-Match": tag}).status_code == 200
    assert put(server, {"name": "Juliet"}, **{"If-Match": tag}).status_code == 412
    assert server.get(CUSTOMER).json()["name"] == "Julia"


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"email": "nobody"}, ["email"]),
        ({"email": None}, ["email"]),
        ({"language": "tlh"}, ["language"]),
        ({"name": "a\u202eb"}, ["name"]),
        ({"name": "x" * 151}, ["name"]),
        ({"phone": "1"}, ["phone"]),
        ({"attributes": {"color": "red"}}, ["attributes.color"]),
        ({"attributes": {"tier": 1}}, ["attributes.tier"]),
        ({"consent": {"granted": True, "at": "2026-01-02T10:00:00Z"}}, ["consent.wording"]),
        ({"consent": {"granted": False}}, ["consent.at"]),
        ({"consent": SUBSCRIBED | {"at": "2026-01-02T10:00:00"}}, ["consent.at"]),
        ({"consent": SUBSCRIBED | {"at": "2999-01-01T00:00:00Z"}}, ["consent.at"]),
        ({"consent": SUBSCRIBED | {"source": "shop"}}, ["consent.source"]),
        ({"consent": None}, ["consent"]),
    ],
)
def test_an_invalid_customer_is_refused_and_changes_nothing(
    server: Client, billo: Brand, changes: dict[str, Any], fields: list[str]
) -> None:
    Attribute.objects.create(brand=billo, name="tier", type="string")
    Attribute.objects.create(brand=BrandFactory(), name="color", type="string")  # another brand's
    before = put(server, GIULIA).json()

    response = put(server, GIULIA | changes)

    assert (response.status_code, error_fields(response)) == (400, fields)
    assert server.get(CUSTOMER).json() == before


def test_an_invalid_id_is_refused(server: Client) -> None:
    for customer_id in ("x" * 256, "%20", "a%07b"):
        response = put(server, {}, f"/api/v1/customers/{customer_id}/")
        assert (response.status_code, error_fields(response)) == (400, ["customer_id"])
    assert not Customer.objects.exists()


def test_only_the_brands_own_servers_describe_its_customers(
    server: Client, shopper: Client, brand_client: Callable[[Any], Client]
) -> None:
    put(server, GIULIA)
    other, reader = brand_client(BrandFactory()), ApiKeyFactory(scopes=["read"])

    assert other.get(CUSTOMER).status_code == 404
    assert put(other, {"email": "other@example.com"}).status_code == 201
    assert put(Client(headers={"Authorization": f"Api-Key {reader.text}"}), {}).status_code == 403
    assert (put(shopper, {}).status_code, shopper.get(CUSTOMER).status_code) == (403, 403)
    assert server.get(CUSTOMER).json()["email"] == "giulia@example.com"


# --- consent ----------------------------------------------------------------------------------------------------------
def test_the_latest_decision_counts_whatever_order_they_arrive_in(server: Client, billo: Brand) -> None:
    put(server, GIULIA | {"consent": {"granted": False, "at": "2026-03-01T00:00:00Z"}})
    late = put(server, GIULIA).json()

    assert (late["marketing_consent"], [one["granted"] for one in late["consents"]]) == (False, [False, True])
    assert addresses(billo) == []
    again = put(server, GIULIA | {"consent": SUBSCRIBED | {"at": "2026-03-02T00:00:00Z"}}).json()
    assert (again["marketing_consent"], len(again["consents"])) == (True, 3)
    assert addresses(billo) == ["giulia@example.com"]


def test_a_recorded_decision_never_changes(server: Client) -> None:
    put(server, GIULIA)

    response = put(server, GIULIA | {"consent": SUBSCRIBED | {"wording": "Send me nothing."}})

    assert (response.status_code, error_fields(response)) == (400, ["consent.at"])
    assert Consent.objects.get().wording == "Send me offers."


def test_an_account_takes_precedence_over_what_a_server_tells(server: Client, billo: Brand) -> None:
    ann = ShopperFactory(email="ann@example.com")
    path = f"/api/v1/customers/{ann.customer.customer_id}/"

    put(server, GIULIA, path)

    assert addresses(billo) == ["ann@example.com"]


def test_a_consent_is_for_one_brand(server: Client, billo: Brand, brand_client: Callable[[Any], Client]) -> None:
    cake = BrandFactory(slug="cake")
    put(server, GIULIA)
    put(brand_client(cake), GIULIA | {"consent": {"granted": False, "at": "2026-01-02T10:00:00Z"}})

    assert (addresses(billo), addresses(cake)) == (["giulia@example.com"], [])


def test_a_customer_without_an_account_gets_an_announcement_and_can_unsubscribe(server: Client, billo: Brand) -> None:
    put(server, GIULIA)
    code, at = DiscountCodeFactory(text="TEN", brand=billo), timezone.now()
    announcements.announce(offer_id=code.offer_id, at=at)
    sending.send_due(at=at + timedelta(minutes=1))

    (message,) = mail.outbox
    assert message.to == ["Giulia <giulia@example.com>"]
    assert "TEN" in message.body
    (token,) = {part.rstrip(">/").rpartition("/")[2] for part in [message.extra_headers["List-Unsubscribe"]]}
    unsubscriptions.unsubscribe(token=token)
    other = DiscountCodeFactory(text="TWENTY", brand=billo)
    announcements.announce(offer_id=other.offer_id, at=at)
    sending.send_due(at=at + timedelta(minutes=2))
    assert len(mail.outbox) == 1


# --- attributes -------------------------------------------------------------------------------------------------------
@pytest.fixture
def gold(billo: Brand) -> None:
    """Half off for gold customers."""
    Attribute.objects.create(brand=billo, name="tier", type="string")
    condition = {"kind": "attribute", "name": "tier", "of": "customer", "any": ["gold"]}
    benefit = {"kind": "percent", "value": "50", "on": "order"}
    PromotionFactory(brand=billo, offer={"conditions": [condition], "benefits": [benefit]})


def test_offers_see_the_stored_attributes(server: Client, gold: None) -> None:
    put(server, {"attributes": {"tier": "gold"}})

    assert post(server, QUOTE, cart(customer_id="g1")).json()["discount_total"] == "60.00"
    assert post(server, QUOTE, cart(customer_id="g2")).json()["discount_total"] == "0.00"
    sent = cart(customer_id="g1", customer={"attributes": {"tier": "silver"}})
    assert post(server, QUOTE, sent).json()["discount_total"] == "0.00"


def test_shoppers_see_offers_for_their_stored_attributes(
    server: Client, shopper: Client, user: Any, gold: None
) -> None:
    put(server, {"attributes": {"tier": "gold"}}, f"/api/v1/customers/{user.customer.customer_id}/")
    lines = [{"id": "a", "sku": "shoe", "quantity": 1, "unit_price": "100.00", "brand": "billo"}]

    assert post(shopper, QUOTE, cart(lines=lines)).json()["discount_total"] == "50.00"


def test_an_order_keeps_the_attributes_of_its_time(server: Client, gold: None) -> None:
    put(server, {"attributes": {"tier": "gold"}})
    redemption = post(server, REDEMPTIONS, order(customer_id="g1", codes=[])).json()
    post_action(server, redemption, "confirm")
    put(server, {})

    lines = [{"id": "a", "sku": "shoe", "quantity": 2, "unit_price": "100.00"}]
    amended = post_action(server, redemption, "amend", {"currency": "EUR", "lines": lines}).json()

    assert amended["quote"]["discount_total"] == "100.00"


def test_a_cart_without_such_offers_costs_no_statement(server: Client, billo: Brand) -> None:
    put(server, GIULIA)

    with CaptureQueriesContext(connection) as queries:
        post(server, QUOTE, cart(customer_id="g1"))

    assert not [query for query in queries if "accounts_customerprofile" in query["sql"]]


def test_the_time_of_a_consent_is_stored_in_utc(server: Client) -> None:
    put(server, GIULIA | {"consent": SUBSCRIBED | {"at": "2026-01-02T10:00:00+02:00"}})

    assert Consent.objects.get().decided_at == datetime(2026, 1, 2, 8, tzinfo=UTC)
