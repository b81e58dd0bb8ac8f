"""Admin pages of mailings and the suppression list."""

from datetime import datetime

import pytest
from django.test import Client

from accounts.models import User
from mailings.contracts import Recipient
from mailings.models import Mail, Mailing, Suppression
from mailings.services import planning
from tests.factories import MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def mailing(at: datetime) -> Mailing:
    """A mailing with two mails, one of unknown delivery."""
    mailing = planning.plan_mailing(
        key="discount_code:HELLO", mail_type="tests.mailings.kinds.news", sender_name="Billo"
    )
    recipients = [Recipient(1, "ann@example.com", "Ann"), Recipient(2, "bob@example.com", "Bob")]
    planning.add_recipients(mailing=mailing, recipients=recipients, at=at)
    Mail.objects.filter(recipient=2).update(status="doubtful", error="no answer")
    return mailing


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_superusers_see_the_progress_of_a_mailing(mailing: Mailing) -> None:
    admin = client_of(UserFactory(is_superuser=True))

    listed = admin.get("/admin/mail/mailing/")
    shown = admin.get(f"/admin/mail/mailing/{mailing.pk}/change/")

    assert "News" in listed.content.decode()
    assert "discount_code:HELLO" in shown.content.decode()
    assert "{" not in shown.content.decode().partition('id="content-main"')[2].partition("</fieldset>")[0]
    assert "Delivery unknown: 1, Pending: 1" in shown.content.decode()


def test_superusers_find_and_resend_mails_of_unknown_delivery(mailing: Mailing) -> None:
    admin = client_of(UserFactory(is_superuser=True))
    unknown = Mail.objects.get(status="doubtful")

    listed = admin.get("/admin/mail/mail/?status__exact=doubtful")
    answer = admin.post("/admin/mail/mail/", {"action": "resend", "_selected_action": [unknown.pk]}, follow=True)

    assert "bob@example.com" in listed.content.decode()
    assert "ann@example.com" not in listed.content.decode()
    assert "1 email queued again." in answer.content.decode()
    unknown.refresh_from_db()
    assert unknown.status == "planned"


def test_superusers_add_and_delete_a_suppression() -> None:
    admin = client_of(UserFactory(is_superuser=True))

    admin.post(
        "/admin/mail/suppression/add/", {"address": "Ann@Example.com", "sender": "", "reason": "complaint", "note": ""}
    )

    suppression = Suppression.objects.get()
    assert suppression.address == "ann@example.com"
    admin.post(f"/admin/mail/suppression/{suppression.pk}/delete/", {"post": "yes"})
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("page", ["mailing", "mail", "suppression"])
def test_brand_staff_cannot_open_the_mail_pages(mailing: Mailing, page: str) -> None:
    owner = client_of(MembershipFactory(role="owner").user)

    assert owner.get(f"/admin/mail/{page}/").status_code == 403


def test_a_mailing_cannot_be_edited(mailing: Mailing) -> None:
    admin = client_of(UserFactory(is_superuser=True))

    assert admin.get("/admin/mail/mailing/add/").status_code == 403
    assert admin.post(f"/admin/mail/mailing/{mailing.pk}/change/", {"key": "x"}).status_code == 403
    assert admin.post(f"/admin/mail/mailing/{mailing.pk}/delete/", {"post": "yes"}).status_code == 403
