import csv
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone

from accounts.contracts import Role
from accounts.models import User
from core.ids import uuid7
from discounts.models import DiscountCode, DiscountRule, Usage
from mailings.models import Mail
from mailings.services import sending
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
        used(code, f"c{number}", timezone.now() - timedelta(hours=number))
    return code


def used(code, customer, at):
    return Usage.objects.create(
        id=uuid7(), code=code, customer=CustomerFactory(customer_id=customer), redeemed_at=at, currency="EUR", amount=4_999,
        discount_amount=500,
    )  # fmt: skip


def test_someone_signs_in_makes_a_code_and_sees_it_announced(visit, brand, run_outbox):
    ShopperFactory(marketing_consent=True, email="ann@example.com")
    olga = visit().sign_in("olga")
    page = olga.page

    page.get_by_role("link", name="Make a code").click()
    page.get_by_label("Code").fill("winter25")
    page.get_by_label("Discount in per cent").fill("25")
    page.get_by_label("Valid until").fill("2030-12-31T23:59:59")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/change/")

    assert page.get_by_text("The announcement is about to start.").is_visible()
    assert page.locator("#announcement").get_attribute("hx-trigger") == "every 2s"
    made = DiscountCode.objects.select_related("rule").get()
    assert (made.code_id, made.rule.discount, made.brand) == ("WINTER25", 25, brand)

    run_outbox()
    sending.send_due(at=timezone.now() + timedelta(seconds=1))
    page.get_by_text("1 of 1 mails sent").wait_for()  # without a reload: the page asks again by itself

    page.get_by_role("button", name="Announce by e-mail").click()
    page.get_by_text("nobody gets a second mail").wait_for()
    run_outbox()
    assert Mail.objects.count() == 1
    assert olga.complaints == []


def test_a_bad_code_is_refused_beside_its_field(visit, brand):
    DiscountCodeFactory(text="TAKEN")
    page = visit().sign_in("olga").goto("/admin/discounts/discountcode/add/")

    page.get_by_label("Code").fill("taken")
    page.get_by_label("Discount in per cent").fill("10")
    page.get_by_label("Valid until").fill("2030-12-31T23:59:59")
    page.get_by_role("button", name="Save", exact=True).click()

    page.get_by_text("This code is already taken.").wait_for()
    assert page.get_by_label("Code").input_value() == "taken"
    assert DiscountCode.objects.count() == 1


def test_uses_are_seen_filtered_and_exported(visit, brand, code, tmp_path):
    page = visit().sign_in("olga").goto("/admin/discounts/usage/")

    page.get_by_label("Customer id").fill("c3")
    page.get_by_role("button", name="Show").click()
    assert page.locator("#content-main tbody tr").count() == 1

    page.get_by_role("link", name="Show all").click()
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Export as CSV").click()
    downloading.value.save_as(tmp_path / "uses.csv")
    rows = list(csv.DictReader((tmp_path / "uses.csv").read_text(encoding="utf-8-sig").splitlines()))

    assert len(rows) == 12
    assert {row["discount"] for row in rows} == {"5.00"}


def test_a_use_is_given_back(visit, brand, code):
    page = visit().sign_in("olga").goto("/admin/discounts/usage/?customer=c3")

    page.get_by_role("link", name="Use of SUMMER10 by c3").click()
    page.get_by_role("button", name="Give this use back").click()

    page.get_by_text("c3 can use SUMMER10 again.").wait_for()
    assert Usage.objects.count() == 11


def test_codes_are_switched_off_from_the_list(visit, brand, code):
    page = visit().sign_in("olga").goto("/admin/discounts/discountcode/")

    page.locator("input.action-select").first.check()
    page.get_by_label("Select action to run").select_option("deactivate")
    page.get_by_role("button", name="Run").click()

    page.get_by_text("Switched off: 1.").wait_for()
    code.refresh_from_db()
    assert not code.is_active


def test_a_viewer_is_offered_nothing_to_change(visit, brand, code):
    vera = visit().sign_in("vera")

    page = vera.goto(f"/admin/discounts/discountcode/{code.pk}/change/")
    assert page.get_by_text("Uses per day").is_visible()
    assert page.get_by_role("button", name="Save", exact=True).count() == 0
    assert page.get_by_role("button", name="Announce by e-mail").count() == 0
    assert page.locator("input[name=validity]").count() == 0
    assert vera.goto("/admin/").get_by_role("link", name="Make a code").count() == 0
    assert vera.page.goto(f"{vera.address}/admin/discounts/discountcode/add/").status == 403


def test_another_brands_objects_are_not_found_by_their_address(visit, brand):
    theirs = DiscountCodeFactory(text="THEIRS")
    use = used(theirs, "x1", timezone.now())
    olga = visit().sign_in("olga")

    for path in (
        f"/admin/discounts/discountcode/{theirs.pk}/change/",
        f"/admin/discounts/discountcode/{theirs.pk}/history/",
        f"/admin/discounts/discountcode/{theirs.pk}/progress/",
        f"/admin/discounts/discountrule/{theirs.rule_id}/change/",
        f"/admin/discounts/usage/{theirs.pk}/{use.pk}/",
        f"/admin/accounts/brand/{theirs.brand_id}/change/",
    ):
        answer = olga.page.goto(olga.address + path)
        assert answer.status == 404, path
        assert "THEIRS" not in answer.text()


def test_dark_or_light_follows_the_system(visit, brand):
    def backdrop(dark):
        page = visit(dark=dark).sign_in("olga").goto("/admin/")
        return page.evaluate("getComputedStyle(document.querySelector('.pp-card')).backgroundColor")

    assert backdrop(dark=False) != backdrop(dark=True)


@pytest.mark.parametrize(("width", "height", "dark"), SCREENS)
def test_pages_fit_the_screen_break_no_rule_of_access_and_have_no_errors(visit, brand, code, width, height, dark):
    guest = visit(width=width, height=height, dark=dark)
    guest.goto("/admin/login/")
    faults = judged(guest, "login")
    olga = guest.sign_in("olga")

    for path in (
        "/admin/",
        "/admin/discounts/discountcode/",
        "/admin/discounts/discountcode/add/",
        f"/admin/discounts/discountcode/{code.pk}/change/",
        "/admin/discounts/usage/",
        "/admin/log/",
    ):
        olga.goto(path)
        faults += judged(olga, path)

    assert faults == []
    assert olga.complaints == []


def judged(visit, name):
    """What is wrong with a page: too wide, or in a serious way hard to use."""
    too_wide = visit.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    found = [f"{name} is {too_wide} pixels too wide"] if too_wide > 0 else []
    for fault in Axe().run(visit.page).response["violations"]:
        if fault["impact"] in ("serious", "critical"):
            nodes = [node["html"][:160] for node in fault["nodes"][:4]]
            found.append(f"{name}: {fault['id']} ({fault['impact']}, {len(fault['nodes'])}): {nodes}")
    return found


def test_a_name_of_one_long_word_makes_no_page_wider_than_a_telephone(visit, brand):
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
