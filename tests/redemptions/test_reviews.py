"""The review of a draft of each kind, and the pages of bulk actions: they say what will happen, and change nothing."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Brand
from core.models import OutboxMessage
from redemptions.events.models import Event
from redemptions.lifecycle import OfferLifecycle
from redemptions.statuses import OfferStatus
from segments.services import apply_audience
from tests.factories import (
    BrandFactory,
    CampaignFactory,
    CouponFactory,
    DiscountCodeFactory,
    MembershipFactory,
    PromotionFactory,
    ShopperFactory,
)
from tests.redemptions.offers import admin_page, create_with_status

pytestmark = pytest.mark.django_db
kinds = pytest.mark.parametrize("kind", sorted(settings.REDEMPTION_BACKENDS))


@pytest.fixture
def brand() -> Brand:
    return BrandFactory(slug="billo")


def as_staff(brand: Brand, role: str = "editor") -> Client:
    client = Client()
    client.force_login(MembershipFactory(brand=brand, role=role).user)
    return client


def page_of(answer: Any) -> str:
    assert answer.status_code == 200
    return answer.content.decode().split('id="content-main"')[1]


def list_page(offer: OfferLifecycle) -> str:
    return reverse(f"admin:{offer._meta.app_label}_{offer._meta.model_name}_changelist")


@kinds
def test_a_review_describes_the_offer_and_changes_nothing(kind: str, brand: Brand) -> None:
    offer = create_with_status(kind, OfferStatus.DRAFT, brand=brand)
    events = Event.objects.count()

    page = page_of(as_staff(brand).get(admin_page(offer, "activate")))

    assert "Customers can redeem it at once." in page
    assert ">Activate</button>" in page
    assert "Other offers in this period" in page
    offer.refresh_from_db()
    assert (offer.decision, Event.objects.count(), OutboxMessage.objects.count()) == ("draft", events, 0)


@kinds
def test_an_offer_that_is_no_draft_has_no_review(kind: str, brand: Brand) -> None:
    offer = create_with_status(kind, OfferStatus.ACTIVE, brand=brand)

    answer = as_staff(brand).get(admin_page(offer, "activate"))

    assert (answer.status_code, answer["Location"]) == (302, admin_page(offer))


@kinds
def test_only_editors_review_an_offer(kind: str, brand: Brand) -> None:
    offer = create_with_status(kind, OfferStatus.DRAFT, brand=brand)
    url = admin_page(offer, "activate")

    for client, status in ((as_staff(brand, "viewer"), 403), (as_staff(BrandFactory()), 404)):
        assert [client.get(url).status_code, client.post(url).status_code] == [status, status]
    offer.refresh_from_db()
    assert offer.decision == "draft"


@kinds
def test_a_review_says_when_the_offer_starts_and_that_its_end_has_passed(kind: str, brand: Brand) -> None:
    offer = create_with_status(kind, OfferStatus.DRAFT, brand=brand)
    client, now = as_staff(brand), timezone.now()
    for dates, text in (
        ((now + timedelta(days=1), now + timedelta(days=2)), "Customers can redeem it from "),
        ((now - timedelta(days=2), now - timedelta(days=1)), "Its end has passed: nobody can redeem it."),
    ):
        type(offer).objects.filter(pk=offer.pk).update(start_date=dates[0], end_date=dates[1])  # type: ignore[attr-defined]
        assert text in page_of(client.get(admin_page(offer, "activate")))


FREE = {"benefits": [{"kind": "percent", "value": "100", "on": "order"}]}
UNLIMITED, FREELY = "It has no limit of redemptions and no budget.", "It gives products or shipping for free"
REPEATED = "A customer can redeem it any number of times."


def test_a_review_warns_of_what_is_not_limited(brand: Brand) -> None:
    client, draft = as_staff(brand), {"brand": brand, "decision": "draft"}

    def warnings(offer: OfferLifecycle) -> list[str]:
        page = page_of(client.get(admin_page(offer, "activate")))
        return [text for text in (UNLIMITED, FREELY, REPEATED) if text in page]

    assert warnings(PromotionFactory(**draft)) == [UNLIMITED, REPEATED]
    assert warnings(PromotionFactory(**draft, offer=FREE)) == [FREELY, REPEATED]
    assert warnings(PromotionFactory(**draft, offer=FREE, limit_total=5)) == [REPEATED]
    assert warnings(PromotionFactory(**draft, budget=100_00)) == [REPEATED]
    assert warnings(PromotionFactory(**draft, limit_per_user=1)) == [UNLIMITED]
    assert warnings(CouponFactory(**draft, maximum_number_of_coupons=5)) == []
    assert warnings(CouponFactory(**draft, maximum_number_of_coupons=None)) == [UNLIMITED]
    assert warnings(DiscountCodeFactory(**draft)) == [UNLIMITED]
    assert warnings(CampaignFactory(**draft, offer=FREE)) == []


def test_a_review_names_what_else_can_be_redeemed_in_the_period(brand: Brand) -> None:
    now = timezone.now()
    offer = CouponFactory(brand=brand, decision="draft", start_date=now, end_date=now + timedelta(days=7))
    dates = {"start_date": now + timedelta(days=6), "end_date": now + timedelta(days=9)}
    PromotionFactory(brand=brand, name="Overlaps", **dates)
    PromotionFactory(brand=brand, name="Ended", decision="ended", **dates)
    PromotionFactory(brand=brand, name="Later", start_date=now + timedelta(days=7), end_date=now + timedelta(days=8))
    PromotionFactory(name="Of another brand", **dates)
    client = as_staff(brand)

    page = page_of(client.get(admin_page(offer, "activate")))
    assert "<dd>Overlaps</dd>" in page
    PromotionFactory.create_batch(6, brand=brand, **dates)
    assert "and 2 more</dd>" in page_of(client.get(admin_page(offer, "activate")))


def test_a_code_says_how_many_customers_get_an_email(brand: Brand) -> None:
    for number in range(3):
        ShopperFactory(consents=True, email=f"{number}@example.com")
    ShopperFactory()
    code = DiscountCodeFactory(brand=brand, decision="draft", notify=True)
    client = as_staff(brand)

    assert "<dd>3 customers</dd>" in page_of(client.get(admin_page(code, "activate")))

    code.notify = False
    code.save()
    assert "<dt>Emails at the start</dt><dd>None</dd>" in page_of(client.get(admin_page(code, "activate")))


def test_a_promotion_shows_its_audience_and_leads_to_a_backtest(brand: Brand) -> None:
    apply_audience(brand=brand, segment_type="vip", operation="add", customer_ids=["c1", "c2"])
    promotion = PromotionFactory(brand=brand, decision="draft", target_audience="vip")

    page = page_of(as_staff(brand).get(admin_page(promotion, "activate")))

    assert "<dt>Audience size today</dt><dd>2 (" in page
    assert f"/admin/checkout/backtest/add/?promotion={promotion.pk}" in page


def test_a_promotion_whose_audience_is_empty_cannot_be_activated(brand: Brand) -> None:
    promotion = PromotionFactory(brand=brand, decision="draft", target_audience="nobody")

    page = page_of(as_staff(brand).get(admin_page(promotion, "activate")))

    assert "It can&#x27;t be activated: " in page
    assert ">Activate</button>" not in page


@kinds
@pytest.mark.parametrize("action", ["pause", "end", "archive", "activate"])
def test_a_bulk_action_asks_before_it_changes_anything(kind: str, action: str, brand: Brand) -> None:
    status = OfferStatus.DRAFT if action == "activate" else OfferStatus.ACTIVE
    offers = [
        create_with_status(kind, status, brand=brand),
        create_with_status(kind, OfferStatus.ARCHIVED, brand=brand),
    ]
    before = [offer.decision for offer in offers]
    data = {"action": action, "_selected_action": [str(offer.pk) for offer in offers]}
    client, url = as_staff(brand), list_page(offers[0])

    page = page_of(client.post(url, data))

    assert "This concerns 1 of 2 selected offers." in page
    for offer in offers:
        offer.refresh_from_db()
        assert f'name="_selected_action" value="{offer.pk}"' in page
    assert [offer.decision for offer in offers] == before

    client.post(url, data | {"confirmed": "1"})
    offers[0].refresh_from_db()
    assert offers[0].decision != before[0]


def test_an_announcement_says_who_gets_it_and_asks(brand: Brand) -> None:
    ShopperFactory(consents=True)
    code = DiscountCodeFactory(brand=brand)
    client, url = as_staff(brand), f"/admin/discounts/discountcode/{code.pk}/announce/"

    assert f"<dt>{code.code}</dt><dd>1 customer</dd>" in page_of(client.get(url))
    page = client.post("/admin/discounts/discountcode/", {"action": "announce", "_selected_action": [str(code.pk)]})
    assert f"<dt>{code.code}</dt><dd>1 customer</dd>" in page_of(page)
    assert not OutboxMessage.objects.exists()

    client.post(url)
    assert OutboxMessage.objects.count() == 1
