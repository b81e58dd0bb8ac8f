"""Requests made up from the API's own description, right and wrong: no answer is a defect, and each is as described."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from checkout.models import Redemption
from promoplatform.wsgi import application
from tests.contracts.test_openapi import OPERATIONS, SCHEMA
from tests.factories import ApiKeyFactory, BrandFactory, DiscountCodeFactory, MembershipFactory, ShopperFactory

EXAMPLES = 12
CHECKS: Any = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
NAMES = [(method.upper(), path) for method, path, _ in OPERATIONS]

DESCRIBED = schemathesis.openapi.from_dict(SCHEMA)
DESCRIBED.app = application


@pytest.fixture
def world(bearer: Callable[[Any], Client]) -> dict[str, Any]:
    """A brand with a code and a redemption, who calls, and what fits into the gaps of addresses."""
    brand = BrandFactory(slug="billo")
    shopper, owner = ShopperFactory(), MembershipFactory(brand=brand).user
    DiscountCodeFactory(text="TEN", brand=brand)
    key = f"Api-Key {ApiKeyFactory(brand=brand).text}"
    cart = {
        "currency": "EUR",
        "lines": [{"id": "a", "sku": "a", "quantity": 1, "unit_price": "9.00"}],
        "codes": ["TEN"],
    }
    made = Client().post(
        "/api/v1/checkout/redemptions/",
        cart | {"order": "1", "customer_id": "c1"},
        content_type="application/json",
        headers={"Authorization": key},
    )
    assert made.status_code == 201
    return {
        "callers": [bearer(shopper).defaults["HTTP_AUTHORIZATION"], bearer(owner).defaults["HTTP_AUTHORIZATION"], key],
        "gaps": {"slug": "billo", "name": "TEN", "id": str(Redemption.objects.get().pk), "user_id": str(owner.uuid)},
    }


@pytest.fixture
def one_connection(world: dict[str, Any]) -> Iterator[None]:
    """Requests share the test's transaction, as Django's own test client has it."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.django_db
@pytest.mark.usefixtures("one_connection")
@pytest.mark.parametrize(("method", "path"), NAMES, ids=[" ".join(name) for name in NAMES])
def test_every_answer_is_as_described(method: str, path: str, world: dict[str, Any], settings: Any) -> None:
    settings.THROTTLES = dict.fromkeys(settings.THROTTLES, "1000000/minute")
    operation = DESCRIBED[path][method]
    cases = st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )

    @bounded
    @given(case=cases, caller=st.sampled_from(world["callers"]), known=st.booleans())
    def send(case: Case, caller: str, known: bool) -> None:
        if known:
            case.path_parameters = {
                name: world["gaps"].get(name, value) for name, value in (case.path_parameters or {}).items()
            }
        response = case.call(headers={"Authorization": caller})
        case.validate_response(response, checks=CHECKS)

    send()


def bounded(test: Callable[..., None]) -> Callable[..., None]:
    """A few examples, the same in every run."""
    run = examples(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    return run(test)
