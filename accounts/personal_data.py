"""Personal data of accounts: users with their sign-ins, customers, and what brands know about them."""

from core.privacy import Erasure, Merge, PersonalColumn, PersonalTable, keep_key, members

_DELETED = Erasure.DELETED
_SCRUBBED = Erasure.SCRUBBED

TABLES = (
    PersonalTable(
        model="accounts.Consent",
        columns=(PersonalColumn("wording", _DELETED),),
        customer="profile__customer",
        brand="profile__brand",
        export="consents",
        members=members("granted", "wording", "decided_at", "recorded_at", brand="profile__brand__slug"),
    ),
    PersonalTable(
        model="accounts.CustomerProfile",
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
        columns=(PersonalColumn("user", _DELETED),),
        user="user",
        export="sign_ins",
        members=members("created_at", "expires_at", "ended_at"),
    ),
    PersonalTable(
        model="mfa.Authenticator",
        columns=(PersonalColumn("user", _DELETED), PersonalColumn("data", _DELETED)),
        user="user",
        export="second_factors",
        members=members("type", "created_at", "last_used_at"),
    ),
    PersonalTable(
        model="account.EmailAddress",
        columns=(PersonalColumn("user", _DELETED), PersonalColumn("email", _DELETED)),
        user="user",
        export="email_addresses",
        members=members("email", "verified", "primary"),
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
            "marketing_consent",
            "marketing_consent_at",
            "is_active",
            "date_joined",
            "last_login",
            id="uuid",
        ),
    ),
    PersonalTable(
        model="accounts.UserEvent",
        columns=(
            keep_key("pgh_obj", Merge.NONE),
            PersonalColumn("username", _SCRUBBED),
            PersonalColumn("email", _SCRUBBED),
            PersonalColumn("phone", _SCRUBBED),
            PersonalColumn("uuid", _SCRUBBED),
        ),
        user="pgh_obj",
        export="account_history",
        members=members(
            "username", "email", "phone", "language", "marketing_consent", "is_active", changed_at="pgh_created_at"
        ),
    ),
    PersonalTable(
        model="accounts.CustomerMerge",
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
        columns=(PersonalColumn("email", _DELETED), keep_key("invited_by", Merge.NONE)),
    ),
    PersonalTable(
        model="accounts.InvitationEvent",
        columns=(PersonalColumn("email", _DELETED), keep_key("invited_by", Merge.NONE)),
    ),
    PersonalTable(
        model="accounts.Membership",
        columns=(keep_key("user", Merge.NONE),),
        user="user",
        export="memberships",
        members=members("role", "created_at", brand="brand__slug"),
    ),
    PersonalTable(model="accounts.SecondFactorEvent", columns=(keep_key("user", Merge.NONE),)),
    PersonalTable(model="accounts.MembershipEvent", columns=(keep_key("user", Merge.NONE),)),
    PersonalTable(model="accounts.ApiKey", columns=(keep_key("created_by", Merge.NONE),)),
    PersonalTable(model="accounts.ApiKeyEvent", columns=(keep_key("created_by", Merge.NONE),)),
    PersonalTable(
        model="accounts.PrivacyRequest",
        columns=(keep_key(merge=Merge.UNCHANGED), keep_key("user", Merge.NONE)),
        customer="customer",
        brand="brand",
        export="privacy_requests",
        members=members("kind", "created_at", brand="brand__slug"),
    ),
    PersonalTable(
        model="accounts.PrivacyRequestEvent",
        columns=(keep_key(merge=Merge.UNCHANGED),),
        customer="customer",
        brand="brand",
    ),
    PersonalTable(
        model="admin.LogEntry",
        columns=(
            keep_key("user", Merge.NONE),
            PersonalColumn("object_repr", _SCRUBBED),
            PersonalColumn("change_message", _SCRUBBED),
        ),
    ),
)
IMPERSONAL = {
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
    "pghistory.Context.metadata": "the key of a user, and a path in which customer IDs are left out",
    "sessions.Session.session_data": "not in use: sessions are rows of accounts.Session",
}
