"""One code of a brand: read and revoked, whatever its kind of offer."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.contracts import Role
from accounts.models import Brand
from redemptions.codes import services
from redemptions.codes.models import Code
from redemptions.codes.selectors.batches import list_batch_codes
from redemptions.events.models import Event
from tests.code_batches import create_batch
from tests.factories import (
    BrandFactory,
    CouponFactory,
    CustomerFactory,
    DiscountCodeFactory,
    MembershipFactory,
    PromotionFactory,
)

pytestmark = pytest.mark.django_db
CODES = "/api/v1/codes/"
CART = {"currency": "EUR", "lines": [{"id": "a", "sku": "a", "quantity": 1, "unit_price": "80.00"}]}


@pytest.fixture
def billo() -> Brand:
    return BrandFactory(slug="billo")


@pytest.fixture
def server(billo: Brand, brand_client: Callable[[Brand], Client]) -> Client:
    return brand_client(billo)


@pytest.fixture(params=["promotion", "coupon"])
def code(request: pytest.FixtureRequest, billo: Brand) -> Code:
    """A single-use code of a batch, assigned to nobody."""
    kind = request.param
    offer: Any = PromotionFactory(brand=billo, trigger="code") if kind == "promotion" else CouponFactory(brand=billo)
    batch = services.create_batch(kind=kind, brand=billo, offer=offer.pk, count=3, at=timezone.now())
    services.generate_codes(batch_id=batch.pk)
    return Code.objects.filter(batch=batch).order_by("text")[0]


def post(client: Client, path: str, body: dict[str, Any] | None = None, status: int = 200) -> dict[str, Any]:
    response = client.post(path, body or {}, content_type="application/json")
    assert response.status_code == status, response.content
    return response.json()


def reserve(server: Client, code: Code, order: str, status: int = 201) -> dict[str, Any]:
    body = CART | {"customer_id": "c1", "order": order, "codes": [code.text]}
    return post(server, "/api/v1/checkout/redemptions/", body, status)


def test_a_code_is_read_by_any_spelling_or_its_digest(server: Client, code: Code) -> None:
    answer = server.get(f"{CODES}{code.text.lower().replace('-', '')}/").json()

    assert answer["code"] == code.text
    assert (answer["kind"], answer["brand"], answer["batch"]) == (code.kind, "billo", str(code.batch_id))
    assert answer["offer"]["id"] == str(code.offer)
    assert (answer["status"], answer["single_use"], answer["customer_id"]) == ("available", True, None)
    digest = hashlib.sha256(code.text.replace("-", "").encode()).hexdigest()
    assert server.get(f"{CODES}{digest}/").json() == answer


def test_the_status_follows_the_order(server: Client, code: Code) -> None:
    statuses = []
    order = reserve(server, code, "o1")["id"]
    statuses.append(server.get(f"{CODES}{code.text}/").json()["status"])
    post(server, f"/api/v1/checkout/redemptions/{order}/confirm/")
    statuses.append(server.get(f"{CODES}{code.text}/").json()["status"])

    assert statuses == ["reserved", "used"]


def test_a_revoked_code_is_not_redeemed_and_frees_its_text(server: Client, code: Code, billo: Brand) -> None:
    answer = post(server, f"{CODES}{code.text.lower()}/revoke/")

    assert (answer["status"], answer["code"]) == ("revoked", code.text)
    assert answer["revoked_at"] is not None
    assert reserve(server, code, "o1", 409)["code"] == "code_not_found"
    assert code.batch is not None
    assert list_batch_codes(batch=code.batch, after="", at=timezone.now(), limit=1) == [(code.text, None, "revoked")]
    event = Event.objects.get(type="code.revoked")
    assert (event.brand_id, event.kind, event.offer_id, event.code) == (billo.pk, code.kind, code.offer, code.text)
    services.register_code(text=code.text, kind="promotion", brand=billo, offer=billo.pk)


def test_revoking_again_changes_nothing(server: Client, code: Code) -> None:
    first = post(server, f"{CODES}{code.text}/revoke/")

    assert post(server, f"{CODES}{code.text}/revoke/") == first
    assert Event.objects.filter(type="code.revoked").count() == 1


def test_the_reservation_of_a_revoked_code_stays_valid(server: Client, code: Code) -> None:
    order = reserve(server, code, "o1")["id"]

    assert post(server, f"{CODES}{code.text}/revoke/")["status"] == "reserved"
    assert post(server, f"/api/v1/checkout/redemptions/{order}/confirm/")["status"] == "confirmed"
    assert server.get(f"{CODES}{code.text}/").json()["status"] == "used"


def test_a_customer_whose_code_was_revoked_can_get_another(billo: Brand) -> None:
    batch = create_batch(PromotionFactory(brand=billo, trigger="code"), count=2)
    services.generate_codes(batch_id=batch.pk)
    batch.refresh_from_db()
    customer = CustomerFactory(customer_id="c1")
    for _ in range(2):
        services.assign_to_customers(batch=batch, customer_ids=["c1"], notify=False, at=timezone.now())
        services.revoke_code(code=Code.objects.get(customer=customer, archived_at=None), at=timezone.now())

    assert Code.objects.filter(customer=customer).exclude(archived_at=None).count() == 2


def test_a_revoked_code_is_not_assigned_and_not_imported_again(server: Client, code: Code, billo: Brand) -> None:
    services.revoke_code(code=code, at=timezone.now())

    ids = ["c1", "c2"]
    assert code.batch is not None
    services.assign_to_customers(batch=code.batch, customer_ids=ids, notify=False, at=timezone.now())
    result = services.import_codes(
        kind=code.kind, brand=billo, offer=code.offer, lines=["code", code.text], allow_weak=True, at=timezone.now()
    )

    assert Code.objects.get(pk=code.pk).customer is None
    assert [error["code"] for error in result.errors] == ["code_taken"]


def test_a_discount_code_is_paused_instead(server: Client, billo: Brand) -> None:
    DiscountCodeFactory(brand=billo, text="SUMMER")

    assert post(server, f"{CODES}SUMMER/revoke/", status=409)["code"] == "invalid_status"
    assert server.get(f"{CODES}SUMMER/").json()["status"] == "available"


def test_codes_of_other_brands_look_like_unknown_ones(code: Code, brand_client: Callable[[Brand], Client]) -> None:
    stranger = brand_client(BrandFactory())
    for path in ("", "revoke/"):
        call = stranger.post if path else stranger.get
        theirs, nobodys = (call(f"{CODES}{name}/{path}").json() for name in (code.text, "NOBODYS"))
        assert theirs == nobodys
        assert theirs["code"] == "code_not_found"
    assert Code.objects.get(pk=code.pk).archived_at is None


def test_a_viewer_reads_and_revokes_nothing(code: Code, billo: Brand, shopper_client: Callable[[Any], Client]) -> None:
    viewer = shopper_client(MembershipFactory(brand=billo, role=Role.VIEWER).user)

    assert viewer.get(f"{CODES}{code.text}/").status_code == 200
    assert post(viewer, f"{CODES}{code.text}/revoke/", status=403)["code"] == "permission_denied"


@pytest.mark.parametrize("kind", ["promotion", "coupon"])
def test_the_admin_revokes_a_code_of_a_batch(kind: str, billo: Brand) -> None:
    offer: Any = PromotionFactory(brand=billo, trigger="code") if kind == "promotion" else CouponFactory(brand=billo)
    batch = services.create_batch(kind=kind, brand=billo, offer=offer.pk, count=2, at=timezone.now())
    services.generate_small_batch(batch=batch)
    first, second = Code.objects.filter(batch=batch).order_by("text")
    page = reverse(f"admin:{kind}_codes_batch", args=[offer.pk, batch.pk])
    owner, viewer = Client(), Client()
    owner.force_login(MembershipFactory(brand=billo).user)
    viewer.force_login(MembershipFactory(brand=billo, role=Role.VIEWER).user)

    assert f"Revoke {first.text}…" in owner.get(page).content.decode()
    assert f"Revoke {first.text}…" not in viewer.get(page).content.decode()
    assert viewer.post(f"{page}revoke/", {"code": first.text}).status_code == 403
    assert owner.post(f"{page}revoke/", {"code": "UNKNOWN"}).status_code == 404
    assert not Code.objects.exclude(archived_at=None).exists()
    html = owner.post(f"{page}revoke/", {"code": first.text}, follow=True).content.decode()

    assert f"Code {first.text} was revoked." in html
    assert f"Revoke {first.text}…" not in html
    assert f"Revoke {second.text}…" in html
    assert list(Code.objects.exclude(archived_at=None)) == [first]
