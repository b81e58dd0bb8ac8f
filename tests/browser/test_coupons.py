"""A marketer makes a coupon in a real browser, is advised, and watches it being redeemed."""

import pytest
from django.utils import timezone

from accounts.models import Customer
from core.ids import uuid7
from coupons import services
from coupons.contracts import RedemptionRequest
from coupons.models import CouponDefinition, CouponRedemption
from tests.browser.test_admin import judged
from tests.factories import BrandFactory, CouponFactory, CustomerFactory, MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)
ADD = "/admin/coupons/coupondefinition/add/"


@pytest.fixture
def brand():
    brand = BrandFactory(slug="billo", name="Billo", timezone="Europe/Madrid")
    MembershipFactory(brand=brand, user=UserFactory(username="olga"))
    return brand


def redeem(coupon):
    return services.redeem(coupon=coupon.pk, request=RedemptionRequest(uuid7(), CustomerFactory().pk), at=timezone.now())


def test_a_marketer_makes_a_coupon_as_advised_and_sees_it_being_redeemed(visit, brand):
    olga = visit().sign_in("olga")
    page = olga.goto(ADD)
    page.get_by_label("Title").fill("Summer")
    page.get_by_label("Starts").fill("2026-01-01T00:00")
    page.get_by_label("Ends").fill("2030-12-31T23:59")
    page.get_by_label("Per cent").fill("20")
    page.get_by_label("Redemptions in all").fill("50000")
    page.get_by_label("Expected in the first minute").fill("50000")
    page.get_by_text("Better choose sharded").wait_for()
    page.get_by_label("How the number in all is kept").select_option("sharded")
    page.get_by_text("Sharded is right").wait_for()
    page.get_by_label("One code for everyone").fill("summer")

    page.get_by_role("button", name="Make it").click()
    page.get_by_text("Summer is made.").wait_for()
    coupon = CouponDefinition.objects.get()
    redeem(coupon)

    page.get_by_text("49,999").wait_for(timeout=15_000)
    assert (coupon.limit_strategy, coupon.code_id) == ("sharded", "SUMMER")
    assert olga.complaints == []


@pytest.mark.parametrize(("width", "height", "dark"), [(1400, 900, True), (390, 844, False)])
def test_the_pages_of_coupons_fit_the_screen_and_break_no_rule_of_access(visit, brand, width, height, dark):
    coupon = CouponFactory(brand=brand, title="Golden tickets", maximum_number_of_coupons=100)
    services.add_codes(coupon=coupon, codes=services.CodesSpec(count=3))
    own = CouponFactory(brand=brand, text="OWN")
    olga = visit(width=width, height=height, dark=dark).sign_in("olga")

    faults = []
    for path in ("", "add/", f"{coupon.pk}/change/", f"{coupon.pk}/codes/"):
        olga.goto(f"/admin/coupons/coupondefinition/{path}")
        faults += judged(olga, path or "list")
    for path in ("", f"{redeem(own).pk}/change/"):
        olga.goto(f"/admin/coupons/couponredemption/{path}")
        faults += judged(olga, path or "redemptions")

    assert faults == []
    assert olga.complaints == []


def test_support_finds_a_redemption_and_refunds_it_after_being_asked_whether_it_is_sure(visit, brand):
    coupon = CouponFactory(brand=brand, title="Summer", text="SUMMER")
    whose = Customer.objects.get(pk=redeem(coupon).customer_id).customer_id
    olga = visit().sign_in("olga")
    page = olga.goto(f"/admin/coupons/coupondefinition/{coupon.pk}/change/")
    page.get_by_role("link", name="All redemptions").click()
    page.get_by_label("Customer id").fill(whose)
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name=whose).click()

    assert not page.get_by_role("button", name="Yes, refund it").is_visible()
    page.get_by_text("Refund…").click()
    page.get_by_role("button", name="Yes, refund it").click()
    page.get_by_text("It is refunded: its place can be had again.").wait_for()

    assert CouponRedemption.objects.get().status == "refunded"
    assert olga.complaints == []
