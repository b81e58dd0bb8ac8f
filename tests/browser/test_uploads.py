"""Audiences and audience imports in a real browser, on desktop and mobile screens."""

from pathlib import Path

import pytest

from accounts.contracts import Role
from segments import services
from segments.models import Audience, AudienceUpload
from tests.browser.test_admin import find_page_errors
from tests.browser.test_cart_simulator import save_screenshot
from tests.factories import BrandFactory, MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def brand():
    brand = BrandFactory(slug="billo", name="Billo", timezone="Europe/Madrid")
    MembershipFactory(brand=brand, user=UserFactory(username="olga"))
    MembershipFactory(brand=brand, user=UserFactory(username="vera"), role=Role.VIEWER)
    customer_ids = [f"customer-{number}" for number in range(1, 1_201)]
    services.apply_audience(brand=brand, segment_type="vip_customers", operation="add", customer_ids=customer_ids)
    return brand


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """CSV file with 1,000 customers, 700 of them in the audience and 300 new, and two invalid lines."""
    lines = ["customer_id", *(f"customer-{number}" for number in range(501, 1_501)), "\x07", "x" * 101]
    path = tmp_path / "vip.csv"
    path.write_text("\n".join(lines))
    return path


def test_a_file_is_uploaded_previewed_canceled_and_applied(visit, brand, file, run_outbox):
    olga = visit().sign_in("olga")
    page = olga.goto("/admin/segments/audience/")
    page.get_by_role("link", name="vip customers").click()
    page.get_by_role("link", name="Import file").click()
    assert page.get_by_label("Audience").input_value() == "vip_customers"
    page.locator("input[type=file]").set_input_files(file)
    save_screenshot(page, "upload-form")
    page.get_by_role("button", name="Preview changes").click()

    page.get_by_text("To be added").wait_for()
    figures = page.locator(".pp-number").all_inner_texts()
    assert figures == ["300", "500", "1,000", "1,000", "2"]
    assert page.get_by_text("line 1002").is_visible()
    save_screenshot(page, "upload-preview")
    assert Audience.objects.get().size == 1_200

    page.get_by_role("button", name="Apply changes").click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Import canceled. No changes were made.").wait_for()
    run_outbox()
    assert Audience.objects.get().size == 1_200
    page.get_by_role("button", name="Apply changes").click()
    page.get_by_label("Progress").wait_for()
    save_screenshot(page, "upload-running")
    run_outbox()

    page.get_by_text("Added", exact=True).wait_for()  # the page updates automatically
    assert Audience.objects.get().size == 1_000
    assert olga.console_errors == []


@pytest.mark.parametrize(("width", "height", "dark"), [(1400, 900, False), (390, 844, True)])
def test_pages_of_audiences_fit_the_screen_and_are_accessible(visit, brand, file, width, height, dark):
    with file.open("rb") as opened:
        upload = services.create_upload(
            brand=brand, segment_type="vip_customers", operation="replace", file_name="vip.csv", parts=opened,
            media_type="text/csv", by=None,
        )  # fmt: skip
    services.enable(brand=brand, segment_type="new_users")
    olga = visit(width=width, height=height, dark=dark).sign_in("olga")
    uploads = "/admin/segments/audienceupload/"
    pages = {
        "audiences": "/admin/segments/audience/",
        "audience": f"/admin/segments/audience/{Audience.objects.get(segment_type='vip_customers').pk}/change/",
        "automatic": "/admin/segments/audience/automatic/",
        "uploads": uploads,
        "new-upload": f"{uploads}add/",
        "upload": f"{uploads}{upload.pk}/change/",
    }

    errors = []
    for name, path in pages.items():
        olga.goto(path)
        save_screenshot(olga.page, f"{name}-{width}{'-dark' if dark else ''}")
        errors += find_page_errors(olga, path)
    AudienceUpload.objects.update(state="waiting", percent=40)
    olga.goto(pages["upload"])
    save_screenshot(olga.page, f"moving-{width}{'-dark' if dark else ''}")
    errors += find_page_errors(olga, "moving")

    assert errors == []
    assert olga.console_errors == []


def test_a_viewer_sees_no_import_buttons(visit, brand):
    vera = visit().sign_in("vera")

    page = vera.goto(f"/admin/segments/audience/{Audience.objects.get().pk}/change/")
    assert page.get_by_role("link", name="Import file").count() == 0
    page = vera.goto("/admin/segments/audienceupload/")
    assert page.get_by_role("link", name="New audience import").count() == 0
