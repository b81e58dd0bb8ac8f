"""A random offer that a server writes is read back as it was written."""

from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, assume, given, settings

from accounts.models import Brand
from pricing import parse_offer
from promotions.models import Attribute
from tests.factories import ApiKeyFactory, BrandFactory
from tests.pricing.strategies import documents
from tests.promotions.test_offer_form import EXTRA_CONDITIONS, TYPES, has_common_currency

pytestmark = pytest.mark.django_db
DATES = {"start_date": "2098-01-01", "end_date": "2098-02-01"}


@pytest.fixture
def server() -> Client:
    billo: Brand = BrandFactory(slug="billo", currency="KWD")  # three decimals, so that the strategies' amounts fit
    Attribute.objects.bulk_create(Attribute(brand=billo, name=name, type=type_) for name, type_ in TYPES.items())
    return Client(headers={"Authorization": f"Api-Key {ApiKeyFactory(brand=billo).text}"})


def write(server: Client, offer: dict[str, Any]) -> Any:
    """Create a draft promotion with the offer. Return the answer."""
    body = {"name": "Offer", "trigger": "automatic", "status": "draft", "offer": offer, **DATES}
    return server.post("/api/v1/promotions/", body, content_type="application/json")


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(document=documents(compound=True), extra=EXTRA_CONDITIONS)
def test_an_offer_reads_back_from_the_api_as_it_was_written(
    document: dict[str, Any], extra: list[dict[str, Any]], server: Client
) -> None:
    document = document | {"conditions": document["conditions"] + extra}
    assume(has_common_currency(document))
    created = write(server, document)
    assert created.status_code == 201, created.content
    path = f"/api/v1/promotions/{created.json()['id']}/"
    read = server.get(path).json()["offer"]

    assert parse_offer(read) == parse_offer(document)
    written_again = server.patch(path, {"offer": read}, content_type="application/json")
    assert (written_again.status_code, written_again.json()["offer"]) == (200, read)
