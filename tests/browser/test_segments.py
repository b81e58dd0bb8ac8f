"""Segments in a real browser: waiting, filling, syncing and ending, on desktop and mobile screens."""

from datetime import timedelta

import pytest
from django.db.models import Q
from django.utils import timezone

from integrations.models import SyncJob
from segments import services
from segments.services import customer_ranges
from segments.services.lifecycle import process_next_range
from tests.browser.test_admin import SCREENS, find_page_errors
from tests.browser.test_cart_simulator import save_screenshot
from tests.factories import BrandFactory, MembershipFactory, PromotionFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)
BASE = "/admin/segments/segment/"
DAY = timedelta(days=1)


@pytest.fixture
def brand():
    brand = BrandFactory(slug="billo", name="Billo", timezone="Europe/Madrid")
    MembershipFactory(brand=brand, user=UserFactory(username="olga"))
    return brand


def schedule_segment(brand, *names, segment_type="vip_customers", days=7, **more):
    services.apply_audience(brand=brand, segment_type=segment_type, operation="add", customer_ids=names)
    now = timezone.now()
    dates = {"start_date": now - timedelta(minutes=5), "end_date": now + days * DAY} | more
    return services.schedule(brand=brand, segment_type=segment_type, at=now, **dates)


def test_filling_progress_updates_without_a_reload(visit, brand, monkeypatch):
    monkeypatch.setattr(customer_ranges, "RANGE_SIZE", 4)
    monkeypatch.setattr("segments.services.lifecycle.INLINE_MAX_CUSTOMERS", 0)
    segment = schedule_segment(brand, *(f"c{number}" for number in range(20)))
    olga = visit().sign_in("olga")
    page = olga.goto(BASE)
    page.locator("#result_list").get_by_role("link", name="vip customers").click()
    page.get_by_text("Queued.").wait_for()

    process_next_range(at=timezone.now())
    page.get_by_text("of 20 customers processed").wait_for()  # the page updates automatically
    services.process_queue(at=timezone.now())
    page.get_by_text("use a slot").wait_for()
    services.delete(which=Q(pk=segment.pk), at=timezone.now())
    services.process_queue(at=timezone.now())
    page.reload()

    page.get_by_text("released").wait_for()
    assert olga.console_errors == []


@pytest.mark.parametrize(("width", "height", "dark"), SCREENS)
def test_pages_of_segments_fit_the_screen_and_are_accessible(visit, brand, settings, width, height, dark):
    settings.SEGMENT_SLOTS_PER_CUSTOMER = 3
    for days in (5, 6):
        schedule_segment(brand, "c1", "c2", "c3", segment_type="new_users", days=days)
    empty = schedule_segment(brand, "c1", "c2", "c3", segment_type="new_users", days=8)
    settings.SEGMENTATION_SERVICE_URL = "http://127.0.0.1:9"
    customer_ids = [f"c{number}" for number in range(1, 30)]
    waiting = schedule_segment(brand, *customer_ids, promotion_id=PromotionFactory(brand=brand).pk)
    SyncJob.objects.filter(subject=waiting.pk).update(failures=4, error="HTTP 503")
    olga, errors = visit(width=width, height=height, dark=dark).sign_in("olga"), []
    pages = {"segments": BASE, "slots": f"{BASE}slots/"}
    pages |= {f"{segment_.state} segment": f"{BASE}{segment_.pk}/change/" for segment_ in (empty, waiting)}

    for name, path in pages.items():
        olga.goto(path)
        errors += find_page_errors(olga, name)
        save_screenshot(olga.page, f"{name}-{width}-{'dark' if dark else 'light'}")

    assert not errors
    assert not olga.console_errors
