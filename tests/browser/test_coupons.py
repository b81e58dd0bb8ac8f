"""A marketer makes a coupon in a real browser, is advised, and watches it being redeemed."""

import pytest
from django.utils import timezone

from coupons import services
from coupons.contracts import Asked
from coupons.models import CouponDefinition
from promoplatform.kernel.ids import uuid7
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
    services.take(coupon=coupon.pk, asked=Asked(uuid7(), CustomerFactory().pk), at=timezone.now())


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
    services.add_codes(coupon=coupon, codes=services.Codes(count=3))
    olga = visit(width=width, height=height, dark=dark).sign_in("olga")

    faults = []
    for path in ("", "add/", f"{coupon.pk}/change/", f"{coupon.pk}/codes/"):
        olga.goto(f"/admin/coupons/coupondefinition/{path}")
        faults += judged(olga, path or "list")

    assert faults == []
    assert olga.complaints == []
