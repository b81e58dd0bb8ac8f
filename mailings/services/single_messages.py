"""The same mails through a backend that takes one message at a time: SMTP, files, the console, memory."""

import smtplib
from collections.abc import Callable, Sequence
from email.utils import formataddr, parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend

from mailings import rules
from mailings.contracts import Content, Outcome, RenderedMail, SendResult

RecordResult = Callable[[Sequence[int], SendResult], None]


def send(
    connection: BaseEmailBackend, content: Content, letters: Sequence[RenderedMail], settle: RecordResult
) -> tuple[int, bool]:
    """Send each letter over one connection and settle it at once; how many were accepted, and whether to go on with
    others.
    """
    ids = [letter.id for letter in letters]
    try:
        connection.open()
    except OSError as error:
        settle(ids, SendResult(Outcome.RETRY, _error_text(error)))
        return 0, False
    accepted = 0
    try:
        for place, letter in enumerate(letters):
            answer = _send_one(connection, content, letter)
            settle([letter.id], answer)
            accepted += answer.outcome is Outcome.ACCEPTED
            if answer.outcome is Outcome.UNKNOWN:
                settle(ids[place + 1 :], SendResult(Outcome.RETRY, "The connection broke before this one."))
                return accepted, False
    finally:
        connection.close()
    return accepted, True


def message(
    content: Content, letter: RenderedMail, connection: BaseEmailBackend | None = None
) -> EmailMultiAlternatives:
    """The letter as a message of Django's own."""
    address = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    mail = EmailMultiAlternatives(
        subject=rules.render_tags(content.subject, letter),
        body=rules.render_tags(content.text, letter),
        from_email=formataddr((content.from_name, address)) if content.from_name else settings.DEFAULT_FROM_EMAIL,
        to=[formataddr((letter.name, letter.address))],
        reply_to=[content.reply_to] if content.reply_to else None,
        headers=rules.list_headers(letter),
        connection=connection,
    )
    mail.attach_alternative(rules.render_tags(content.html, letter), "text/html")
    return mail


def _send_one(connection: BaseEmailBackend, content: Content, letter: RenderedMail) -> SendResult:
    try:
        sent = message(content, letter, connection).send()
    except smtplib.SMTPRecipientsRefused as error:
        code = max((code for code, _ in error.recipients.values()), default=550)
        return SendResult(Outcome.RETRY if code < 500 else Outcome.REJECTED, _error_text(error))
    except smtplib.SMTPResponseException as error:  # the server answered, and did not take it
        return SendResult(Outcome.RETRY if error.smtp_code < 500 else Outcome.REJECTED, _error_text(error))
    except (OSError, EOFError) as error:  # no answer: it may have been taken
        return SendResult(Outcome.UNKNOWN, _error_text(error))
    except ValueError as error:  # not a message at all, such as a header with a line break
        return SendResult(Outcome.REJECTED, _error_text(error))
    return (
        SendResult(Outcome.ACCEPTED)
        if sent
        else SendResult(Outcome.UNKNOWN, "The backend did not say that it sent this.")
    )


def _error_text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
