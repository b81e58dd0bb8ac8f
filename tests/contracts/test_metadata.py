"""Every kind of offer, and the redemptions of orders, keep the callers' own data: an external ID and metadata."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Brand
from checkout.models import Redemption
from redemptions.lifecycle import EXTERNAL_ID_CONSTRAINT, OfferLifecycle, offer_models
from tests.factories import BrandFactory, MembershipFactory, ShopperFactory

pytestmark = pytest.mark.django_db
ClientOf = Callable[[Any], Client]
DATES = {"start_date": "2026-01-01T00:00:00Z", "end_date": "2099-01-01T00:00:00Z"}
OFFER = {"benefits": [{"kind": "percent", "value": "10", "on": "order"}]}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "promotion": ("/api/v1/promotions/", {"name": "Sale", "trigger": "automatic", "offer": OFFER, **DATES}),
    "discount_code": ("/api/v1/discountcode/", {"id": "TEN", "rule": {"discount": 10}, "validity": DATES["end_date"]}),
    "coupon": ("/api/v1/coupons/", {"title": "Ten", "offer": OFFER, **DATES}),
    "voucher": ("/api/v1/campaigns/", {"name": "Spring", "slug": "spring", **DATES}),
}
"""Where offers of each kind are created, and the least that a new one needs."""
OTHER = {"discount_code": {"id": "TWENTY"}, "voucher": {"slug": "summer"}}
OWN = {"external_id": "erp-1", "metadata": {"channel": "web", "team": "growth"}}
REDEMPTIONS = "/api/v1/checkout/redemptions/"
ORDER = {
    "currency": "EUR",
    "lines": [{"id": "1", "sku": "a", "quantity": 1, "unit_price": "10.00"}],
    "order": "1",
    "customer_id": "c1",
}
kinds = pytest.mark.parametrize("kind", KINDS)


def send(client: Client, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    response = getattr(client, method)(path, body or {}, content_type="application/json")
    assert response.status_code == status, response.content
    return response.json() if response.content else None


def find(client: Client, path: str, **query: str) -> list[str]:
    response = client.get(path, query)
    assert response.status_code == 200, response.content
    return [found["id"] for found in response.json()["results"]]


@pytest.fixture
def brand() -> Brand:
    created: Brand = BrandFactory(slug="billo")
    return created


@pytest.fixture
def server(brand: Brand, brand_client: ClientOf) -> Client:
    return brand_client(brand)


def create(server: Client, kind: str, **fields: Any) -> dict[str, Any]:
    path, body = KINDS[kind]
    created: dict[str, Any] = send(server, "post", path, body | fields, 201)
    return created


def url_of(kind: str, offer: dict[str, Any]) -> str:
    return f"{KINDS[kind][0]}{offer['slug' if kind == 'voucher' else 'id']}/"


def test_every_kind_has_the_data_and_its_constraint() -> None:
    models = [model for model in offer_models() if model.offer_kind in KINDS]

    assert {model.offer_kind for model in models} == set(KINDS)
    for model in offer_models():
        names = [constraint.name for constraint in model._meta.constraints]
        assert any(name.endswith(EXTERNAL_ID_CONSTRAINT) for name in names), model


@kinds
def test_an_offer_keeps_own_data_and_is_found_by_it(kind: str, server: Client) -> None:
    path = KINDS[kind][0]
    offer = create(server, kind, **OWN)
    create(server, kind, **OTHER.get(kind, {}), metadata={"channel": "store"})

    assert {name: send(server, "get", url_of(kind, offer))[name] for name in OWN} == OWN
    assert find(server, path, external_id="erp-1") == [offer["id"]]
    assert find(server, path, **{"metadata[channel]": "web", "metadata[team]": "growth"}) == [offer["id"]]
    assert find(server, path, **{"metadata[channel]": "web", "metadata[team]": "sales"}) == []
    assert find(server, path, external_id="erp-2") == []


@kinds
def test_changes_are_merged_by_key(kind: str, server: Client) -> None:
    offer = create(server, kind, **OWN)
    url = url_of(kind, offer)

    changed = send(server, "patch", url, {"metadata": {"team": None, "page": "7"}})
    cleared = send(server, "patch", url, {"metadata": None, "external_id": None})

    assert changed["metadata"] == {"channel": "web", "page": "7"}
    assert (changed["external_id"], cleared["external_id"], cleared["metadata"]) == ("erp-1", None, {})
    assert offer["updated_at"] < changed["updated_at"] < cleared["updated_at"]
    assert send(server, "get", url)["updated_at"] == cleared["updated_at"]


@kinds
@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({"k" * 41: "v"}, f"metadata.{'k' * 41}"), ({"": "v"}, "metadata."), ({"a[b]": "v"}, "metadata.a[b]"),
        ({"k": "v" * 501}, "metadata.k"), ({"k": 5}, "metadata.k"), ({"k": {}}, "metadata.k"), ([], "metadata"),
        ({str(number): "v" for number in range(51)}, "metadata"),
    ],
    ids=range(8),
)  # fmt: skip
def test_invalid_metadata_is_refused(kind: str, metadata: Any, field: str, server: Client) -> None:
    path, body = KINDS[kind]

    problem = send(server, "post", path, body | {"metadata": metadata}, 400)

    assert [error["field"] for error in problem["errors"]] == [field]


@kinds
def test_metadata_has_at_most_fifty_keys_after_a_change(kind: str, server: Client) -> None:
    offer = create(server, kind, metadata={str(number): "v" for number in range(50)})

    problem = send(server, "patch", url_of(kind, offer), {"metadata": {"one more": "v"}}, 400)

    assert problem["errors"][0]["field"] == "metadata"
    assert len(send(server, "get", url_of(kind, offer))["metadata"]) == 50


@kinds
def test_an_external_id_means_one_offer_that_is_not_archived(kind: str, server: Client, brand_client: ClientOf) -> None:
    path, body = KINDS[kind]
    offer, other = create(server, kind, **OWN), create(server, kind, **OTHER.get(kind, {}))
    third = body | ({"id": "THIRD"} if kind == "discount_code" else {"slug": "third"} if kind == "voucher" else {})

    assert send(server, "post", path, third | OWN, 409)["code"] == "external_id_taken"
    assert send(server, "patch", url_of(kind, other), OWN, 409)["code"] == "external_id_taken"
    foreign = third | ({"slug": "foreign"} if kind == "voucher" else {})
    assert send(brand_client(BrandFactory()), "post", path, foreign | OWN, 201)["external_id"] == "erp-1"
    send(server, "post", f"{url_of(kind, offer)}archive/")
    assert send(server, "patch", url_of(kind, other), OWN)["external_id"] == "erp-1"


@kinds
def test_a_duplicate_has_the_metadata_and_no_external_id(kind: str, server: Client) -> None:
    offer = create(server, kind, **OWN)

    duplicate = send(server, "post", f"{url_of(kind, offer)}duplicate/", status=201)

    assert (duplicate["metadata"], duplicate["external_id"]) == (OWN["metadata"], None)


@kinds
def test_own_data_can_change_at_any_time(kind: str, server: Client) -> None:
    offer = create(server, kind)
    by_id = "offer_id" if kind == "discount_code" else "slug" if kind == "voucher" else "id"

    for action in ("end", "archive"):
        send(server, "post", f"{url_of(kind, offer)}{action}/")
        changed = send(server, "patch", f"{KINDS[kind][0]}{offer[by_id]}/", {"metadata": {"after": action}})
        assert changed["metadata"] == {"after": action}


@kinds
def test_shoppers_do_not_see_own_data(kind: str, server: Client, shopper_client: ClientOf) -> None:
    offer = create(server, kind, **OWN)
    shopper = shopper_client(ShopperFactory())

    answer = shopper.get(url_of(kind, offer))
    assert "erp-1" not in answer.content.decode()
    assert "growth" not in answer.content.decode()
    for query in ({"external_id": "erp-1"}, {"metadata[team]": "growth"}, {"updated_after": "2026-01-01"}):
        found = shopper.get(KINDS[kind][0], {"brand": "billo", **query})
        assert found.status_code in {200, 403}
        assert found.status_code == 403 or found.json()["results"] == []


# --- redemptions of orders --------------------------------------------------------------------------------------------
def test_a_redemption_keeps_the_senders_data(server: Client) -> None:
    reserved = send(server, "post", REDEMPTIONS, ORDER | OWN, 201)
    send(server, "post", REDEMPTIONS, ORDER | {"order": "2"}, 201)
    url = f"{REDEMPTIONS}{reserved['id']}/"

    assert {name: reserved[name] for name in OWN} == OWN
    assert find(server, REDEMPTIONS, external_id="erp-1", **{"metadata[team]": "growth"}) == [reserved["id"]]
    confirmed = send(server, "post", f"{url}confirm/")
    changed = send(server, "patch", url, {"metadata": {"team": None}, "external_id": "erp-2"})
    cart = {name: ORDER[name] for name in ("currency", "lines")}
    amended = send(server, "post", f"{url}amend/", cart | {"metadata": {"invoice": "5"}})
    assert changed["metadata"] == {"channel": "web"}
    assert (amended["metadata"], amended["external_id"]) == ({"channel": "web", "invoice": "5"}, "erp-2")
    times = [answer["updated_at"] for answer in (reserved, confirmed, changed, amended)]
    refunded = send(server, "post", f"{url}refund/")
    assert sorted({*times, refunded["updated_at"]}) == [*times, refunded["updated_at"]]
    assert send(server, "get", url)["updated_at"] == refunded["updated_at"]


def test_only_the_sender_sees_and_changes_the_data_of_a_redemption(
    brand: Brand, server: Client, shopper_client: ClientOf
) -> None:
    user = ShopperFactory()
    reserved = send(server, "post", REDEMPTIONS, ORDER | OWN | {"customer_id": user.customer.customer_id}, 201)
    shopper, url = shopper_client(user), f"{REDEMPTIONS}{reserved['id']}/"
    viewer = shopper_client(MembershipFactory(brand=brand, role="viewer").user)

    assert not {"external_id", "metadata"} & send(shopper, "get", url).keys()
    assert find(shopper, REDEMPTIONS, external_id="erp-1") == []
    assert find(shopper, REDEMPTIONS, **{"metadata[team]": "growth"}) == []
    assert find(viewer, REDEMPTIONS, external_id="erp-1") == [reserved["id"]]
    for caller in (shopper, viewer):
        send(caller, "patch", url, {"external_id": "mine"}, 403)
    assert Redemption.objects.get().external_id == "erp-1"


def test_lists_find_what_was_changed_since(server: Client) -> None:
    for kind in KINDS:
        offer = create(server, kind)
        changed = send(server, "patch", url_of(kind, offer), {"metadata": {"a": "b"}})
        later = (timezone.now() + timedelta(hours=1)).isoformat()
        assert find(server, KINDS[kind][0], updated_after=changed["updated_at"]) == [offer["id"]]
        assert find(server, KINDS[kind][0], updated_after=later) == []


def test_offers_of_packages_have_own_data() -> None:
    (model,) = (model for model in offer_models() if model.offer_kind not in KINDS)

    assert issubclass(model, OfferLifecycle)
    assert {"external_id", "metadata", "updated_at"} <= {field.name for field in model._meta.fields}
