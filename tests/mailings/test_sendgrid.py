"""Django messages through SendGrid's API."""

import base64
from email.mime.image import MIMEImage
from typing import Any

import pytest
from django.core.mail import BadHeaderError, EmailMessage, EmailMultiAlternatives, get_connection, send_mail

from mailings.contracts import Outcome
from mailings.sendgrid import SendGridError
from tests.fakes.sendgrid import SendGrid


def test_a_message_is_sent_unchanged(sendgrid: SendGrid) -> None:
    message = EmailMultiAlternatives(
        "Hello",
        "plain",
        "Billo <sales@billo.example>",
        ["Ann <a@example.com>", "b@example.com"],
        bcc=["d@example.com"],
        cc=["c@example.com"],
        reply_to=["Help <help@billo.example>"],
        headers={"X-Campaign": "7"},
    )
    message.attach_alternative("<p>html</p>", "text/html")
    message.attach("terms.txt", "the terms", "text/plain")

    assert message.send() == 1

    payload = sendgrid.mails[0].payload
    assert payload["from"] == {"email": "sales@billo.example", "name": "Billo"}
    assert payload["personalizations"] == [
        {
            "to": [{"email": "a@example.com", "name": "Ann"}, {"email": "b@example.com"}],
            "cc": [{"email": "c@example.com"}],
            "bcc": [{"email": "d@example.com"}],
        }
    ]
    assert payload["reply_to_list"] == [{"email": "help@billo.example", "name": "Help"}]
    assert payload["headers"] == {"X-Campaign": "7"}
    assert payload["content"] == [
        {"type": "text/plain", "value": "plain"},
        {"type": "text/html", "value": "<p>html</p>"},
    ]
    assert payload["attachments"] == [
        {"content": base64.b64encode(b"the terms").decode(), "filename": "terms.txt", "type": "text/plain"}
    ]


def test_messages_with_only_html_or_an_empty_body_are_sent(sendgrid: SendGrid) -> None:
    html = EmailMessage("Hi", "<b>x</b>", to=["a@example.com"])
    html.content_subtype = "html"

    assert html.send() == 1
    assert EmailMessage("Hi", "", to=["b@example.com"]).send() == 1

    assert sendgrid.mails[0].payload["content"] == [{"type": "text/html", "value": "<b>x</b>"}]
    assert sendgrid.mails[0].payload["from"]["email"] == "promotions@example.com"


def test_a_duplicate_address_is_sent_once(sendgrid: SendGrid) -> None:
    assert (
        EmailMessage(
            "Hi", "x", to=["a@example.com", "A@example.com"], cc=["a@example.com"], bcc=["b@example.com"]
        ).send()
        == 1
    )

    assert sendgrid.mails[0].payload["personalizations"] == [
        {"to": [{"email": "a@example.com"}], "bcc": [{"email": "b@example.com"}]}
    ]


def test_hidden_recipients_get_separate_copies(sendgrid: SendGrid) -> None:
    assert EmailMessage("Hi", "x", bcc=["a@example.com", "b@example.com"]).send() == 1

    assert sendgrid.accepted == ["a@example.com", "b@example.com"]


def test_an_inline_picture_keeps_its_name(sendgrid: SendGrid) -> None:
    message = EmailMultiAlternatives("Hi", "x", to=["a@example.com"])
    picture = MIMEImage(b"\x89PNG\r\n", _subtype="png")
    picture.add_header("Content-ID", "<logo>")
    message.attach(picture)

    message.send()

    attachment = sendgrid.mails[0].payload["attachments"][0]
    assert (attachment["disposition"], attachment["content_id"], attachment["type"]) == ("inline", "logo", "image/png")


def test_an_internationalized_domain_is_sent_in_ascii_form(sendgrid: SendGrid) -> None:
    EmailMessage("Hi", "x", to=["a@bücher.example"]).send()

    assert sendgrid.accepted == ["a@xn--bcher-kva.example"]


def test_a_message_without_recipients_sends_no_request(sendgrid: SendGrid) -> None:
    assert EmailMessage("Hi", "x").send() == 0
    assert sendgrid.requests == 0


def test_a_line_break_in_a_header_is_rejected(sendgrid: SendGrid) -> None:
    with pytest.raises(BadHeaderError):
        EmailMessage("Hi\nBcc: x@example.com", "x", to=["a@example.com"]).send()
    assert sendgrid.requests == 0


@pytest.mark.parametrize(
    ("behavior", "outcome"),
    [
        (429, Outcome.RETRY),
        (500, Outcome.RETRY),
        (401, Outcome.RETRY),
        (400, Outcome.REJECTED),
        (413, Outcome.REJECTED),
        (504, Outcome.UNKNOWN),
        (200, Outcome.UNKNOWN),
        ("reset", Outcome.UNKNOWN),
        ("hang", Outcome.UNKNOWN),
        ("swallow", Outcome.UNKNOWN),
    ],
)
def test_each_failure_tells_whether_the_mail_may_be_resent(
    sendgrid: SendGrid, settings: Any, behavior: Any, outcome: Outcome
) -> None:
    settings.SENDGRID_TIMEOUT = 0.2
    sendgrid.next(behavior)

    with pytest.raises(SendGridError) as caught:
        send_mail("Hi", "x", None, ["a@example.com"])

    assert caught.value.result.outcome is outcome


def test_a_wrong_api_key_raises_the_providers_error(sendgrid: SendGrid, settings: Any) -> None:
    settings.SENDGRID_API_KEY = "SG.wrong"

    with pytest.raises(SendGridError, match="401: The provided authorization grant is invalid"):
        send_mail("Hi", "x", None, ["a@example.com"])


def test_silent_failures_are_not_counted_as_sent(sendgrid: SendGrid) -> None:
    sendgrid.next(500)
    messages = [EmailMessage("Hi", "x", to=[f"{name}@example.com"]) for name in "ab"]

    assert get_connection(fail_silently=True).send_messages(messages) == 1
    assert sendgrid.accepted == ["b@example.com"]
