"""A brand writes nothing to an address whose owner didn't confirm it."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import Brand, Customer
from discounts.services.announcements import announce
from mailings.models import Mail
from tests.rules.api import Shop

pytestmark = pytest.mark.django_db
ADDRESS, PASSWORD = "stranger@example.com", "correct-horse-7"


def post(path: str, body: object, status: int) -> Any:
    response = Client().post(f"/api/{path}", body, content_type="application/json")
    assert response.status_code == status, response.content
    return response


def list_brands() -> list[str]:
    """Return the slugs of all brands."""
    return list(Brand.objects.values_list("slug", flat=True))


def register(run_outbox: Callable[[], int]) -> str:
    """Register the address with consent, and return the token of the only email that follows."""
    account = {
        "username": "bot",
        "email": ADDRESS,
        "password": PASSWORD,
        "consents": list_brands(),
    }
    post("v1/auth/register/", account, 202)
    run_outbox()
    (message,) = mail.outbox
    mail.outbox.clear()
    assert message.to == [ADDRESS]
    match = re.search(r"/accounts/verifications/([^/\s]+)/", str(message.body))
    assert match is not None
    return match[1]


def announce_code(shop: Shop, text: str) -> None:
    created = shop.create_answer("discount_code", text=text, notify=True)
    announce(offer_id=created["offer_id"], at=timezone.now())


def planned() -> list[str]:
    return list(Mail.objects.values_list("address", flat=True))


def test_a_strangers_address_gets_no_announcements_until_it_is_verified(
    shop: Shop, run_outbox: Callable[[], int]
) -> None:
    token = register(run_outbox)

    for number in range(20):
        announce_code(shop, f"CODE{number}")
    run_outbox()
    assert (planned(), mail.outbox) == ([], [])
    post("v1/auth/email/verify/", {"token": token}, 204)
    announce_code(shop, "LAST")

    assert planned() == [ADDRESS]


def test_a_strangers_address_gets_no_email_about_a_voucher(shop: Shop, run_outbox: Callable[[], int]) -> None:
    register(run_outbox)
    shop.create("voucher", text="first")

    login = post("login-campaign", {"account": ADDRESS, "password": PASSWORD}, 200).json()
    run_outbox()

    assert login["campaigns"] == [{"slug": "first", "result": "voucher_granted"}]
    assert (planned(), mail.outbox) == ([], [])


@pytest.mark.parametrize("kind", ["promotion", "coupon", "discount_code"])
def test_a_strangers_address_gets_no_personal_code(shop: Shop, run_outbox: Callable[[], int], kind: str) -> None:
    register(run_outbox)
    offer = shop.create(kind, text="OFFER")
    batch = shop.send("post", f"{offer.path}batches/", {"count": 1}, expect=201)
    customer = Customer.objects.get(user__email=ADDRESS).customer_id

    shop.send(
        "post", f"{offer.path}batches/{batch['id']}/assign/", {"customer_ids": [customer], "notify": True}
    )  # fmt: skip
    run_outbox()

    assert (planned(), mail.outbox) == ([], [])


def test_registering_an_address_again_and_again_sends_few_emails(run_outbox: Callable[[], int]) -> None:
    statuses = [
        Client(REMOTE_ADDR=f"203.0.113.{number}")
        .post(
            "/api/v1/auth/register/",
            {
                "username": f"bot{number}",
                "email": ADDRESS,
                "password": PASSWORD,
                "consents": list_brands(),
            },
            content_type="application/json",
        )
        .status_code
        for number in range(20)
    ]
    run_outbox()

    assert statuses == [202] * 5 + [429] * 15
    assert len(mail.outbox) == 5
