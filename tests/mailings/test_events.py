"""The provider's signed events, and one-click unsubscription."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from django.utils import timezone

from mailings.contracts import Recipient
from mailings.models import Mail, Mailing, ProcessedEvent, Suppression
from mailings.services import events, planning, unsubscriptions

KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC = base64.b64encode(
    KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
).decode()
SIGNATURE, TIMESTAMP = "X-Twilio-Email-Event-Webhook-Signature", "X-Twilio-Email-Event-Webhook-Timestamp"
pytestmark = pytest.mark.django_db


@pytest.fixture
def mail(at: datetime) -> Mail:
    """A sent mail of brand Billo to Ann."""
    mailing = planning.plan_mailing(
        key="news", mail_type="tests.mailings.kinds.news", sender="b1", sender_name="Billo", marketing=True
    )
    planning.add_recipients(mailing=mailing, recipients=[Recipient(1, "Ann@example.com", "Ann")], at=at)
    Mail.objects.update(status="sent", sent_at=at)
    return Mail.objects.get()


Post = Callable[..., Any]


@pytest.fixture
def post(settings: Any, client: Client) -> Post:
    """A function that posts signed events as the provider does."""
    settings.SENDGRID_WEBHOOK_PUBLIC_KEY = PUBLIC

    def send(*sent: Any, body: bytes | None = None, when: datetime | None = None, **headers: str) -> Any:
        raw = json.dumps(sent).encode() if body is None else body
        timestamp = str(int((when or timezone.now()).timestamp()))
        signature = base64.b64encode(KEY.sign(timestamp.encode() + raw, ec.ECDSA(hashes.SHA256()))).decode()
        return client.post(
            "/webhooks/sendgrid/",
            raw,
            content_type="application/json",
            headers={SIGNATURE: signature, TIMESTAMP: timestamp} | headers,
        )

    return send


def event(kind: str, mail: Mail | None = None, **fields: Any) -> dict[str, Any]:
    """Return an event in the provider's format."""
    own = {"mail_id": str(mail.pk)} if mail else {}
    return {"event": kind, "email": "ann@example.com", "sg_event_id": f"id-{kind}", "timestamp": 1, **own, **fields}


@pytest.mark.parametrize(
    ("sent", "reason", "sender"),
    [
        ({"kind": "bounce", "type": "bounce", "reason": "550 unknown"}, "bounce", ""),
        ({"kind": "dropped", "reason": "Bounced Address"}, "bounce", ""),
        ({"kind": "dropped", "reason": "Unsubscribed Address"}, "unsubscribe", "b1"),
        ({"kind": "spamreport"}, "complaint", ""),
        ({"kind": "unsubscribe"}, "unsubscribe", "b1"),
        ({"kind": "group_unsubscribe"}, "unsubscribe", "b1"),
    ],
)
def test_an_event_suppresses_an_address(post: Post, mail: Mail, sent: dict[str, str], reason: str, sender: str) -> None:
    answer = post(event(sent.pop("kind"), mail, **sent))

    assert answer.status_code == 200
    assert answer.json() == {"received": 1}
    suppression = Suppression.objects.get()
    assert (suppression.address, suppression.reason, suppression.sender) == ("ann@example.com", reason, sender)


def test_a_bounce_sets_the_mail_to_failed(post: Post, mail: Mail) -> None:
    post(event("bounce", mail, type="bounce", reason="550 no such user"))

    mail.refresh_from_db()
    assert mail.status == "failed"
    assert mail.error == "bounce: 550 no such user"


def test_a_temporary_block_fails_the_mail_and_suppresses_no_address(post: Post, mail: Mail) -> None:
    post(event("bounce", mail, type="blocked", reason="421 try later"))

    mail.refresh_from_db()
    assert mail.status == "failed"
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("kind", ["processed", "delivered"])
def test_a_delivery_event_sets_an_unknown_mail_to_sent(post: Post, mail: Mail, kind: str) -> None:
    Mail.objects.update(status="doubtful", error="no answer", sent_at=None)

    post(event(kind, mail))

    mail.refresh_from_db()
    assert (mail.status, mail.error) == ("sent", "")
    assert mail.sent_at is not None


def test_a_repeated_event_has_no_effect(post: Post, mail: Mail) -> None:
    bounce = event("bounce", mail, type="bounce")
    post(bounce)
    Suppression.objects.all().delete()  # as its owner asked

    answer = post(bounce, bounce)

    assert answer.json() == {"received": 0}
    assert not Suppression.objects.exists()


def test_an_event_without_a_known_mail_suppresses_its_address(post: Post) -> None:
    answer = post(event("unsubscribe"), event("bounce", type="bounce", sg_event_id="b", mail_id="999999"))

    assert answer.status_code == 200
    assert set(Suppression.objects.values_list("reason", "sender")) == {("unsubscribe", ""), ("bounce", "")}


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"event": 7},
        {"event": ["bounce"]},
        {"event": "bounce"},
        {"event": "open", "email": "a@example.com"},
        {"event": "bounce", "sg_event_id": "x", "email": None},
        {"event": "bounce", "sg_event_id": "y", "email": "a" * 300},
        {"event": "bounce", "sg_event_id": "z", "email": "a\0@example.com", "reason": "\0"},
        {"event": "bounce", "sg_event_id": "s", "email": "\ud800@example.com", "reason": "\ud800"},
        {"event": "bounce", "sg_event_id": "\0", "email": "a@example.com"},
        {"event": "spamreport", "sg_event_id": {}, "email": []},
        {"event": "dropped", "sg_event_id": "w", "reason": 5, "mail_id": -1},
        {"event": "delivered", "mail_id": "٣"},
        "text",
        None,
        5,
    ],
)
def test_malformed_events_are_skipped(post: Post, odd: Any) -> None:
    answer = post(odd, event("spamreport"))

    assert answer.status_code == 200
    assert Suppression.objects.get().reason == "complaint"


def test_unsigned_events_are_rejected_and_change_nothing(post: Post, client: Client, settings: Any) -> None:
    body = json.dumps([event("spamreport")])
    old = datetime.now(UTC) - timedelta(hours=26)

    answers = [
        client.post("/webhooks/sendgrid/", body, content_type="application/json"),
        post(event("spamreport"), **{SIGNATURE: base64.b64encode(b"no").decode()}),
        post(event("spamreport"), **{SIGNATURE: "§§"}),
        post(event("spamreport"), **{TIMESTAMP: str(int(datetime.now(UTC).timestamp()) + 1)}),
        post(event("spamreport"), **{TIMESTAMP: "soon"}),
        post(event("spamreport"), when=old),
    ]
    settings.SENDGRID_WEBHOOK_PUBLIC_KEY = ""
    answers.append(post(event("spamreport")))
    settings.SENDGRID_WEBHOOK_PUBLIC_KEY = "no key"
    answers.append(post(event("spamreport")))

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(401, "webhook_signature_invalid")}
    assert answers[0]["Content-Type"] == "application/problem+json"
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("body", [b"{", b"{}", b"5", b"\xff", b"[" * 100_000])
def test_a_body_that_is_not_a_list_of_events_is_rejected(post: Post, body: bytes) -> None:
    answer = post(body=body)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_processed_events_are_purged_after_their_retention(mail: Mail) -> None:
    ProcessedEvent.objects.create(id="old")

    assert events.purge_events(at=timezone.now() + timedelta(days=29)) == 0
    assert events.purge_events(at=timezone.now() + timedelta(days=31)) == 1


def path(mail: Mail) -> str:
    """Return the path of the mail's unsubscribe page."""
    return unsubscriptions.unsubscribe_url(mail_id=mail.pk).split("8000", 1)[-1].replace("http://127.0.0.1", "")


def test_opening_the_unsubscribe_page_changes_nothing(client: Client, mail: Mail) -> None:
    answer = client.get(path(mail))

    assert answer.status_code == 200
    assert "Unsubscribe from Billo" in answer.content.decode()
    assert "Ann@example.com" not in answer.content.decode() + path(mail)
    assert answer["Cache-Control"] == "no-store"
    assert not Suppression.objects.exists()


def test_one_click_unsubscribes_without_cookies(mail: Mail) -> None:
    stranger = Client(enforce_csrf_checks=True)

    answer = stranger.post(path(mail), "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded")
    again = stranger.post(path(mail), "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded")

    assert (answer.status_code, again.status_code) == (200, 200)
    assert not answer.cookies
    suppression = Suppression.objects.get()
    assert (suppression.address, suppression.sender, suppression.reason) == ("ann@example.com", "b1", "unsubscribe")


def test_the_button_for_all_brands_unsubscribes_from_all_senders(client: Client, mail: Mail) -> None:
    answer = client.post(path(mail), {"from": "everyone"})

    assert "any brand on this platform" in answer.content.decode()
    assert Suppression.objects.get().sender == ""


def test_the_unsubscribe_page_has_no_inline_style_or_script(client: Client, mail: Mail) -> None:
    page = client.get(path(mail))

    assert "style=" not in page.content.decode()
    assert "<style" not in page.content.decode()
    assert "<script" not in page.content.decode()
    assert "'unsafe-inline'" not in page["Content-Security-Policy"]
    style = client.get("/static/mailings/page.css")
    assert style.status_code == 200
    style.close()


def test_a_forged_unsubscribe_link_is_rejected(client: Client, mail: Mail) -> None:
    forged = path(mail).replace(str(mail.pk), str(mail.pk + 1), 1)
    gone = path(mail)
    Mailing.objects.all().delete()

    for link in (forged, gone, "/unsubscribe/x/"):
        assert client.get(link).status_code == 404
        assert client.post(link).status_code == 404
    assert not Suppression.objects.exists()
