"""The cart simulator, price explanations and backtests in a real browser, on desktop and mobile screens."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from checkout import services
from tests.browser.test_admin import SCREENS, find_page_errors
from tests.checkout.builders import line, post_action, reserve_order
from tests.factories import BrandFactory, MembershipFactory, PromotionFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)
VIP = {"conditions": [{"kind": "min_subtotal", "value": "50"}, {"kind": "audience", "any": ["vip"]}]}


@pytest.fixture
def brand():
    brand = BrandFactory(slug="billo", name="Billo", timezone="Europe/Madrid")
    MembershipFactory(brand=brand, user=UserFactory(username="olga"))
    return brand


@pytest.fixture
def draft(brand):
    return PromotionFactory(brand=brand, name="VIPs save a quarter", percent="25", decision="draft", extra=VIP)


def test_a_marketer_simulates_a_cart(visit, brand, draft):
    page = visit().sign_in_through_form("olga").page
    page.get_by_role("link", name="Cart simulator").click()
    page.locator("[name=line-0-sku]").fill("Red shoe")
    page.locator("[name=line-0-unit_price]").fill("80.00")
    page.locator("[name=line-1-sku]").fill("Hat")
    page.locator("[name=line-1-quantity]").fill("2")
    page.locator("[name=line-1-unit_price]").fill("10.00")
    page.get_by_label("VIPs save a quarter").check()
    page.get_by_role("button", name="Calculate").click()

    page.get_by_text("Not eligible").wait_for()
    page.get_by_label("Audiences").fill("vip")
    page.get_by_role("button", name="Calculate").click()

    page.get_by_text("Red shoe: €20.00, Hat: €5.00").wait_for()
    assert page.locator("[name=line-0-sku]").input_value() == "Red shoe"
    page.get_by_role("button", name="Add rows").click()
    page.locator("[name=line-5-sku]").wait_for()


@pytest.mark.parametrize(("width", "height", "dark"), SCREENS)
def test_pages_of_checkout_fit_the_screen_and_are_accessible(
    visit, brand, draft, brand_client, run_outbox, width, height, dark
):
    server, at = brand_client(brand), timezone.now()
    PromotionFactory(brand=brand, name="Autumn sale", extra={"group": "g"})
    redemption = reserve_order(
        server, codes=[], customer_id="c1", lines=[line(sku="Red shoe"), line(id="b", sku="Hat")]
    )
    post_action(server, redemption, "confirm")
    promotion = PromotionFactory(brand=brand, name="Quarter off", percent="25", decision="draft", extra={"group": "g"})
    period = {"start": at - timedelta(days=20), "end": at + timedelta(seconds=5)}
    test = services.create_backtest(promotion=promotion, at=at + timedelta(seconds=5), **period)
    person = visit(width=width, height=height, dark=dark).sign_in("olga")
    checkout, errors = "/admin/checkout", []
    pages = {
        "waiting": f"{checkout}/backtest/{test.pk}/change/",
        "backtest": f"{checkout}/backtest/{test.pk}/change/",
        "backtests": f"{checkout}/backtest/",
        "new backtest": f"{checkout}/backtest/add/",
        "why": f"{checkout}/redemption/{redemption['id']}/why/",
        "order": f"{checkout}/redemption/{redemption['id']}/change/",
        "try": f"{checkout}/redemption/try/",
    }

    for name, path in pages.items():
        person.goto(path) if name != "waiting" else person.page.goto(person.address + path)
        errors += find_page_errors(person, name)
        save_screenshot(person.page, f"{name}-{width}-{'dark' if dark else 'light'}")
        if name == "waiting":
            run_outbox()
    person.page.locator("[name=line-0-sku]").fill("Red shoe")
    person.page.locator("[name=line-0-unit_price]").fill("80.00")
    person.page.get_by_label("VIPs save a quarter").check()
    person.page.get_by_role("button", name="Calculate").click()
    person.page.locator("#answer").wait_for()
    errors += find_page_errors(person, "tried")
    save_screenshot(person.page, f"tried-{width}-{'dark' if dark else 'light'}")

    assert not errors
    assert not person.console_errors


def save_screenshot(page, name):
    """Save a screenshot if the directory ``SCREENSHOTS`` is set."""
    if directory := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(directory) / f"{name.replace(' ', '-')}.png", full_page=True)
