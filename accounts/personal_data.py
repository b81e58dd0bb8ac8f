"""Personal data of accounts: users with their sign-ins, customers, and what brands know about them."""

from typing import Any

from django.contrib.admin.models import LogEntry
from django.db.models.functions import Lower

from accounts.models import CustomerMerge, Invitation, User
from accounts.services.audit_chain import forget_contexts, update_history
from core import db
from core.privacy import ErasedPeople, Erasure, Merge, PersonalColumn, PersonalTable, keep_key, list_words, members

_DELETED = Erasure.DELETED
_SCRUBBED = Erasure.SCRUBBED


def _erase_user_history(people: ErasedPeople) -> None:
    """Put what the user is called now in the place of former names."""
    for user in User.objects.filter(pk__in=people.users):
        events: Any = user.events  # type: ignore[attr-defined]  # of pghistory
        values = {
            "username": user.username, "uuid": user.uuid, "email": "", "email_verified_at": None, "phone": None,
            "language": "",
        }  # fmt: skip
        update_history(events.all(), values)


def _erase_addresses(people: ErasedPeople) -> None:
    """Remove the addresses of users from the audit log."""
    if people.brand is None:
        rows = db.fetch_all("accounts/sql/select_contexts.sql", {"users": list(people.users)})
        contexts = [row["id"] for row in rows]
        forget_contexts(contexts)
        db.execute("accounts/sql/erase_addresses.sql", {"contexts": contexts})


def _erase_merges(people: ErasedPeople) -> None:
    """Delete the merges of the customers into others."""
    merges = CustomerMerge.objects.filter(source__in=people.customers)
    (merges if people.brand is None else merges.filter(brand=people.brand)).delete()


def _erase_invitations(people: ErasedPeople) -> None:
    """Delete the invitations of the customers' addresses to the staff of a brand. Their events stay, without it."""
    if people.brand is None:
        words = list_words(people.texts)
        Invitation.objects.alias(lower=Lower("email")).filter(lower__in=words).delete()
        for event in set(Invitation.pgh_event_models.values()):  # type: ignore[attr-defined]
            update_history(event.objects.alias(lower=Lower("email")).filter(lower__in=words), {"email": ""})


def _erase_admin_log(people: ErasedPeople) -> None:
    """Empty the names of objects in the log of the admin that contain a name of the customers."""
    if people.brand is None:
        users = LogEntry.objects.filter(content_type__app_label="accounts", content_type__model="user")
        users.filter(object_id__in=map(str, people.users)).update(object_repr="", change_message="")
        db.execute("accounts/sql/erase_admin_log.sql", {"words": list_words(people.texts)})


TABLES = (
    PersonalTable(
        model="accounts.Consent",
        is_first=True,
        columns=(PersonalColumn("wording", _DELETED),),
        customer="profile__customer",
        brand="profile__brand",
        export="consents",
        members=members(
            "granted", "purpose", "wording", "origin", "decided_at", "recorded_at", brand="profile__brand__slug"
        ),
    ),
    PersonalTable(
        model="accounts.CustomerProfile",
        is_first=True,
        columns=(
            PersonalColumn("customer", _DELETED, Merge.MOVED),
            PersonalColumn("name", _DELETED),
            PersonalColumn("email", _DELETED),
            PersonalColumn("attributes", _DELETED),
        ),
        customer="customer",
        brand="brand",
        export="profiles",
        members=members(
            "name", "email", "language", "attributes", "marketing_consent", "updated_at", brand="brand__slug"
        ),
    ),
    PersonalTable(
        model="accounts.Session",
        is_first=True,
        columns=(
            PersonalColumn("user", _DELETED),
            PersonalColumn("session_data", _DELETED),
            PersonalColumn("address", _DELETED),
            PersonalColumn("device", _DELETED),
        ),
        user="user",
        export="sessions",
        members=members("address", "device", "signed_in_at", "seen_at", expires_at="expire_date"),
    ),
    PersonalTable(
        model="accounts.TokenFamily",
        is_first=True,
        columns=(PersonalColumn("user", _DELETED),),
        user="user",
        export="sign_ins",
        members=members("created_at", "expires_at", "ended_at"),
    ),
    PersonalTable(
        model="mfa.Authenticator",
        is_first=True,
        columns=(PersonalColumn("user", _DELETED), PersonalColumn("data", _DELETED)),
        user="user",
        export="second_factors",
        members=members("type", "created_at", "last_used_at"),
    ),
    PersonalTable(
        model="account.EmailAddress",
        is_first=True,
        columns=(PersonalColumn("user", _DELETED), PersonalColumn("email", _DELETED)),
        user="user",
        export="email_addresses",
        members=members("email", "verified", "primary"),
    ),
    PersonalTable(
        model="socialaccount.SocialAccount",
        is_first=True,
        columns=(PersonalColumn("user", _DELETED), PersonalColumn("extra_data", _DELETED)),
        user="user",
        export="identities",
        members=members("uid", "date_joined", "last_login"),
    ),
    PersonalTable(
        model="accounts.Customer",
        columns=(PersonalColumn("customer_id", _SCRUBBED), keep_key("user", Merge.NONE)),
        customer="pk",
        export="customers",
        members=members("customer_id", "created_at"),
    ),
    PersonalTable(
        model="accounts.User",
        columns=(
            PersonalColumn("username", _SCRUBBED),
            PersonalColumn("email", _SCRUBBED),
            PersonalColumn("phone", _SCRUBBED),
            PersonalColumn("uuid", _SCRUBBED),
        ),
        user="pk",
        export="accounts",
        members=members(
            "username",
            "email",
            "email_verified_at",
            "phone",
            "language",
            "is_active",
            "date_joined",
            "last_login",
            id="uuid",
        ),
    ),
    PersonalTable(
        model="accounts.UserEvent",
        erase=_erase_user_history,
        columns=(
            keep_key("pgh_obj", Merge.NONE),
            PersonalColumn("username", _SCRUBBED),
            PersonalColumn("email", _SCRUBBED),
            PersonalColumn("phone", _SCRUBBED),
            PersonalColumn("uuid", _SCRUBBED),
            PersonalColumn("email_verified_at", _SCRUBBED),
            PersonalColumn("language", _SCRUBBED),
        ),
        user="pgh_obj",
        export="account_history",
        members=members("username", "email", "phone", "language", "is_active", changed_at="pgh_created_at"),
    ),
    PersonalTable(
        model="accounts.CustomerMerge",
        erase=_erase_merges,
        columns=(
            PersonalColumn("source", _DELETED, Merge.UNCHANGED),
            PersonalColumn("target", _DELETED, Merge.UNCHANGED),
        ),
        customer="target",
        brand="brand",
        export="merged_customers",
        members=members("merged_at", brand="brand__slug", customer_id="source__customer_id"),
    ),
    PersonalTable(
        model="accounts.CustomerMergeEvent",
        columns=(keep_key("source", Merge.UNCHANGED), keep_key("target", Merge.UNCHANGED)),
    ),
    PersonalTable(
        model="accounts.Invitation",
        erase=_erase_invitations,
        columns=(PersonalColumn("email", _DELETED), keep_key("invited_by", Merge.NONE)),
    ),
    PersonalTable(
        model="accounts.InvitationEvent",
        columns=(PersonalColumn("email", _SCRUBBED), keep_key("invited_by", Merge.NONE)),
    ),
    PersonalTable(
        model="accounts.Membership",
        columns=(keep_key("user", Merge.NONE),),
        user="user",
        export="memberships",
        members=members("role", "created_at", brand="brand__slug"),
    ),
    PersonalTable(model="accounts.SecondFactorEvent", columns=(keep_key("user", Merge.NONE),)),
    PersonalTable(model="accounts.StaffIdentityEvent", columns=(keep_key("user", Merge.NONE),)),
    PersonalTable(model="accounts.MembershipEvent", columns=(keep_key("user", Merge.NONE),)),
    PersonalTable(model="accounts.ApiKey", columns=(keep_key("created_by", Merge.NONE),)),
    PersonalTable(model="accounts.ApiKeyEvent", columns=(keep_key("created_by", Merge.NONE),)),
    PersonalTable(
        model="accounts.PrivacyRequest",
        columns=(
            keep_key(merge=Merge.UNCHANGED),
            keep_key("pseudonym", Merge.UNCHANGED),
            keep_key("user", Merge.NONE),
            PersonalColumn("texts", _SCRUBBED),
        ),
        customer="customer",
        brand="brand",
        export="privacy_requests",
        members=members("kind", "status", "created_at", "completed_at", brand="brand__slug"),
    ),
    PersonalTable(
        model="accounts.PrivacyRequestEvent",
        columns=(keep_key(merge=Merge.UNCHANGED),),
        customer="customer",
        brand="brand",
    ),
    PersonalTable(
        model="accounts.AccessEvent",
        columns=(keep_key("pgh_obj", Merge.NONE),),
        user="pgh_obj",
        export="sign_in_history",
        members=members("subject", event="pgh_label", at="pgh_created_at", address="pgh_context__metadata__address"),
    ),
    PersonalTable(
        model="accounts.AccessEvent",
        columns=(keep_key("customer", Merge.UNCHANGED),),
        customer="customer",
        brand="brand",
        export="accesses",
        members=members(event="pgh_label", at="pgh_created_at", brand="brand__slug"),
    ),
    PersonalTable(
        model="pghistory.Context",
        erase=_erase_addresses,
        columns=(PersonalColumn("metadata", _SCRUBBED),),
    ),
    PersonalTable(
        model="admin.LogEntry",
        erase=_erase_admin_log,
        columns=(
            keep_key("user", Merge.NONE),
            PersonalColumn("object_repr", _SCRUBBED),
            PersonalColumn("change_message", _SCRUBBED),
        ),
    ),
)
UPDATE_HISTORY = update_history
IMPERSONAL = {
    **{f"accounts.AuditLink.{name}": "a digest" for name in ("content", "digest")},
    "accounts.AuditLink.personal": "a salted digest",
    "accounts.AuditLink.salt": "random bytes, which an erasure deletes",
    "accounts.ApiKey.addresses": "networks of a brand's servers",
    "accounts.ApiKey.digest": "a digest of a random key",
    "accounts.ApiKey.name": "the name of a key",
    "accounts.AcceptanceGrant.max_per_month": "amounts by currency",
    "accounts.Brand.name": "the name of a company",
    "accounts.Brand.notify_email": "the business contact of a brand, which its owners change",
    "admin.LogEntry.object_id": "the key of an object, which leads nowhere once the object is erased",
    "auth.Group.name": "the name of a group of permissions, which are not in use",
    "auth.Permission.name": "the name of a permission",
    "django_celery_beat.PeriodicTask.args": "arguments of periodic tasks, which name no person",
    "django_celery_beat.PeriodicTask.description": "the text of an operator about a task",
    "django_celery_beat.PeriodicTask.headers": "headers of periodic tasks, which name no person",
    "django_celery_beat.PeriodicTask.kwargs": "arguments of periodic tasks, which name no person",
    "django_celery_beat.PeriodicTask.name": "the name of a periodic task",
    "accounts.ShopperIssuer.public_key": "the public key of a brand's own login",
    "accounts.IdentityProvider.secret": "the encrypted secret of this platform at a brand's identity provider",
    "socialaccount.SocialApp.name": "not in use: providers are rows of accounts.IdentityProvider",
    "socialaccount.SocialApp.settings": "not in use",
    "socialaccount.SocialToken.token": "not in use: tokens of identity providers are not stored",
    "socialaccount.SocialToken.token_secret": "not in use",
    "accounts.PrivacyRequest.step": "the name of a table",
    "sessions.Session.session_data": "not in use: sessions are rows of accounts.Session",
}
