"""Admin pages of campaigns and vouchers: create, watch, extend, end, export and revoke."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.contracts import Role
from accounts.models import Brand
from redemptions.lifecycle import Action
from tests.factories import BrandFactory, CampaignFactory, CustomerFactory, MembershipFactory
from vouchers.contracts import ClaimRequest
from vouchers.models import Campaign, Voucher
from vouchers.services import change_decision, claim_many

pytestmark = pytest.mark.django_db
LIST, VOUCHERS = "/admin/vouchers/campaign/", "/admin/vouchers/voucher/"
FORM = {
    "name": "Spring", "slug": "spring", "description": "", "start_date": "2098-01-01T08:00",
    "end_date": "2098-02-01T08:00", "quota": "100", "voucher_type": "topup", "voucher_valid_days": "30",
    "offer-benefits-0-kind": "percent", "offer-benefits-0-was": "percent", "offer-benefits-0-value": "25",
    "offer-benefits-0-on": "order",
}  # fmt: skip


@pytest.fixture
def brand() -> Brand:
    brand: Brand = BrandFactory(slug="billo", name="Billo", timezone="Europe/Madrid")
    return brand


def member(brand: Brand, role: Role = Role.OWNER) -> Client:
    client = Client()
    client.force_login(MembershipFactory(brand=brand, role=role).user)
    return client


def page_of(campaign: Campaign, end: str = "change/") -> str:
    return f"{LIST}{campaign.pk}/{end}"


def add_logins(campaign: Campaign, count: int, minutes_ago: int = 0) -> None:
    at = timezone.now() - timedelta(minutes=minutes_ago)
    customers = [CustomerFactory(customer_id=f"c{minutes_ago}-{number}") for number in range(count)]
    claim_many(campaign=campaign.slug, requests=[ClaimRequest(customer.pk, at) for customer in customers])


# --- creation ---------------------------------------------------------------------------------------------------------
def test_a_campaign_is_created_in_the_time_zone_of_the_brand(brand: Brand) -> None:
    answer = member(brand).post(f"{LIST}add/", FORM | {"reassign_unused": "on"})

    campaign = Campaign.objects.select_related("counter").get()
    assert answer.status_code == 302
    assert (campaign.brand, campaign.slug, campaign.counter.quota, campaign.reassign_unused) == (
        brand,
        "spring",
        100,
        True,
    )
    assert campaign.start_date.isoformat() == "2098-01-01T07:00:00+00:00"
    assert campaign.discount == 25
    assert campaign.offer["benefits"] == [{"kind": "percent", "value": "25", "on": "order"}]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"end_date": "2097-01-01T00:00"}, "The end must be after the start."), ({"slug": "a b"}, "valid “slug”"),
        ({"start_date": "0001-01-01T00:00"}, "Enter a year from 1900"), ({"quota": "0"}, "greater than or equal to 1"),
        ({"quota": "9" * 30}, "less than or equal to"),
        ({"slug": "taken"}, "A campaign with this slug already exists."),
        ({"name": "a\x00b"}, "Null characters"),
        ({"offer-benefits-0-value": "200"}, "Complete the highlighted fields."),
        ({"voucher_valid_days": "x"}, "whole number"),
    ],
)  # fmt: skip
def test_errors_are_shown_at_their_fields_and_nothing_is_created(
    brand: Brand, change: dict[str, str], message: str
) -> None:
    CampaignFactory(slug="taken")

    answer = member(brand).post(f"{LIST}add/", FORM | change)

    assert answer.status_code == 200
    assert message in answer.content.decode()
    assert Campaign.objects.count() == 1


# --- metrics ----------------------------------------------------------------------------------------------------------
def test_the_page_shows_metrics_chart_and_latest_vouchers(brand: Brand) -> None:
    campaign = CampaignFactory(brand=brand, name="Spring", quota=4, reassign_unused=True)
    add_logins(campaign, 3, minutes_ago=5)
    add_logins(campaign, 4)
    Voucher.objects.filter(rank=1).update(status="revoked", revoked_at=timezone.now())

    answer = member(brand, Role.VIEWER).get(page_of(campaign))
    cards = {label: (value, note) for label, value, note in answer.context["cards"]}

    assert cards["Issued"] == ("4", "of 4 (100%)")
    assert cards["Participants"][0] == "7"
    assert cards["Waiting list"][0] == "3"
    assert cards["Expired or revoked"] == ("1", "0 reassigned")
    assert sorted(bar.value for bar in answer.context["chart"].bars if bar.value) == [3, 4]
    assert [row["voucher"].rank for row in answer.context["vouchers"]] == [4, 3, 2, 1]
    assert answer.context["status"] == ("Active", "success")
    assert answer.context["limit_reached"] is True
    assert "Limit reached" in answer.content.decode()
    assert 'hx-trigger="every 2s"' in answer.content.decode()
    assert "End…" not in answer.content.decode(), "viewers can't end a campaign"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, "active"), ({"decision": "ended"}, "ended"), ({"start_date": timedelta(days=1)}, "scheduled"),
        ({"end_date": timedelta(days=-1)}, "ended"),
        ({"decision": "ended", "start_date": timedelta(days=1)}, "ended"),
    ],
)  # fmt: skip
def test_the_status_is_shown_and_filters_the_list(brand: Brand, fields: dict[str, Any], status: str) -> None:
    campaign = CampaignFactory(brand=brand, name="Spring")
    now = timezone.now()
    changed = {name: now + value if isinstance(value, timedelta) else value for name, value in fields.items()}
    Campaign.objects.filter(pk=campaign.pk).update(**changed)
    client = member(brand)

    page = client.get(page_of(campaign))
    assert page.context["status"][0] == status.capitalize()
    assert page.context["limit_reached"] is False
    for name in ("scheduled", "active", "ended"):
        rows = client.get(f"{LIST}?status={name}").context["cl"].result_list
        assert list(rows) == ([campaign] if name == status else [])


def test_a_campaign_without_logins_has_a_page(brand: Brand) -> None:
    answer = member(brand).get(page_of(CampaignFactory(brand=brand)))

    assert answer.context["chart"].summary.startswith("0 participants")
    assert "No vouchers yet." in answer.content.decode()


def test_pages_take_a_constant_number_of_queries(brand: Brand) -> None:
    campaign, client = CampaignFactory(brand=brand, quota=50), member(brand)

    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(path)
        return len(captured)

    add_logins(campaign, 1)
    few = [queries(path) for path in (page_of(campaign), LIST, VOUCHERS)]
    add_logins(campaign, 40, minutes_ago=3)
    CampaignFactory.create_batch(5, brand=brand)

    assert [queries(path) for path in (page_of(campaign), LIST, VOUCHERS)] == few


def test_vouchers_are_exported_as_csv(brand: Brand) -> None:
    campaign = CampaignFactory(brand=brand, slug="spring", quota=3)
    add_logins(campaign, 5)

    answer = member(brand, Role.VIEWER).get(page_of(campaign, "vouchers.csv"))
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    rows = list(csv.DictReader(io.StringIO(text)))

    assert answer["Content-Disposition"] == 'attachment; filename="vouchers-spring.csv"'
    assert [(row["rank"], row["customer_id"], row["status"]) for row in rows] == [
        (str(rank), f"c0-{rank - 1}", "available") for rank in (1, 2, 3)
    ]


# --- changes ----------------------------------------------------------------------------------------------------------
def test_an_extension_serves_the_waiting_list(brand: Brand) -> None:
    campaign = CampaignFactory(brand=brand, quota=2)
    add_logins(campaign, 4)

    answer = member(brand, Role.EDITOR).post(page_of(campaign), {"quota": "3", "end_date": "2031-06-01T10:00"})

    campaign = Campaign.objects.select_related("counter").get()
    assert answer.status_code == 302
    assert (campaign.counter.quota, campaign.counter.issued) == (3, 3)
    assert campaign.end_date.isoformat() == "2031-06-01T08:00:00+00:00"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"quota": "1", "end_date": "2030-12-31T01:00"}, "The limit can only be raised."),
        ({"quota": "2", "end_date": "2029-01-01T00:00"}, "The new end must be later"),
        ({"quota": "", "end_date": ""}, "This field is required."),
    ],
)
def test_a_lower_quota_or_an_earlier_end_is_rejected(brand: Brand, data: dict[str, str], message: str) -> None:
    campaign = CampaignFactory(brand=brand)

    answer = member(brand).post(page_of(campaign), data)

    assert message in answer.content.decode()
    assert Campaign.objects.get().end_date == campaign.end_date


def test_a_campaign_is_ended(brand: Brand) -> None:
    campaign, client = CampaignFactory(brand=brand), member(brand)

    client.post(page_of(campaign, "status/end/"))

    assert Campaign.objects.get().decision == "ended"
    client.post(page_of(campaign), {"quota": "2", "end_date": "2098-01-01T00:00"})
    assert Campaign.objects.get().decision == "published"


def test_a_draft_is_edited_activated_duplicated_and_deleted(brand: Brand) -> None:
    campaign, client = CampaignFactory(brand=brand, slug="spring", decision="draft"), member(brand)
    assert client.get(page_of(campaign)).context["form"]["quota"].value() == 2
    client.post(page_of(campaign), FORM | {"slug": "summer", "quota": "1", "offer-benefits-0-value": "45"})
    campaign = Campaign.objects.select_related("counter").get()
    assert (campaign.slug, campaign.counter.quota, str(campaign.discount), campaign.decision) == (
        "summer", 1, "45.00", "draft",
    )  # fmt: skip

    client.post(page_of(campaign, "review/"))
    client.post(page_of(campaign, "status/duplicate/"), {"text": "winter"})
    bad = client.post(page_of(campaign, "status/duplicate/"), {"text": "no slug"}, follow=True)
    client.post(page_of(campaign, "status/delete/"))  # only drafts

    winter = Campaign.objects.get(slug="winter")
    assert "Use letters, digits" in bad.content.decode()
    assert (winter.decision, winter.name) == ("draft", f"Copy of {campaign.name}")
    client.post(page_of(winter, "status/delete/"))
    assert Campaign.objects.get().decision == "published"


def test_a_voucher_is_revoked_and_a_used_one_is_not(brand: Brand) -> None:
    campaign, client = CampaignFactory(brand=brand, quota=2), member(brand)
    add_logins(campaign, 2)
    Voucher.objects.filter(rank=2).update(status="used", redemption_id=campaign.pk)
    keys = list(Voucher.objects.values_list("pk", flat=True))

    answer = client.post(VOUCHERS, {"action": "revoke", "_selected_action": keys}, follow=True)

    assert list(Voucher.objects.order_by("rank").values_list("status", flat=True)) == ["revoked", "used"]
    assert "1 voucher revoked." in answer.content.decode()
    assert "This voucher was used" in answer.content.decode()


def test_vouchers_are_filtered_by_customer_campaign_and_status(brand: Brand) -> None:
    campaign, client = CampaignFactory(brand=brand, slug="spring", quota=2), member(brand)
    add_logins(campaign, 2)
    add_logins(CampaignFactory(brand=brand, slug="summer"), 1, minutes_ago=1)

    counts = {
        query: len(client.get(f"{VOUCHERS}?{query}").context["cl"].result_list)
        for query in ("", "q=c0-1", "q=c0", "campaign=spring", "status=available", "status=used")
    }

    assert counts == {
        "": 3, "q=c0-1": 1, "q=c0": 0, "campaign=spring": 2, "status=available": 3, "status=used": 0,
    }  # fmt: skip


# --- permissions -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", [Role.VIEWER, None])
def test_only_editors_of_the_brand_can_change_campaigns(brand: Brand, role: Role | None) -> None:
    """Check a viewer of the brand and the owner of another one."""
    campaign = CampaignFactory(brand=brand)
    add_logins(campaign, 1)
    client = member(brand, role) if role else member(BrandFactory(slug="cake"))
    key = Voucher.objects.get().pk

    answers = [
        client.post(page_of(campaign), {"quota": "9", "end_date": "2031-01-01T00:00"}),
        client.post(page_of(campaign, "status/end/")),
        client.post(f"{LIST}add/", FORM) if role else client.get(page_of(campaign, "vouchers.csv")),
    ]

    client.post(VOUCHERS, {"action": "revoke", "_selected_action": [key]})

    assert {answer.status_code for answer in answers} <= {302, 403, 404}
    assert Campaign.objects.values_list("decision", "counter__quota").get() == ("published", 2)
    assert Voucher.objects.get().status == "available"


def test_an_archived_campaign_cannot_be_changed(brand: Brand) -> None:
    campaign, client = CampaignFactory(brand=brand), member(brand)
    change_decision(campaign=campaign, action=Action.ARCHIVE, at=timezone.now())

    client.post(page_of(campaign), {"quota": "9", "end_date": "2098-01-01T00:00"})

    assert Campaign.objects.values_list("counter__quota", flat=True).get() == 2
    assert client.get(page_of(campaign)).context["extend_form"] is None
