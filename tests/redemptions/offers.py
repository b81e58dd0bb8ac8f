"""Offers of every kind, as their brand sees them in the API and in the admin."""

from datetime import timedelta
from typing import Any

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Brand
from redemptions.events.models import Event
from redemptions.lifecycle import Action, OfferLifecycle
from redemptions.statuses import OfferStatus
from tests.factories import CampaignFactory, CouponFactory, DiscountCodeFactory, PromotionFactory
from tests.redemptions.events import iter_types

FACTORIES: dict[str, Any] = {
    "coupon": CouponFactory,
    "discount_code": DiscountCodeFactory,
    "promotion": PromotionFactory,
    "voucher": CampaignFactory,
}
PATHS = {
    "coupon": "/api/v1/coupons/",
    "discount_code": "/api/v1/discountcode/",
    "promotion": "/api/v1/promotions/",
    "voucher": "/api/v1/campaigns/",
}
END_NAMES = {"discount_code": "validity"}  # that of the other kinds is end_date
DAY = timedelta(days=1)


class Offers:
    """The offers of one kind of a brand, as its owner sees them in the API."""

    def __init__(self, client: Client, brand: Brand, kind: str) -> None:
        self.path, self.factory = PATHS[kind], FACTORIES[kind]
        self.end_name = END_NAMES.get(kind, "end_date")
        self.client, self.brand = client, brand

    def create(self, **fields: Any) -> str:
        """Create an active offer and return its URL."""
        url = self.url(self.factory(brand=self.brand, **fields))
        Event.objects.all().delete()  # of the factories that use services
        return url

    def url(self, offer: OfferLifecycle) -> str:
        """Return the URL of an offer."""
        return f"{self.path}{getattr(offer, 'slug', offer.offer_key)}/"

    def post(self, url: str, action: str) -> tuple[int, str]:
        """Run an action. Return the HTTP status, and the new status of the offer or the code of the error."""
        response = self.client.post(f"{url}{action}/", content_type="application/json")
        return response.status_code, response.json()["code" if response.status_code >= 400 else "status"]

    def read(self, url: str) -> str:
        """Return the status of the offer."""
        return str(self.client.get(url).json()["status"])

    def move_end(self, url: str, end: str) -> tuple[int, str]:
        """Change the end of an offer. Return the HTTP status, and the new status or the code of the error."""
        response = self.client.patch(url, {self.end_name: end}, content_type="application/json")
        return response.status_code, response.json()["code" if response.status_code >= 400 else "status"]


def create_with_status(kind: str, status: OfferStatus, **fields: Any) -> OfferLifecycle:
    """Create an offer that has a status now: by its dates if it can, otherwise by the decision of its brand."""
    now = timezone.now()
    dates = {
        OfferStatus.SCHEDULED: {"start_date": now + DAY, "end_date": now + 2 * DAY},
        OfferStatus.ENDED: {"start_date": now - 2 * DAY, "end_date": now - DAY},
    }.get(status, {"start_date": now - DAY, "end_date": now + DAY})
    by_dates = (OfferStatus.SCHEDULED, OfferStatus.ACTIVE, OfferStatus.ENDED)
    decision = "published" if status in by_dates else status.value
    offer: OfferLifecycle = FACTORIES[kind](**dates, decision=decision, **fields)
    assert offer.status_at(now) == status
    type(offer)._default_manager.filter(pk=offer.pk).update(reported_status=status)
    Event.objects.all().delete()  # of the factories that use services
    return offer


def admin_page(offer: OfferLifecycle, action: str = "") -> str:
    """Return the URL of an offer's page in the admin, or that to which an action posts: the review, or a button."""
    name = f"admin:{offer._meta.app_label}_{offer._meta.model_name}"
    if action == Action.ACTIVATE:
        return reverse(f"{name}_review", args=[offer.pk])
    if action:
        return reverse(f"{name}_status", args=[offer.pk, action])
    return reverse(f"{name}_change", args=[offer.pk])


def list_changes() -> list[str]:
    """Return the types of all events but creations, in order."""
    return [type_ for type_ in iter_types() if type_ != "offer.created"]
