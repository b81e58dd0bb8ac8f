"""From a brand's code to the shopper's order and back, with real processes: web, worker, beat, and a mail provider."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from accounts.contracts import Role
from accounts.models import Brand, User
from tests.factories import BrandFactory, MembershipFactory
from tests.fakes.sendgrid import SendGrid, Taken
from tests.platform import Answer, Platform, platform, until

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "correct horse battery staple"
CODE = "AHMED2022BILLO"
CART: dict[str, Any] = {
    "currency": "EUR", "lines": [{"id": "a", "sku": "shoe", "quantity": 2, "unit_price": "49.95"}], "shipping": "4.99",
}  # fmt: skip


@pytest.fixture
def sendgrid() -> Iterator[SendGrid]:
    with SendGrid() as standin:
        yield standin


@pytest.fixture
def running(sendgrid: SendGrid) -> Iterator[Platform]:
    """Web, worker and beat, with a schedule of the operator's own that tells brands every second."""
    every_second = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.create(name="tell brands at once", task="discounts.tell_brands", interval=every_second)
    with platform(sendgrid) as parts:
        parts.start("worker", "beat", "web")
        yield parts


def good(answer: Answer, status: int = 200) -> Any:
    assert answer.status == status, answer.body
    return answer.json()


def registered(running: Platform, name: str, *, consents: bool) -> str:
    """A new user who has signed in; their credentials."""
    person = {"username": name, "email": f"{name}@example.com", "password": PASSWORD, "marketing_consent": consents}
    good(running.post("/api/v1/auth/register/", person), 201)
    tokens = good(running.post("/api/v1/auth/token/", {"account": f"{name}@example.com", "password": PASSWORD}))
    return f"Bearer {tokens['access']}"


def mails_to(sendgrid: SendGrid, name: str) -> list[Taken]:
    return [taken for taken in sendgrid.taken if taken.address == f"{name}@example.com"]


def test_from_the_brands_code_to_the_order_and_back(running: Platform, sendgrid: SendGrid) -> None:
    # given a brand with an owner and its server's key, and three shoppers, two of whom want offers
    amal, _, _ = (registered(running, name, consents=name != "carla") for name in ("amal", "bruno", "carla"))
    owner = registered(running, "owner", consents=False)
    brand: Brand = BrandFactory(slug="billo", name="Billo")
    MembershipFactory(brand=brand, user=User.objects.get(username="owner"), role=Role.OWNER)
    key = good(running.post("/api/v1/brands/billo/api-keys/", {"name": "shop"}, owner), 201)["key"]
    server = f"Api-Key {key}"

    # when the server makes a code
    new = {"id": CODE, "rule": {"discount": 10}, "validity": "2099-01-31T23:59:59+01:00"}
    made = running.post("/api/v1/discountcode/", new, server, **{"Idempotency-Key": "make"})
    assert good(made, 201)["notified"] == {"planned": 0, "sent": 0, "failed": 0}
    assert running.post("/api/v1/discountcode/", new, server, **{"Idempotency-Key": "make"}).body == made.body

    # then both who want offers get it by mail, and nobody else
    until(lambda: len(sendgrid.taken) >= 2, f"two mails\n{running.log('worker')}")
    assert Counter(sendgrid.accepted) == {"amal@example.com": 1, "bruno@example.com": 1}
    until(lambda: good(running.get(f"/api/v1/discountcode/{CODE}/", server))["notified"]["sent"] == 2, "both are sent")

    # and a shopper reads the code in the mail, sees it on the platform, and gets a price with it
    [mail] = mails_to(sendgrid, "amal")
    assert "Billo" in mail.subject
    found = re.search(r"\b[A-Z0-9]+BILLO\b", mail.texts["text/plain"])
    assert found is not None
    assert [code["id"] for code in good(running.get("/api/v1/discountcode/?brand=billo", amal))["results"]] == [CODE]
    cart = CART | {"codes": [found[0].lower()]}
    quote = good(running.post("/api/v1/checkout/quote/", cart, amal))
    assert (quote["discount_total"], quote["total"]) == ("9.99", "94.90")

    # and buys with it, once
    order = cart | {"order": "1001", "expect_total": quote["total"]}
    redemption = good(running.post("/api/v1/checkout/redemptions/", order, amal), 201)
    assert redemption["quote"] == quote
    path = f"/api/v1/checkout/redemptions/{redemption['id']}"
    assert good(running.post(f"{path}/confirm/", None, amal))["status"] == "confirmed"
    second = running.post("/api/v1/checkout/redemptions/", order | {"order": "1002"}, amal)
    assert (second.status, second.json()["code"]) == (409, "code_already_used")
    apart = running.post("/api/v1/discountcodeusage/", {"discount_code": CODE}, amal)
    assert (apart.status, apart.json()["code"]) == (409, "code_already_used")

    # and the brand's owner is told of one use
    until(lambda: mails_to(sendgrid, "owner"), f"the brand's digest\n{running.log('worker')}")
    [digest] = mails_to(sendgrid, "owner")
    assert "1 use " in digest.subject
    assert CODE in digest.texts["text/plain"]
    assert "9.99" in digest.texts["text/plain"]

    # and a refund, which is the brand's to give, gives the use back
    assert running.post(f"{path}/refund/", None, amal).status == 403
    refunded = good(running.post(f"{path}/refund/", None, server))
    assert (refunded["status"], refunded["refunded"]) == ("refunded", [{"id": "a", "discount": "9.99"}])
    again = good(running.post("/api/v1/checkout/redemptions/", order | {"order": "1002"}, amal), 201)
    assert again["quote"]["discount_total"] == "9.99"

    # and nobody was written to twice
    assert Counter(sendgrid.accepted) == dict.fromkeys(
        ("amal@example.com", "bruno@example.com", "owner@example.com"), 1
    )
