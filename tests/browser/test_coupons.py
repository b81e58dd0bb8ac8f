"""Browser tests of coupons: creation with a recommendation, live metrics, and the return of a redemption."""

import pytest
from django.utils import timezone

from accounts.models import Customer
from core.ids import uuid7
from coupons import services
from coupons.contracts import RedemptionRequest
from coupons.models import CouponDefinition, CouponRedemption
from tests.browser.test_admin import find_page_errors
from tests.factories import BrandFactory, CouponFactory, CustomerFactory, MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)
ADD = "/admin/coupons/coupondefinition/add/"


@pytest.fixture
def brand():
    brand = BrandFactory(slug="billo", name="Billo", timezone="Europe/Madrid")
    MembershipFactory(brand=brand, user=UserFactory(username="olga"))
    return brand


def redeem(coupon):
    request = RedemptionRequest(uuid7(), CustomerFactory().pk, coupon.code or "")
    return services.redeem(coupon=coupon.pk, request=request, at=timezone.now())


def test_a_marketer_creates_a_coupon_as_recommended_and_sees_its_redemptions(visit, brand):
    olga = visit().sign_in("olga")
    page = olga.goto(ADD)
    page.get_by_label("Title").fill("Summer")
    page.get_by_label("Starts").fill("2026-01-01T00:00")
    page.get_by_label("Ends").fill("2030-12-31T23:59")
    page.get_by_label("Percentage", exact=True).fill("20")
    page.get_by_label("Total usage limit").fill("50000")
    page.get_by_label("Expected redemptions in the first minute").fill("50000")
    page.get_by_text("Recommended: Sharded").wait_for()
    page.get_by_label("Counting method").select_option("sharded")
    page.get_by_text("Sharded is a good choice").wait_for()
    page.get_by_label("Generic code").fill("summer")

    page.get_by_role("button", name="Save and review…").click()
    page.get_by_text("Summer saved as a draft.").wait_for()
    page.get_by_role("button", name="Activate", exact=True).click()
    page.get_by_text("Summer activated.").wait_for()
    coupon = CouponDefinition.objects.get()
    redeem(coupon)

    page.get_by_text("49,999").wait_for(timeout=15_000)
    assert (coupon.limit_strategy, coupon.code) == ("sharded", "SUMMER")
    assert olga.console_errors == []


@pytest.mark.parametrize(("width", "height", "dark"), [(1400, 900, True), (390, 844, False)])
def test_the_pages_of_coupons_fit_the_screen_and_are_accessible(visit, brand, width, height, dark):
    coupon = CouponFactory(brand=brand, title="Golden tickets", maximum_number_of_coupons=100)
    services.add_codes(coupon=coupon, codes=services.CodesSpec(count=3), at=timezone.now())
    olga = visit(width=width, height=height, dark=dark).sign_in("olga")

    errors = []
    for path in ("", "add/", f"{coupon.pk}/change/", f"{coupon.pk}/codes/"):
        olga.goto(f"/admin/coupons/coupondefinition/{path}")
        errors += find_page_errors(olga, path or "list")

    assert errors == []
    assert olga.console_errors == []


def test_support_finds_a_redemption_and_returns_it_after_confirming(visit, brand):
    coupon = CouponFactory(brand=brand, title="Summer", text="SUMMER")
    customer_id = Customer.objects.get(pk=redeem(coupon).customer_id).customer_id
    olga = visit().sign_in("olga")
    page = olga.goto(f"/admin/coupons/coupondefinition/{coupon.pk}/change/")
    page.get_by_role("link", name="All redemptions").click()
    page.get_by_label("Customer ID").fill(customer_id)
    page.get_by_role("button", name="Apply filters").click()
    page.locator("tbody").get_by_role("link", name="Summer").click()

    page.get_by_role("link", name="Return redemption…").click()
    assert page.get_by_text("The customer can redeem the code or coupon once more").is_visible()
    assert CouponRedemption.objects.get().status == "confirmed"
    page.get_by_role("button", name="Return redemption").click()
    page.get_by_text("Redemption returned.").wait_for()

    assert CouponRedemption.objects.get().status == "returned"
    assert olga.console_errors == []
