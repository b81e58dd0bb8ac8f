"""What a customer is sent is in the customer's language, else the brand's, and once."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import Brand, User
from discounts import emails as discount_emails
from discounts.services import announcements
from mailings.contracts import Recipient
from mailings.models import Mail, Mailing
from mailings.services import planning, sending
from promotions.models import Promotion
from redemptions.codes import services
from redemptions.codes.models import Code, CodeBatch
from tests.code_batches import create_batch
from tests.factories import BrandFactory, CampaignFactory, DiscountCodeFactory, PromotionFactory, ShopperFactory
from vouchers.services import claims

pytestmark = pytest.mark.django_db
RunConcurrently = Callable[..., list[Any]]


@pytest.fixture
def billo() -> Brand:
    return BrandFactory(slug="billo", name="Billo", timezone="Europe/Madrid")


@pytest.fixture
def promotion(billo: Brand) -> Promotion:
    return PromotionFactory(brand=billo, trigger="code", name="Verano")


@pytest.fixture
def batch(promotion: Promotion) -> CodeBatch:
    batch = create_batch(promotion, count=10)
    services.generate_codes(batch_id=batch.pk)
    batch.refresh_from_db()
    return batch


def create_shopper(name: str, language: str = "", **fields: Any) -> User:
    return ShopperFactory(username=name, email=f"{name}@example.com", language=language, consents=True, **fields)


def sent_to(name: str) -> list[Any]:
    return [message for message in mail.outbox if f"{name}@example.com" in message.to[0]]


def html_of(message: Any) -> str:
    return str(message.alternatives[0][0])


def test_a_shopper_is_sent_one_code_in_their_language_however_often_the_brand_presses_send(
    billo: Brand, batch: CodeBatch, promotion: Promotion, brand_client: Callable[[Brand], Client]
) -> None:
    ana = create_shopper("ana", "es")
    path = f"/api/v1/promotions/{promotion.pk}/batches/{batch.pk}/assign/"
    body = {"customer_ids": [ana.customer.customer_id], "notify": True}
    client = brand_client(billo)

    first = client.post(path, body, content_type="application/json")
    again = client.post(path, body, content_type="application/json")
    sending.send_due(at=timezone.now())
    late = client.post(path, body, content_type="application/json")
    sending.send_due(at=timezone.now())

    assert [response.json()["mailed"] for response in (first, again, late)] == [1, 0, 0]
    (message,) = mail.outbox
    assert message.subject == "Billo: tu código para Verano"
    assert "Solo tú puedes usar este código" in message.body
    assert re.search(r"Válido hasta: +\d+ de \w+ de 20\d\d, \d\d:\d\d", str(message.body))
    assert '<html lang="es"' in html_of(message)


@pytest.mark.parametrize(
    ("own", "brands", "subject"),
    [
        ("", "en", "Billo: your code for Verano"),
        ("", "es", "Billo: tu código para Verano"),
        ("de", "es", "Billo: dein Code für Verano"),
        ("en", "es", "Billo: your code for Verano"),
    ],
)
def test_the_language_is_the_customers_or_else_the_brands(
    billo: Brand, batch: CodeBatch, own: str, brands: str, subject: str, at: datetime
) -> None:
    billo.language = brands
    billo.save()
    shopper = create_shopper("ana", own)

    services.assign_to_customers(batch=batch, customer_ids=[shopper.customer.customer_id], notify=True, at=at)
    sending.send_due(at=at)

    assert [message.subject for message in mail.outbox] == [subject]


def test_a_mailing_to_customers_of_several_languages_has_each_in_theirs(billo: Brand, at: datetime) -> None:
    code = DiscountCodeFactory(
        brand=billo, text="HOLA", percent=15, end_date=datetime(2027, 6, 30, 22, tzinfo=at.tzinfo)
    )
    for name, language in (("ana", "es"), ("ben", "en"), ("eva", "es"), ("udo", "de")):
        create_shopper(name, language)

    for _ in range(2):
        announcements.announce(offer_id=code.offer_id, at=at)
        sending.send_due(at=at)

    assert [len(sent_to(name)) for name in ("ana", "ben", "eva", "udo")] == [1, 1, 1, 1]
    assert sent_to("ana")[0].subject == "15 % de descuento en Billo con el código HOLA"
    assert "15 % de descuento para ti, ana" in sent_to("ana")[0].body
    assert "1 de julio de 2027, 00:00" in sent_to("ana")[0].body
    assert sent_to("ben")[0].subject == "15% off at Billo with code HOLA"
    assert "1 Jul 2027, 00:00" in sent_to("ben")[0].body
    assert sent_to("udo")[0].subject == "15 % Rabatt bei Billo mit dem Code HOLA"
    assert "1. Juli 2027, 00:00" in sent_to("udo")[0].body


def test_a_language_that_changes_before_sending_counts(batch: CodeBatch, at: datetime) -> None:
    shopper = create_shopper("ana", "en")
    services.assign_to_customers(batch=batch, customer_ids=[shopper.customer.customer_id], notify=True, at=at)
    User.objects.update(language="es")

    sending.send_due(at=at)

    assert "tu código" in mail.outbox[0].subject


def test_amounts_are_in_the_format_of_the_language(billo: Brand, at: datetime) -> None:
    code = DiscountCodeFactory(brand=billo, text="MIN", percent=15)
    code.rule.terms = {"conditions": [{"kind": "min_subtotal", "value": "1250.00"}]}
    code.rule.save()
    create_shopper("ana", "es")

    announcements.announce(offer_id=code.offer_id, at=at)
    sending.send_due(at=at)

    assert "Compra mínima de 1.250,00\N{NO-BREAK SPACE}€." in mail.outbox[0].body


@pytest.mark.parametrize(("total", "subject"), [(1, "1 vez"), (1234, "1 234 veces")])
def test_a_usage_digest_is_in_the_language_of_each_reader(billo: Brand, total: int, subject: str, at: datetime) -> None:
    owner = ShopperFactory(username="ana", email="ana@example.com", language="es")
    line = {"code": "HOLA", "currency": "EUR", "uses": total, "amount": 10000, "discount": 1050}
    line |= {"first": at.isoformat(), "last": (at + timedelta(hours=1)).isoformat()}
    data = {"brand": str(billo.pk), "lines": [line], "more": 0, "total": total}

    for _ in range(2):
        planning.create_transactional_mailing(
            key="digest", mail_type=discount_emails.USAGE_DIGEST, at=at, data=data, sender=str(billo.pk),
            recipients=[Recipient(owner.pk, owner.email, "ana"), Recipient(0, "shop@example.com", "Billo")],
        )  # fmt: skip
    sending.send_due(at=at)

    (spanish,), (english,) = sent_to("ana"), sent_to("shop")
    assert spanish.subject == f"Tus códigos de descuento se han usado {subject}"
    assert english.subject.startswith("Your discount codes were used")
    assert "10,50\N{NO-BREAK SPACE}€" in spanish.body
    assert "€10.50" in english.body
    assert "del 17 de marzo de 2027, 16:30 al 17 de marzo de 2027, 17:30" in html_of(spanish)


def test_a_voucher_is_in_the_language_of_its_customer(billo: Brand, at: datetime) -> None:
    campaign = CampaignFactory(brand=billo, name="Bienvenida")
    ana = create_shopper("ana", "es")

    for _ in range(2):
        claims.claim(campaign=campaign.slug, customer_key=ana.customer.pk, at=at)
    sending.send_due(at=at)

    (message,) = mail.outbox
    assert message.subject == "Tu vale de Billo: 30 % de descuento"
    assert re.search(r"Válido hasta: +16 de abril de 2027, 17:30 \(Europe/Madrid\)", str(message.body))


# --- once -------------------------------------------------------------------------------------------------------------
def test_a_code_that_replaces_a_revoked_one_is_mailed_once_too(batch: CodeBatch, at: datetime) -> None:
    ana = create_shopper("ana", "es")
    customer_ids = [ana.customer.customer_id]
    services.assign_to_customers(batch=batch, customer_ids=customer_ids, notify=True, at=at)
    sending.send_due(at=at)
    Code.objects.filter(customer=ana.customer).update(archived_at=at)

    results = [
        services.assign_to_customers(batch=batch, customer_ids=customer_ids, notify=True, at=at) for _ in range(3)
    ]
    sending.send_due(at=at)

    code = Code.objects.get(customer=ana.customer, archived_at=None)
    assert [result.mailed for result in results] == [1, 0, 0]
    assert len(mail.outbox) == 2
    assert code.text in mail.outbox[1].body


def test_a_code_that_is_revoked_before_its_email_is_sent_is_not_mailed(batch: CodeBatch, at: datetime) -> None:
    ana = create_shopper("ana")
    services.assign_to_customers(batch=batch, customer_ids=[ana.customer.customer_id], notify=True, at=at)
    Code.objects.filter(customer=ana.customer).update(archived_at=at)

    sending.send_due(at=at)

    assert mail.outbox == []
    assert Mail.objects.get().status == "suppressed"


@pytest.mark.django_db(transaction=True)
def test_concurrent_assignments_mail_each_customer_once(
    batch: CodeBatch, at: datetime, run_concurrently: RunConcurrently
) -> None:
    customers = [create_shopper(name).customer.customer_id for name in ("ana", "ben", "eva")]

    results = run_concurrently(
        lambda _: services.assign_to_customers(batch=batch, customer_ids=customers, notify=True, at=at), range(6)
    )
    run_concurrently(lambda _: sending.send_due(at=at), range(3))

    assert sum(result.mailed for result in results) == 3
    assert [len(sent_to(name)) for name in ("ana", "ben", "eva")] == [1, 1, 1]
    assert Mailing.objects.count() == 1
