"""What the codes of every kind of offer can do, also those of one that the platform doesn't know.

A kind is part of these tests as soon as its backend has codes: it must generate, import, assign, mail, export, revoke
and end them, and quote them in any spelling.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.contracts import Role
from accounts.models import Brand
from checkout.consistency import check
from checkout.services import release_expired
from mailings.services import sending
from redemptions.backends import get_backends, get_code_backends, get_standalone_backends
from redemptions.codes.models import Code
from redemptions.events.models import Event
from redemptions.lifecycle import Action
from redemptions.uses.consistency import check as check_uses
from tests.checkout.builders import QUOTE, REDEMPTIONS, line, post, post_action
from tests.factories import BrandFactory, MembershipFactory, PromotionFactory, ShopperFactory
from tests.loyalty.offers import CODE, Created, change_decision, create, get_customer

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.loyalty.urls")]
PLATFORM_KINDS = sorted(get_code_backends())
KINDS = sorted([*PLATFORM_KINDS, "loyalty_reward"])
STANDALONE: Mapping[str, tuple[str, str]] = {  # how a shopper redeems a code without an order: path, member of the body
    "coupon": ("/api/v1/coupons/{offer}/redemptions/", "code"),
    "discount_code": ("/api/v1/discountcodeusage/", "discount_code"),
}
SPELLINGS: list[Callable[[str], str]] = [str.lower, lambda text: text.replace("-", ""), lambda text: f" {text} "]
STRONG = "7HK4-9QWD-XMP2-R6T{}"


@pytest.fixture
def brand() -> Brand:
    get_customer()
    brand: Brand = BrandFactory(slug="billo", timezone="Europe/Madrid")
    return brand


@pytest.fixture
def server(brand: Brand, brand_client: Callable[[Any], Client]) -> Client:
    return brand_client(brand)


@pytest.fixture(params=KINDS)
def created(request: pytest.FixtureRequest, brand: Brand) -> Created:
    """An active offer of each kind, which a customer can redeem once."""
    return create(request.param, brand)


def url(created: Created, name: str = "batch-list", *args: Any) -> str:
    return reverse(f"{created.offer.offer_kind}-{name}", args=[created.offer.offer_key, *args])


def generate(server: Client, created: Created, count: int = 3) -> tuple[str, list[str]]:
    """Generate codes as the API does. Return the ID of their batch, and the codes."""
    response = post(server, url(created), {"count": count})
    assert response.status_code == 201, response.content
    batch = response.json()["id"]
    return batch, list(Code.objects.filter(batch=batch).order_by("text").values_list("text", flat=True))


def send(server: Client, created: Created, *lines: str, status: int = 201) -> dict[str, Any]:
    """Import lines as the API does."""
    response = server.post(url(created, "batch-import"), "\n".join(lines), content_type="text/csv")
    assert response.status_code == status, response.content
    answer: dict[str, Any] = response.json()
    return answer


def export(server: Client, created: Created, batch: str) -> list[list[str]]:
    response = server.get(url(created, "batch-codes", batch))
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    return [row.split(",") for row in text.splitlines()]


def cart(*codes: str, customer: str = "c1") -> dict[str, Any]:
    return {
        "currency": "EUR", "customer_id": customer, "transaction_type": "topup", "codes": list(codes),
        "lines": [line(unit_price="80.00")],
    }  # fmt: skip


def quote(server: Client, *codes: str, customer: str = "c1") -> tuple[str, list[str]]:
    """Return the total discount of a quote, and the reasons why codes are rejected."""
    answer = post(server, QUOTE, cart(*codes, customer=customer)).json()
    return answer["discount_total"], [row["reason"]["code"] for row in answer["rejected"]]


def reserve(server: Client, code: str, customer: str = "c1", status: int = 201) -> dict[str, Any]:
    body = cart(code, customer=customer) | {"order": f"{customer}-{code}"}
    response = post(server, REDEMPTIONS, body)
    assert response.status_code == status, response.content
    answer: dict[str, Any] = response.json()
    return answer


def read(server: Client, code: str) -> dict[str, Any]:
    answer: dict[str, Any] = server.get(f"/api/v1/codes/{code}/").json()
    return answer


def revoke(server: Client, code: str) -> dict[str, Any]:
    response = post(server, f"/api/v1/codes/{code}/revoke/", {})
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = response.json()
    return answer


def test_every_kind_with_codes_is_tested() -> None:
    assert list(get_code_backends()) == KINDS
    assert set(STANDALONE) == set(get_code_backends()) & set(get_standalone_backends())
    assert set(get_backends()) - set(KINDS) == {"voucher"}  # which is chosen by its ID


# --- generated --------------------------------------------------------------------------------------------------------
def test_a_generated_code_is_quoted_in_any_spelling_and_names_no_other_code(server: Client, created: Created) -> None:
    _, (code, *_rest) = generate(server, created)

    assert [quote(server, spell(code)) for spell in SPELLINGS] == [("8.00", [])] * len(SPELLINGS)
    assert CODE not in post(server, QUOTE, cart(code)).content.decode()


def test_a_generated_code_is_redeemed_once_and_free_after_a_refund(server: Client, created: Created) -> None:
    _, (code, *_rest) = generate(server, created)

    order = reserve(server, code)
    statuses = [read(server, code)["status"]]
    post_action(server, order, "confirm")
    statuses.append(read(server, code)["status"])

    assert statuses == ["reserved", "used"]
    assert quote(server, code, customer="c2") == ("0.00", ["code_already_used"])
    assert reserve(server, code, "c2", 409)["code"] == "code_already_used"
    assert read(server, code)["offer"]["id"] == str(created.offer.offer_key)
    assert post_action(server, order, "refund").status_code == 200
    assert quote(server, code, customer="c2") == ("8.00", [])
    events = Event.objects.filter(offer_id=created.offer.offer_key, type__startswith="redemption.", code=code)
    types = list(events.exclude(type="redemption.rejected").order_by("tx", "pk").values_list("type", flat=True))
    assert types == [f"redemption.{name}" for name in ("reserved", "confirmed", "returned")]
    assert list(check(at=timezone.now(), repair=False)) == list(check_uses(at=timezone.now(), repair=False)) == []


def test_a_canceled_or_expired_reservation_gives_its_code_back(server: Client, created: Created) -> None:
    _, (code, *_rest) = generate(server, created)

    post_action(server, reserve(server, code), "cancel")
    reserve(server, code, "c2")
    refused = quote(server, code, customer="c3")
    release_expired(at=timezone.now() + timedelta(hours=1))

    assert refused == ("0.00", ["code_already_used"])
    assert quote(server, code, customer="c3") == ("8.00", [])
    assert read(server, code)["status"] == "available"


def test_the_offer_stays_once_per_customer_whatever_the_code(server: Client, created: Created) -> None:
    _, (first, second, _) = generate(server, created)
    reserve(server, first)

    (reason,) = quote(server, second)[1]

    assert reason in ("code_already_used", "usage_limit_per_customer")
    assert reserve(server, second, status=409)["code"] == reason
    assert quote(server, second, customer="c2") == ("8.00", [])


def test_of_two_codes_of_an_offer_one_applies(server: Client, created: Created) -> None:
    _, (first, second, _) = generate(server, created)

    assert quote(server, first, second, CODE) == ("8.00", ["not_combinable", "not_combinable"])
    assert quote(server, CODE) == ("8.00", [])


@pytest.mark.parametrize("action", [Action.END, Action.ARCHIVE])
def test_an_ended_offer_takes_no_codes(action: Action, server: Client, created: Created) -> None:
    batch, (code, *_rest) = generate(server, created)
    change_decision(created.offer, action)

    assert post(server, url(created), {"count": 3}).json()["code"] == "invalid_status"
    assert send(server, created, "code", STRONG.format(1), status=409)["code"] == "invalid_status"
    assigned = post(server, url(created, "batch-assign", batch), {"customer_ids": ["c1"]})
    assert assigned.json()["code"] == "invalid_status"
    assert len(quote(server, code)[1]) == 1


@pytest.mark.parametrize("kind", STANDALONE)
def test_a_code_is_redeemed_without_an_order_and_returned(
    kind: str, brand: Brand, server: Client, shopper_client: Callable[[Any], Client]
) -> None:
    created = create(kind, brand)
    _, (code, other, _) = generate(server, created)
    first, second = shopper_client(ShopperFactory()), shopper_client(ShopperFactory())

    def redeem(client: Client, text: str) -> Any:
        path, member = STANDALONE[kind]
        return client.post(path.format(offer=created.offer.offer_key), {member: text}, content_type="application/json")

    assert redeem(first, code.lower()).status_code == 201
    assert redeem(second, code).json()["code"] == "code_already_used"
    assert redeem(first, other).json()["code"] in ("code_already_used", "usage_limit_per_customer")
    assert read(server, code)["status"] == "used"
    (event,) = Event.objects.filter(type="redemption.confirmed")
    assert event.code == code
    assert event.redemption_id is not None
    get_standalone_backends()[kind].return_redemption(redemption=event.redemption_id, brand=brand.pk, at=timezone.now())
    assert Event.objects.get(type="redemption.returned").code == code
    assert redeem(second, code).status_code == 201
    revoke(server, other)
    send(server, created, "code,customer_id,expires_at", f"{STRONG.format(1)},,2026-01-31", f"{STRONG.format(2)},c1,")
    third = shopper_client(ShopperFactory())
    refused = [redeem(third, text).json()["code"] for text in (other, STRONG.format(1), STRONG.format(2))]
    assert refused == ["code_inactive", "code_expired", "code_not_found"]


# --- imported ---------------------------------------------------------------------------------------------------------
def test_imported_codes_end_with_their_day_in_the_zone_of_the_brand(server: Client, created: Created) -> None:
    instant = "2031-05-31T12:00:00+02:00"
    rows = [f"{STRONG.format(1)},2031-06-30", f"{STRONG.format(2)},{instant}", f"{STRONG.format(3)},"]

    answer = send(server, created, "code,expires_at", *rows)

    assert (answer["imported"], answer["errors"]) == (3, [])
    ends = ["2031-06-30T22:00:00Z", "2031-05-31T10:00:00Z", ""]  # Madrid is two hours ahead of UTC
    assert [read(server, STRONG.format(number))["expires_at"] for number in (1, 2, 3)] == [*ends[:2], None]
    expected = [[STRONG.format(number), "", ends[number - 1], "available"] for number in (1, 2, 3)]
    assert export(server, created, answer["id"]) == [["code", "customer_id", "expires_at", "status"], *expected]
    assert quote(server, STRONG.format(1)) == ("8.00", [])


def test_an_expired_code_is_refused_everywhere(server: Client, created: Created) -> None:
    code = STRONG.format(1)
    batch = send(server, created, "expires_at;code", f"2026-01-31;{code}")["id"]

    assert quote(server, code) == ("0.00", ["code_expired"])
    assert reserve(server, code, status=409)["code"] == "code_expired"
    assert read(server, code)["status"] == export(server, created, batch)[1][3] == "expired"
    assert (
        post(server, url(created, "batch-assign", batch), {"customer_ids": ["c1"]}).json()["code"] == "codes_exhausted"
    )


def test_a_reservation_outlives_the_end_of_its_code(server: Client, created: Created) -> None:
    _, (code, *_rest) = generate(server, created)
    order = reserve(server, code)
    Code.objects.filter(text=code).update(expires_at=timezone.now() - timedelta(seconds=1))

    assert post_action(server, order, "confirm").json()["status"] == "confirmed"


@pytest.mark.parametrize("end", ["31.01.2031", "2031-01-31T10:00:00", "2031-02-30", "9999-12-31", "soon"])
def test_a_line_with_an_invalid_end_is_rejected_and_the_others_imported(end: str, brand: Brand, server: Client) -> None:
    created = create("loyalty_reward", brand)

    answer = send(server, created, "code,expires_at", f"{STRONG.format(1)},{end}", f"{STRONG.format(2)},")

    assert [(error["line"], error["text"], error["code"]) for error in answer["errors"]] == [
        (2, STRONG.format(1), "invalid")
    ]
    assert list(Code.objects.filter(batch=answer["id"]).values_list("text", flat=True)) == [STRONG.format(2)]


def test_unknown_columns_are_refused_with_the_known_ones(server: Client, created: Created) -> None:
    answer = send(server, created, "code,valid_until", f"{STRONG.format(1)},2031-01-31", status=400)

    assert "code, customer_id, expires_at" in answer["errors"][0]["detail"]
    assert not Code.objects.exclude(batch=None).exists()


# --- assigned and mailed ----------------------------------------------------------------------------------------------
def test_codes_are_assigned_and_mailed_with_their_ends(
    server: Client, created: Created, run_outbox: Callable[[], int]
) -> None:
    user = ShopperFactory(consents=True)
    lines = [f"{STRONG.format(1)},2026-01-31", f"{STRONG.format(2)},2030-06-29"]
    batch = send(server, created, "code,expires_at", *lines)["id"]

    body = {"customer_ids": [user.customer.customer_id], "notify": True}
    answer = post(server, url(created, "batch-assign", batch), body).json()
    run_outbox()
    sending.send_due(at=timezone.now())

    assert answer == {"assigned": 1, "already_assigned": 0, "mailed": 1}
    assert read(server, STRONG.format(2))["customer_id"] == user.customer.customer_id
    assert read(server, STRONG.format(1))["customer_id"] is None  # it has expired
    (message,) = mail.outbox
    assert STRONG.format(2) in message.body
    assert "30 Jun 2030, 00:00" in message.body
    assert quote(server, STRONG.format(2), customer=user.customer.customer_id) == ("8.00", [])
    assert quote(server, STRONG.format(2)) == ("0.00", ["code_not_found"])
    assert reserve(server, STRONG.format(2), status=409)["code"] == "code_not_found"


@pytest.mark.parametrize("kind", PLATFORM_KINDS)
def test_an_assigned_code_is_among_the_offers_of_its_customer_while_it_can_be_redeemed(
    kind: str, brand: Brand, server: Client
) -> None:
    created = create(kind, brand)
    batch, _ = generate(server, created)
    revoke(server, CODE)

    def list_codes(customer: str = "c1") -> list[str]:
        answer = server.get("/api/v1/checkout/offers/", {"customer_id": customer}).json()
        return [offer["code"] for offer in answer["results"]]

    before = list_codes()
    post(server, url(created, "batch-assign", batch), {"customer_ids": ["c1"]})
    code = Code.objects.get(customer__customer_id="c1").text

    assert (before, list_codes(), list_codes("c2")) == ([], [code], [])
    revoke(server, code)
    assert list_codes() == []


# --- revoked ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("is_generic", [False, True], ids=["single-use", "generic"])
def test_a_revoked_code_is_refused_everywhere_and_its_reservation_stays(
    is_generic: bool, server: Client, created: Created
) -> None:
    _, (code, other, _) = generate(server, created)
    if is_generic:
        code, other = CODE, code
    order = reserve(server, code)

    first = revoke(server, code.lower())

    assert first["revoked_at"] is not None
    assert revoke(server, code) == first
    assert Event.objects.filter(type="code.revoked").count() == 1
    for customer in ("c2", "c3"):
        assert quote(server, code, customer=customer) == ("0.00", ["code_inactive"])
    refused = reserve(server, code, "c2", 409)
    assert (refused["code"], refused["detail"]) == ("code_inactive", "This code was revoked.")
    assert quote(server, other, customer="c2") == ("8.00", [])
    assert post_action(server, order, "confirm").json()["status"] == "confirmed"


def test_a_revoked_code_keeps_its_text(server: Client, created: Created, brand: Brand) -> None:
    _, (code, *_rest) = generate(server, created)
    revoke(server, code)

    answer = send(server, Created(PromotionFactory(brand=brand, trigger="code"), {}), "code", code)

    assert [error["code"] for error in answer["errors"]] == ["code_taken"]


# --- admin ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", PLATFORM_KINDS)
def test_the_admin_has_the_same_pages_of_codes(kind: str, brand: Brand) -> None:
    created = create(kind, brand)
    owner, viewer = Client(), Client()
    owner.force_login(MembershipFactory(brand=brand, role=Role.OWNER).user)
    viewer.force_login(MembershipFactory(brand=brand, role=Role.VIEWER).user)
    pages = reverse(f"admin:{kind}_codes", args=[created.offer.pk])
    offer_page = reverse(
        f"admin:{created.offer._meta.app_label}_{created.offer._meta.model_name}_change", args=[created.offer.pk]
    )

    generated = owner.post(f"{pages}generate/", {"count": 2, "pattern": "SUN-##########", "charset": "ABCDEFGH"})
    batch = generated["Location"]
    code = Code.objects.exclude(batch=None).order_by("text")[0].text

    assert pages in owner.get(offer_page).content.decode()
    assert f"?code={code}" in owner.get(batch).content.decode()
    assert CODE in owner.get(pages).content.decode()
    assert owner.get(f"{batch}codes.csv").status_code == 200
    for client, status in ((owner, 200), (viewer, 403)):
        assert client.get(f"{pages}revoke/", {"code": code}).status_code == status
    assert viewer.post(f"{pages}revoke/?code={code}").status_code == 403
    assert owner.get(f"{pages}revoke/?code=UNKNOWN").status_code == 404
    question = owner.get(f"{pages}revoke/?code={code}").content.decode()
    assert "Nobody can redeem this code from now on." in question
    assert not Code.objects.exclude(revoked_at=None).exists()
    done = owner.post(f"{pages}revoke/?code={code}", follow=True)
    assert done.redirect_chain == [(batch, 302)]
    assert f"Code {code} was revoked." in done.content.decode()
    assert owner.post(f"{pages}revoke/?code={CODE}", follow=True).redirect_chain == [(pages, 302)]
    assert set(Code.objects.exclude(revoked_at=None).values_list("text", flat=True)) == {code, CODE}
