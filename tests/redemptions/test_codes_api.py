"""One code of a brand: read and revoked, whatever its kind of offer."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts.contracts import Role
from accounts.models import Brand
from redemptions.codes import services
from redemptions.codes.models import Code
from redemptions.codes.selectors.batches import list_batch_codes
from redemptions.errors import CodeTaken
from redemptions.events.models import Event
from tests.code_batches import create_batch
from tests.factories import BrandFactory, CustomerFactory, MembershipFactory, PromotionFactory
from tests.redemptions.offers import FACTORIES

pytestmark = pytest.mark.django_db
CODES = "/api/v1/codes/"
CART = {"currency": "EUR", "lines": [{"id": "a", "sku": "a", "quantity": 1, "unit_price": "80.00"}]}


@pytest.fixture
def billo() -> Brand:
    return BrandFactory(slug="billo")


@pytest.fixture
def server(billo: Brand, brand_client: Callable[[Brand], Client]) -> Client:
    return brand_client(billo)


@pytest.fixture(params=["promotion", "coupon", "discount_code"])
def code(request: pytest.FixtureRequest, billo: Brand) -> Code:
    """A single-use code of a batch, assigned to nobody."""
    trigger = {"trigger": "code"} if request.param == "promotion" else {}
    offer = FACTORIES[request.param](brand=billo, **trigger)
    batch = services.create_batch(kind=request.param, brand=billo, offer=offer.offer_key, count=3, at=timezone.now())
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


def test_a_revoked_code_is_not_redeemed_and_keeps_its_text(server: Client, code: Code, billo: Brand) -> None:
    answer = post(server, f"{CODES}{code.text.lower()}/revoke/")

    assert (answer["status"], answer["code"]) == ("revoked", code.text)
    assert answer["revoked_at"] is not None
    assert reserve(server, code, "o1", 409)["code"] == "code_inactive"
    assert code.batch is not None
    assert list_batch_codes(batch=code.batch, after="", at=timezone.now(), limit=1) == [
        (code.text, None, "revoked", None)
    ]
    event = Event.objects.get(type="code.revoked")
    assert (event.brand_id, event.kind, event.offer_id, event.code) == (billo.pk, code.kind, code.offer, code.text)
    with pytest.raises(CodeTaken), transaction.atomic():
        services.register_code(text=code.text, kind="promotion", brand=billo, offer=billo.pk)
    services.archive_batch_codes(offer=code.offer, at=timezone.now())
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
        services.revoke_code(code=Code.objects.get(customer=customer, revoked_at=None), at=timezone.now())

    assert Code.objects.filter(customer=customer).exclude(revoked_at=None).count() == 2


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


def test_codes_of_other_brands_look_like_unknown_ones(code: Code, brand_client: Callable[[Brand], Client]) -> None:
    stranger = brand_client(BrandFactory())
    for path in ("", "revoke/"):
        call = stranger.post if path else stranger.get
        theirs, nobodys = (call(f"{CODES}{name}/{path}").json() for name in (code.text, "NOBODYS"))
        assert theirs == nobodys
        assert theirs["code"] == "code_not_found"
    assert Code.objects.get(pk=code.pk).revoked_at is None


def test_a_viewer_reads_and_revokes_nothing(code: Code, billo: Brand, shopper_client: Callable[[Any], Client]) -> None:
    viewer = shopper_client(MembershipFactory(brand=billo, role=Role.VIEWER).user)

    assert viewer.get(f"{CODES}{code.text}/").status_code == 200
    assert post(viewer, f"{CODES}{code.text}/revoke/", status=403)["code"] == "permission_denied"
