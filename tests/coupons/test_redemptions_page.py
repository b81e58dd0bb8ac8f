"""Admin pages of single redemptions: search, export, details, release and return."""

import csv
import io
import re
import uuid
from datetime import UTC, datetime, timedelta
from html import unescape
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.contracts import Role
from accounts.models import Brand, Customer
from backoffice.base.formatting import EMPTY_VALUE
from core.ids import min_uuid7_at, uuid7
from coupons import services
from coupons.admin import redemptions
from coupons.contracts import RedemptionRequest
from coupons.models import STATUSES, CouponCounter, CouponDefinition, CouponRedemption, RedeemedCode
from coupons.selectors import redemption_queries
from coupons.selectors.redemption_queries import RedemptionQuery
from redemptions.codes.models import Code
from redemptions.statuses import RedemptionStatus
from tests.coupons.builders import build_redemption, create_coupon, store_redemptions
from tests.factories import BrandFactory, CouponFactory, CustomerFactory, MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db
LIST = "/admin/coupons/couponredemption/"
BUTTON = 'name="status" value="'
NOW = timezone.now()


@pytest.fixture
def brand() -> Brand:
    brand: Brand = BrandFactory(slug="billo", name="Billo", timezone="Europe/Madrid")
    return brand


def log_in_as(brand: Brand, role: Role = Role.OWNER) -> Client:
    client = Client()
    client.force_login(MembershipFactory(brand=brand, role=role).user)
    return client


@pytest.fixture
def owner(brand: Brand) -> Client:
    return log_in_as(brand)


def get_customer(name: str = "c1") -> Customer:
    customer: Customer = Customer.objects.filter(customer_id=name).first() or CustomerFactory(customer_id=name)
    return customer


def redeem(coupon: CouponDefinition, name: str = "c1", *, code: str = "", reserve: bool = False) -> CouponRedemption:
    at = timezone.now()
    until = at + timedelta(minutes=9) if reserve else None
    request = RedemptionRequest(uuid7(), get_customer(name).pk, code=code, reserved_until=until)
    return services.redeem(coupon=coupon.pk, request=request, at=at)


def create_redemption(
    coupon: CouponDefinition, at: datetime, status: RedemptionStatus = RedemptionStatus.CONFIRMED, **fields: Any
) -> CouponRedemption:
    """Store a redemption that was requested at ``at`` and got its status then."""
    fields = {"customer_id": get_customer().pk} | fields
    return store_redemptions(build_redemption(coupon, at, status, id=uuid7(at), **fields))[0]


def list_ids(client: Client, query: str = "") -> list[str]:
    """Return the IDs of the redemptions that the list shows, in its order."""
    rows = client.get(f"{LIST}?{query}").context["rows"]
    return [row["url"].split("/")[-3] for row in rows]


def ids_of(*redemptions: CouponRedemption) -> list[str]:
    return [str(redemption.pk) for redemption in redemptions]


def url_of(redemption: CouponRedemption) -> str:
    return f"{LIST}{redemption.pk}/change/"


def html_of(response: Any) -> str:
    assert response.status_code == 200, response.status_code
    return str(response.content.decode())


# --- list ------------------------------------------------------------------------------------------------------------
def test_the_list_shows_the_newest_redemptions_first(owner: Client, brand: Brand) -> None:
    coupon = CouponFactory(brand=brand, title="Winter", text="WINTER")
    first, second = redeem(coupon, "c1", code="WINTER"), redeem(coupon, "c2", reserve=True)

    response = owner.get(LIST)

    assert list_ids(owner) == ids_of(second, first)
    assert [(row["customer"], row["code"], row["status"][0]) for row in response.context["rows"]] == [
        ("c2", "", "Reserved"), ("c1", "WINTER", "Confirmed"),
    ]  # fmt: skip
    assert "times in Europe/Madrid" in html_of(response)


def test_a_customers_redemptions_are_found_for_every_coupon_and_time(owner: Client, brand: Brand) -> None:
    one, other = CouponFactory(brand=brand), CouponFactory(brand=brand)
    old = create_redemption(one, NOW - timedelta(days=900), RedemptionStatus.RETURNED)
    new, of_another_customer = redeem(other), redeem(one, "c2")

    assert list_ids(owner, "customer=c1") == ids_of(new, old)
    assert list_ids(owner, "customer=c2") == ids_of(of_another_customer)
    assert list_ids(owner, "customer=C1") == list_ids(owner, "customer=c") == [], "the ID has to match exactly"
    assert list_ids(owner, f"customer=c1&coupon={one.pk}") == ids_of(old)
    assert list_ids(owner, "customer=c1&status=returned") == ids_of(old)
    assert list_ids(owner, f"customer=c1&since={NOW - timedelta(days=30):%Y-%m-%d}") == ids_of(new)


def test_a_single_use_code_finds_all_its_redemptions(owner: Client, brand: Brand) -> None:
    coupon = CouponFactory(brand=brand)
    services.add_codes(coupon=coupon, codes=services.CodesSpec(count=2), at=timezone.now())
    code, another = Code.objects.filter(kind="coupon").values_list("text", flat=True)
    returned = redeem(coupon, "c1", code=code)
    services.return_redemption(redemption=returned.pk, at=timezone.now())
    active, of_another_code = redeem(coupon, "c2", code=code), redeem(coupon, "c1", code=another)

    assert list_ids(owner, f"code={code.lower()}") == ids_of(active, returned)
    assert list_ids(owner, f"code={code}&status=returned") == ids_of(returned)
    assert list_ids(owner, f"code={code}&customer=c1") == ids_of(returned)
    assert list_ids(owner, f"code={another}") == ids_of(of_another_code)
    assert list_ids(owner, "code=UNKNOWN") == []


def test_a_generic_code_finds_all_redemptions_of_its_coupon(owner: Client, brand: Brand) -> None:
    coupon, other = CouponFactory(brand=brand, text="WINTER"), CouponFactory(brand=brand)
    by_code, by_id, _ = redeem(coupon, code="WINTER"), redeem(coupon, "c2"), redeem(other)

    assert list_ids(owner, "code=winter") == ids_of(by_id, by_code)
    assert list_ids(owner, f"code=winter&coupon={other.pk}") == []


@pytest.mark.parametrize("status", STATUSES)
def test_each_status_is_found_among_the_others(owner: Client, brand: Brand, status: str) -> None:
    coupon = create_coupon(brand)
    redemptions = {member.value: create_redemption(coupon, NOW - timedelta(hours=1), member) for member in STATUSES}

    assert list_ids(owner, f"status={status}") == ids_of(redemptions[status])
    assert list_ids(owner, f"status={status}&coupon={coupon.pk}") == ids_of(redemptions[status])


def test_days_are_those_of_the_brands_time_zone(owner: Client, brand: Brand) -> None:
    coupon = create_coupon(brand)
    midnight = datetime(2026, 5, 9, 22, tzinfo=UTC)  # in Madrid
    before, first = create_redemption(coupon, midnight - timedelta(milliseconds=1)), create_redemption(coupon, midnight)

    assert list_ids(owner, "since=2026-05-10&until=2026-05-10") == ids_of(first)
    assert list_ids(owner, "since=2026-05-09&until=2026-05-09") == ids_of(before)


def test_without_filters_the_list_covers_the_last_90_days(owner: Client, brand: Brand) -> None:
    coupon = create_coupon(brand)
    old = create_redemption(coupon, NOW - redemption_queries.WINDOW - timedelta(days=1))

    assert list_ids(owner) == []
    assert "Showing the last 90 days" in html_of(owner.get(LIST))
    for query in (f"coupon={coupon.pk}", "customer=c1", "since=2020-01-01"):
        assert list_ids(owner, query) == ids_of(old), query
        assert "Showing the last 90 days" not in html_of(owner.get(f"{LIST}?{query}"))


@pytest.mark.parametrize("query", ["", "customer=c1", "status=returned", "code=WINTER"])
def test_pages_cover_every_redemption_once(
    owner: Client, brand: Brand, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr(redemptions, "PAGE_SIZE", 2)
    coupons = [CouponFactory(brand=brand, text="WINTER"), CouponFactory(brand=brand)]
    for number in range(10):
        create_redemption(
            coupons[number % 2 if query != "code=WINTER" else 0],
            NOW - timedelta(hours=number),
            RedemptionStatus.RETURNED,
        )

    listed, path = [], f"?{query}"
    while path:
        context = owner.get(LIST + path).context
        listed += [row["url"].split("/")[-3] for row in context["rows"]]
        path = context["older"]

    assert listed == ids_of(*CouponRedemption.objects.order_by("-pk"))


INVALID_QUERIES = (
    *("coupon=x", f"coupon={uuid.UUID(int=7)}", "code=a%20b", "status=no", "before=x"),
    *("since=2020-13-01", "since=0001-01-01", "until=9999-12-31", "since=2026-05-02&until=2026-05-01"),
    "customer=" + "9" * 101,
)


@pytest.mark.parametrize("query", INVALID_QUERIES)
def test_an_invalid_filter_shows_an_error_and_no_redemptions(owner: Client, brand: Brand, query: str) -> None:
    redeem(CouponFactory(brand=brand))

    response = owner.get(f"{LIST}?{query}")

    assert (response.status_code, response.context["rows"]) == (200, [])
    assert response.context["form"].errors


# --- permissions ------------------------------------------------------------------------------------------------------
def test_staff_of_another_brand_find_and_change_nothing(brand: Brand) -> None:
    coupon = CouponFactory(brand=brand, title="Secret", text="SECRET")
    services.add_codes(coupon=coupon, codes=services.CodesSpec(count=1), at=timezone.now())
    single = Code.objects.get(batch__isnull=False).text
    by_generic_code, by_single_use_code = redeem(coupon, code="SECRET"), redeem(coupon, "c2", code=single)
    cake = BrandFactory(slug="cake")
    other_staff = log_in_as(cake)
    of_other_brand = redeem(CouponFactory(brand=cake))

    assert list_ids(other_staff) == list_ids(other_staff, "customer=c1") == ids_of(of_other_brand), (
        "both know the customer"
    )
    queries = ("customer=c2", "code=SECRET", f"code={single}", f"coupon={coupon.pk}", "brand=billo&customer=c2")
    for query in queries:
        assert list_ids(other_staff, query) == [], query
        assert "Secret" not in html_of(other_staff.get(f"{LIST}?{query}"))
    for redemption in (by_generic_code, by_single_use_code):
        assert other_staff.get(url_of(redemption)).status_code == 404
        assert other_staff.get(f"{LIST}{redemption.pk}/history/").status_code == 404
        assert other_staff.post(url_of(redemption), {"status": "returned"}).status_code == 404
    assert not CouponRedemption.objects.exclude(status=RedemptionStatus.CONFIRMED).exists()


def test_staff_of_several_brands_search_one_at_a_time(brand: Brand) -> None:
    cake = BrandFactory(slug="cake", name="Cake", timezone="Asia/Tokyo")
    member = MembershipFactory(brand=brand).user
    MembershipFactory(brand=cake, user=member)
    both = Client()
    both.force_login(member)
    of_billo, of_cake = redeem(CouponFactory(brand=brand)), redeem(CouponFactory(brand=cake))

    assert list_ids(both, "brand=billo&customer=c1") == ids_of(of_billo)
    assert list_ids(both, "brand=cake&customer=c1") == ids_of(of_cake)
    assert "times in Asia/Tokyo" in html_of(both.get(f"{LIST}?brand=cake"))


def test_users_without_a_brand_are_sent_to_the_login_page(brand: Brand) -> None:
    redemption, user_client = redeem(CouponFactory(brand=brand)), Client()
    user_client.force_login(UserFactory())

    for path in (LIST, url_of(redemption)):
        assert user_client.get(path).headers["Location"].startswith("/admin/login/"), path


# --- one redemption --------------------------------------------------------------------------------------------------
def test_a_redemption_shows_its_details_and_timeline(owner: Client, brand: Brand) -> None:
    coupon = CouponFactory(brand=brand, title="Winter", text="WINTER", maximum_number_of_coupons=5)
    redemption = redeem(coupon, code="WINTER", reserve=True)
    services.confirm(redemption=redemption.pk, at=timezone.now())

    response = owner.get(url_of(redemption))

    assert [label for label, _ in response.context["times"]] == ["Requested", "Reserved until", "Confirmed"]
    assert dict(response.context["facts"]) == {
        "Customer": "c1", "Code": "WINTER", "Source": "Without an order", "Discount": EMPTY_VALUE,
        "Limit unit": "Counter",
    }  # fmt: skip
    assert "Europe/Madrid" in html_of(response)
    assert f"{LIST}?brand=billo&amp;coupon={coupon.pk}" in html_of(
        owner.get(f"/admin/coupons/coupondefinition/{coupon.pk}/change/")
    )


@pytest.mark.parametrize(
    ("strategy", "unit", "text"),
    [
        ("exact", 0, "Counter"),
        ("sharded", 4, "Shard 5"),
        ("pool", 1234, "Pool unit 1,234"),
        ("exact", None, "No limit"),
    ],
)
def test_a_redemption_shows_which_unit_of_the_limit_it_took(
    owner: Client, brand: Brand, strategy: str, unit: int | None, text: str
) -> None:
    redemption = create_redemption(create_coupon(brand, limit_strategy=strategy), NOW, unit=unit)

    assert dict(owner.get(url_of(redemption)).context["facts"])["Limit unit"] == text


def test_a_redemption_of_an_order_links_to_the_order_and_cannot_be_ended(owner: Client, brand: Brand) -> None:
    order = uuid7()
    redemption = create_redemption(create_coupon(brand), NOW, redemption_id=order)

    html = html_of(owner.get(url_of(redemption)))

    assert f"/admin/checkout/redemption/{order}/change/" in html
    assert reverse("admin:checkout_redemption_why", args=[order]) in html
    assert "€1.00" in html
    assert BUTTON not in html
    assert owner.post(url_of(redemption), {"status": "returned"}).status_code == 404
    assert f"/admin/checkout/redemption/{order}/change/" in html_of(owner.get(LIST))


@pytest.mark.parametrize(
    ("reserve", "status", "message"),
    [(True, "released", "Redemption released."), (False, "returned", "Redemption returned.")],
)
def test_an_editor_ends_a_redemption_and_frees_its_unit_and_code(
    brand: Brand, reserve: bool, status: str, message: str
) -> None:
    editor = log_in_as(brand, Role.EDITOR)
    coupon = CouponFactory(brand=brand, maximum_number_of_coupons=1)
    services.add_codes(coupon=coupon, codes=services.CodesSpec(count=1), at=timezone.now())
    code = Code.objects.get(batch__isnull=False).text
    redemption = redeem(coupon, code=code, reserve=reserve)
    assert f'value="{status}"' in html_of(editor.get(url_of(redemption)))

    response = editor.post(url_of(redemption), {"status": status}, follow=True)

    assert f"{message} The unit is available again." in html_of(response)
    assert CouponRedemption.objects.get().status == status
    assert not RedeemedCode.objects.exists()
    assert CouponCounter.objects.get().taken == 0
    assert BUTTON not in html_of(response), "an ended redemption can't be ended again"
    redeem(coupon, "c2", code=code)


def test_the_audit_log_records_once_who_ended_a_redemption(brand: Brand) -> None:
    member = MembershipFactory(brand=brand, user__username="olga").user
    owner = Client()
    owner.force_login(member)
    redemption = redeem(CouponFactory(brand=brand, text="WINTER"), code="WINTER")
    for _ in range(2):
        owner.post(url_of(redemption), {"status": "returned"})

    history = owner.get(f"{LIST}{redemption.pk}/history/")
    changes = owner.get(history["Location"]).context["rows"]

    assert [(row["user"], row["name"], row["change"]) for row in changes] == [("olga", "WINTER", "returned")]
    assert "WINTER" not in html_of(log_in_as(BrandFactory()).get("/admin/log/"))


def test_the_audit_log_does_not_record_releases_by_shoppers(owner: Client, brand: Brand) -> None:
    redemption = redeem(CouponFactory(brand=brand), reserve=True)

    services.release(redemption=redemption.pk, at=timezone.now())

    history = owner.get(f"{LIST}{redemption.pk}/history/")
    assert owner.get(history["Location"]).context["rows"] == []


def test_a_reservation_that_was_confirmed_meanwhile_is_not_returned(owner: Client, brand: Brand) -> None:
    redemption = redeem(CouponFactory(brand=brand), reserve=True)
    services.confirm(redemption=redemption.pk, at=timezone.now())

    response = owner.post(url_of(redemption), {"status": "released"}, follow=True)

    assert "Redemption released." not in html_of(response)
    assert 'value="returned"' in html_of(response), "it is still confirmed"
    assert CouponRedemption.objects.get().status == RedemptionStatus.CONFIRMED


def test_a_viewer_cannot_end_a_redemption(brand: Brand) -> None:
    viewer, redemption = log_in_as(brand, Role.VIEWER), redeem(CouponFactory(brand=brand))

    assert BUTTON not in html_of(viewer.get(url_of(redemption)))
    assert viewer.post(url_of(redemption), {"status": "returned"}).status_code == 403
    assert CouponRedemption.objects.get().status == RedemptionStatus.CONFIRMED


@pytest.mark.parametrize("status", ["", "expired", "confirmed", "x\0"])
def test_other_statuses_cannot_be_set(owner: Client, brand: Brand, status: str) -> None:
    redemption = redeem(CouponFactory(brand=brand))

    assert owner.post(url_of(redemption), {"status": status}).status_code == 404


# --- queries ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("query", ["", "customer=c1", "coupon=", "code=WINTER", "status=returned"])
def test_the_number_of_queries_does_not_grow_with_the_rows(owner: Client, brand: Brand, query: str) -> None:
    def count_queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert owner.get(f"{LIST}?{query}").status_code == 200
        return len(captured)

    coupon = CouponFactory(brand=brand, text="WINTER")
    create_redemption(coupon, NOW, RedemptionStatus.RETURNED)
    owner.get(LIST)
    few = count_queries()
    for number in range(12):
        create_redemption(
            CouponFactory(brand=brand), NOW, RedemptionStatus.RETURNED, customer_id=get_customer(f"c{number % 3}").pk
        )

    assert count_queries() == few <= 13


MONTHS = [datetime(2024 + number // 12, number % 12 + 1, 1, tzinfo=UTC) for number in range(25)]
FILL = """
INSERT INTO coupons_couponredemption (id, coupon_id, customer_id, code, status, redeemed_at, ended_at, changed_at)
SELECT (overlay(%(low)s::text PLACING lpad(to_hex(n), 6, '0') FROM 31))::uuid, %(coupon)s, n %% 700 + 1, 'CODE' || n,
    CASE WHEN n %% 100 = 0 THEN 'returned' ELSE 'confirmed' END, %(at)s, CASE WHEN n %% 100 = 0 THEN %(at)s END, %(at)s
FROM generate_series(1, 1000) n
"""


@pytest.fixture
def years(brand: Brand) -> tuple[CouponDefinition, CouponDefinition]:
    """A coupon with a thousand redemptions in each of 24 monthly partitions, and one without redemptions."""
    full, empty = create_coupon(brand), create_coupon(brand, title="Empty")
    with connection.cursor() as cursor:
        for first, after in pairwise(MONTHS):
            low, high = min_uuid7_at(first), min_uuid7_at(after)
            cursor.execute(
                f"CREATE TABLE coupons_couponredemption_{first:%Y_%m} PARTITION OF coupons_couponredemption"
                f" FOR VALUES FROM ('{low}') TO ('{high}')"
            )
            cursor.execute(FILL, {"low": str(low), "coupon": full.pk, "at": first})
        cursor.execute("ANALYZE coupons_couponredemption")
    Code.objects.create(text="CODE100", kind="coupon", brand=brand, offer=full.pk, single_use=True)
    return full, empty


QUERIES: tuple[dict[str, Any], ...] = (
    {"customer": "c1"}, {"customer": "c1", "status": "returned"}, {"customer": "unknown"}, {"code": "CODE100"},
    {"coupon": 0}, {"coupon": 1}, {"coupon": 0, "status": "returned"},
    {"coupon": 0, "status": "expired"}, {"coupon": 0, "status": "reserved"}, {"since": MONTHS[-3]},
    {"since": MONTHS[-3], "until": MONTHS[-2]}, {"coupon": 0, "until": MONTHS[3]},
)  # fmt: skip


def test_searches_use_indexes_across_all_months(brand: Brand, years: tuple[CouponDefinition, CouponDefinition]) -> None:
    CustomerFactory(id=7, customer_id="c1")

    for filters in QUERIES:
        fields = filters | {"coupon": years[filters["coupon"]].pk} if "coupon" in filters else filters
        for plan in explain(RedemptionQuery(brand=brand.pk, **fields)):
            assert not re.search(r"Seq Scan on coupons_couponredemption_202[45]", plan), (filters, plan)
            assert sum(int(n) for n in re.findall(r"Rows Removed by \w+: (\d+)", plan)) < 100, (filters, plan)


def explain(query: RedemptionQuery) -> list[str]:
    """Return the executed plans of the query's statements on redemptions."""
    with CaptureQueriesContext(connection) as captured:
        redemption_queries.list_recent(query, limit=51)
    statements = [row["sql"] for row in captured.captured_queries if "coupons_couponredemption" in row["sql"]]
    assert statements
    plans = []
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF) {statement}")
            plans.append("\n".join(line for (line,) in cursor.fetchall()))
    return plans


# --- export ----------------------------------------------------------------------------------------------------------
def export(client: Client, query: str = "") -> list[dict[str, str]]:
    response = client.get(f"{LIST}export/?{query}")
    assert response["Content-Type"].startswith("text/csv")
    content = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(content.removeprefix("\ufeff"))))


def test_the_export_has_every_matching_redemption_newest_first(
    owner: Client, brand: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redemption_queries, "CHUNK", 2)
    monkeypatch.setattr(redemptions, "PAGE_SIZE", 2)
    coupon, other = CouponFactory(brand=brand, percent="7"), CouponFactory(brand=brand)
    for name in ("a", "=1+1", "c", "d"):
        redeem(coupon, name)
    redeem(other, "e", reserve=True)
    redeem(CouponFactory(), "f")

    rows = export(owner)

    assert [row["customer"] for row in rows] == ["e", "d", "c", "'=1+1", "a"]
    assert [row["status"] for row in rows] == ["reserved", *["confirmed"] * 4]
    assert rows[0]["reserved_until"].endswith(("+01:00", "+02:00"))
    assert rows[0]["redeemed_at"] == ""
    assert (rows[1]["coupon"], rows[1]["coupon_id"]) == ("7% off", str(coupon.pk))
    assert [row["customer"] for row in export(owner, f"coupon={coupon.pk}&customer=c")] == ["c"]
    assert f"{LIST}export/?brand=billo&coupon={coupon.pk}" in unescape(html_of(owner.get(f"{LIST}?coupon={coupon.pk}")))


def test_the_export_has_the_discount_with_its_currency_and_order(owner: Client, brand: Brand) -> None:
    order = uuid7()
    redemption = create_redemption(
        CouponFactory(brand=brand), NOW, amount=1_234, currency="KWD", redemption_id=order, code="WINTER"
    )

    (row,) = export(owner, "customer=c1&since=2020-01-01")

    assert (row["discount"], row["currency"], row["code"]) == ("1.234", "KWD", "WINTER")
    assert (row["order_id"], row["redemption_id"]) == (str(order), str(redemption.pk))


def test_the_export_without_a_start_covers_the_same_days_as_the_list(owner: Client, brand: Brand) -> None:
    old = create_redemption(CouponFactory(brand=brand), NOW - redemption_queries.WINDOW - timedelta(days=1))

    assert not export(owner)
    assert not list_ids(owner)
    assert [row["redemption_id"] for row in export(owner, f"coupon={old.coupon_id}")] == ids_of(old)


@pytest.mark.parametrize("query", ["since=x", "code=!", "before=1"])
def test_an_invalid_filter_exports_nothing(owner: Client, query: str) -> None:
    assert owner.get(f"{LIST}export/?{query}").status_code == 404


def test_other_users_cannot_export_the_brands_redemptions(brand: Brand) -> None:
    coupon = CouponFactory(brand=brand)
    redeem(coupon, "secret")
    other_staff, user_client = log_in_as(BrandFactory()), Client()
    user_client.force_login(UserFactory())

    assert export(other_staff) == []
    for query in ("brand=billo", f"coupon={coupon.pk}"):
        assert "secret" not in str(other_staff.get(f"{LIST}export/?{query}").getvalue())
    assert user_client.get(f"{LIST}export/").status_code in {302, 403, 404}
    assert Client().post(f"{LIST}export/").status_code in {302, 403, 405}
