"""Admin pages of codes with balances, and the option in the offer form."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.contracts import Role
from accounts.models import Brand
from promotions.admin.offer_form import OfferForm, is_representable
from promotions.models import Promotion
from redemptions.codes.models import Code, CodeBatch
from redemptions.codes.rules import DEFAULT_CHARSET
from tests.checkout.builders import REDEMPTIONS, line, post
from tests.factories import BrandFactory, MembershipFactory, PromotionFactory

pytestmark = pytest.mark.django_db
GOODWILL = {"benefits": [{"kind": "amount", "value": "15.00", "on": "order", "keep_balance": True}]}
FORM = {"count": "2", "pattern": "SORRY-########", "charset": DEFAULT_CHARSET}


@pytest.fixture
def brand() -> Brand:
    return BrandFactory(slug="billo")


@pytest.fixture
def promotion(brand: Brand) -> Promotion:
    return PromotionFactory(brand=brand, offer=GOODWILL, trigger="code", text="GOODWILL")


def as_staff(brand: Brand, role: Role = Role.OWNER) -> Client:
    client = Client()
    client.force_login(MembershipFactory(brand=brand, role=role).user)
    return client


def get_text(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, response.status_code
    return str(response.content.decode())


def codes_url(promotion: Promotion, path: str = "") -> str:
    return f"/admin/promotions/promotion/{promotion.pk}/codes/{path}"


def test_support_sees_the_balance_of_a_code_and_its_movements(
    brand: Brand, promotion: Promotion, brand_client: Callable[[Any], Client]
) -> None:
    body = {"currency": "EUR", "lines": [line(unit_price="10.00")], "codes": ["GOODWILL"]}
    order = post(brand_client(brand), REDEMPTIONS, body | {"order": "o1", "customer_id": "u1"}).json()

    viewer = as_staff(brand, Role.VIEWER)
    assert "GOODWILL: €5.00 of €15.00 left" in get_text(viewer, codes_url(promotion))
    page = get_text(viewer, codes_url(promotion, "balance/?code=good-will"))
    order_page = f"/admin/checkout/redemption/{order['id']}/change/"
    for text in ("€5.00 of €15.00", "Reserved by an order", "-€10.00", order_page):
        assert text in page
    page = get_text(viewer, order_page)
    assert "Balances of codes" in page
    assert "Reserved by an order" in page


def test_balances_of_other_brands_and_of_unknown_codes_are_not_found(promotion: Promotion) -> None:
    path = codes_url(promotion, "balance/?code=")

    assert as_staff(BrandFactory()).get(f"{path}GOODWILL").status_code in (302, 403, 404)
    assert as_staff(promotion.brand).get(f"{path}OTHER").status_code == 404
    other = PromotionFactory(brand=promotion.brand, trigger="code", text="TEN")
    assert as_staff(promotion.brand).get(codes_url(other, "balance/?code=TEN")).status_code == 404


def test_a_batch_with_a_balance_is_generated_and_shown(brand: Brand, promotion: Promotion) -> None:
    owner = as_staff(brand)

    wrong = owner.post(codes_url(promotion, "generate/"), FORM | {"balance": "1.001"})
    assert set(wrong.context["generate_form"].errors) == {"balance"}
    owner.post(codes_url(promotion, "generate/"), FORM | {"balance": "7.50"})

    batch = CodeBatch.objects.get()
    assert set(Code.objects.filter(batch=batch).values_list("balance", flat=True)) == {750}
    assert "€7.50 of €7.50" in get_text(owner, codes_url(promotion, f"{batch.pk}/"))
    other = PromotionFactory(brand=brand, trigger="code")
    assert "Balance of each code" not in get_text(owner, codes_url(other))


def test_an_imported_file_may_have_balances(brand: Brand, promotion: Promotion) -> None:
    file = SimpleUploadedFile("codes.csv", b"code;balance\r\nSORRY1;3.00\r\nSORRY2;x\r\n")

    response = as_staff(brand).post(codes_url(promotion, "import/"), {"file": file, "allow_weak": "on"})

    assert b"2 lines: 1 imported, 0 already existed, 1 rejected." in response.content
    assert Code.objects.get(text="SORRY1").balance == 300


def test_the_offer_form_has_the_option(brand: Brand) -> None:
    assert is_representable(GOODWILL, brand)
    assert "What an order doesn&#x27;t use" in OfferForm(brand=brand, offer=GOODWILL).as_p()


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("promotions", {"trigger": "automatic"}, "offer.benefits.0.keep_balance"),
        ("campaigns", {"slug": "first", "quota": 5}, "offer.benefits.0.keep_balance"),
        ("discountcode", {}, "rule.offer.benefits.0.keep_balance"),
    ],
)
def test_offers_without_codes_for_several_orders_keep_no_balance(
    brand: Brand, brand_client: Callable[[Any], Client], path: str, body: dict[str, Any], field: str
) -> None:
    dates = {"start_date": "2030-01-01", "end_date": "2030-02-01"}
    offer = {"offer": GOODWILL}
    if path == "discountcode":
        body = {"id": "GOODWILL", "validity": "2030-01-01T00:00:00Z", "rule": offer}
    else:
        body = {"name": "Goodwill", **dates, **offer, **body}

    response = post(brand_client(brand), f"/api/v1/{path}/", body)

    assert (response.status_code, [error["field"] for error in response.json()["errors"]]) == (400, [field])
