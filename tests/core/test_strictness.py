"""What a request may contain: nothing that the endpoint doesn't know, and everything once."""

import io
from typing import Any

import pytest
from django.test import Client

from core.api import JSONParser
from core.errors import InvalidRequest
from promotions.models import Promotion
from tests.factories import ApiKeyFactory, BrandFactory

PROMOTION: dict[str, Any] = {
    "name": "x", "trigger": "code", "start_date": "2026-01-01", "end_date": "2099-01-01",
    "offer": {"benefits": [{"kind": "percent", "value": "10"}]},
}  # fmt: skip
CART: dict[str, Any] = {
    "customer_id": "u1", "currency": "EUR",
    "lines": [{"id": "1", "sku": "sku-1", "quantity": 1, "unit_price": "10.00"}],
}  # fmt: skip


@pytest.fixture
def server(brand_client: Any) -> Client:
    client: Client = brand_client(BrandFactory(slug="billo", currency="EUR"))
    return client


def send(client: Client, method: str, path: str, body: Any = None) -> Any:
    return getattr(client, method)(path, body, content_type="application/json") if body else client.get(path)


def errors_of(response: Any) -> list[tuple[str, str]]:
    assert (response.status_code, response.json()["code"]) == (400, "invalid"), response.content
    return [(error["field"], error["code"]) for error in response.json()["errors"]]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"limits": {"totl": 1}}, "limits.totl"),
        ({"limit": {"total": 1}}, "limit"),
        ({"budgett": "5.00"}, "budgett"),
        ({"id": "1"}, "id"),
        ({"offer": {"benefits": [{"kind": "percent", "value": "10", "vlaue": 1}]}}, "offer.benefits.0.vlaue"),
        ({"offer": {"benefits": [{"kind": "percent", "value": "10"}], "limits": {}}}, "offer.limits"),
    ],
)
def test_what_is_not_known_is_refused_with_its_name(server: Client, members: dict[str, Any], field: str) -> None:
    response = send(server, "post", "/api/v1/promotions/", PROMOTION | {"code": "ABC"} | members)

    assert errors_of(response) == [(field, "unknown_field")]
    assert not Promotion.objects.exists()


@pytest.mark.django_db
def test_a_change_with_an_unknown_field_changes_nothing(server: Client) -> None:
    promotion = send(server, "post", "/api/v1/promotions/", PROMOTION | {"code": "ABC"}).json()["id"]

    response = send(server, "patch", f"/api/v1/promotions/{promotion}/", {"name": "y", "budgett": "1.00"})

    assert errors_of(response) == [("budgett", "unknown_field")]
    assert Promotion.objects.get().name == "x"


@pytest.mark.django_db
def test_unknown_fields_are_reported_together_with_other_errors(server: Client) -> None:
    line = {"id": "1", "sku": "sku-1", "quantity": 0, "unit_price": "10.00", "catgories": ["shoes"]}

    response = send(server, "post", "/api/v1/checkout/quote/", CART | {"lines": [line], "copdes": [], "currency": "?"})

    assert errors_of(response) == [
        ("copdes", "unknown_field"),
        ("currency", "invalid"),
        ("lines.0.catgories", "unknown_field"),
        ("lines.0.quantity", "min_value"),
    ]


@pytest.mark.django_db
def test_an_endpoint_without_a_body_refuses_members(server: Client) -> None:
    order = send(server, "post", "/api/v1/checkout/redemptions/", CART | {"order": "o1"}).json()["id"]
    path = f"/api/v1/checkout/redemptions/{order}"

    assert errors_of(send(server, "post", f"{path}/confirm/", {"paid": True})) == [("paid", "unknown_field")]
    assert errors_of(send(server, "post", f"{path}/confirm/", [1])) == [("body", "invalid")]
    assert send(server, "get", f"{path}/").json()["status"] == "reserved"
    assert errors_of(server.post(f"{path}/confirm/", {"paid": "1"})) == [("paid", "unknown_field")]  # a form
    assert server.post(f"{path}/confirm/").status_code == 200
    refund = send(server, "post", f"{path}/refund/", {"lines": ["1"], "quantity": 2})
    assert errors_of(refund) == [("quantity", "unknown_field")]
    assert send(server, "get", f"{path}/").json()["status"] == "confirmed"


# --- queries ----------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "errors"),
    [
        ("checkout/redemptions/?statsu=confirmed", [("statsu", "unknown_field")]),
        ("checkout/redemptions/?order=a&order=b", [("order", "duplicate_field")]),
        ("promotions/?limt=5&utm_source=a", [("limt", "unknown_field")]),
        ("coupons/?status=actve", [("status", "invalid_choice")]),
        ("coupons/report/?form=2026-01-01", [("form", "unknown_field")]),
        ("events/?since=2026-01-01&limit=5", [("since", "unknown_field")]),
        ("brand-grants/?expand=brands", [("expand", "unknown_field")]),
    ],
)
def test_a_query_is_strict(server: Client, path: str, errors: list[tuple[str, str]]) -> None:
    assert errors_of(server.get(f"/api/v1/{path}")) == errors


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query", ["utm_source=mail&utm_source=mail&utm_id=1", "gclid=1&fbclid=2&msclkid=3", "_ga=1&mc_cid=2&srsltid=3"]
)
def test_tracking_parameters_are_ignored(server: Client, query: str) -> None:
    assert server.get(f"/api/v1/promotions/?{query}").status_code == 200
    assert server.get(f"/api/v1/coupons/report/?unit=day&{query}").status_code == 200


@pytest.mark.django_db
def test_the_options_of_a_streamed_audience_are_unknown_beside_a_document() -> None:
    internal_client = Client(headers={"Authorization": f"Api-Key {ApiKeyFactory(internal=True).text}"})
    BrandFactory(slug="billo")
    path = "/api/internal/v1/audiences/billo/vip/?operation=add"
    document = {"operation": "replace", "customer_ids": ["c1"]}

    assert errors_of(send(internal_client, "post", path, document)) == [("operation", "unknown_field")]
    assert internal_client.post(path, "c1\n", content_type="text/csv").json()["size"] == 1


# --- duplicates -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("document", "fields"),
    [
        (b'{"a": 1, "a": 1}', ["a"]),
        (b'{"lines": [{"sku": 1}, {"sku": 1, "b": {"c": 1, "c": 2}, "sku": 2}], "z": 0, "z": 0}',
         ["z", "lines.1.sku", "lines.1.b.c"]),
        (b'[{"a": 1, "\\u0061": 2}]', ["0.a"]),
        (b'{"a": {"b": 1, "b": 2}, "a": 3}', ["a"]),
    ],
)  # fmt: skip
def test_a_member_that_is_sent_twice_is_refused_with_its_path(document: bytes, fields: list[str]) -> None:

    with pytest.raises(InvalidRequest) as refused:
        JSONParser().parse(io.BytesIO(document))

    assert [(error["field"], error["code"]) for error in refused.value.errors or []] == [
        (field, "duplicate_field") for field in fields
    ]


def test_the_same_name_in_different_objects_is_no_duplicate() -> None:

    assert JSONParser().parse(io.BytesIO(b'[{"a": {"a": 1}}, {"a": 1}]')) == [{"a": {"a": 1}}, {"a": 1}]
