from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.contracts import Role
from redemptions.statuses import RedemptionStatus
from tests.browser.test_admin import find_page_errors
from tests.coupons.builders import build_redemption, create_coupon, store_redemptions
from tests.factories import BrandFactory, MembershipFactory, UserFactory
from tests.redemptions.events import roll_up_now

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def coupon():
    brand = BrandFactory(slug="billo", name="Billo", timezone="Europe/Madrid")
    MembershipFactory(brand=brand, user=UserFactory(username="vera"), role=Role.VIEWER)
    coupon, now = create_coupon(brand, title="Winter sale"), timezone.now()
    times = [now - timedelta(days=day, hours=day * hour % 11) for day in range(28) for hour in range(1 + day * 7 % 12)]
    store_redemptions(
        *(build_redemption(coupon, at, amount=750) for at in times),
        build_redemption(coupon, now, RedemptionStatus.EXPIRED),
    )
    roll_up_now()
    return coupon


def test_a_report_is_selected_by_a_form_and_exported(visit, coupon, tmp_path):
    vera = visit().sign_in("vera")
    page = vera.goto("/admin/coupons/report/")
    assert page.locator("#content-main tbody tr").count() == 30

    page.get_by_label("Coupon").select_option("Winter sale")
    page.get_by_label("Interval").select_option("Week")
    page.get_by_label("Time zone").select_option("Asia/Kathmandu")
    page.get_by_role("button", name="Show report").click()

    page.get_by_text("Redemptions per week").wait_for()
    assert page.get_by_label("Coupon").input_value() == str(coupon.pk)
    assert page.locator("#content-main tbody tr").count() in {5, 6}
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Export as CSV").click()
    downloading.value.save_as(tmp_path / "report.csv")
    assert "+05:45" in (tmp_path / "report.csv").read_text(encoding="utf-8-sig")
    assert vera.console_errors == []


@pytest.mark.parametrize(("width", "height", "dark"), [(1400, 900, False), (390, 844, True)])
def test_the_report_fits_the_screen_and_is_accessible(visit, coupon, width, height, dark):
    vera = visit(width=width, height=height, dark=dark).sign_in("vera")

    errors = []
    for path in ("/admin/coupons/report/?unit=hour", "/admin/coupons/report/?since=1999-01-01"):
        vera.goto(path)
        errors += find_page_errors(vera, path)

    assert errors == []
    assert vera.console_errors == []
