"""Reads of the recipients of a brand's emails: who is subscribed, at which address, and in which language."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from django.db.models import Case, FilteredRelation, Q, QuerySet, Subquery, TextField, Value, When
from django.db.models.functions import Coalesce, NullIf

from accounts.models import Brand, Customer, User
from core import db
from mailings.contracts import ClaimedMail


class SubscribedCustomer(NamedTuple):
    """A customer who is subscribed to a brand's marketing emails."""

    key: int
    address: str
    name: str
    language: str


def list_subscribed_customers(*, brand_id: uuid.UUID | str, customer_keys: Collection[int]) -> list[SubscribedCustomer]:
    """Return those of the customers who are subscribed to the brand's marketing emails, in the order of their keys."""
    customers = list_subscribed(brand_id=brand_id).filter(pk__in=customer_keys).order_by("pk")
    return list(map(SubscribedCustomer._make, customers.values_list("pk", "address", "salutation", "mail_language")))


def list_subscribed(*, brand_id: uuid.UUID | str) -> QuerySet[Any]:
    """Return the customers who are subscribed to a brand's marketing emails.

    Each has the ``address``, the ``salutation`` and the ``mail_language`` of emails to them.
    An account of the customer takes precedence over the brand's profile. The consent is always one to the brand.
    """
    by_account = Q(user__is_active=True, profile__marketing_consent=True, user__email_verified_at__isnull=False)
    by_brand = Q(user=None, profile__marketing_consent=True)
    return Customer.objects.annotate(
        profile=FilteredRelation("profiles", condition=Q(profiles__brand=brand_id)),
        address=Case(When(user=None, then="profile__email"), default="user__email"),
        salutation=Case(
            When(user=None, then=Coalesce(NullIf("profile__name", Value("")), "customer_id", output_field=TextField())),
            default="user__username",
            output_field=TextField(),
        ),
        mail_language=Coalesce(
            NullIf("user__language", Value("")),
            NullIf("profile__language", Value("")),
            Subquery(Brand.objects.filter(pk=brand_id).values("language")),
        ),
    ).filter(by_account & ~Q(user__email="") | by_brand & ~Q(profile__email=""))


def read_languages(*, sender: str, mails: Sequence[ClaimedMail]) -> Mapping[int, str]:
    """Return the languages of a brand's emails to customers: the customer's own, or else the brand's."""
    params = {"brand": sender, "customers": [mail.recipient for mail in mails]}
    languages = {row["id"]: row["language"] for row in db.fetch_all("accounts/sql/select_languages.sql", params)}
    return {mail.id: languages.get(mail.recipient, "") for mail in mails}


def read_subscribed_languages(*, sender: str, mails: Sequence[ClaimedMail]) -> Mapping[int, str]:
    """Return the languages of a brand's emails to those customers who are still subscribed."""
    customers = list_subscribed_customers(brand_id=sender, customer_keys=[mail.recipient for mail in mails])
    languages = {customer.key: customer.language for customer in customers}
    return {mail.id: languages[mail.recipient] for mail in mails if mail.recipient in languages}


def read_member_languages(*, sender: str, mails: Sequence[ClaimedMail]) -> Mapping[int, str]:
    """Return the languages of emails to a brand's staff, whose recipients are users: their own, or else the brand's."""
    brand_language = Brand.objects.filter(pk=sender).values_list("language", flat=True).first() or ""
    users = User.objects.filter(pk__in=[mail.recipient for mail in mails]).exclude(language="")
    languages = dict(users.values_list("pk", "language"))
    return {mail.id: languages.get(mail.recipient, brand_language) for mail in mails}
