"""Promotions in a real browser: creation, codes and pages, on desktop and mobile screens."""

import pytest

from promotions.models import Promotion
from redemptions.codes import services
from redemptions.codes.models import CodeBatch
from segments.models import Audience, AudienceMember
from tests.browser.test_admin import SCREENS, find_page_errors
from tests.browser.test_cart_simulator import save_screenshot
from tests.checkout.builders import cart, line
from tests.code_batches import create_batch
from tests.factories import BrandFactory, CustomerFactory, MembershipFactory, PromotionFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)
ADD = "/admin/promotions/promotion/add/"
TIERS = {
    "benefits": [
        {
            "kind": "tiers", "basis": "order_amount", "unit": "percent", "max_discount": "40.00",
            "tiers": [{"from": "50.00", "value": "5"}, {"from": "100.00", "value": "10"}],
            "select": {"categories": ["shoes", "hats"]},
        }
    ],
    "conditions": [{"kind": "weekdays", "any": ["mon", "tue"]}, {"kind": "hours", "from": "17:00", "to": "19:00"}],
}  # fmt: skip


@pytest.fixture
def brand():
    brand = BrandFactory(slug="billo", name="Billo", timezone="Europe/Madrid")
    MembershipFactory(brand=brand, user=UserFactory(username="olga"))
    vips = Audience.objects.create(brand=brand, segment_type="vip_customers", size=1)
    AudienceMember.objects.create(audience=vips, customer=CustomerFactory(customer_id="c1"))
    return brand


def test_a_promotion_created_in_the_browser_applies_to_a_quote(visit, brand, brand_client):
    olga = visit().sign_in("olga")
    page = olga.goto("/admin/promotions/promotion/")
    page.get_by_role("link", name="New promotion").first.click()
    page.get_by_label("Name").fill("20% off shoes")
    page.get_by_label("Starts").fill("2026-01-01T00:00")
    page.get_by_label("Ends").fill("2030-12-31T23:59")
    page.get_by_label("Percentage").fill("20")
    page.locator("summary", has_text="Products").first.click()
    categories = page.locator("[name=offer-benefits-0-select-categories]")
    categories.fill("shoes")
    page.get_by_role("button", name="Add condition").click()
    page.locator("[name=offer-conditions-0-value]").fill("50")
    page.get_by_label("Name").click()  # leaving a field updates the summary

    page.get_by_text("20% off shoes when the order is at least €50.00.").wait_for()
    assert categories.input_value() == "shoes"
    page.get_by_role("button", name="Save and review…").click()
    page.wait_for_url("**/review/")
    assert page.get_by_text("A customer can redeem it any number of times.").is_visible()
    assert Promotion.objects.get().decision == "draft"
    page.get_by_role("button", name="Activate", exact=True).click()
    page.wait_for_url("**/change/")

    assert page.get_by_text("20% off shoes activated.").is_visible()
    body = cart(lines=[line(unit_price="60.00", categories=["shoes"])], codes=[], customer_id="c1")
    quote = brand_client(brand).post("/api/v1/checkout/quote/", body, content_type="application/json").json()
    assert quote["discount_total"] == "12.00"
    assert olga.console_errors == []


def test_another_benefit_shows_its_fields_and_enter_saves_a_draft(visit, brand):
    page = visit().sign_in("olga").goto(ADD)
    page.get_by_label("Name").fill("Tiers")
    page.get_by_label("Starts").fill("2027-01-01T00:00")
    page.get_by_label("Ends").fill("2027-02-01T00:00")

    page.locator("[name=offer-benefits-0-kind]").select_option("tiers")
    page.locator("[name=offer-benefits-0-tiers-0-from]").fill("50")
    page.locator("[name=offer-benefits-0-tiers-0-value]").fill("5")
    page.get_by_role("button", name="Add tier").click()
    page.locator("[name=offer-benefits-0-tiers-4-from]").wait_for()
    assert page.locator("[name=offer-benefits-0-tiers-0-from]").input_value() == "50"
    page.locator("[name=offer-benefits-0-tiers-0-value]").press("Enter")
    page.wait_for_url("**/review/")

    promotion = Promotion.objects.get()
    assert promotion.decision == "draft"
    assert promotion.offer["benefits"][0]["tiers"] == [{"from": "50", "value": "5"}]


def test_codes_are_generated_and_assigned(visit, brand, run_outbox):
    promotion = PromotionFactory(brand=brand, name="Autumn", trigger="code")
    olga = visit().sign_in("olga")
    page = olga.goto(f"/admin/promotions/promotion/{promotion.pk}/change/")
    page.locator("#content-main").get_by_role("link", name="Codes").click()
    page.get_by_label("Number of codes").fill("30")
    page.get_by_label("Pattern").fill("AUTUMN-##")
    page.get_by_text("Too short. Use at least AUTUMN-######.").wait_for()  # while the form is edited
    page.get_by_label("Pattern").fill("AUTUMN-########")
    page.get_by_role("button", name="Generate codes").click()
    page.get_by_text("0 of 30 codes generated").wait_for()

    run_outbox()
    page.get_by_text("30 of 30 codes generated").wait_for()  # without a reload: the page polls
    page.get_by_role("button", name="Assign codes").click()
    page.get_by_text("Assigning codes.").wait_for()
    run_outbox()
    page.get_by_text("Completed", exact=True).wait_for()

    assert CodeBatch.objects.get().codes.filter(customer__customer_id="c1").count() == 1
    assert olga.console_errors == []


@pytest.mark.parametrize(("width", "height", "dark"), SCREENS)
def test_pages_of_promotions_fit_the_screen_and_are_accessible(visit, brand, width, height, dark):
    active = PromotionFactory(
        brand=brand,
        name="Autumn sale",
        budget=100_000,
        limit_total=500,
        limit_per_user=2,
        text="AUTUMN",
        trigger="code",
    )
    batch = create_batch(active, count=40_000, pattern="AUTUMN-########")
    services.generate_chunk(batch_id=batch.pk)
    draft = PromotionFactory(brand=brand, name="Tiers", decision="draft", offer=TIERS, target_audience="vip_customers")
    olga, errors = visit(width=width, height=height, dark=dark).sign_in("olga"), []
    pages = {
        "promotions": "/admin/promotions/promotion/",
        "new promotion": ADD,
        "draft": f"/admin/promotions/promotion/{draft.pk}/change/",
        "running": f"/admin/promotions/promotion/{active.pk}/change/",
        "calendar": "/admin/promotions/promotion/calendar/",
        "batches": f"/admin/promotions/promotion/{active.pk}/codes/",
        "batch": f"/admin/promotions/promotion/{active.pk}/codes/{batch.pk}/",
    }

    for name, path in pages.items():
        olga.goto(path)
        errors += find_page_errors(olga, name)
        save_screenshot(olga.page, f"{name}-{width}-{'dark' if dark else 'light'}")

    assert not errors
    assert not olga.console_errors


def test_a_promotion_is_ended_after_a_confirmation(visit, brand):
    promotion = PromotionFactory(brand=brand)
    page = visit().sign_in("olga").goto(f"/admin/promotions/promotion/{promotion.pk}/change/")

    page.get_by_text("End…").click()
    assert page.get_by_text("Another end date makes it active again.").is_visible()
    promotion.refresh_from_db()
    assert promotion.decision == "published"

    page.get_by_role("button", name="End now").click()
    page.get_by_text("End…").wait_for(state="detached")
    promotion.refresh_from_db()
    assert promotion.decision == "ended"
