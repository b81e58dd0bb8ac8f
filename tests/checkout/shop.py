"""What a shop sends to checkout."""

from collections.abc import Callable
from typing import Any

from django.test import Client

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
