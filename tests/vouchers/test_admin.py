"""The admin's pages of campaigns: made, watched, extended, closed; who won, and what is taken back."""

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
from tests.factories import BrandFactory, CampaignFactory, CustomerFactory, MembershipFactory
from vouchers.contracts import ClaimRequest
from vouchers.models import Campaign, Voucher
from vouchers.services import claim_many, close

pytestmark = pytest.mark.django_db
LIST, WINNERS = "/admin/vouchers/campaign/", "/admin/vouchers/voucher/"
FORM = {
    "name": "Spring", "slug": "spring", "description": "", "starts_at": "2098-01-01T08:00",
    "ends_at": "2098-02-01T08:00", "quota": "100", "voucher_type": "topup", "voucher_valid_days": "30",
    "offer-benefits-0-kind": "percent", "offer-benefits-0-was": "percent", "offer-benefits-0-value": "25",
    "offer-benefits-0-on": "order",
}  # fmt: skip


@pytest.fixture
def brand() -> Brand:
    made: Brand = BrandFactory(slug="billo", name="Billo", timezone="Europe/Madrid")
    return made


def member(brand: Brand, role: Role = Role.OWNER) -> Client:
    client = Client()
    client.force_login(MembershipFactory(brand=brand, role=role).user)
    return client


def page_of(campaign: Campaign, end: str = "change/") -> str:
    return f"{LIST}{campaign.pk}/{end}"


def come(campaign: Campaign, count: int, minutes_ago: int = 0) -> None:
    at = timezone.now() - timedelta(minutes=minutes_ago)
    people = [CustomerFactory(customer_id=f"c{minutes_ago}-{number}") for number in range(count)]
    claim_many(campaign=campaign.slug, requests=[ClaimRequest(one.pk, at) for one in people])


# --- making -----------------------------------------------------------------------------------------------------------
def test_a_campaign_is_made_in_the_brands_own_time_with_the_offer_of_the_form(brand: Brand) -> None:
    answer = member(brand).post(f"{LIST}add/", FORM | {"pass_on": "on"})

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
    ("change", "words"),
    [
        ({"ends_at": "2097-01-01T00:00"}, "The end comes after the start."), ({"slug": "a b"}, "valid “slug”"),
        ({"starts_at": "0001-01-01T00:00"}, "Choose one of the years"), ({"quota": "0"}, "greater than or equal to 1"),
        ({"quota": "9" * 30}, "less than or equal to"), ({"slug": "taken"}, "Another campaign has this slug."),
        ({"name": "a\x00b"}, "Null characters"), ({"offer-benefits-0-value": "200"}, "not complete"),
        ({"voucher_valid_days": "x"}, "whole number"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_made(
    brand: Brand, change: dict[str, str], words: str
) -> None:
    CampaignFactory(slug="taken")

    answer = member(brand).post(f"{LIST}add/", FORM | change)

    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert Campaign.objects.count() == 1


# --- watching ---------------------------------------------------------------------------------------------------------
def test_the_page_says_who_came_who_won_and_when(brand: Brand) -> None:
    campaign = CampaignFactory(brand=brand, name="Spring", quota=4, reassign_unused=True)
    come(campaign, 3, minutes_ago=5)
    come(campaign, 4)
    Voucher.objects.filter(rank=1).update(status="revoked", revoked_at=timezone.now())

    answer = member(brand, Role.VIEWER).get(page_of(campaign))
    cards = {name: (value, note) for name, value, note in answer.context["cards"]}

    assert cards["Given"] == ("4", "of 4, 100 %")
    assert cards["First logins"][0] == "7"
    assert cards["In line"][0] == "3"
    assert cards["Lost"] == ("1", "expired or revoked; 0 of them passed on")
    assert sorted(bar.value for bar in answer.context["chart"].bars if bar.value) == [3, 4]
    assert [row["voucher"].rank for row in answer.context["winners"]] == [4, 3, 2, 1]
    assert answer.context["state"] == ("full", "warning")
    assert 'hx-trigger="every 2s"' in answer.content.decode()
    assert "Close for good" not in answer.content.decode(), "a viewer only looks"


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "open"), ({"state": "closed"}, "closed"), ({"starts_at": timedelta(days=1)}, "yet to start"),
        ({"ends_at": timedelta(days=-1)}, "over"),
    ],
)  # fmt: skip
def test_a_campaign_says_how_it_stands_and_is_found_by_it(brand: Brand, fields: dict[str, Any], state: str) -> None:
    campaign = CampaignFactory(brand=brand, name="Spring")
    now = timezone.now()
    changed = {name: now + value if isinstance(value, timedelta) else value for name, value in fields.items()}
    Campaign.objects.filter(pk=campaign.pk).update(**changed)
    client, name = member(brand), {"yet to start": "later"}.get(state, state)

    assert client.get(page_of(campaign)).context["state"][0] == state
    for wanted in ("open", "later", "over", "closed"):
        rows = client.get(f"{LIST}?status={wanted}").context["cl"].result_list
        assert list(rows) == ([campaign] if wanted == name else [])


def test_a_campaign_that_nobody_came_to_has_a_page(brand: Brand) -> None:
    answer = member(brand).get(page_of(CampaignFactory(brand=brand)))

    assert answer.context["chart"].summary.startswith("0 first logins")
    assert "Nobody yet." in answer.content.decode()


def test_a_page_costs_the_same_whoever_comes(brand: Brand) -> None:
    campaign, client = CampaignFactory(brand=brand, quota=50), member(brand)

    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as seen:
            client.get(path)
        return len(seen)

    come(campaign, 1)
    few = [queries(path) for path in (page_of(campaign), LIST, WINNERS)]
    come(campaign, 40, minutes_ago=3)
    CampaignFactory.create_batch(5, brand=brand)

    assert [queries(path) for path in (page_of(campaign), LIST, WINNERS)] == few


def test_winners_are_a_file(brand: Brand) -> None:
    campaign = CampaignFactory(brand=brand, slug="spring", quota=3)
    come(campaign, 5)

    answer = member(brand, Role.VIEWER).get(page_of(campaign, "winners.csv"))
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    rows = list(csv.DictReader(io.StringIO(text)))

    assert answer["Content-Disposition"] == 'attachment; filename="winners-spring.csv"'
    assert [(row["rank"], row["customer"], row["state"]) for row in rows] == [
        (str(rank), f"c0-{rank - 1}", "available") for rank in (1, 2, 3)
    ]


# --- changing ---------------------------------------------------------------------------------------------------------
def test_a_campaign_is_extended_and_the_line_is_served(brand: Brand) -> None:
    campaign = CampaignFactory(brand=brand, quota=2)
    come(campaign, 4)

    answer = member(brand, Role.EDITOR).post(page_of(campaign), {"quota": "3", "ends_at": "2031-06-01T10:00"})

    campaign = Campaign.objects.select_related("counter").get()
    assert answer.status_code == 302
    assert (campaign.counter.quota, campaign.counter.issued) == (3, 3)
    assert campaign.end_date.isoformat() == "2031-06-01T08:00:00+00:00"


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"quota": "1", "ends_at": "2030-12-31T01:00"}, "A quota can only be raised."),
        ({"quota": "2", "ends_at": "2029-01-01T00:00"}, "The end can only be moved to later"),
        ({"quota": "", "ends_at": ""}, "This field is required."),
    ],
)
def test_less_or_sooner_is_refused_at_its_field(brand: Brand, sent: dict[str, str], words: str) -> None:
    campaign = CampaignFactory(brand=brand)

    answer = member(brand).post(page_of(campaign), sent)

    assert words in answer.content.decode()
    assert Campaign.objects.get().end_date == campaign.ends_at


def test_a_campaign_is_closed_for_good(brand: Brand) -> None:
    campaign, client = CampaignFactory(brand=brand), member(brand)

    client.post(page_of(campaign, "close/"))

    assert Campaign.objects.get().status == "closed"
    assert client.get(page_of(campaign)).context["extend"] is None


def test_a_voucher_is_revoked_and_a_used_one_is_not(brand: Brand) -> None:
    campaign, client = CampaignFactory(brand=brand, quota=2), member(brand)
    come(campaign, 2)
    Voucher.objects.filter(rank=2).update(status="used", redemption_id=campaign.pk)
    keys = list(Voucher.objects.values_list("pk", flat=True))

    answer = client.post(WINNERS, {"action": "revoke", "_selected_action": keys}, follow=True)

    assert list(Voucher.objects.order_by("rank").values_list("status", flat=True)) == ["revoked", "used"]
    assert "Revoked: 1." in answer.content.decode()
    assert "already used" in answer.content.decode()


def test_winners_are_found_by_customer_campaign_and_state(brand: Brand) -> None:
    campaign, client = CampaignFactory(brand=brand, slug="spring", quota=2), member(brand)
    come(campaign, 2)
    come(CampaignFactory(brand=brand, slug="summer"), 1, minutes_ago=1)

    found = {
        query: len(client.get(f"{WINNERS}?{query}").context["cl"].result_list)
        for query in ("", "q=c0-1", "q=c0", "campaign=spring", "status=available", "status=used")
    }

    assert found == {
        "": 3, "q=c0-1": 1, "q=c0": 0, "campaign=spring": 2, "status=available": 3, "status=used": 0,
    }  # fmt: skip


# --- whose it is ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", [Role.VIEWER, None])
def test_only_who_may_edit_changes_anything(brand: Brand, role: Role | None) -> None:
    """A viewer of the brand, and the owner of another."""
    campaign = CampaignFactory(brand=brand)
    come(campaign, 1)
    client = member(brand, role) if role else member(BrandFactory(slug="cake"))
    key = Voucher.objects.get().pk

    answers = [
        client.post(page_of(campaign), {"quota": "9", "ends_at": "2031-01-01T00:00"}),
        client.post(page_of(campaign, "close/")),
        client.post(f"{LIST}add/", FORM) if role else client.get(page_of(campaign, "winners.csv")),
    ]

    client.post(WINNERS, {"action": "revoke", "_selected_action": [key]})

    assert {answer.status_code for answer in answers} <= {302, 403, 404}
    assert Campaign.objects.values_list("status", "counter__quota").get() == ("open", 2)
    assert Voucher.objects.get().status == "available"


def test_a_closed_campaign_is_not_extended(brand: Brand) -> None:
    campaign = CampaignFactory(brand=brand)
    close(campaign=campaign)

    member(brand).post(page_of(campaign), {"quota": "9", "ends_at": "2031-01-01T00:00"})

    assert Campaign.objects.values_list("counter__quota", flat=True).get() == 2
