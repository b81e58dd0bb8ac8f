"""The life cycle in the API is the same for every kind of offer."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.factories import BrandFactory, MembershipFactory
from tests.redemptions.offers import FACTORIES, Offers, list_changes

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]


@pytest.fixture(params=list(FACTORIES))
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
    assert list_changes() == ["offer.paused", "offer.resumed", "offer.ended", "offer.archived"]


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
        assert offers.move_end(url, "2098-01-01T00:00:00Z") == (200, "active")
    assert offers.read(archived) == "archived"
    assert offers.move_end(archived, "2098-01-01T00:00:00Z") == (409, "invalid_status")


def test_an_ended_offer_stays_ended_without_another_end_date(offers: Offers) -> None:
    url = offers.create()
    offers.post(url, "end")
    end = offers.client.get(url).json()[offers.end_name]

    assert offers.move_end(url, end) == (409, "invalid_status")
    assert offers.read(url) == "ended"


def test_a_duplicate_is_a_draft(offers: Offers) -> None:
    url = offers.create()

    response = offers.client.post(f"{url}duplicate/", content_type="application/json")

    original, duplicate = offers.client.get(url).json(), response.json()
    assert (response.status_code, duplicate["status"]) == (201, "draft")
    assert duplicate["id"] != original["id"]
    for name in original.keys() & {"offer", "rule", "start_date", offers.end_name}:
        assert duplicate[name] == original[name]


def test_a_draft_is_deleted_and_any_other_offer_is_archived(offers: Offers) -> None:
    draft, active = offers.create(decision="draft"), offers.create()

    assert [offers.client.delete(url).status_code for url in (draft, active)] == [204, 204]
    assert offers.client.get(draft).status_code == 404
    assert offers.read(active) == "archived"
    assert list_changes() == ["offer.archived"] * 2
