"""The admin's pages of single redemptions: who redeemed a coupon, when, with which code, and what became of it."""

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
from django.utils import timezone

from accounts.contracts import Role
from accounts.models import Brand, Customer
from backoffice.base.formatting import EMPTY_VALUE
from core.ids import min_uuid7_at, uuid7
from coupons import services
from coupons.admin import finding, redemptions
from coupons.contracts import RedemptionRequest
from coupons.models import CouponCounter, CouponDefinition, CouponRedemption, RedeemedCode, Status
from promotions.models import Code
from tests.coupons.builders import add, coupon_of, row
from tests.factories import BrandFactory, CouponFactory, CustomerFactory, MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db
LIST = "/admin/coupons/couponredemption/"
NOW = timezone.now()


@pytest.fixture
def brand() -> Brand:
    made: Brand = BrandFactory(slug="billo", name="Billo", timezone="Europe/Madrid")
    return made


def as_staff(brand: Brand, role: Role = Role.OWNER) -> Client:
    client = Client()
    client.force_login(MembershipFactory(brand=brand, role=role).user)
    return client


@pytest.fixture
def owner(brand: Brand) -> Client:
    return as_staff(brand)


def customer(name: str = "c1") -> Customer:
    made: Customer = Customer.objects.filter(customer_id=name).first() or CustomerFactory(customer_id=name)
    return made


def taken(coupon: CouponDefinition, name: str = "c1", *, code: str = "", held: bool = False) -> CouponRedemption:
    at = timezone.now()
    asked = RedemptionRequest(
        uuid7(), customer(name).pk, code=code, reserved_until=at + timedelta(minutes=9) if held else None
    )
    return services.redeem(coupon=coupon.pk, asked=asked, at=at)


def born(coupon: CouponDefinition, at: datetime, status: Status = Status.CONFIRMED, **fields: Any) -> CouponRedemption:
    """A redemption that was asked for, and became what it is, at an instant."""
    return add(row(coupon, at, status, id=uuid7(at), **{"customer_id": customer().pk} | fields))[0]


def listed(client: Client, query: str = "") -> list[str]:
    """The keys that the list shows, in its order."""
    rows = client.get(f"{LIST}?{query}").context["rows"]
    return [it["url"].split("/")[-3] for it in rows]


def keys(*made: CouponRedemption) -> list[str]:
    return [str(it.pk) for it in made]


def page(redemption: CouponRedemption) -> str:
    return f"{LIST}{redemption.pk}/change/"


def text(answer: Any) -> str:
    assert answer.status_code == 200, answer.status_code
    return str(answer.content.decode())


# --- many ------------------------------------------------------------------------------------------------------------
def test_the_list_shows_the_newest_first_with_what_support_asks_for(owner: Client, brand: Brand) -> None:
    coupon = CouponFactory(brand=brand, title="Winter", text="WINTER")
    first, second = taken(coupon, "c1", code="WINTER"), taken(coupon, "c2", held=True)

    shown = owner.get(LIST)

    assert listed(owner) == keys(second, first)
    assert [(it["customer"], it["code"], it["state"][0]) for it in shown.context["rows"]] == [
        ("c2", "", "Reserved"), ("c1", "WINTER", "Confirmed"),
    ]  # fmt: skip
    assert "times in Europe/Madrid" in text(shown)


def test_a_customer_is_found_whatever_they_redeemed_and_when(owner: Client, brand: Brand) -> None:
    one, other = CouponFactory(brand=brand), CouponFactory(brand=brand)
    old = born(one, NOW - timedelta(days=900), Status.REFUNDED)
    new, stranger = taken(other), taken(one, "c2")

    assert listed(owner, "customer=c1") == keys(new, old)
    assert listed(owner, "customer=c2") == keys(stranger)
    assert listed(owner, "customer=C1") == listed(owner, "customer=c") == [], "the whole id, as it is"
    assert listed(owner, f"customer=c1&coupon={one.pk}") == keys(old)
    assert listed(owner, "customer=c1&state=refunded") == keys(old)
    assert listed(owner, f"customer=c1&since={NOW - timedelta(days=30):%Y-%m-%d}") == keys(new)


def test_a_code_that_is_good_once_is_found_with_all_who_ever_had_it(owner: Client, brand: Brand) -> None:
    coupon = CouponFactory(brand=brand)
    services.add_codes(coupon=coupon, codes=services.CodesSpec(count=2))
    code, another = Code.objects.filter(kind="coupon").values_list("pk", flat=True)
    gone = taken(coupon, "c1", code=code)
    services.return_redemption(redemption=gone.pk, at=timezone.now())
    has_it, elses = taken(coupon, "c2", code=code), taken(coupon, "c1", code=another)

    assert listed(owner, f"code={code.lower()}") == keys(has_it, gone)
    assert listed(owner, f"code={code}&state=refunded") == keys(gone)
    assert listed(owner, f"code={code}&customer=c1") == keys(gone)
    assert listed(owner, f"code={another}") == keys(elses)
    assert listed(owner, "code=NOBODYS") == []


def test_a_code_for_everyone_finds_the_redemptions_of_its_coupon(owner: Client, brand: Brand) -> None:
    coupon, other = CouponFactory(brand=brand, text="WINTER"), CouponFactory(brand=brand)
    typed, by_id, _ = taken(coupon, code="WINTER"), taken(coupon, "c2"), taken(other)

    assert listed(owner, "code=winter") == keys(by_id, typed)
    assert listed(owner, f"code=winter&coupon={other.pk}") == []


@pytest.mark.parametrize("status", Status.values)
def test_each_state_is_found_among_the_others(owner: Client, brand: Brand, status: str) -> None:
    coupon = coupon_of(brand)
    made = {one.value: born(coupon, NOW - timedelta(hours=1), one) for one in Status}

    assert listed(owner, f"state={status}") == keys(made[status])
    assert listed(owner, f"state={status}&coupon={coupon.pk}") == keys(made[status])


def test_a_period_is_of_the_brands_days(owner: Client, brand: Brand) -> None:
    coupon = coupon_of(brand)
    midnight = datetime(2026, 5, 9, 22, tzinfo=UTC)  # in Madrid
    before, first = born(coupon, midnight - timedelta(milliseconds=1)), born(coupon, midnight)

    assert listed(owner, "since=2026-05-10&until=2026-05-10") == keys(first)
    assert listed(owner, "since=2026-05-09&until=2026-05-09") == keys(before)


def test_all_of_a_brand_are_of_the_last_days_unless_something_is_named(owner: Client, brand: Brand) -> None:
    coupon = coupon_of(brand)
    old = born(coupon, NOW - finding.WINDOW - timedelta(days=1))

    assert listed(owner) == []
    assert "Of the last 90 days" in text(owner.get(LIST))
    for named in (f"coupon={coupon.pk}", "customer=c1", "since=2020-01-01"):
        assert listed(owner, named) == keys(old), named
        assert "Of the last 90 days" not in text(owner.get(f"{LIST}?{named}"))


@pytest.mark.parametrize("query", ["", "customer=c1", "state=refunded", "code=WINTER"])
def test_pages_go_back_by_key_and_lose_nothing(
    owner: Client, brand: Brand, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr(redemptions, "PAGE", 2)
    coupons = [CouponFactory(brand=brand, text="WINTER"), CouponFactory(brand=brand)]
    for number in range(10):
        born(coupons[number % 2 if query != "code=WINTER" else 0], NOW - timedelta(hours=number), Status.REFUNDED)

    seen, path = [], f"?{query}"
    while path:
        context = owner.get(LIST + path).context
        seen += [it["url"].split("/")[-3] for it in context["rows"]]
        path = context["older"]

    assert seen == keys(*CouponRedemption.objects.order_by("-pk"))


ODD = (
    *("coupon=x", f"coupon={uuid.UUID(int=7)}", "code=a%20b", "state=no", "before=x"),
    *("since=2020-13-01", "since=0001-01-01", "until=9999-12-31", "since=2026-05-02&until=2026-05-01"),
    "customer=" + "9" * 101,
)


@pytest.mark.parametrize("query", ODD)
def test_a_filter_that_makes_no_sense_is_told_and_shows_nothing(owner: Client, brand: Brand, query: str) -> None:
    taken(CouponFactory(brand=brand))

    answer = owner.get(f"{LIST}?{query}")

    assert (answer.status_code, answer.context["rows"]) == (200, [])
    assert answer.context["form"].errors


# --- whose is what ---------------------------------------------------------------------------------------------------
def test_another_brand_sees_finds_and_ends_nothing(brand: Brand) -> None:
    coupon = CouponFactory(brand=brand, title="Secret", text="SECRET")
    services.add_codes(coupon=coupon, codes=services.CodesSpec(count=1))
    single = Code.objects.get(batch__isnull=False).pk
    mine, once = taken(coupon, code="SECRET"), taken(coupon, "c2", code=single)
    cake = BrandFactory(slug="cake")
    stranger = as_staff(cake)
    own = taken(CouponFactory(brand=cake))

    assert listed(stranger) == listed(stranger, "customer=c1") == keys(own), "the customer is known to both"
    named = ("customer=c2", "code=SECRET", f"code={single}", f"coupon={coupon.pk}", "brand=billo&customer=c2")
    for query in named:
        assert listed(stranger, query) == [], query
        assert "Secret" not in text(stranger.get(f"{LIST}?{query}"))
    for redemption in (mine, once):
        assert stranger.get(page(redemption)).status_code == 404
        assert stranger.get(f"{LIST}{redemption.pk}/history/").status_code == 404
        assert stranger.post(page(redemption), {"become": "refunded"}).status_code == 404
    assert not CouponRedemption.objects.exclude(status=Status.CONFIRMED).exists()


def test_who_works_for_several_brands_asks_one_of_them(brand: Brand) -> None:
    cake = BrandFactory(slug="cake", name="Cake", timezone="Asia/Tokyo")
    member = MembershipFactory(brand=brand).user
    MembershipFactory(brand=cake, user=member)
    both = Client()
    both.force_login(member)
    mine, theirs = taken(CouponFactory(brand=brand)), taken(CouponFactory(brand=cake))

    assert listed(both, "brand=billo&customer=c1") == keys(mine)
    assert listed(both, "brand=cake&customer=c1") == keys(theirs)
    assert "times in Asia/Tokyo" in text(both.get(f"{LIST}?brand=cake"))


def test_who_works_for_no_brand_is_asked_to_sign_in_as_somebody_else(brand: Brand) -> None:
    redemption, nobody = taken(CouponFactory(brand=brand)), Client()
    nobody.force_login(UserFactory())

    for path in (LIST, page(redemption)):
        assert nobody.get(path).headers["Location"].startswith("/admin/login/"), path


# --- one -------------------------------------------------------------------------------------------------------------
def test_a_redemption_tells_its_life(owner: Client, brand: Brand) -> None:
    coupon = CouponFactory(brand=brand, title="Winter", text="WINTER", maximum_number_of_coupons=5)
    redemption = taken(coupon, code="WINTER", held=True)
    services.confirm(redemption=redemption.pk, at=timezone.now())

    shown = owner.get(page(redemption))

    assert [name for name, _ in shown.context["times"]] == ["Asked for", "Held until", "Confirmed"]
    assert dict(shown.context["facts"]) == {
        "Customer": "c1", "Code": "WINTER", "Made": "by itself, outside of any order", "Taken off": EMPTY_VALUE,
        "Place": "one of the number in all",
    }  # fmt: skip
    assert "Europe/Madrid" in text(shown)
    assert f"{LIST}?brand=billo&amp;coupon={coupon.pk}" in text(
        owner.get(f"/admin/coupons/coupondefinition/{coupon.pk}/change/")
    )


@pytest.mark.parametrize(
    ("strategy", "unit", "said"),
    [("exact", 0, "one of the number in all"), ("sharded", 4, "counter 5 of the sharded number"),
     ("pool", 1234, "unit 1,234 of the pool"), ("exact", None, "none to take: no number in all was set")],
)  # fmt: skip
def test_a_redemption_says_which_place_it_took(
    owner: Client, brand: Brand, strategy: str, unit: int | None, said: str
) -> None:
    redemption = born(coupon_of(brand, limit_strategy=strategy), NOW, unit=unit)

    assert dict(owner.get(page(redemption)).context["facts"])["Place"] == said


def test_what_an_order_took_leads_to_the_order_and_is_ended_there(owner: Client, brand: Brand) -> None:
    order = uuid7()
    redemption = born(coupon_of(brand), NOW, redemption_id=order)

    shown = text(owner.get(page(redemption)))

    assert f"/admin/checkout/redemption/{order}/change/" in shown
    assert f"/admin/checkout/redemption/{order}/why/" in shown
    assert "€1.00" in shown
    assert 'name="become"' not in shown
    assert owner.post(page(redemption), {"become": "refunded"}).status_code == 404
    assert f"/admin/checkout/redemption/{order}/change/" in text(owner.get(LIST))


@pytest.mark.parametrize(("held", "become"), [(True, "released"), (False, "refunded")])
def test_an_editor_ends_what_stands_and_its_place_and_code_can_be_had_again(
    brand: Brand, held: bool, become: str
) -> None:
    editor = as_staff(brand, Role.EDITOR)
    coupon = CouponFactory(brand=brand, maximum_number_of_coupons=1)
    services.add_codes(coupon=coupon, codes=services.CodesSpec(count=1))
    code = Code.objects.get(batch__isnull=False).pk
    redemption = taken(coupon, code=code, held=held)
    assert f'value="{become}"' in text(editor.get(page(redemption)))

    answer = editor.post(page(redemption), {"become": become}, follow=True)

    assert f"It is {become}: its place can be had again." in text(answer)
    assert CouponRedemption.objects.get().status == become
    assert not RedeemedCode.objects.exists()
    assert CouponCounter.objects.get().taken == 0
    assert 'name="become"' not in text(answer), "there is nothing more to end"
    taken(coupon, "c2", code=code)


def test_the_audit_log_says_who_ended_it_once(brand: Brand) -> None:
    member = MembershipFactory(brand=brand, user__username="olga").user
    owner = Client()
    owner.force_login(member)
    redemption = taken(CouponFactory(brand=brand, text="WINTER"), code="WINTER")
    for _ in range(2):
        owner.post(page(redemption), {"become": "refunded"})

    history = owner.get(f"{LIST}{redemption.pk}/history/")
    changes = owner.get(history["Location"]).context["rows"]

    assert [(it["who"], it["name"], it["how"]) for it in changes] == [("olga", "WINTER", "refunded")]
    assert "WINTER" not in text(as_staff(BrandFactory()).get("/admin/log/"))


def test_what_a_shopper_lets_go_of_is_no_matter_of_the_audit_log(owner: Client, brand: Brand) -> None:
    redemption = taken(CouponFactory(brand=brand), held=True)

    services.release(redemption=redemption.pk, at=timezone.now())

    history = owner.get(f"{LIST}{redemption.pk}/history/")
    assert owner.get(history["Location"]).context["rows"] == []


def test_a_reservation_that_was_confirmed_meanwhile_is_not_refunded_instead(owner: Client, brand: Brand) -> None:
    redemption = taken(CouponFactory(brand=brand), held=True)
    services.confirm(redemption=redemption.pk, at=timezone.now())

    answer = owner.post(page(redemption), {"become": "released"}, follow=True)

    assert "released" not in text(answer)
    assert CouponRedemption.objects.get().status == Status.CONFIRMED


def test_a_viewer_ends_nothing(brand: Brand) -> None:
    viewer, redemption = as_staff(brand, Role.VIEWER), taken(CouponFactory(brand=brand))

    assert 'name="become"' not in text(viewer.get(page(redemption)))
    assert viewer.post(page(redemption), {"become": "refunded"}).status_code == 403
    assert CouponRedemption.objects.get().status == Status.CONFIRMED


@pytest.mark.parametrize("become", ["", "expired", "confirmed", "x\0"])
def test_nothing_else_can_be_made_of_it(owner: Client, brand: Brand, become: str) -> None:
    redemption = taken(CouponFactory(brand=brand))

    assert owner.post(page(redemption), {"become": become}).status_code == 404


# --- what it costs ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("query", ["", "customer=c1", "coupon=", "code=WINTER", "state=refunded"])
def test_the_list_costs_as_many_queries_for_many_rows_as_for_few(owner: Client, brand: Brand, query: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert owner.get(f"{LIST}?{query}").status_code == 200
        return len(seen)

    coupon = CouponFactory(brand=brand, text="WINTER")
    born(coupon, NOW, Status.REFUNDED)
    owner.get(LIST)
    few = queries()
    for number in range(12):
        born(CouponFactory(brand=brand), NOW, Status.REFUNDED, customer_id=customer(f"c{number % 3}").pk)

    assert queries() == few <= 13


MONTHS = [datetime(2024 + number // 12, number % 12 + 1, 1, tzinfo=UTC) for number in range(25)]
FILL = """
INSERT INTO coupons_couponredemption (id, coupon_id, customer_id, code, status, redeemed_at, ended_at, changed_at)
SELECT (overlay(%(low)s::text PLACING lpad(to_hex(n), 6, '0') FROM 31))::uuid, %(coupon)s, n %% 700 + 1, 'CODE' || n,
    CASE WHEN n %% 100 = 0 THEN 'refunded' ELSE 'confirmed' END, %(at)s, CASE WHEN n %% 100 = 0 THEN %(at)s END, %(at)s
FROM generate_series(1, 1000) n
"""


@pytest.fixture
def years(brand: Brand) -> tuple[CouponDefinition, CouponDefinition]:
    """Two years of a coupon's redemptions, a thousand in each month's partition, and a coupon that nobody had."""
    full, empty = coupon_of(brand), coupon_of(brand, title="Nobody's")
    with connection.cursor() as cursor:
        for first, after in pairwise(MONTHS):
            low, high = min_uuid7_at(first), min_uuid7_at(after)
            cursor.execute(
                f"CREATE TABLE coupons_couponredemption_{first:%Y_%m} PARTITION OF coupons_couponredemption"
                f" FOR VALUES FROM ('{low}') TO ('{high}')"
            )
            cursor.execute(FILL, {"low": str(low), "coupon": full.pk, "at": first})
        cursor.execute("ANALYZE coupons_couponredemption")
    return full, empty


ASKED: tuple[dict[str, Any], ...] = (
    {"customer": "c1"}, {"customer": "c1", "status": "refunded"}, {"customer": "nobody"}, {"code": "CODE100"},
    {"code": "NOBODYS"}, {"coupon": 0}, {"coupon": 1}, {"coupon": 0, "status": "refunded"},
    {"coupon": 0, "status": "expired"}, {"coupon": 0, "status": "reserved"}, {"since": MONTHS[-3]},
    {"since": MONTHS[-3], "until": MONTHS[-2]}, {"coupon": 0, "until": MONTHS[3]},
)  # fmt: skip


def test_a_search_reads_by_indexes_what_it_shows_however_many_months_there_are(
    brand: Brand, years: tuple[CouponDefinition, CouponDefinition]
) -> None:
    CustomerFactory(id=7, customer_id="c1")

    for asked in ASKED:
        named = asked | {"coupon": years[asked["coupon"]].pk} if "coupon" in asked else asked
        for plan in plans(finding.RedemptionQuery(brand=brand.pk, **named)):
            assert not re.search(r"Seq Scan on coupons_couponredemption_202[45]", plan), (asked, plan)
            assert sum(int(n) for n in re.findall(r"Rows Removed by \w+: (\d+)", plan)) < 100, (asked, plan)


def plans(question: finding.RedemptionQuery) -> list[str]:
    """How the statements that a question asks of redemptions were carried out."""
    with CaptureQueriesContext(connection) as captured:
        finding.list_recent(question, limit=51)
    asked = [query["sql"] for query in captured.captured_queries if "coupons_couponredemption" in query["sql"]]
    assert asked
    found = []
    with connection.cursor() as cursor:
        for statement in asked:
            cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF) {statement}")
            found.append("\n".join(line for (line,) in cursor.fetchall()))
    return found


# --- as a file -------------------------------------------------------------------------------------------------------
def exported(client: Client, query: str = "") -> list[dict[str, str]]:
    answer = client.get(f"{LIST}export/?{query}")
    assert answer["Content-Type"].startswith("text/csv")
    written = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(written.removeprefix("\ufeff"))))


def test_what_the_filter_takes_is_exported_whole_the_newest_first(
    owner: Client, brand: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "CHUNK", 2)
    monkeypatch.setattr(redemptions, "PAGE", 2)
    coupon, other = CouponFactory(brand=brand, percent="7"), CouponFactory(brand=brand)
    for name in ("a", "=1+1", "c", "d"):
        taken(coupon, name)
    taken(other, "e", held=True)
    taken(CouponFactory(), "f")

    rows = exported(owner)

    assert [row["customer"] for row in rows] == ["e", "d", "c", "'=1+1", "a"]
    assert [row["status"] for row in rows] == ["reserved", *["confirmed"] * 4]
    assert rows[0]["held_until"].endswith(("+01:00", "+02:00"))
    assert rows[0]["redeemed_at"] == ""
    assert (rows[1]["coupon"], rows[1]["coupon_id"]) == ("7 % off", str(coupon.pk))
    assert [row["customer"] for row in exported(owner, f"coupon={coupon.pk}&customer=c")] == ["c"]
    assert f"{LIST}export/?brand=billo&coupon={coupon.pk}" in unescape(text(owner.get(f"{LIST}?coupon={coupon.pk}")))


def test_what_was_taken_off_is_exported_with_its_currency_and_order(owner: Client, brand: Brand) -> None:
    order = uuid7()
    made = born(CouponFactory(brand=brand), NOW, amount=1_234, currency="KWD", redemption_id=order, code="WINTER")

    (row,) = exported(owner, "customer=c1&since=2020-01-01")

    assert (row["taken_off"], row["currency"], row["code"]) == ("1.234", "KWD", "WINTER")
    assert (row["order_id"], row["redemption_id"]) == (str(order), str(made.pk))


def test_without_a_first_day_the_export_goes_as_far_back_as_the_list(owner: Client, brand: Brand) -> None:
    old = born(CouponFactory(brand=brand), NOW - finding.WINDOW - timedelta(days=1))

    assert not exported(owner)
    assert not listed(owner)
    assert [row["redemption_id"] for row in exported(owner, f"coupon={old.coupon_id}")] == keys(old)


@pytest.mark.parametrize("query", ["since=x", "code=!", "before=1"])
def test_a_filter_that_makes_no_sense_exports_nothing(owner: Client, query: str) -> None:
    assert owner.get(f"{LIST}export/?{query}").status_code == 404


def test_strangers_export_nothing_of_the_brand(brand: Brand) -> None:
    coupon = CouponFactory(brand=brand)
    taken(coupon, "secret")
    stranger, nobody = as_staff(BrandFactory()), Client()
    nobody.force_login(UserFactory())

    assert exported(stranger) == []
    for query in ("brand=billo", f"coupon={coupon.pk}"):
        assert "secret" not in str(stranger.get(f"{LIST}export/?{query}").getvalue())
    assert nobody.get(f"{LIST}export/").status_code in {302, 403, 404}
    assert Client().post(f"{LIST}export/").status_code in {302, 403, 405}
