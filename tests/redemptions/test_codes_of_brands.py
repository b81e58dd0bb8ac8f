"""What a typed code means: any spelling of a code of the cart's brands, and none of an archived offer."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import Brand
from core import db
from core.ids import uuid7
from coupons.models import CouponDefinition
from promotions.models import Promotion
from redemptions.codes import services
from redemptions.codes.models import Code
from redemptions.codes.rules import canonicalize_code, normalize_code
from redemptions.codes.selectors.codes import list_spellings
from tests.code_batches import create_batch
from tests.factories import BrandFactory, CouponFactory, DiscountCodeFactory, PromotionFactory, ShopperFactory

pytestmark = pytest.mark.django_db
QUOTE, REDEMPTIONS = "/api/v1/checkout/quote/", "/api/v1/checkout/redemptions/"
BrandClient = Callable[[Brand], Client]
SPELLINGS = (
    str.lower,
    lambda text: text.replace("-", ""),
    lambda text: f" {' '.join(text)} ",
    lambda text: f"_{text}-",
)


@pytest.fixture
def billo() -> Brand:
    return BrandFactory(slug="billo")


@pytest.fixture
def cake() -> Brand:
    return BrandFactory(slug="cake")


def line(name: str = "a", brand: str | None = None, price: str = "80.00") -> dict[str, Any]:
    values = {"id": name, "sku": name, "quantity": 1, "unit_price": price}
    return values if brand is None else values | {"brand": brand}


def post(client: Client, path: str, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
    response = client.post(path, body, content_type="application/json")
    assert response.status_code == status, response.content
    return response.json()


def quote(client: Client, *codes: str, lines: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    return post(client, QUOTE, {"currency": "EUR", "lines": lines or [line()], "codes": list(codes)} | more)


def applied(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(offer["code"], offer["amount"]) for offer in answer["applied"]]


@pytest.fixture
def shopper(shopper_client: Callable[[Any], Client]) -> Client:
    return shopper_client(ShopperFactory())


# --- spelling ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("spell", SPELLINGS)
def test_a_generated_code_is_found_however_it_is_typed(
    spell: Callable[[str], str], billo: Brand, shopper: Client
) -> None:
    promotion = PromotionFactory(brand=billo, trigger="code")
    batch = create_batch(promotion, count=3)
    services.generate_codes(batch_id=batch.pk)
    code = Code.objects.filter(batch=batch)[0].text

    assert applied(quote(shopper, spell(code))) == [(code, "8.00")]


@pytest.mark.parametrize("spell", SPELLINGS)
@pytest.mark.parametrize("factory", [PromotionFactory, CouponFactory, DiscountCodeFactory])
def test_a_generic_code_of_every_kind_is_found_however_it_is_typed(
    factory: Any, spell: Callable[[str], str], billo: Brand, shopper: Client
) -> None:
    factory(brand=billo, text="BIG-SUMMER_25", **({"trigger": "code"} if factory is PromotionFactory else {}))

    assert applied(quote(shopper, spell("BIG-SUMMER_25"))) == [("BIG-SUMMER_25", "8.00")]
    assert applied(quote(shopper, "BIG-SUMMER_25", spell("BIG-SUMMER_25"))) == [("BIG-SUMMER_25", "8.00")]


@pytest.mark.parametrize("spell", SPELLINGS)
def test_the_endpoints_of_discount_codes_and_coupons_find_every_spelling(
    spell: Callable[[str], str], billo: Brand, shopper: Client
) -> None:
    DiscountCodeFactory(brand=billo, text="BIG-SUMMER")
    coupon = CouponFactory(brand=billo, text="BIG-WINTER")
    usage = {"discount_code": spell("BIG-SUMMER"), "amount": "50.00"}

    assert post(shopper, "/api/v1/discountcodeusage/", usage, 201)["discount_code"] == "BIG-SUMMER"
    post(shopper, f"/api/v1/coupons/{coupon.pk}/redemptions/", {"code": spell("BIG-WINTER")}, 201)
    assert coupon.redemptions.get().code == "BIG-WINTER"


@pytest.mark.parametrize("text", ["A-B", "--_--", "A" * 65, "SÜSS", "\u017f\u017f\u017f", "A\x00BC", ""])
def test_a_text_with_less_than_three_letters_and_digits_is_no_code(text: str) -> None:
    assert normalize_code(text) is None
    assert canonicalize_code(text) is None


@pytest.mark.parametrize("text", ["A-B", "--_--", "abc", "A BC"])
def test_the_database_stores_no_other_code(text: str, billo: Brand) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Code.objects.create(text=text, kind="promotion", brand=billo, offer=billo.pk)


# --- brands -----------------------------------------------------------------------------------------------------------
def test_each_line_gets_the_code_of_its_own_brand(billo: Brand, cake: Brand, shopper: Client) -> None:
    PromotionFactory(brand=billo, trigger="code", text="SUMMER", percent="10")
    CouponFactory(brand=cake, text="SUM-MER", percent="50")

    answer = quote(shopper, "summer", lines=[line("a", "billo", "100.00"), line("b", "cake", "20.00")])

    assert sorted(applied(answer)) == [("SUM-MER", "10.00"), ("SUMMER", "10.00")]
    assert [row["discount"] for row in answer["lines"]] == ["10.00", "10.00"]
    assert answer["rejected"] == []


def test_a_code_is_rejected_only_if_it_applies_for_no_brand(
    billo: Brand, cake: Brand, shopper: Client, at: datetime
) -> None:
    PromotionFactory(brand=billo, trigger="code", text="SUMMER")
    ended = {"start_date": at - timedelta(days=900), "end_date": at - timedelta(days=800)}
    CouponFactory(brand=cake, text="SUMMER", **ended)
    both, ended_only = [line("a", "billo"), line("b", "cake")], [line("b", "cake")]

    answer = quote(shopper, "SUMMER", lines=both)
    assert (applied(answer), answer["rejected"]) == ([("SUMMER", "8.00")], [])
    (rejected,) = quote(shopper, "SUMMER", lines=ended_only)["rejected"]
    assert rejected["reason"]["code"] == "code_expired"


def test_without_a_brand_a_code_means_the_oldest(billo: Brand, cake: Brand, shopper: Client) -> None:
    PromotionFactory(brand=cake, trigger="code", text="SUMMER", percent="50")
    PromotionFactory(brand=billo, trigger="code", text="SUMMER", percent="10")

    assert applied(quote(shopper, "SUMMER")) == [("SUMMER", "40.00")]


def test_without_a_brand_codes_mean_those_of_a_brand_that_has_them_all(
    billo: Brand, cake: Brand, shopper: Client
) -> None:
    PromotionFactory(brand=cake, trigger="code", text="SUMMER", percent="50")
    PromotionFactory(brand=billo, trigger="code", text="SUMMER", percent="10")
    CouponFactory(brand=billo, text="EXTRA", percent="5")

    answer = quote(shopper, "SUMMER", "EXTRA")

    assert {offer["brand"] for offer in answer["applied"] if "brand" in offer} <= {"billo"}
    assert sorted(code for code, _ in applied(answer)) == ["EXTRA", "SUMMER"]
    assert "40.00" not in [amount for _, amount in applied(answer)]


def test_a_brands_server_gets_its_own_code_and_never_hears_of_another(
    billo: Brand, cake: Brand, brand_client: BrandClient
) -> None:
    PromotionFactory(brand=cake, trigger="code", text="SUMMER", percent="50")
    PromotionFactory(brand=billo, trigger="code", text="SUMMER", percent="10")
    PromotionFactory(brand=cake, trigger="code", text="CAKE-ONLY")

    assert applied(quote(brand_client(billo), "SUMMER", customer_id="c1")) == [("SUMMER", "8.00")]
    theirs, nobodys = (
        quote(brand_client(billo), code, customer_id="c1")["rejected"][0] for code in ("CAKE-ONLY", "NOBODYS")
    )
    assert theirs["reason"] == nobodys["reason"]


def test_a_discount_code_is_used_of_the_oldest_brand_or_of_the_one_that_is_named(
    billo: Brand, cake: Brand, shopper: Client
) -> None:
    PromotionFactory(brand=BrandFactory(), trigger="code", text="SUMMER")
    DiscountCodeFactory(brand=cake, text="SUMMER", percent=20)
    DiscountCodeFactory(brand=billo, text="SUM-MER", percent=10)
    path = "/api/v1/discountcodeusage/"

    assert post(shopper, path, {"discount_code": "SUMMER"}, 201)["discount"] == 20
    assert post(shopper, path, {"discount_code": "SUMMER"}, 409)["code"] == "code_already_used"
    assert post(shopper, path, {"discount_code": "SUMMER", "brand": "billo"}, 201)["discount"] == 10
    assert post(shopper, path, {"discount_code": "SUMMER", "brand": "nobody"}, 404)["code"] == "code_not_found"


def test_a_discount_code_is_read_of_ones_own_brand_first(
    billo: Brand, cake: Brand, shopper: Client, brand_client: BrandClient
) -> None:
    oldest, own = DiscountCodeFactory(brand=cake, text="SUMMER"), DiscountCodeFactory(brand=billo, text="SUMMER")
    path = "/api/v1/discountcode/SUMMER/"

    assert shopper.get(path).json()["offer_id"] == str(oldest.offer_id)
    assert shopper.get(f"{path}?brand=billo").json()["offer_id"] == str(own.offer_id)
    assert brand_client(billo).get(path).json()["offer_id"] == str(own.offer_id)
    assert shopper.get(f"/api/v1/discountcode/{own.offer_id}/").json()["brand"] == "billo"
    assert shopper.get(f"/api/v1/discountcode/{own.offer_id}/?brand=cake").status_code == 404


@pytest.mark.parametrize("kind", ["promotion", "coupon"])
def test_a_used_code_leaves_the_same_text_of_another_brand(
    kind: str, billo: Brand, cake: Brand, brand_client: BrandClient, at: datetime
) -> None:
    for brand in (billo, cake):
        offer = PromotionFactory(brand=brand, trigger="code") if kind == "promotion" else CouponFactory(brand=brand)
        lines = ["code", "SAME-TEXT-4711"]
        services.import_codes(kind=kind, brand=brand, offer=offer.pk, lines=lines, allow_weak=True, at=timezone.now())

    for brand in (billo, cake):
        body = {"currency": "EUR", "lines": [line()], "customer_id": "c1", "codes": ["SAME-TEXT-4711"]}
        order = post(brand_client(brand), REDEMPTIONS, body | {"order": f"of {brand.slug}"}, 201)
        post(brand_client(brand), f"{REDEMPTIONS}{order['id']}/confirm/", {})
        again = post(brand_client(brand), REDEMPTIONS, body | {"order": f"again of {brand.slug}"}, 409)
        assert again["code"] == "code_already_used"


# --- archived offers --------------------------------------------------------------------------------------------------
SALE = {"name": "x", "trigger": "code", "code": "SUMMER", "start_date": "2026-01-01", "end_date": "2099-01-01"}


def sale(percent: str) -> dict[str, Any]:
    return SALE | {"offer": {"benefits": [{"kind": "percent", "value": percent}]}}


@pytest.mark.parametrize("how", ["ended", "past", "draft", "running"])
def test_the_text_of_an_archived_promotion_is_free_again(
    how: str, billo: Brand, brand_client: BrandClient, shopper: Client
) -> None:
    server, path = brand_client(billo), "/api/v1/promotions/"
    first = post(server, path, sale("10") | ({"status": "draft"} if how == "draft" else {}), 201)["id"]
    assert post(server, path, sale("20"), 409)["code"] == "code_taken"
    if how == "ended":
        post(server, f"{path}{first}/end/", {})
    if how == "past":
        Promotion.objects.update(end_date=timezone.now())
    if how == "draft":
        assert server.delete(f"{path}{first}/").status_code == 204
    else:
        assert how == "running" or post(server, path, sale("20"), 409)["code"] == "code_taken"
        post(server, f"{path}{first}/archive/", {})

    second = post(server, path, sale("20"), 201)["id"]

    assert applied(quote(shopper, "SUMMER")) == [("SUMMER", "16.00")]
    assert server.get(f"{path}{second}/").json()["code"] == "SUMMER"
    assert how == "draft" or server.get(f"{path}{first}/").json()["code"] == "SUMMER"


def test_orders_with_a_reused_code_keep_their_own_offer(billo: Brand, brand_client: BrandClient) -> None:
    server, path = brand_client(billo), "/api/v1/promotions/"
    amounts = []
    for number, percent in enumerate(["10", "20"]):
        promotion = post(server, path, sale(percent), 201)["id"]
        body = {"currency": "EUR", "lines": [line()], "customer_id": "c1", "codes": ["SUMMER"], "order": f"o{number}"}
        order = post(server, REDEMPTIONS, body, 201)["id"]
        post(server, f"{path}{promotion}/archive/", {})
        post(server, f"{REDEMPTIONS}{order}/confirm/", {})
        answer = server.get(f"{REDEMPTIONS}{order}/").json()
        amounts += [(offer["id"] == promotion, offer["amount"]) for offer in answer["quote"]["applied"]]

    assert amounts == [(True, "8.00"), (True, "16.00")]


def test_the_report_of_a_reused_coupon_code_is_that_of_the_present_coupon(
    billo: Brand, brand_client: BrandClient, shopper: Client
) -> None:
    server, path = brand_client(billo), "/api/v1/coupons/"
    body = {
        "title": "x", "start_date": "2026-01-01", "end_date": "2099-01-01", "codes": {"shared": "SUMMER"},
        "offer": {"benefits": [{"kind": "percent", "value": "10"}]},
    }  # fmt: skip
    reports = []
    for redemptions in (0, 1):
        coupon = post(server, path, body, 201)["id"]
        for _ in range(redemptions):
            post(shopper, f"{path}{coupon}/redemptions/", {"code": "SUMMER"}, 201)
        reports.append(server.get(f"{path}report/", {"code": "sum-mer", "unit": "day"}).json()["total"])
        post(server, f"{path}{coupon}/archive/", {})

    assert reports == [0, 1]
    assert server.get(f"{path}report/", {"code": "SUMMER", "unit": "day"}).json()["total"] == 1
    assert CouponDefinition.objects.filter(code="SUMMER").count() == 2


def test_the_codes_of_an_archived_offers_batches_are_archived_in_the_background(
    billo: Brand, brand_client: BrandClient, run_outbox: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("redemptions.codes.services.codes.ARCHIVE_CHUNK", 10)
    promotion, other = PromotionFactory.create_batch(2, brand=billo, trigger="code")
    for offer in (promotion, other):
        services.generate_codes(batch_id=create_batch(offer, count=25).pk)

    post(brand_client(billo), f"/api/v1/promotions/{promotion.pk}/archive/", {})
    services.archive_batch_codes(offer=promotion.pk, at=timezone.now(), time_budget=0)
    assert Code.objects.filter(offer=promotion.pk, archived_at=None).count() == 15
    run_outbox()

    assert not Code.objects.filter(offer=promotion.pk, archived_at=None).exists()
    assert not Code.objects.filter(offer=other.pk).exclude(archived_at=None).exists()


def test_an_offer_never_gets_a_code_twice(billo: Brand) -> None:
    code = services.register_code(text="SUMMER", kind="promotion", brand=billo, offer=billo.pk)
    Code.objects.filter(pk=code.pk).update(archived_at=timezone.now())

    with pytest.raises(IntegrityError, match="redemptions_code_once_per_offer"), transaction.atomic():
        Code.objects.create(text="SUM-MER", kind="promotion", brand=billo, offer=billo.pk)


def test_the_spellings_of_a_code_are_found_by_indexes(billo: Brand) -> None:
    codes = [Code(text=f"CODE-{n}", kind="promotion", brand=billo, offer=uuid7()) for n in range(3_000)]
    Code.objects.bulk_create(codes)
    Code.objects.filter(pk__in=[code.pk for code in codes[::2]]).update(archived_at=timezone.now())

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE promotions_code")  # so that the plan depends on these rows only
        sql = db.load_sql("redemptions/events/sql/select_code_texts.sql")
        cursor.execute(f"EXPLAIN {sql}", {"text": "code 7", "brands": None})
        plans = ["\n".join(line for (line,) in cursor.fetchall()), list_spellings("code 7").explain()]

    for plan in plans:
        assert "Seq Scan" not in plan
        assert {"redemptions_code_once_per_brand", "redemptions_codes_archived"} <= set(re.findall(r"\w+", plan)), plan
