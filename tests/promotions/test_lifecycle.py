"""Pausing, resuming, ending, archiving and duplicating promotions, with their segments."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Brand, User
from promotions import services
from promotions.models import Promotion
from promotions.services.lifecycle import PAUSED_SEGMENT_TTL
from redemptions.errors import InvalidStatus
from redemptions.lifecycle import Action
from segments.models import CustomerSlots, Segment, State
from segments.services import apply_audience
from tests.factories import BrandFactory, MembershipFactory, PromotionFactory

pytestmark = pytest.mark.django_db
PATH = "/api/v1/promotions/"
AT = datetime(2027, 3, 17, 15, 30, tzinfo=UTC)
DAY = timedelta(days=1)
OFFER = {"benefits": [{"kind": "percent", "value": "10", "on": "order"}]}
ClientOf = Callable[[User], Client]


@pytest.fixture
def billo() -> Brand:
    brand: Brand = BrandFactory(slug="billo")
    apply_audience(brand=brand, segment_type="friends", operation="add", customer_ids=["c1", "c2"])
    return brand


def create(brand: Brand, start: datetime = AT, **fields: Any) -> Promotion:
    """Create a promotion for the audience of friends, for a week."""
    defaults = {"name": "Spring", "offer": OFFER, "target_audience": "friends", "start_date": start}
    fields = defaults | {"end_date": start + 7 * DAY} | fields
    return services.create_promotion(brand=brand, fields=fields, code=None, at=AT)


def change(promotion: Promotion, action: Action, at: datetime = AT) -> Promotion:
    return services.change_decision(promotion=promotion, action=action, at=at)


def live_segment(promotion: Promotion) -> Segment | None:
    return Segment.objects.filter(promotion_id=promotion.pk, deleted_at=None).first()


def count_slots() -> int:
    """Return the number of slots in use."""
    return sum(CustomerSlots.objects.values_list("used", flat=True))


def test_a_paused_promotion_keeps_its_segment_for_seven_days(billo: Brand) -> None:
    promotion = create(billo, end_date=AT + 60 * DAY)
    change(promotion, Action.PAUSE)
    segment = live_segment(promotion)
    assert segment is not None
    assert segment.state == State.ACTIVE

    services.end_due(at=AT + PAUSED_SEGMENT_TTL - timedelta(seconds=1))
    assert live_segment(promotion) == segment

    services.end_due(at=AT + PAUSED_SEGMENT_TTL)
    assert live_segment(promotion) is None

    resumed = change(promotion, Action.RESUME, AT + 10 * DAY)
    refilled = live_segment(promotion)
    assert refilled is not None
    assert (refilled.pk != segment.pk, refilled.state, refilled.members_count) == (True, State.ACTIVE, 2)
    assert resumed.status_at(AT + 10 * DAY) == "active"


def test_a_promotion_that_is_paused_at_its_start_gets_its_segment_when_it_is_resumed(billo: Brand) -> None:
    promotion = create(billo, start=AT + DAY)
    change(promotion, Action.PAUSE)

    services.start_due(at=AT + 2 * DAY)
    assert live_segment(promotion) is None

    change(promotion, Action.RESUME, AT + 2 * DAY)
    segment = live_segment(promotion)
    assert segment is not None
    assert segment.state == State.ACTIVE


@pytest.mark.parametrize("action", [Action.END, Action.ARCHIVE])
def test_ending_and_archiving_free_the_slots_at_once(billo: Brand, action: Action) -> None:
    promotion = create(billo)
    assert count_slots() == 2

    change(promotion, action)

    assert live_segment(promotion) is None
    assert count_slots() == 0


def test_another_end_date_makes_an_ended_promotion_active_again(billo: Brand) -> None:
    promotion = create(billo)
    later = AT + 8 * DAY  # its end has passed
    services.end_due(at=later)
    assert promotion.status_at(later) == "ended"

    reopened = services.update_promotion(promotion=promotion, fields={"end_date": AT + 20 * DAY}, at=later)

    assert reopened.status_at(later) == "active"
    segment = live_segment(promotion)
    assert segment is not None
    assert (segment.state, segment.end_date) == (State.ACTIVE, AT + 20 * DAY)


def test_a_promotion_that_was_ended_stays_ended_without_another_end_date(billo: Brand) -> None:
    promotion = change(create(billo, target_audience=""), Action.END)

    for fields in ({"name": "New"}, {"end_date": promotion.end_date}):
        with pytest.raises(InvalidStatus):
            services.update_promotion(promotion=promotion, fields=fields, at=AT)

    assert Promotion.objects.get().status_at(AT) == "ended"


def test_an_archived_promotion_cannot_be_changed(billo: Brand) -> None:
    promotion = change(create(billo, target_audience=""), Action.ARCHIVE)

    with pytest.raises(InvalidStatus):
        services.update_promotion(promotion=promotion, fields={"end_date": AT + 30 * DAY}, at=AT)
    for action in (Action.ACTIVATE, Action.PAUSE, Action.RESUME, Action.END):
        with pytest.raises(InvalidStatus):
            change(promotion, action)


def test_a_duplicate_is_a_draft_with_the_same_terms(billo: Brand) -> None:
    promotion = create(billo, target_audience="", limit_total=5, budget=1_000, priority=4)
    later = AT + 30 * DAY

    same_dates = services.duplicate_promotion(promotion=promotion, at=AT)
    moved = services.duplicate_promotion(promotion=promotion, at=later)

    for duplicate in (same_dates, moved):
        assert duplicate.name == "Copy of Spring"
        assert duplicate.status_at(AT) == "draft"
        terms = ("offer", "limit_total", "budget", "priority", "trigger")
        assert [getattr(duplicate, name) for name in terms] == [getattr(promotion, name) for name in terms]
    assert (same_dates.start_date, same_dates.end_date) == (promotion.start_date, promotion.end_date)
    assert (moved.start_date, moved.end_date) == (later, later + 7 * DAY)


def test_the_api_answers_the_status_of_this_moment(shopper_client: ClientOf, billo: Brand) -> None:
    owner = shopper_client(MembershipFactory(brand=billo).user)
    now = timezone.now()
    ended = PromotionFactory(brand=billo, end_date=now - timedelta(seconds=1), recorded_status="active")
    started = PromotionFactory(brand=billo, start_date=now - timedelta(seconds=1), recorded_status="scheduled")

    assert owner.get(f"{PATH}{ended.pk}/").json()["status"] == "ended"
    assert owner.get(f"{PATH}{started.pk}/").json()["status"] == "active"


def test_a_promotion_without_reached_customers_shows_a_warning(shopper_client: ClientOf, billo: Brand) -> None:
    owner = shopper_client(MembershipFactory(brand=billo).user)
    promotion = PromotionFactory(brand=billo, target_audience="friends")
    Segment.objects.create(
        brand=billo, promotion_id=promotion.pk, segment_type="friends", state=State.EMPTY, audience_count=2,
        start_date=promotion.start_date, end_date=promotion.end_date, due_at=promotion.start_date,
    )  # fmt: skip

    assert owner.get(f"{PATH}{promotion.pk}/").json()["warnings"] == ["active_without_audience"]

    owner.post(f"{PATH}{promotion.pk}/pause/")
    assert owner.get(f"{PATH}{promotion.pk}/").json()["warnings"] == []
