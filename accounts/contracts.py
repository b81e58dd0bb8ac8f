"""Values that other apps rely on: callers, shoppers, roles and credentials."""

import enum
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

CUSTOMER_ID_LENGTH = 100
BRAND_GUESSES = "brand_code_miss"  # the scope of the limit of unknown codes of a brand
ORIGIN = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*)(:(?P<port>\d{1,5}))?/?"
)
LOCAL_HOSTS, DEFAULT_PORTS = ("localhost", "127.0.0.1"), {"http": 80, "https": 443}


def canonicalize_customer_id(text: str) -> str:
    """Return the form in which customer IDs are stored and compared: in lower case, without surrounding space."""
    return text.strip().lower()


def is_customer_id(text: str) -> bool:
    """Return whether ``text`` is a valid customer ID: 1 to ``CUSTOMER_ID_LENGTH`` printable characters."""
    canonical = canonicalize_customer_id(text)
    return 1 <= len(canonical) <= CUSTOMER_ID_LENGTH and canonical.isprintable()


def normalize_origin(text: str) -> str | None:
    """Return the origin of a page in the form that browsers send, or None if the text is none.

    Only pages on the developer's own machine may be unencrypted.
    """
    match = ORIGIN.fullmatch(text.strip().lower())
    if match is None or (match["port"] and not 0 < int(match["port"]) < 65_536):
        return None
    scheme, host, port = match["scheme"], match["host"], match["port"]
    if scheme == "http" and host not in LOCAL_HOSTS:
        return None
    is_default = port is None or int(port) == DEFAULT_PORTS[scheme]
    return f"{scheme}://{host}" if is_default else f"{scheme}://{host}:{int(port)}"


class Role(enum.StrEnum):
    """The role of a member of a brand's staff."""

    OWNER = "owner"
    EDITOR = "editor"
    VIEWER = "viewer"

    @property
    def can_edit(self) -> bool:
        """Whether the role allows changes to the brand's objects."""
        return self is not Role.VIEWER


class Scope(enum.StrEnum):
    """A part of the API that an API key opens.

    Keys of a brand have any of ``BRAND_SCOPES``. Keys of the platform have one of ``PLATFORM_SCOPES``, without a brand:
    ``CHECKOUT`` for all brands, or ``INTERNAL``, which may be limited to some brands.
    """

    READ = "read"
    MANAGE = "manage"
    CHECKOUT = "checkout"
    EXPORT = "export"
    INTERNAL = "internal"


BRAND_SCOPES = (Scope.READ, Scope.MANAGE, Scope.CHECKOUT, Scope.EXPORT)
PLATFORM_SCOPES = (Scope.CHECKOUT, Scope.INTERNAL)
READ, MANAGE, CHECKOUT = (frozenset({scope}) for scope in (Scope.READ, Scope.MANAGE, Scope.CHECKOUT))
EXPORT, INTERNAL = (frozenset({scope}) for scope in (Scope.EXPORT, Scope.INTERNAL))
NO_SCOPES: frozenset[Scope] = frozenset()  # of endpoints for people


class Purpose(enum.StrEnum):
    """What a customer consents to."""

    MARKETING_EMAILS = "marketing_emails"


class CheckoutBy(enum.StrEnum):
    """Who reserves and confirms orders with a brand's offers at checkout: servers alone, or shoppers as well."""

    SERVER = "server"
    SHOPPER_RESERVES = "shopper_reserves"
    SHOPPER = "shopper"


class SignOn(enum.StrEnum):
    """Whether the staff of a brand signs in by the identity provider of the brand (``Brand.sso``)."""

    OFF = "off"
    ALLOWED = "allowed"
    REQUIRED = "required"


def has_roles(*, brand_id: uuid.UUID, sso: str, provider_brand_id: uuid.UUID | None) -> bool:
    """Return whether a sign-in gives roles in a brand.

    ``provider_brand_id`` is the brand whose identity provider was used, which gives roles in that brand only. None
    stands for a password, which gives no roles in brands that require their provider.
    """
    if provider_brand_id is None:
        return sso != SignOn.REQUIRED
    return brand_id == provider_brand_id and sso != SignOn.OFF


@dataclass(frozen=True, slots=True)
class Shopper:
    """The customer of a purchase, linked to a user or not.

    ``id`` is the customer's internal key, None for a customer ID without a row, which has no redemptions.
    """

    id: int | None
    customer_id: str
    user_id: uuid.UUID | None = None

    @property
    def key(self) -> int:
        """The internal key of a customer with a row. Raises ValueError without one."""
        if self.id is None:
            raise ValueError(f"customer {self.customer_id} has no row")
        return self.id


class Method(enum.StrEnum):
    """A way in which a user proved who they are, by its name in the claim ``amr`` of tokens (RFC 8176)."""

    PASSWORD = "pwd"  # noqa: S105  (its name)
    CODE = "otp"
    KEY = "hwk"
    FEDERATED = "fed"  # by the identity provider of a brand


SECOND_FACTORS = frozenset({Method.CODE, Method.KEY})


@dataclass(frozen=True, slots=True)
class Assurance:
    """The methods by which a user signed in, and when they last used the strongest one that they have.

    ``provider_brand_id`` is the brand whose identity provider was used, None for a password.
    """

    methods: frozenset[Method] = frozenset()
    at: datetime | None = None
    provider_brand_id: uuid.UUID | None = None

    @property
    def has_second_factor(self) -> bool:
        """Whether a second factor was used."""
        return bool(self.methods & SECOND_FACTORS)


NO_ASSURANCE = Assurance()


@dataclass(frozen=True, slots=True)
class Caller:
    """The sender of a request.

    ``identity`` (``user:…``, ``key:…`` or ``customer:…``) identifies the caller in throttles, idempotency keys and
    logs. ``issuer_brand_id`` and its slug ``issuer_brand`` are set for shoppers by a token of a brand's own login: they
    are customers of that brand, without a user, and reach nothing of other brands.
    """

    identity: str
    user_key: int | None = None
    user_id: uuid.UUID | None = None
    customer_key: int | None = None
    customer_id: str | None = None
    is_superuser: bool = False
    has_second_factor: bool = False  # used to sign in
    provider_brand_id: uuid.UUID | None = None  # the brand whose identity provider was used to sign in
    signed_in_at: datetime | None = None  # when the user last proved who they are
    token_epoch: int = 0  # of the user when the token was issued
    api_key_id: uuid.UUID | None = None
    scopes: frozenset[Scope] = NO_SCOPES  # of an API key
    brand_id: uuid.UUID | None = None  # the brand of an API key, None for keys of the platform
    internal_brand_ids: frozenset[uuid.UUID] | None = None  # that an internal key is limited to, None for all
    language: str | None = None  # of messages to the servers of the brand
    issuer_brand_id: uuid.UUID | None = None
    issuer_brand: str | None = None

    @property
    def shopper(self) -> Shopper | None:
        """The caller's own shopper, or None for callers without a customer."""
        if self.customer_key is None or self.customer_id is None:
            return None
        return Shopper(self.customer_key, self.customer_id, self.user_id)

    def reaches(self, brand_id: uuid.UUID) -> bool:
        """Return whether a shopper may reach what a brand shows to shoppers."""
        return self.issuer_brand_id in (None, brand_id)

    @property
    def is_checkout_server(self) -> bool:
        """Whether the caller is a server that sends carts of customers: of a brand or of the platform."""
        return self.brand_id is not None or self.platform_key is not None

    def get_guess_limits(self, network: str, customer_id: str | None = None) -> dict[str, str]:
        """Return who guesses codes, by scope of the limit.

        Shoppers guess, and their networks; for a server its customer, its API key, and the brand with all of its keys.
        """
        if self.api_key_id is None:
            return {"cart_code_miss": self.identity, "address_code_miss": network}
        limits = {"cart_code_miss": f"{self.identity}/{customer_id or ''}", "key_code_miss": self.identity}
        return limits if self.brand_id is None else limits | {BRAND_GUESSES: str(self.brand_id)}

    @property
    def platform_key(self) -> uuid.UUID | None:
        """The ID of an API key with which the platform's own checkout calls, or None for any other caller."""
        return self.api_key_id if self.brand_id is None and Scope.CHECKOUT in self.scopes else None


@dataclass(frozen=True, slots=True)
class Grant:
    """What a brand granted to another one: kinds of offer, and the most that they give in a month.

    ``brand`` is the slug of the granting brand. ``key`` names both brands, so that a grant that replaces another one
    counts what was given before. ``max_per_month`` is in minor units by currency; without amounts, there is no limit.
    ``timezone`` is that of the months.
    """

    brand: str
    key: uuid.UUID
    kinds: frozenset[str]
    max_per_month: Mapping[str, int] = field(default_factory=dict)
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The brands whose offers a caller may get. ``brand_ids`` None stands for all brands.

    ``grants`` are further brands with what they granted. ``is_shopper`` is set for shoppers, who may
    reserve and confirm only as each brand allows (``CheckoutBy``).
    """

    brand_ids: frozenset[uuid.UUID] | None
    is_shopper: bool = False
    grants: Mapping[uuid.UUID, Grant] = field(default_factory=dict)

    def accepts(self, brand_id: uuid.UUID | None, kind: str) -> bool:
        """Return whether the caller may get offers of the brand and the kind."""
        if self.brand_ids is None or brand_id in self.brand_ids:
            return True
        grant = None if brand_id is None else self.grants.get(brand_id)
        return grant is not None and kind in grant.kinds

    def list_brand_ids(self, kind: str) -> frozenset[uuid.UUID] | None:
        """Return the brands whose offers of the kind the caller may get; None for all brands."""
        if self.brand_ids is None:
            return None
        return self.brand_ids | {brand_id for brand_id, grant in self.grants.items() if kind in grant.kinds}


ALL_BRANDS = Acceptance(None)
NO_GRANTS: Mapping[uuid.UUID, Grant] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a sign-in. ``expires_at`` is when the access token expires."""

    access: str
    refresh: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A new API key with its plain text, which is not stored."""

    id: uuid.UUID
    name: str
    prefix: str
    text: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime | None = None
    addresses: tuple[str, ...] = ()


def get_caller(auth: object) -> Caller:
    """Return ``request.auth`` as a Caller. Raises TypeError for any other type."""
    if not isinstance(auth, Caller):
        raise TypeError(f"not a caller: {type(auth).__name__}")
    return auth
