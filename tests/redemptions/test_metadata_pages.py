"""The page of the brand's own data about an offer, the same for every kind."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Brand
from tests.factories import (
    BrandFactory,
    CampaignFactory,
    CouponFactory,
    DiscountCodeFactory,
    MembershipFactory,
    PromotionFactory,
)

pytestmark = pytest.mark.django_db
FACTORIES = (PromotionFactory, DiscountCodeFactory, CouponFactory, CampaignFactory)
kinds = pytest.mark.parametrize("factory", FACTORIES, ids=lambda factory: factory._meta.model.__name__)


@pytest.fixture
def brand() -> Brand:
    created: Brand = BrandFactory(slug="billo")
    return created


@pytest.fixture
def client_with_role(brand: Brand, client: Client) -> Callable[[str], Client]:
    def sign_in(role: str) -> Client:
        client.force_login(MembershipFactory(brand=brand, role=role).user)
        return client

    return sign_in


def page_of(offer: Any) -> str:
    return reverse(f"admin:{offer._meta.app_label}_{offer._meta.model_name}_metadata", args=[offer.pk])


@kinds
def test_editors_change_rows_of_keys_and_texts(
    factory: Any, brand: Brand, client_with_role: Callable[[str], Client]
) -> None:
    offer, editor = factory(brand=brand), client_with_role("editor")
    form = {"external_id": "erp-1", "metadata-key": ["channel", "team", ""], "metadata-text": ["web", "growth", ""]}
    assert editor.post(page_of(offer), form).status_code == 302
    offer.refresh_from_db()
    assert (offer.external_id, offer.metadata) == ("erp-1", {"channel": "web", "team": "growth"})

    page = editor.get(page_of(offer)).content.decode()
    assert re.findall(r'name="shown" value="(\w+)"', page) == ["channel", "team"]
    type(offer).objects.filter(pk=offer.pk).update(metadata=offer.metadata | {"added": "meanwhile"})
    editor.post(
        page_of(offer),
        {"external_id": "", "shown": ["channel", "team"], "metadata-key": ["channel"], "metadata-text": ["app"]},
    )
    offer.refresh_from_db()
    assert (offer.external_id, offer.metadata) == ("", {"channel": "app", "added": "meanwhile"})


@kinds
def test_errors_are_shown_with_what_was_typed(
    factory: Any, brand: Brand, client_with_role: Callable[[str], Client]
) -> None:
    factory(brand=brand, external_id="taken")
    offer, editor = factory(brand=brand), client_with_role("editor")

    for form, error in (
        ({"metadata-key": ["a[b]"], "metadata-text": ["typed text"]}, "square brackets"),
        ({"metadata-key": ["a", "a"], "metadata-text": ["typed text", "x"]}, "A key can occur only once: a"),
        ({"metadata-key": [""], "metadata-text": ["typed text"]}, "1 to 40 characters"),
        ({"external_id": "taken", "metadata-key": ["a"], "metadata-text": ["typed text"]}, "has this external ID"),
    ):
        response = editor.post(page_of(offer), form)
        text = response.content.decode()
        assert response.status_code == 200
        assert error in text
        assert "typed text" in text
    offer.refresh_from_db()
    assert (offer.external_id, offer.metadata) == ("", {})


@kinds
def test_viewers_read_and_others_see_nothing(
    factory: Any, brand: Brand, client_with_role: Callable[[str], Client]
) -> None:
    offer, foreign = factory(brand=brand, metadata={"team": "growth"}), factory(brand=BrandFactory())
    viewer = client_with_role("viewer")

    page = viewer.get(page_of(offer)).content.decode()
    assert "growth" in page
    assert "metadata-key" not in page
    assert viewer.post(page_of(offer), {"external_id": "x"}).status_code == 403
    assert viewer.get(page_of(foreign)).status_code in {302, 404}
    detail = reverse(f"admin:{offer._meta.app_label}_{offer._meta.model_name}_change", args=[offer.pk])
    assert page_of(offer) in viewer.get(detail).content.decode()
