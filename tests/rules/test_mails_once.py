"""What a customer is sent is in the customer's language, and once, however often the brand presses send."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from accounts.models import Brand
from mailings.models import Suppression
from mailings.services import sending
from segments.services import apply_audience
from tests.factories import ShopperFactory
from tests.rules.api import CODED, Shop

pytestmark = pytest.mark.django_db
SUBJECTS = {"es": "Billo: tu código para", "en": "Billo: your code for", "de": "Billo: dein Code für"}
TO_ANA: dict[str, Any] = {"customer_ids": ["ana"]}
TO_BOTH: dict[str, Any] = {"customer_ids": ["ben", " ANA"]}
TO_ALL: dict[str, Any] = {"audience": "vip"}
Press = Callable[..., None]


@pytest.fixture
def press(shop: Shop, run_outbox: Callable[[], int], django_capture_on_commit_callbacks: Any) -> Press:
    """A function that assigns codes of a batch with emails, and runs what follows in the background."""
    for name, language in (("ana", "es"), ("ben", "")):
        ShopperFactory(
            username=name, email=f"{name}@example.com", language=language, consents=True,
            customer__customer_id=name,
        )  # fmt: skip
    apply_audience(brand=shop.brand, segment_type="vip", operation="add", customer_ids=["ana", "ben"])

    def run(batch: str, body: dict[str, Any]) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            expect = 202 if "audience" in body else 200
            shop.send("post", f"{batch}assign/", {"notify": True} | body, expect=expect)
        run_outbox()
        sending.send_due(at=timezone.now())

    return run


def create_batch(shop: Shop, kind: str) -> str:
    offer = shop.create(kind)
    return f"{offer.path}batches/{shop.send('post', f'{offer.path}batches/', {'count': 5}, expect=201)['id']}/"


def sent() -> dict[str, list[str]]:
    """Return the beginnings of the subjects of the emails with codes, by customer."""
    found: dict[str, list[str]] = {}
    for message in mail.outbox:
        for subject in SUBJECTS.values():
            if message.subject.startswith(subject):
                found.setdefault(message.to[0].partition(" ")[0], []).append(subject)
    return found


@pytest.mark.parametrize("kind", CODED)
@pytest.mark.parametrize(
    ("presses", "customers"),
    [
        ([TO_ANA, TO_ANA], ["ana"]),
        ([TO_ANA, TO_BOTH, TO_BOTH], ["ana", "ben"]),
        ([TO_BOTH, TO_ALL], ["ana", "ben"]),
        ([TO_ALL, TO_ALL, TO_ANA], ["ana", "ben"]),
        ([TO_ANA | {"notify": False}, TO_ANA, TO_ANA], ["ana"]),
    ],
)
def test_each_customer_is_sent_one_code_in_their_language(
    kind: str, presses: list[dict[str, Any]], customers: list[str], shop: Shop, press: Press
) -> None:
    batch = create_batch(shop, kind)

    for body in presses:
        press(batch, body)

    subjects = {"ana": [SUBJECTS["es"]], "ben": [SUBJECTS["en"]]}
    assert sent() == {name: subjects[name] for name in customers}


@pytest.mark.parametrize(("language", "subject"), SUBJECTS.items())
def test_a_customer_without_a_language_is_sent_that_of_the_brand(
    language: str, subject: str, shop: Shop, press: Press
) -> None:
    Brand.objects.filter(pk=shop.brand.pk).update(language=language)

    press(create_batch(shop, "promotion"), TO_BOTH)

    assert sent() == {"ana": [SUBJECTS["es"]], "ben": [subject]}


def test_codes_of_two_batches_are_two_mails(shop: Shop, press: Press) -> None:
    for text in ("ONE", "TWO"):
        offer = shop.create("coupon", text=text)
        batch = shop.send("post", f"{offer.path}batches/", {"count": 2}, expect=201)["id"]
        for _ in range(2):
            press(f"{offer.path}batches/{batch}/", TO_ANA)

    assert sent() == {"ana": [SUBJECTS["es"]] * 2}


def test_a_customer_who_has_no_code_any_more_is_sent_the_next_one_once(shop: Shop, press: Press) -> None:
    batch = create_batch(shop, "promotion")
    press(batch, TO_ANA)
    lines = b"".join(shop.client.get(f"/api/v1/{batch}codes.csv")).decode().splitlines()
    (assigned,) = [line.partition(",")[0] for line in lines if "ana" in line]
    shop.send("post", f"codes/{assigned}/revoke/")

    for _ in range(2):
        press(batch, TO_ANA)

    assert sent() == {"ana": [SUBJECTS["es"]] * 2}
    assert len({message.body for message in mail.outbox}) == 2


@pytest.mark.parametrize("kind", CODED)
@pytest.mark.parametrize("body", [TO_ANA, TO_ALL])
def test_what_a_pause_kept_back_is_sent_when_the_brand_presses_again(
    kind: str, body: dict[str, Any], shop: Shop, press: Press
) -> None:
    offer = shop.create(kind)
    batch = shop.send("post", f"{offer.path}batches/", {"count": 5}, expect=201)["id"]
    path = f"{offer.path}batches/{batch}/"
    shop.send("post", f"{path}assign/", TO_ANA | {"notify": True})  # not sent yet
    shop.act(offer, "pause")
    for _ in range(2):
        press(path, body)
    assert sent() == {}

    shop.act(offer, "resume")
    for _ in range(2):
        press(path, body)

    assert sent()["ana"] == [SUBJECTS["es"]]


def test_a_paused_offer_assigns_codes_and_says_that_nobody_is_emailed(shop: Shop, press: Press) -> None:
    offer = shop.create()
    batch = shop.send("post", f"{offer.path}batches/", {"count": 5}, expect=201)["id"]
    shop.act(offer, "pause")

    answer = shop.send("post", f"{offer.path}batches/{batch}/assign/", TO_ANA | {"notify": True})

    assert (answer["assigned"], answer["mailed"]) == (1, 0)


def test_a_customer_who_unsubscribed_gets_no_email_however_often_the_brand_presses(shop: Shop, press: Press) -> None:
    batch = create_batch(shop, "promotion")
    shop.send("post", f"{batch}assign/", TO_ANA | {"notify": True})
    Suppression.objects.create(address="ana@example.com", sender=str(shop.brand.pk), reason="unsubscribe")

    for _ in range(3):
        press(batch, TO_ANA)

    assert sent() == {}
