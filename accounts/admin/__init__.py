"""Admin pages of accounts: sign-in, users, brands, staff, API keys and customers."""

from accounts.admin import (
    api_keys,
    brands,
    customers,
    grants,
    identity_providers,
    login,
    shopper_issuers,
    staff,
    users,
)

__all__ = [
    "api_keys",
    "brands",
    "customers",
    "grants",
    "identity_providers",
    "login",
    "shopper_issuers",
    "staff",
    "users",
]
