"""What others rely on: who calls, and what roles mean."""

import enum
import uuid
from dataclasses import dataclass
from datetime import datetime

CUSTOMER_ID_LENGTH = 100


def is_customer_id(text: str) -> bool:
    """Whether it may be the name of a customer: up to ``CUSTOMER_ID_LENGTH`` printable characters."""
    return 1 <= len(text) <= CUSTOMER_ID_LENGTH and text.isprintable()


class Role(enum.StrEnum):
    """What a member of a brand's staff may do."""

    OWNER = "owner"
    EDITOR = "editor"
    VIEWER = "viewer"

    @property
    def may_edit(self) -> bool:
        return self is not Role.VIEWER


class Scope(enum.StrEnum):
    """What an API key is good for."""

    BRAND = "brand"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Shopper:
    """Whose uses, limits and vouchers are meant: a customer, linked to a user or not.

    ``id`` is the customer's internal key, None for a customer id that the platform never saw (who has used nothing).
    """

    id: int | None
    customer_id: str
    user_id: uuid.UUID | None = None

    @property
    def key(self) -> int:
        """The internal key of a customer who is known to the platform. Raises ValueError for one who is not."""
        if self.id is None:
            raise ValueError(f"customer {self.customer_id} is not known yet")
        return self.id


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request. ``identity`` names them in throttles, idempotency keys and logs (``user:…``, ``key:…``)."""

    identity: str
    user_key: int | None = None
    user_id: uuid.UUID | None = None
    customer_key: int | None = None
    customer_id: str | None = None
    is_superuser: bool = False
    api_key_id: uuid.UUID | None = None
    scope: Scope | None = None
    brand_id: uuid.UUID | None = None  # the brand that an API key is scoped to

    @property
    def shopper(self) -> Shopper | None:
        """The shopper who calls for themselves, or None."""
        if self.customer_key is None or self.customer_id is None:
            return None
        return Shopper(self.customer_key, self.customer_id, self.user_id)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a sign-in gives; ``expires_at`` is the access token's end."""

    access: str
    refresh: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class NewKey:
    """An API key at the only moment that its text is known."""

    id: uuid.UUID
    name: str
    prefix: str
    text: str
    created_at: datetime


def get_caller(auth: object) -> Caller:
    """What authentication left on a request (``request.auth``), as the caller it is. Raises TypeError for all else."""
    if not isinstance(auth, Caller):
        raise TypeError(f"no caller: {type(auth).__name__}")
    return auth
