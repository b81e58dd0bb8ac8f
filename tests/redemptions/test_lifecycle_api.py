"""The life cycle in the API is the same for every kind of offer."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Brand, User
from tests.factories import BrandFactory, CouponFactory, MembershipFactory, PromotionFactory
from tests.redemptions.events import iter_types

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
KINDS: dict[str, tuple[str, Any]] = {
    "promotion": ("/api/v1/promotions/", PromotionFactory),
    "coupon": ("/api/v1/coupons/", CouponFactory),
}


class Offers:
    """The offers of one kind of a brand, as its owner sees them in the API."""

    def __init__(self, client: Client, brand: Brand, kind: str) -> None:
        self.path, self.factory = KINDS[kind]
        self.client, self.brand = client, brand

    def create(self, **fields: Any) -> str:
        """Create an active offer and return its URL."""
        return f"{self.path}{self.factory(brand=self.brand, **fields).pk}/"

    def post(self, url: str, action: str) -> tuple[int, str]:
        """Run an action. Return the HTTP status, and the new status of the offer or the code of the error."""
        response = self.client.post(f"{url}{action}/")
        return response.status_code, response.json()["code" if response.status_code >= 400 else "status"]

    def read(self, url: str) -> str:
        """Return the status of the offer."""
        return str(self.client.get(url).json()["status"])

    def patch(self, url: str, **fields: str) -> tuple[int, str]:
        """Change an offer. Return the HTTP status, and the new status of the offer or the code of the error."""
        response = self.client.patch(url, fields, content_type="application/json")
        return response.status_code, response.json()["code" if response.status_code >= 400 else "status"]


@pytest.fixture(params=list(KINDS))
def offers(request: pytest.FixtureRequest, shopper_client: ClientOf) -> Offers:
    brand = BrandFactory(slug="billo")
    return Offers(shopper_client(MembershipFactory(brand=brand).user), brand, request.param)


def test_an_action_can_be_repeated_and_the_others_are_rejected(offers: Offers) -> None:
    url = offers.create()

    assert [offers.post(url, "pause"), offers.post(url, "pause")] == [(200, "paused")] * 2
    assert offers.post(url, "activate") == (409, "invalid_status")
    assert [offers.post(url, "resume"), offers.post(url, "resume")] == [(200, "active")] * 2
    assert [offers.post(url, "end"), offers.post(url, "end")] == [(200, "ended")] * 2
    assert offers.post(url, "pause") == (409, "invalid_status")
    assert [offers.post(url, "archive"), offers.post(url, "archive")] == [(200, "archived")] * 2
    assert [offers.post(url, action)[0] for action in ("activate", "pause", "resume", "end")] == [409] * 4
    assert list(iter_types()) == ["offer.paused", "offer.resumed", "offer.ended", "offer.archived"]


def test_a_draft_is_published(offers: Offers) -> None:
    url = offers.create(decision="draft")

    assert offers.read(url) == "draft"
    assert [offers.post(url, "activate"), offers.post(url, "activate")] == [(200, "active")] * 2


def test_the_status_is_the_one_of_this_moment(offers: Offers) -> None:
    now, second = timezone.now(), timedelta(seconds=1)

    assert offers.read(offers.create(end_date=now - second)) == "ended"
    assert offers.read(offers.create(start_date=now - second)) == "active"
    assert offers.read(offers.create(start_date=now + timedelta(days=1))) == "scheduled"


def test_another_end_date_makes_an_ended_offer_active_again(offers: Offers) -> None:
    ended = offers.create()
    offers.post(ended, "end")
    over = offers.create(end_date=timezone.now() - timedelta(seconds=1))
    archived = offers.create()
    offers.client.delete(archived)

    for url in (ended, over):
        assert offers.patch(url, end_date="2098-01-01T00:00:00Z") == (200, "active")
    assert offers.read(archived) == "archived"
    assert offers.patch(archived, end_date="2098-01-01T00:00:00Z") == (409, "invalid_status")


def test_an_ended_offer_stays_ended_without_another_end_date(offers: Offers) -> None:
    url = offers.create()
    offers.post(url, "end")
    end_date = offers.client.get(url).json()["end_date"]

    assert offers.patch(url, end_date=end_date) == (409, "invalid_status")
    assert offers.read(url) == "ended"


def test_a_duplicate_is_a_draft(offers: Offers) -> None:
    url = offers.create()

    response = offers.client.post(f"{url}duplicate/")

    original, duplicate = offers.client.get(url).json(), response.json()
    assert (response.status_code, duplicate["status"]) == (201, "draft")
    assert duplicate["id"] != original["id"]
    for name in ("offer", "start_date", "end_date"):
        assert duplicate[name] == original[name]
