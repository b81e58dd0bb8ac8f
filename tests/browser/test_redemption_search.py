"""Finding redemptions in a browser."""

import csv

import pytest
from django.utils import timezone

from redemptions.events.contracts import EventType, NewEvent
from redemptions.events.services import append_events
from tests.browser.test_admin import SCREENS, find_page_errors
from tests.browser.test_cart_simulator import save_screenshot
from tests.checkout.builders import post_action, reserve_order
from tests.factories import BrandFactory, DiscountCodeFactory, MembershipFactory, PromotionFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def brand(brand_client):
    brand = BrandFactory(slug="billo", name="Billo", timezone="Europe/Madrid")
    MembershipFactory(brand=brand, user=UserFactory(username="vera"), role="viewer")
    MembershipFactory(brand=brand, user=UserFactory(username="olga"))
    DiscountCodeFactory(brand=brand, text="WELCOME-10")
    PromotionFactory(brand=brand, name="Five percent off", offer={"benefits": [{"kind": "percent", "value": "5"}]})
    server = brand_client(brand)
    order = reserve_order(server, customer_id="c1", order="2026-1001", codes=["WELCOME-10"])
    post_action(server, order, "confirm")
    post_action(server, order, "refund")
    reserve_order(server, customer_id="c2", order="2026-1002", codes=[])
    reason = {"code": "minimum_not_met", "missing": "4.10", "currency": "EUR"}
    append_events(
        [
            NewEvent(
                EventType.REDEMPTION_REJECTED, timezone.now(), brand.pk, "discount_code", code="WELCOME-10",
                order="2026-1003", reason=reason, data={"count": 12},
            )
        ]
    )  # fmt: skip
    return brand


def test_a_refused_order_is_found_by_its_beginning(visit, brand):
    page = visit().sign_in("vera").goto("/admin/")
    page.get_by_role("link", name="Find redemptions").click()

    page.get_by_label("Order").fill("2026-1003")
    page.get_by_label("Order").press("Enter")

    page.get_by_text("Missing: 4.10").wait_for()
    assert page.get_by_text("12 attempts").is_visible()
    assert page.locator("tbody tr").count() == 1

    page.get_by_role("link", name="Clear filters").click()
    page.get_by_label("Status").select_option("returned")
    page.get_by_role("button", name="Apply filters").click()
    page.locator("tbody").get_by_role("link", name="WELCOME-10").click()
    page.get_by_role("heading", name="Timeline").wait_for()
    page.get_by_role("link", name="Order 2026-1001").click()
    page.wait_for_url("**/checkout/redemption/**")


@pytest.mark.parametrize(("width", "height", "dark"), SCREENS)
def test_the_search_fits_the_screen_and_is_accessible(visit, brand, width, height, dark):
    vera = visit(width=width, height=height, dark=dark).sign_in("vera")
    vera.goto("/admin/redemptions/")
    save_screenshot(vera.page, f"redemption-search-{width}-{'dark' if dark else 'light'}")

    assert vera.page.locator("tbody").get_by_text("Returned").first.is_visible()
    assert find_page_errors(vera, "search") == []
    assert vera.console_errors == []


def test_what_the_search_finds_is_exported(visit, brand, tmp_path):
    page = visit().sign_in("vera").goto("/admin/redemptions/?customer=c1")

    with page.expect_download() as downloading:
        page.get_by_role("link", name="Export as CSV").click()
    downloading.value.save_as(tmp_path / "redemptions.csv")

    rows = list(csv.DictReader((tmp_path / "redemptions.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert {row["customer_id"] for row in rows} == {"c1"}
    assert "2026-1001" in {row["order"] for row in rows}


@pytest.mark.parametrize(("width", "height", "dark"), SCREENS)
def test_an_order_is_canceled_by_keyboard_after_a_page_that_says_what_happens(visit, brand, width, height, dark):
    olga = visit(width=width, height=height, dark=dark).sign_in("olga")
    page = olga.goto("/admin/redemptions/?status=reserved")
    screen, errors = f"{width}-{'dark' if dark else 'light'}", []

    page.locator("tbody").get_by_role("link", name="Five percent off").press("Enter")
    page.get_by_role("link", name="Cancel order…").wait_for()
    save_screenshot(olga.page, f"redemption-detail-{screen}")
    errors += find_page_errors(olga, "detail")
    page.get_by_role("link", name="Cancel order…").press("Enter")
    page.get_by_text("available again at once").wait_for()
    save_screenshot(olga.page, f"redemption-confirmation-{screen}")
    errors += find_page_errors(olga, "confirmation")
    page.get_by_role("button", name="Cancel order").press("Enter")
    page.get_by_text("Order 2026-1002 canceled.").wait_for()
    errors += find_page_errors(olga, "order")

    assert errors == []
    assert olga.console_errors == []
