"""What a shop sends to checkout."""

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
    """POST a JSON body."""
    return client.post(path, {} if body is None else body, content_type="application/json", headers=headers)


def line(**changes: Any) -> dict[str, Any]:
    """A line of one shoe for 100.00; what is changed to None is left out."""
    whole = {"id": "a", "sku": "shoe", "quantity": 1, "unit_price": "100.00"} | changes
    return {name: value for name, value in whole.items() if value is not None}


def cart(**changes: Any) -> dict[str, Any]:
    """A cart in EUR of a shoe for 100.00 and two hats for 10.00 each; what is changed to None is left out."""
    whole = {
        "currency": "EUR",
        "lines": [line(), line(id="b", sku="hat", quantity=2, unit_price="10.00")],
    } | changes
    return {name: value for name, value in whole.items() if value is not None}


def order(**changes: Any) -> dict[str, Any]:
    """A cart with the code TEN for the order 1001."""
    return cart(**({"order": "1001", "codes": ["TEN"]} | changes))


def fields(response: Any) -> list[str]:
    """The fields that a refusal names."""
    return [error["field"] for error in response.json().get("errors", [])]


def reserved(client: Client, **changes: Any) -> dict[str, Any]:
    """A redemption that was just made of `order(**changes)`."""
    response = post(client, REDEMPTIONS, order(**changes))
    assert response.status_code == 201, response.content
    answer: dict[str, Any] = response.json()
    return answer


def verb(client: Client, redemption: dict[str, Any], name: str, body: object = None, **headers: str) -> Any:
    """POST a verb on a redemption."""
    return post(client, f"{REDEMPTIONS}{redemption['id']}/{name}/", body, **headers)


def pass_time(redemption: dict[str, Any]) -> None:
    """Let the reservation's time be up."""
    past = timezone.now() - timedelta(seconds=1)
    Redemption.objects.filter(pk=redemption["id"]).update(expires_at=past)
    Usage.objects.filter(redemption_id=redemption["id"]).update(reserved_until=past)


def refused(response: Any) -> tuple[int, str]:
    """Status and code of a problem document."""
    assert response["Content-Type"] == "application/problem+json"
    return response.status_code, response.json()["code"]
