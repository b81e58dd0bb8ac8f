"""A discount code, its emails, an order and a refund, with web, worker and beat processes and a mail provider."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from accounts.contracts import Role
from accounts.models import Brand, User
from tests.factories import BrandFactory, MembershipFactory
from tests.fakes.sendgrid import AcceptedMail, SendGrid
from tests.platform import Platform, Response, platform, wait_until

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "correct horse battery staple"
CODE = "AHMED2022BILLO"
CART: dict[str, Any] = {
    "currency": "EUR", "lines": [{"id": "a", "sku": "shoe", "quantity": 2, "unit_price": "49.95"}], "shipping": "4.99",
}  # fmt: skip


@pytest.fixture
def sendgrid() -> Iterator[SendGrid]:
    with SendGrid() as server:
        yield server


@pytest.fixture
def running(sendgrid: SendGrid) -> Iterator[Platform]:
    """Web, worker and beat processes, with the operator's own schedule that sends digests every second."""
    every_second = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.create(
        name="send usage digests every second", task="discounts.send_usage_digests", interval=every_second
    )
    with platform(sendgrid) as parts:
        parts.start("worker", "beat", "web")
        yield parts


def read_json(answer: Response, status: int = 200) -> Any:
    assert answer.status == status, answer.body
    return answer.json()


def register(running: Platform, sendgrid: SendGrid, name: str, *, consents: bool) -> str:
    """Register a user, verify the address, sign in, and return the Authorization header."""
    account: dict[str, Any] = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
    account |= {"consents": ["billo"]} if consents else {}
    read_json(running.post("/api/v1/auth/register/", account), 202)
    wait_until(lambda: len(mails_to(sendgrid, name)) == 1, f"the email to {name}\n{running.log('worker')}")
    link = re.search(r"/accounts/verifications/([^/\s]+)/", mails_to(sendgrid, name)[0].texts["text/plain"])
    assert link is not None
    assert running.post("/api/v1/auth/email/verify/", {"token": link[1]}).status == 204
    tokens = read_json(running.post("/api/v1/auth/token/", {"account": f"{name}@example.com", "password": PASSWORD}))
    return f"Bearer {tokens['access']}"


def mails_to(sendgrid: SendGrid, name: str) -> list[AcceptedMail]:
    return [taken for taken in sendgrid.mails if taken.address == f"{name}@example.com"]


def test_a_discount_code_leads_to_an_order_and_a_refund(running: Platform, sendgrid: SendGrid) -> None:
    # given a brand with an owner and an API key, and three shoppers, two of them with marketing consent
    brand: Brand = BrandFactory(slug="billo", name="Billo")
    amal, _, _ = (register(running, sendgrid, name, consents=name != "carla") for name in ("amal", "bruno", "carla"))
    owner = register(running, sendgrid, "owner", consents=False)
    MembershipFactory(brand=brand, user=User.objects.get(username="owner"), role=Role.OWNER)
    key = read_json(running.post("/api/v1/brands/billo/api-keys/", {"name": "shop"}, owner), 201)["key"]
    server = f"Api-Key {key}"

    # when the server creates a code
    new = {"id": CODE, "rule": {"discount": 10}, "validity": "2099-01-31T23:59:59+01:00"}
    created = running.post("/api/v1/discountcode/", new, server, **{"Idempotency-Key": "create"})
    assert read_json(created, 201)["notified"] == {"planned": 0, "sent": 0, "failed": 0}
    assert running.post("/api/v1/discountcode/", new, server, **{"Idempotency-Key": "create"}).body == created.body

    # then only the shoppers with consent get it by email
    wait_until(lambda: len(sendgrid.mails) >= 7, f"three more emails\n{running.log('worker')}")
    assert Counter(sendgrid.accepted) == {
        "amal@example.com": 2, "bruno@example.com": 2, "carla@example.com": 1, "owner@example.com": 2,
    }  # fmt: skip
    [_, new_key] = mails_to(sendgrid, "owner")
    assert "API key" in new_key.subject
    wait_until(
        lambda: read_json(running.get(f"/api/v1/discountcode/{CODE}/", server))["notified"]["sent"] == 2,
        "both emails are sent",
    )

    # and a shopper finds the code in the email and on the platform, and gets a quote with it
    [_, mail] = mails_to(sendgrid, "amal")
    assert "Billo" in mail.subject
    match = re.search(r"\b[A-Z0-9]+BILLO\b", mail.texts["text/plain"])
    assert match is not None
    assert [code["id"] for code in read_json(running.get("/api/v1/discountcode/?brand=billo", amal))["results"]] == [
        CODE
    ]
    cart = CART | {"codes": [match[0].lower()]}
    quote = read_json(running.post("/api/v1/checkout/quote/", cart, amal))
    assert (quote["discount_total"], quote["total"]) == ("9.99", "94.90")

    # and uses it for one order only
    order = cart | {"order": "1001", "expect_total": quote["total"]}
    redemption = read_json(running.post("/api/v1/checkout/redemptions/", order, amal), 201)
    assert redemption["quote"] == quote
    path = f"/api/v1/checkout/redemptions/{redemption['id']}"
    assert read_json(running.post(f"{path}/confirm/", None, amal))["status"] == "confirmed"
    second = running.post("/api/v1/checkout/redemptions/", order | {"order": "1002"}, amal)
    assert (second.status, second.json()["code"]) == (409, "code_already_used")
    outside = running.post("/api/v1/discountcodeusage/", {"discount_code": CODE}, amal)
    assert (outside.status, outside.json()["code"]) == (409, "code_already_used")

    # and the brand's owner gets a digest of one redemption
    wait_until(lambda: len(mails_to(sendgrid, "owner")) > 2, f"the brand's digest\n{running.log('worker')}")
    [_, _, digest] = mails_to(sendgrid, "owner")
    assert digest.subject == "Your discount codes were used 1 time"
    assert CODE in digest.texts["text/plain"]
    assert "9.99" in digest.texts["text/plain"]

    # and a refund, which only the brand may make, returns the code
    assert running.post(f"{path}/refund/", None, amal).status == 403
    refunded = read_json(running.post(f"{path}/refund/", None, server))
    expected = [{"id": "a", "quantity": 2, "amount": "99.90", "discount": "9.99"}]
    assert (refunded["status"], refunded["refunded"]) == ("returned", expected)
    again = read_json(running.post("/api/v1/checkout/redemptions/", order | {"order": "1002"}, amal), 201)
    assert again["quote"]["discount_total"] == "9.99"

    # and nobody got an email twice
    assert Counter(sendgrid.accepted) == {
        "amal@example.com": 2, "bruno@example.com": 2, "carla@example.com": 1, "owner@example.com": 3,
    }  # fmt: skip
