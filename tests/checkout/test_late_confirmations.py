"""An order that is paid after its reservation expired is confirmed if all its offers still give the same."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import Brand
from checkout import services
from checkout.contracts import Actor
from checkout.models import Redemption
from checkout.services import release_expired
from redemptions.decisions import apply_action
from redemptions.errors import InvalidStatus, ReservationExpired
from redemptions.events.models import Event
from redemptions.lifecycle import Action
from redemptions.statuses import RedemptionStatus
from redemptions.uses.consistency import check
from tests.factories import BrandFactory, DiscountCodeFactory, PromotionFactory
from tests.redemptions.limited_offers import KINDS, create_offer, create_shopper, reserve

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def billo() -> Brand:
    brand: Brand = BrandFactory(slug="billo")
    return brand


def confirm(redemption: Redemption, at: datetime) -> Redemption:
    return services.confirm(redemption=redemption, by=Actor.SERVER, at=at)


@pytest.mark.parametrize("is_swept", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_a_late_confirmation_is_honored(kind: str, is_swept: bool, billo: Brand, at: datetime) -> None:
    redemption = reserve(create_offer(kind, billo, budget=1_500, limit_per_day=1), at)
    late = redemption.expires_at
    if is_swept:
        release_expired(at=late)

    confirmed = confirm(redemption, late)

    assert (confirmed.status, confirmed.discount_total, confirmed.closed_at) == ("confirmed", 1_000, None)
    assert confirm(redemption, late).confirmed_at == late
    types = Event.objects.filter(redemption_id=redemption.pk, type__startswith="redemption.").order_by("id")
    assert [event.type.partition(".")[2] for event in types] == ["reserved", "expired", "confirmed"]
    release_expired(at=late + DAY)
    redemption.refresh_from_db()
    assert redemption.status == RedemptionStatus.CONFIRMED
    assert list(check(at=late, repair=False)) == []


@pytest.mark.parametrize("limits", [{"budget": 1_500}, {"limit_per_day": 1}], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_what_another_order_took_is_not_taken_twice(
    kind: str, limits: dict[str, Any], billo: Brand, at: datetime
) -> None:
    offer = create_offer(kind, billo, **limits)
    redemption = reserve(offer, at)
    other = reserve(offer, redemption.expires_at)

    with pytest.raises(ReservationExpired):
        confirm(redemption, redemption.expires_at)

    assert confirm(other, redemption.expires_at).status == RedemptionStatus.CONFIRMED
    release_expired(at=redemption.expires_at)
    with pytest.raises(ReservationExpired):
        confirm(redemption, redemption.expires_at)
    redemption.refresh_from_db()
    assert redemption.status == RedemptionStatus.EXPIRED
    assert list(check(at=redemption.expires_at, repair=False)) == []


def test_an_offer_that_ended_is_not_given_late(billo: Brand, at: datetime) -> None:
    redemption = reserve(DiscountCodeFactory(brand=billo, text="TEN", end_date=at + DAY), at)

    with pytest.raises(ReservationExpired):
        confirm(redemption, at + DAY)
    assert confirm(redemption, at + DAY - timedelta(seconds=1)).status == RedemptionStatus.CONFIRMED


def test_an_offer_that_was_paused_is_not_given_late(billo: Brand, at: datetime) -> None:
    promotion = PromotionFactory(brand=billo, trigger="code", text="TEN", percent="10")
    redemption = reserve(promotion, at)
    apply_action(promotion, action=Action.PAUSE, at=at)

    with pytest.raises(ReservationExpired):
        confirm(redemption, redemption.expires_at)


def test_another_discount_than_then_is_not_given_late(billo: Brand, at: datetime) -> None:
    promotion = PromotionFactory(brand=billo, trigger="code", text="TEN", percent="10")
    redemption = reserve(promotion, at)
    promotion.offer["benefits"][0]["value"] = "20"
    promotion.save()

    with pytest.raises(ReservationExpired):
        confirm(redemption, redemption.expires_at)


def test_a_code_that_the_customer_used_meanwhile_is_not_given_late(billo: Brand, at: datetime) -> None:
    code, who = DiscountCodeFactory(brand=billo, text="TEN"), create_shopper()
    redemption = reserve(code, at, who)
    confirm(reserve(code, redemption.expires_at, who), redemption.expires_at)

    with pytest.raises(ReservationExpired):
        confirm(redemption, redemption.expires_at)


def test_an_order_that_was_reserved_again_or_canceled_is_not_confirmed_late(billo: Brand, at: datetime) -> None:
    promotion = PromotionFactory(brand=billo, trigger="code", text="TEN", percent="10")
    expired, who = reserve(promotion, at), create_shopper()
    release_expired(at=expired.expires_at)
    replacing = reserve(promotion, expired.expires_at, who)
    Redemption.objects.filter(pk=replacing.pk).update(order=expired.order)

    with pytest.raises(ReservationExpired):
        confirm(expired, expired.expires_at)

    services.cancel(redemption=replacing, at=expired.expires_at)
    with pytest.raises(InvalidStatus):
        confirm(replacing, expired.expires_at)
    assert confirm(expired, expired.expires_at).status == RedemptionStatus.CONFIRMED


def test_an_order_without_offers_is_confirmed_late(billo: Brand, at: datetime) -> None:
    promotion = PromotionFactory(brand=billo, trigger="code", text="TEN", percent="10")
    redemption = reserve(promotion, at)
    redemption.items.all().delete()

    assert confirm(redemption, redemption.expires_at).status == RedemptionStatus.CONFIRMED
