"""A whole batch of codes is revoked at once, whatever its kind of offer."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.contracts import Role
from accounts.models import Brand
from core.models import OutboxMessage
from discounts.models import DiscountCode
from mailings.models import Mail
from mailings.services import sending
from redemptions.codes import services
from redemptions.codes.models import Code, CodeBatch
from redemptions.codes.selectors import batches as batch_selectors
from redemptions.codes.services import revocations
from redemptions.errors import BatchRevoked
from redemptions.events.models import Event
from tests.factories import BrandFactory, MembershipFactory, PromotionFactory, ShopperFactory
from tests.redemptions.offers import FACTORIES
from tests.redemptions.test_codes_api import post, reserve

pytestmark = pytest.mark.django_db
KINDS = ["promotion", "coupon", "discount_code"]


@pytest.fixture
def billo() -> Brand:
    return BrandFactory(slug="billo", name="Billo")


@pytest.fixture
def server(billo: Brand, brand_client: Callable[[Brand], Client]) -> Client:
    return brand_client(billo)


def create_batch(kind: str, brand: Brand, count: int = 5) -> CodeBatch:
    trigger = {"trigger": "code"} if kind == "promotion" else {}
    offer = FACTORIES[kind](brand=brand, **trigger)
    batch = services.create_batch(kind=kind, brand=brand, offer=offer.offer_key, count=count, at=timezone.now())
    services.generate_codes(batch_id=batch.pk)
    batch.refresh_from_db()
    return batch


@pytest.fixture(params=KINDS)
def batch(request: pytest.FixtureRequest, billo: Brand) -> CodeBatch:
    """A generated batch of five codes."""
    return create_batch(request.param, billo)


def url(batch: CodeBatch, name: str = "revoke") -> str:
    return reverse(f"{batch.kind}-batch-{name}", args=[batch.offer, batch.pk])


def list_codes(batch: CodeBatch) -> list[Code]:
    return list(Code.objects.filter(batch=batch).order_by("text"))


def read(server: Client, code: Code) -> dict[str, Any]:
    answer: dict[str, Any] = server.get(f"/api/v1/codes/{code.text}/").json()
    return answer


def test_no_code_of_a_revoked_batch_is_redeemed_and_what_was_reserved_stays(
    server: Client, batch: CodeBatch, billo: Brand
) -> None:
    other = create_batch(batch.kind, billo)
    reserved, used, alone, *_rest = codes = list_codes(batch)
    order = reserve(server, reserved, "o1")["id"]
    used_order = reserve(server, used, "o2") if batch.kind == "promotion" else None
    if used_order is not None:
        post(server, f"/api/v1/checkout/redemptions/{used_order['id']}/confirm/")
    post(server, f"/api/v1/codes/{alone.text}/revoke/")
    first_revocation = Code.objects.get(pk=alone.pk).revoked_at

    answer = post(server, url(batch))

    assert answer["revoked_at"] is not None
    assert answer["revocation_finished_at"] is not None
    assert answer["revoked_count"] == 4
    assert all(code.revoked_at is not None for code in list_codes(batch))
    assert Code.objects.get(pk=alone.pk).revoked_at == first_revocation
    assert [read(server, code)["status"] for code in codes] == [
        "reserved", "used" if used_order else "revoked", "revoked", "revoked", "revoked",
    ]  # fmt: skip
    refused = reserve(server, codes[-1], "o3", status=409)
    assert refused["code"] == "code_inactive"
    assert post(server, f"/api/v1/checkout/redemptions/{order}/confirm/")["status"] == "confirmed"
    assert [code.revoked_at for code in list_codes(other)] == [None] * 5


def test_the_revocation_of_a_batch_is_one_event_and_repeating_it_has_no_effect(
    server: Client, batch: CodeBatch
) -> None:
    first = post(server, url(batch))

    assert post(server, url(batch)) == first
    assert server.get(reverse(f"{batch.kind}-batch", args=[batch.offer, batch.pk])).json() == first
    event = Event.objects.get(type="code.revoked")
    assert (event.offer_id, event.code, event.data) == (batch.offer, "", {"batch": str(batch.pk), "count": 5})


def test_a_revoked_batch_gets_no_more_codes_and_no_more_customers(server: Client, batch: CodeBatch) -> None:
    path = reverse(f"{batch.kind}-batch-import", args=[batch.offer])
    imported = server.post(path, "code\n7HK4-9QWD-XMP2-R6TA", content_type="text/csv").json()["id"]
    imported_batch = CodeBatch.objects.get(pk=imported)
    for revoked in (batch, imported_batch):
        post(server, url(revoked))

    refused = server.post(f"{path}?batch={imported}", "code\n7HK4-9QWD-XMP2-R6TB", content_type="text/csv")

    assert (refused.status_code, refused.json()["code"]) == (409, "batch_revoked")
    assert post(server, url(batch, "assign"), {"customer_ids": ["c1"]}, status=409)["code"] == "batch_revoked"
    assert Code.objects.filter(batch=imported).count() == 1
    assert not Code.objects.filter(batch=batch).exclude(customer=None).exists()


def test_a_batch_that_is_being_generated_is_not_revoked(server: Client, billo: Brand) -> None:
    offer = PromotionFactory(brand=billo, trigger="code")
    batch = services.create_batch(kind="promotion", brand=billo, offer=offer.pk, count=5, at=timezone.now())

    answer = post(server, url(batch), status=409)

    assert (answer["code"], answer["generated_count"], answer["count"]) == ("batch_not_ready", 0, 5)
    batch.refresh_from_db()
    assert batch.revoked_at is None


def test_many_codes_are_revoked_in_the_background_and_an_interruption_continues(
    server: Client, billo: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = create_batch("promotion", billo, count=25)
    monkeypatch.setattr(revocations, "INLINE_MAX_CODES", 24)
    monkeypatch.setattr(revocations, "CHUNK", 10)

    answer = post(server, url(batch), status=202)

    assert (answer["revoked_count"], answer["revocation_finished_at"]) == (0, None)
    tasks = OutboxMessage.objects.filter(task="redemptions.revoke_batch")
    assert [message.kwargs for message in tasks] == [{"batch_id": str(batch.pk)}]

    tasks.delete()
    services.continue_revocation(batch_id=batch.pk, at=timezone.now(), time_budget=0)
    batch.refresh_from_db()
    texts = [code.text for code in list_codes(batch)]
    assert (batch.revoked_count, batch.revoked_to, batch.is_being_revoked) == (10, texts[9], True)
    assert [code.text for code in list_codes(batch) if code.revoked_at] == texts[:10]
    assert not Event.objects.filter(type="code.revoked").exists()
    assert tasks.count() == 1

    for _ in range(2):
        services.continue_revocation(batch_id=batch.pk, at=timezone.now())
    batch.refresh_from_db()
    assert (batch.revoked_count, batch.is_being_revoked) == (25, False)
    assert all(code.revoked_at == batch.revoked_at for code in list_codes(batch))
    assert Event.objects.get(type="code.revoked").data["count"] == 25


@pytest.mark.parametrize("attempts", [0, 1])
def test_emails_of_revoked_codes_are_not_sent_also_after_a_failed_attempt(
    billo: Brand, attempts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, at = create_batch("promotion", billo), timezone.now()
    ana = ShopperFactory(username="ana", email="ana@example.com", consents=True)
    services.assign_to_customers(batch=batch, customer_ids=[ana.customer.customer_id], notify=True, at=at)
    if attempts:
        with monkeypatch.context() as broken:
            broken.setattr("django.core.mail.backends.locmem.EmailBackend.open", _fail)
            sending.send_due(at=at)
        assert Mail.objects.get().attempts == 1
        assert Mail.objects.get().status == "planned"

    services.revoke_batch(batch=batch, at=at)
    services.revoke_small_batch(batch=batch, at=at)
    Mail.objects.update(due_at=at)
    sending.send_due(at=at)

    assert mail.outbox == []
    assert Mail.objects.get().status == "suppressed"


def _fail(*_: Any) -> bool:
    raise OSError("The server closed the connection.")


# --- who may ----------------------------------------------------------------------------------------------------------
def test_a_viewer_and_another_brand_revoke_nothing(
    batch: CodeBatch, billo: Brand, brand_client: Callable[[Brand], Client], shopper_client: Callable[[Any], Client]
) -> None:
    viewer = shopper_client(MembershipFactory(brand=billo, role=Role.VIEWER).user)

    assert post(viewer, url(batch), status=403)["code"] == "permission_denied"
    assert post(brand_client(BrandFactory()), url(batch), status=404)["code"] == "not_found"
    batch.refresh_from_db()
    assert batch.revoked_at is None


def test_the_admin_says_how_many_unused_codes_end_and_asks(server: Client, batch: CodeBatch, billo: Brand) -> None:
    order = reserve(server, list_codes(batch)[0], "o1")["id"]
    post(server, f"/api/v1/checkout/redemptions/{order}/confirm/")
    owner, viewer = Client(), Client()
    owner.force_login(MembershipFactory(brand=billo, role=Role.OWNER).user)
    viewer.force_login(MembershipFactory(brand=billo, role=Role.VIEWER).user)
    page = reverse(f"admin:{batch.kind}_codes_batch", args=[_pk_of_offer(batch), batch.pk])
    confirmation = f"{page}revoke/"

    assert confirmation in owner.get(page).content.decode()
    assert confirmation not in viewer.get(page).content.decode()
    assert [viewer.get(confirmation).status_code, viewer.post(confirmation).status_code] == [403, 403]
    question = owner.get(confirmation)
    assert dict(question.context["facts"])["Unused codes that end"] == "4"
    assert not Code.objects.filter(batch=batch).exclude(revoked_at=None).exists()

    done = owner.post(confirmation, follow=True)

    assert done.redirect_chain == [(page, 302)]
    text = done.content.decode()
    assert "The batch was revoked." in text
    assert "5 codes revoked" in text
    assert confirmation not in text
    assert not Code.objects.filter(batch=batch, revoked_at=None).exists()
    assert "Revoked" in owner.get(reverse(f"admin:{batch.kind}_codes", args=[_pk_of_offer(batch)])).content.decode()
    log = owner.get("/admin/log/", {"how": "revoked"}).content.decode()
    assert str(batch.pattern) in log


def test_the_admin_counts_codes_of_a_big_batch_with_the_used_ones(
    billo: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_selectors, "MAX_COUNTED_CODES", 4)
    batch = create_batch("promotion", billo)
    services.revoke_code(code=list_codes(batch)[0], at=timezone.now())
    owner = Client()
    owner.force_login(MembershipFactory(brand=billo, role=Role.OWNER).user)

    question = owner.get(reverse("admin:promotion_codes_revoke_batch", args=[batch.offer, batch.pk]))

    assert dict(question.context["facts"])["Unused codes that end"] == "up to 4"


def test_the_admin_says_that_a_batch_is_still_being_generated(billo: Brand) -> None:
    offer = PromotionFactory(brand=billo, trigger="code")
    batch = services.create_batch(kind="promotion", brand=billo, offer=offer.pk, count=5, at=timezone.now())
    owner = Client()
    owner.force_login(MembershipFactory(brand=billo, role=Role.OWNER).user)

    answer = owner.post(reverse("admin:promotion_codes_revoke_batch", args=[offer.pk, batch.pk]), follow=True)

    assert "This batch is still being generated." in answer.content.decode()
    assert CodeBatch.objects.get().revoked_at is None


def test_the_admin_offers_no_revoked_batch_for_an_import(billo: Brand) -> None:
    offer = PromotionFactory(brand=billo, trigger="code")
    results = [
        services.import_codes(
            kind="promotion", brand=billo, offer=offer.pk, lines=["code", text], allow_weak=True, at=timezone.now()
        )
        for text in ("ONE", "TWO")
    ]
    services.revoke_batch(batch=results[0].batch, at=timezone.now())
    owner = Client()
    owner.force_login(MembershipFactory(brand=billo, role=Role.OWNER).user)

    form = owner.get(reverse("admin:promotion_codes", args=[offer.pk])).context["import_form"]

    assert list(form.batches) == [str(results[1].batch.pk)]
    with pytest.raises(BatchRevoked):
        services.assign_to_customers(batch=results[0].batch, customer_ids=["c1"], notify=False, at=timezone.now())


def _pk_of_offer(batch: CodeBatch) -> Any:
    """Return the key of the batch's offer in the URLs of the admin."""
    return DiscountCode.objects.get(offer_id=batch.offer).pk if batch.kind == "discount_code" else batch.offer
