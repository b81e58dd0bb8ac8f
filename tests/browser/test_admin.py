"""Discount codes in a real browser, and the layout and accessibility of pages, on desktop and mobile screens."""

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from accounts.contracts import Role
from accounts.models import User
from core.ids import uuid7
from discounts.models import DiscountCode, DiscountRule, Usage
from mailings.models import Mail
from mailings.services import sending
from redemptions.events.contracts import EventType, NewEvent
from redemptions.events.models import Event
from redemptions.events.services import append_events
from tests.factories import (
    BrandFactory,
    CustomerFactory,
    DiscountCodeFactory,
    MembershipFactory,
    PromotionFactory,
    ShopperFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db(transaction=True)

SCREENS = [(1280, 800, False), (1280, 800, True), (390, 844, False), (390, 844, True)]


@pytest.fixture
def brand():
    brand = BrandFactory(slug="billo", name="Billo", timezone="Europe/Madrid")
    MembershipFactory(brand=brand, user=UserFactory(username="olga"))
    MembershipFactory(brand=brand, user=UserFactory(username="vera"), role=Role.VIEWER)
    return brand


@pytest.fixture
def code(brand):
    code = DiscountCodeFactory(brand=brand, text="SUMMER10", notify=False)
    for number in range(12):
        redeem(code, f"c{number}", timezone.now() - timedelta(hours=number))
    return code


def redeem(code, customer, at):
    return Usage.objects.create(
        id=uuid7(), code=code, customer=CustomerFactory(customer_id=customer), redeemed_at=at, currency="EUR",
        amount=4_999, discount_amount=500,
    )  # fmt: skip


def test_a_marketer_creates_a_code_and_sees_its_announcement(visit, brand, run_outbox):
    ShopperFactory(consents=True, email="ann@example.com")
    olga = visit().sign_in_through_form("olga")
    page = olga.page

    page.get_by_role("link", name="New offer").click()
    page.get_by_label("Code").fill("winter25")
    page.get_by_label("Discount (%)").fill("25")
    page.get_by_label("Valid until").fill("2030-12-31T23:59:59")
    page.get_by_label("Discount (%)").press("Enter")
    page.wait_for_url("**/review/")
    assert page.get_by_text("1 customer").is_visible()
    assert DiscountCode.objects.get().decision == "draft"
    run_outbox()
    assert not Mail.objects.exists()
    page.get_by_role("button", name="Activate", exact=True).click()
    page.wait_for_url("**/change/")

    assert page.get_by_text("Announcement pending.").is_visible()
    assert page.locator("#announcement").get_attribute("hx-trigger") == "every 2s"
    created = DiscountCode.objects.select_related("rule").get()
    assert (created.code, created.rule.discount, created.brand) == ("WINTER25", 25, brand)

    run_outbox()
    sending.send_due(at=timezone.now() + timedelta(seconds=1))
    page.get_by_text("1 of 1 email sent").wait_for()  # the page updates automatically

    page.get_by_role("link", name="Send announcement…").click()
    page.get_by_role("button", name="Send now").click()
    page.get_by_text("Announcement scheduled.").wait_for()
    run_outbox()
    assert Mail.objects.count() == 1
    assert olga.console_errors == []


def test_an_error_is_shown_at_its_field(visit, brand):
    DiscountCodeFactory(brand=brand, text="TAKEN")
    page = visit().sign_in("olga").goto("/admin/discounts/discountcode/add/")

    page.get_by_label("Code").fill("taken")
    page.get_by_label("Discount (%)").fill("10")
    page.get_by_label("Valid until").fill("2030-12-31T23:59:59")
    page.get_by_role("button", name="Save", exact=True).click()

    page.get_by_text("This code already exists.").wait_for()
    assert page.get_by_label("Code").input_value() == "taken"
    assert DiscountCode.objects.count() == 1


def test_codes_are_paused_from_the_list(visit, brand, code):
    page = visit().sign_in("olga").goto("/admin/discounts/discountcode/")

    page.locator("input.action-select").first.check()
    page.get_by_label("Select action to run").select_option("pause")
    page.get_by_role("button", name="Run").click()
    page.get_by_text("This concerns 1 of 1 selected offer.").wait_for()
    page.get_by_role("button", name="Pause now").click()

    page.get_by_text("SUMMER10 paused.").wait_for()
    code.refresh_from_db()
    assert code.decision == "paused"


def test_a_viewer_sees_no_buttons_for_changes(visit, brand, code):
    vera = visit().sign_in("vera")

    page = vera.goto(f"/admin/discounts/discountcode/{code.pk}/change/")
    assert page.get_by_text("Redemptions per day").is_visible()
    assert page.get_by_role("button", name="Save", exact=True).count() == 0
    assert page.get_by_role("link", name="Send announcement…").count() == 0
    assert page.locator("input[name=end_date]").count() == 0
    assert vera.goto("/admin/").get_by_role("link", name="New offer").count() == 0
    assert vera.page.goto(f"{vera.address}/admin/discounts/discountcode/add/").status == 403


def test_objects_of_another_brand_are_not_found_by_their_url(visit, brand):
    foreign_code = DiscountCodeFactory(text="THEIRS")
    reason = {"code": "code_expired"}
    rejected = NewEvent(
        EventType.REDEMPTION_REJECTED, timezone.now(), foreign_code.brand_id, "discount_code",
        offer=foreign_code.offer_id, code="THEIRS", reason=reason,
    )  # fmt: skip
    append_events([rejected])
    olga = visit().sign_in("olga")

    for path in (
        f"/admin/discounts/discountcode/{foreign_code.pk}/change/",
        f"/admin/discounts/discountcode/{foreign_code.pk}/history/",
        f"/admin/discounts/discountcode/{foreign_code.pk}/progress/",
        f"/admin/discounts/discountrule/{foreign_code.rule_id}/change/",
        f"/admin/redemptions/{Event.objects.get().pk}/",
        f"/admin/accounts/brand/{foreign_code.brand_id}/change/",
    ):
        response = olga.page.goto(olga.address + path)
        assert response.status == 404, path
        assert "THEIRS" not in response.text()


def test_dark_mode_follows_the_system(visit, brand):
    def card_color(dark):
        page = visit(dark=dark).sign_in("olga").goto("/admin/")
        return page.evaluate("getComputedStyle(document.querySelector('.pp-card')).backgroundColor")

    assert card_color(dark=False) != card_color(dark=True)


@pytest.mark.parametrize(("width", "height", "dark"), SCREENS)
def test_pages_fit_the_screen_and_are_accessible(visit, brand, code, width, height, dark):
    guest = visit(width=width, height=height, dark=dark)
    guest.goto("/admin/login/")
    errors = find_page_errors(guest, "login")
    olga = guest.sign_in_through_form("olga")

    for path in (
        "/admin/",
        "/admin/discounts/discountcode/",
        "/admin/discounts/discountcode/add/",
        f"/admin/discounts/discountcode/{code.pk}/change/",
        "/admin/log/",
    ):
        olga.goto(path)
        errors += find_page_errors(olga, path)

    assert errors == []
    assert olga.console_errors == []


def find_page_errors(visit, name):
    """Return the layout errors of a page, and its serious accessibility errors."""
    too_wide = visit.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    errors = [f"{name} is {too_wide} pixels too wide"] if too_wide > 0 else []
    for violation in Axe().run(visit.page).response["violations"]:
        if violation["impact"] in ("serious", "critical"):
            nodes = [node["html"][:160] for node in violation["nodes"][:4]]
            errors.append(f"{name}: {violation['id']} ({violation['impact']}, {len(violation['nodes'])}): {nodes}")
    return errors


def test_a_name_of_one_long_word_does_not_widen_pages(visit, brand):
    word = "W" * 100
    brand.name = word
    brand.save()
    MembershipFactory(brand=BrandFactory(name=word), user=User.objects.get(username="olga"))
    promotion = PromotionFactory(brand=brand, name=word, description=word)
    code = DiscountCodeFactory(brand=brand)
    DiscountRule.objects.update(name=word)
    phone = visit(width=390, height=844).sign_in("olga")

    for path in (
        "promotions/promotion/calendar/", f"promotions/promotion/{promotion.pk}/change/",
        f"discounts/discountcode/{code.pk}/change/", f"discounts/discountrule/{code.rule_id}/change/",
        "coupons/report/",
    ):  # fmt: skip
        phone.goto(f"/admin/{path}")
        assert phone.page.evaluate("document.documentElement.scrollWidth") == 390, path


@pytest.mark.parametrize("dark", [False, True])
def test_pages_of_platform_admins_are_accessible(visit, brand, dark):
    root = UserFactory(username="root", is_superuser=True)
    visitor = visit(dark=dark).sign_in("root")
    task = PeriodicTask.objects.create(
        name="a task", task="core.relay_outbox", interval=IntervalSchedule.objects.create(every=5, period="seconds")
    )

    errors = []
    for path in (
        "/admin/accounts/membership/add/", f"/admin/accounts/user/{root.pk}/change/", "/admin/accounts/apikey/add/",
        "/admin/mail/suppression/", "/admin/django_celery_beat/periodictask/",
        f"/admin/django_celery_beat/periodictask/{task.pk}/change/",
    ):  # fmt: skip
        visitor.goto(path)
        errors += find_page_errors(visitor, path)

    assert errors == []
    assert visitor.console_errors == []


def test_fields_for_times_have_their_full_width_on_a_phone(visit, brand):
    phone = visit(width=390, height=844).sign_in("olga")

    page = phone.goto("/admin/coupons/coupondefinition/add/")

    widths = [field.bounding_box()["width"] for field in page.locator("input[type=datetime-local]").all()]
    assert len(widths) == 2
    assert min(widths) > 300
