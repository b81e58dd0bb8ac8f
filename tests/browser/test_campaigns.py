"""Campaigns in a real browser: create, watch, extend, export and end one, on desktop and mobile screens."""

import csv
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.browser.test_admin import SCREENS, find_page_errors
from tests.browser.test_cart_simulator import save_screenshot
from tests.factories import BrandFactory, CampaignFactory, CustomerFactory, MembershipFactory, UserFactory
from vouchers.contracts import ClaimRequest
from vouchers.models import Campaign
from vouchers.services import claim_many

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/admin/vouchers/campaign/"


@pytest.fixture
def brand():
    brand = BrandFactory(slug="billo", name="Billo", timezone="Europe/Madrid")
    MembershipFactory(brand=brand, user=UserFactory(username="olga"))
    return brand


def add_logins(campaign, count, minutes_ago=0):
    customers = [CustomerFactory() for _ in range(count)]
    at = timezone.now() - timedelta(minutes=minutes_ago)
    claim_many(campaign=campaign.slug, requests=[ClaimRequest(customer.pk, at) for customer in customers])


def test_a_campaign_is_created_watched_extended_exported_and_ended(visit, brand, tmp_path):
    olga = visit().sign_in("olga")
    page = olga.goto(f"{LIST}add/")
    page.get_by_label("Name").fill("First top-up")
    page.get_by_label("Slug").fill("first-top-up")
    page.get_by_label("Starts").fill("2026-01-01T00:00")
    page.get_by_label("Ends").fill("2090-01-01T00:00")
    page.get_by_role("spinbutton", name="Vouchers").fill("3")
    page.get_by_label("Percentage", exact=True).fill("15")
    page.get_by_role("button", name="Save and review…").click()
    page.wait_for_url("**/review/")
    page.get_by_role("button", name="Activate", exact=True).click()
    page.wait_for_url("**/change/")
    page.get_by_text("15% off the order.").wait_for()
    campaign = Campaign.objects.get()
    page.get_by_text("of 3 (0%)").wait_for()

    add_logins(campaign, 4)
    page.get_by_text("of 3 (100%)").wait_for()  # the page updates automatically
    page.get_by_role("spinbutton", name="Vouchers").fill("4")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("of 4 (100%)").wait_for()
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Export as CSV").click()
    downloading.value.save_as(tmp_path / "vouchers.csv")
    rows = list(csv.DictReader((tmp_path / "vouchers.csv").read_text(encoding="utf-8-sig").splitlines()))
    page.get_by_text("End…").click()
    page.get_by_text("Issued vouchers stay valid. Another end date").wait_for()
    page.get_by_role("button", name="End now").click()
    page.get_by_text("First top-up ended.").wait_for()

    assert [row["rank"] for row in rows] == ["1", "2", "3", "4"]
    assert olga.console_errors == []


@pytest.mark.parametrize(("width", "height", "dark"), SCREENS)
def test_pages_of_campaigns_fit_the_screen_and_are_accessible(visit, brand, width, height, dark):
    campaign = CampaignFactory(brand=brand, name="First top-up", quota=12, reassign_unused=True)
    for minutes in (30, 20, 3, 0):
        add_logins(campaign, 6, minutes_ago=minutes)
    olga, errors = visit(width=width, height=height, dark=dark).sign_in("olga"), []
    pages = {"campaigns": LIST, "new campaign": f"{LIST}add/", "campaign": f"{LIST}{campaign.pk}/change/"}

    for name, path in (pages | {"vouchers": "/admin/vouchers/voucher/"}).items():
        olga.goto(path)
        errors += find_page_errors(olga, name)
        save_screenshot(olga.page, f"{name}-{width}-{'dark' if dark else 'light'}")

    assert not errors
    assert not olga.console_errors
