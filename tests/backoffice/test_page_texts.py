"""Headers, empty lists, dates and values of the admin's pages, as people read them."""

import re
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django.test import Client

from accounts.models import Brand
from promotions.models import Promotion
from segments.models import AudienceUpload
from tests.factories import (
    ApiKeyFactory,
    BrandFactory,
    CampaignFactory,
    CustomerFactory,
    DiscountCodeFactory,
    MembershipFactory,
    PromotionFactory,
    UserFactory,
)
from vouchers.models import Voucher
from vouchers.services import claim

pytestmark = pytest.mark.django_db
EVENING = datetime(2026, 11, 28, 23, 30, tzinfo=UTC)


@pytest.fixture
def brand() -> Brand:
    return BrandFactory(slug="billo", name="Billo", timezone="Europe/Madrid", currency="EUR")


@pytest.fixture
def owner(brand: Brand) -> Client:
    client = Client()
    client.force_login(MembershipFactory(brand=brand, user=UserFactory(username="olga")).user)
    return client


def get_text(client: Client, path: str) -> str:
    """Return the text of a page, with single spaces."""
    response: Any = client.get(path)
    assert response.status_code == 200, path
    html = re.sub(r"<(script|style)\b.*?</\1>", "", response.content.decode(), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def get_header(client: Client, path: str) -> str:
    """Return the text of the header of a page: the entries of the sidebar, and the title."""
    response: Any = client.get(path)
    (header,) = re.findall(r"<h1 .*?</h1>", response.content.decode(), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", header)).split()).replace("chevron_right", ">")


# --- headers ---------------------------------------------------------------------------------------------------------
def test_the_header_of_a_list_is_its_entry_in_the_sidebar(owner: Client, brand: Brand) -> None:
    DiscountCodeFactory(brand=brand, text="SUMMER")

    assert get_header(owner, "/admin/discounts/discountcode/") == "Discount codes > Codes"
    assert get_header(owner, "/admin/coupons/coupondefinition/") == "Coupons"
    assert get_header(owner, "/admin/accounts/membership/") == "Brand > Staff"
    assert get_header(owner, "/admin/promotions/promotion/calendar/") == "Promotions > Calendar"


def test_the_header_counts_results_only_of_a_search(owner: Client, brand: Brand) -> None:
    DiscountCodeFactory(brand=brand, text="SUMMER")

    header = get_header(owner, "/admin/discounts/discountcode/?q=SUMMER")

    assert header == "Discount codes > Codes 1 result ( Show all )"


def test_the_header_of_other_pages_ends_with_their_title_or_object(owner: Client, brand: Brand) -> None:
    key = ApiKeyFactory(brand=brand, name="web shop", prefix="pk1234567890")

    assert get_header(owner, "/admin/accounts/apikey/add/") == "Brand > API keys > New API key"
    assert get_header(owner, "/admin/coupons/coupondefinition/add/") == "Coupons > New coupon"
    assert (
        get_header(owner, f"/admin/accounts/apikey/{key.pk}/change/") == "Brand > API keys > web shop (pk1234567890…)"
    )
    assert get_header(owner, "/admin/password_change/") == "Password change"


def test_the_header_links_back_to_the_list_with_its_filters(owner: Client, brand: Brand) -> None:
    code = DiscountCodeFactory(brand=brand)

    page = owner.get(f"/admin/discounts/discountcode/{code.pk}/change/?_changelist_filters=q%3DSUM").content.decode()

    assert 'href="/admin/discounts/discountcode/?q=SUM"' in page


def test_only_recorded_changes_have_a_history(owner: Client, brand: Brand) -> None:
    code = DiscountCodeFactory(brand=brand)
    upload = AudienceUpload.objects.create(brand=brand, segment_type="vip", operation="add", file_name="vip.csv")

    assert "/history/" in owner.get(f"/admin/discounts/discountcode/{code.pk}/change/").content.decode()
    assert "/history/" not in owner.get(f"/admin/segments/audienceupload/{upload.pk}/change/").content.decode()


# --- empty lists -----------------------------------------------------------------------------------------------------
def test_an_empty_list_says_so_and_offers_to_add_the_first_object(owner: Client) -> None:
    text = get_text(owner, "/admin/promotions/promotion/")

    assert "No promotions yet New promotion" in text
    assert "Clear filters" not in text


def test_a_search_without_results_offers_to_clear_the_filters(owner: Client, brand: Brand) -> None:
    PromotionFactory(brand=brand)

    text = get_text(owner, "/admin/promotions/promotion/?q=nothing")

    assert "No results No promotions match your search and filters. Clear filters" in text


# --- values ----------------------------------------------------------------------------------------------------------
def test_times_of_a_brand_are_in_its_time_zone(owner: Client, brand: Brand) -> None:
    key = ApiKeyFactory(brand=brand, name="web shop", created_at=EVENING)

    assert "29 Nov 2026, 00:30" in get_text(owner, "/admin/accounts/apikey/")
    assert "29 Nov 2026, 00:30" in get_text(owner, f"/admin/accounts/apikey/{key.pk}/change/")


def test_other_times_name_their_time_zone() -> None:
    root = Client()
    root.force_login(UserFactory(is_superuser=True, username="root", date_joined=EVENING))

    assert "28 Nov 2026, 23:30 UTC" in get_text(root, "/admin/accounts/user/")


def test_vouchers_are_listed_with_rank_and_local_times(owner: Client, brand: Brand) -> None:
    campaign = CampaignFactory(brand=brand, quota=40)
    claim(campaign=campaign.slug, customer_key=CustomerFactory(customer_id="c1").pk, at=datetime.now(UTC))
    Voucher.objects.update(expires_at=EVENING)

    text = get_text(owner, "/admin/vouchers/voucher/")

    assert "1 of 40 c1" in text
    assert "29 Nov 2026, 00:30" in text


# --- audit log -------------------------------------------------------------------------------------------------------
def test_the_audit_log_shows_values_as_the_pages_do(owner: Client, brand: Brand) -> None:
    promotion = PromotionFactory(brand=brand, budget=150_000, limit_total=10_000)
    CampaignFactory(brand=brand, discount="30.00")
    ApiKeyFactory(brand=brand)
    Promotion.objects.filter(pk=promotion.pk).update(budget=200_000)

    rows = owner.get("/admin/log/").context["rows"]

    changes = {(row["object_type"], row["change"]): row["fields"] for row in rows}
    created = {name: new for name, _old, new in changes["Promotion", "Created"]}
    assert (created["budget"], created["total usage limit"]) == ("€1,500.00", "10,000")
    assert (created["offer"], created["decision"]) == ("10% off the order.", "Published")
    assert changes["Promotion", "Changed"] == [("budget", "€1,500.00", "€2,000.00")]
    campaign = {name: new for name, _old, new in changes["Campaign", "Created"]}
    assert (campaign["discount"], campaign["offer"]) == ("30%", "30% off the order.")
    assert ("API key", "Created") in changes


def test_the_audit_log_shows_a_change_that_the_description_of_the_offer_leaves_out(owner: Client, brand: Brand) -> None:
    promotion = PromotionFactory(brand=brand)
    offer = {"benefits": [{"kind": "percent", "value": "10", "on": "order"}], "combinable": True}
    Promotion.objects.filter(pk=promotion.pk).update(offer=offer)

    rows = owner.get("/admin/log/?how=update").context["rows"]

    ((name, old, new),) = rows[0]["fields"]
    assert (name, "combinable" in old, "combinable yes" in new) == ("offer", False, True)
