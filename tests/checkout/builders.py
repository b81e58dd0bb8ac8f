"""Builders of requests to checkout, and readers of its answers."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from checkout.models import Redemption
from discounts.models import Usage

QUOTE, REDEMPTIONS = "/api/v1/checkout/quote/", "/api/v1/checkout/redemptions/"
ClientOf = Callable[[Any], Client]


def post(client: Client, path: str, body: object = None, **headers: str) -> Any:
    """Send a POST request with a JSON body."""
    return client.post(path, {} if body is None else body, content_type="application/json", headers=headers)


def line(**changes: Any) -> dict[str, Any]:
    """Return a line of one shoe for 100.00. Members that are changed to None are left out."""
    members = {"id": "a", "sku": "shoe", "quantity": 1, "unit_price": "100.00"} | changes
    return {name: value for name, value in members.items() if value is not None}


def cart(**changes: Any) -> dict[str, Any]:
    """Return a cart in EUR: a shoe for 100.00 and two hats for 10.00 each. None leaves a member out."""
    members = {
        "currency": "EUR",
        "lines": [line(), line(id="b", sku="hat", quantity=2, unit_price="10.00")],
    } | changes
    return {name: value for name, value in members.items() if value is not None}


def order(**changes: Any) -> dict[str, Any]:
    """Return a cart with the code TEN for the order 1001."""
    return cart(**({"order": "1001", "codes": ["TEN"]} | changes))


def error_fields(response: Any) -> list[str]:
    """Return the fields that a problem document names."""
    return [error["field"] for error in response.json().get("errors", [])]


def reserve_order(client: Client, **changes: Any) -> dict[str, Any]:
    """Reserve ``order(**changes)`` and return the redemption."""
    response = post(client, REDEMPTIONS, order(**changes))
    assert response.status_code == 201, response.content
    redemption: dict[str, Any] = response.json()
    return redemption


def post_action(client: Client, redemption: dict[str, Any], name: str, body: object = None, **headers: str) -> Any:
    """Send an action on a redemption, such as ``confirm``."""
    return post(client, f"{REDEMPTIONS}{redemption['id']}/{name}/", body, **headers)


def expire_reservation(redemption: dict[str, Any]) -> None:
    """Let the time of a reservation pass."""
    past = timezone.now() - timedelta(seconds=1)
    Redemption.objects.filter(pk=redemption["id"]).update(expires_at=past)
    Usage.objects.filter(redemption_id=redemption["id"]).update(reserved_until=past)


def status_and_code(response: Any) -> tuple[int, str]:
    """Return the HTTP status and the code of a problem document."""
    assert response["Content-Type"] == "application/problem+json"
    return response.status_code, response.json()["code"]
