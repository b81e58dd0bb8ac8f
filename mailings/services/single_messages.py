"""Sending through mail backends for single messages: SMTP, files, the console and memory."""

import smtplib
from collections.abc import Callable, Sequence
from email.utils import formataddr, parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend

from mailings import rules
from mailings.contracts import Content, Outcome, RenderedMail, SendResult

RecordResult = Callable[[Sequence[int], SendResult], None]


def send_messages(
    connection: BaseEmailBackend, content: Content, mails: Sequence[RenderedMail], record_result: RecordResult
) -> tuple[int, bool]:
    """Send emails over one connection and record each result at once.

    Return the number of accepted emails, and whether to continue with other batches.
    """
    ids = [mail.id for mail in mails]
    try:
        connection.open()
    except OSError as error:
        record_result(ids, SendResult(Outcome.RETRY, _error_text(error)))
        return 0, False
    accepted = 0
    try:
        for index, mail in enumerate(mails):
            result = _send_one(connection, content, mail)
            record_result([mail.id], result)
            accepted += result.outcome is Outcome.ACCEPTED
            if result.outcome is Outcome.UNKNOWN:
                record_result(ids[index + 1 :], SendResult(Outcome.RETRY, "Connection closed before this email."))
                return accepted, False
    finally:
        connection.close()
    return accepted, True


def build_message(
    content: Content, mail: RenderedMail, connection: BaseEmailBackend | None = None
) -> EmailMultiAlternatives:
    """Return the email as a Django message."""
    address = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    message = EmailMultiAlternatives(
        subject=rules.render_tags(content.subject, mail),
        body=rules.render_tags(content.text, mail),
        from_email=formataddr((content.from_name, address)) if content.from_name else settings.DEFAULT_FROM_EMAIL,
        to=[formataddr((mail.name, mail.address))],
        reply_to=[content.reply_to] if content.reply_to else None,
        headers=rules.list_headers(mail),
        connection=connection,
    )
    message.attach_alternative(rules.render_tags(content.html, mail), "text/html")
    return message


def _send_one(connection: BaseEmailBackend, content: Content, mail: RenderedMail) -> SendResult:
    try:
        sent = build_message(content, mail, connection).send()
    except smtplib.SMTPRecipientsRefused as error:
        code = max((code for code, _ in error.recipients.values()), default=550)
        return SendResult(Outcome.RETRY if code < 500 else Outcome.REJECTED, _error_text(error))
    except smtplib.SMTPResponseException as error:  # rejected by the server
        return SendResult(Outcome.RETRY if error.smtp_code < 500 else Outcome.REJECTED, _error_text(error))
    except (OSError, EOFError) as error:  # no response, perhaps accepted
        return SendResult(Outcome.UNKNOWN, _error_text(error))
    except ValueError as error:  # an invalid message, such as a header with a line break
        return SendResult(Outcome.REJECTED, _error_text(error))
    return SendResult(Outcome.ACCEPTED) if sent else SendResult(Outcome.UNKNOWN, "Not confirmed by the mail backend.")


def _error_text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
