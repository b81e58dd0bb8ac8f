"""Users, customers and their merges, brands with their staff, identity providers, API keys, grants and invitations."""

from accounts.models.access import AcceptanceGrant, ApiKey
from accounts.models.audit import Access, AccessEvent, AuditLink
from accounts.models.brands import (
    MAX_ORIGINS,
    ORIGIN_MESSAGE,
    ROLE_CHOICES,
    SIGN_ON_CHOICES,
    Brand,
    Invitation,
    Membership,
    validate_currency,
    validate_timezone,
)
from accounts.models.identity_providers import IdentityProvider, StaffIdentity
from accounts.models.merges import CustomerMerge
from accounts.models.privacy import PrivacyRequest, PrivacyRequestKind, PrivacyRequestStatus
from accounts.models.profiles import Consent, CustomerProfile
from accounts.models.second_factors import SecondFactor
from accounts.models.sessions import Session, TokenFamily
from accounts.models.shopper_issuers import ShopperIssuer
from accounts.models.users import Customer, User, UserManager

__all__ = [
    "MAX_ORIGINS",
    "ORIGIN_MESSAGE",
    "ROLE_CHOICES",
    "SIGN_ON_CHOICES",
    "AcceptanceGrant",
    "Access",
    "AccessEvent",
    "ApiKey",
    "AuditLink",
    "Brand",
    "Consent",
    "Customer",
    "CustomerMerge",
    "CustomerProfile",
    "IdentityProvider",
    "Invitation",
    "Membership",
    "PrivacyRequest",
    "PrivacyRequestKind",
    "PrivacyRequestStatus",
    "SecondFactor",
    "Session",
    "ShopperIssuer",
    "StaffIdentity",
    "TokenFamily",
    "User",
    "UserManager",
    "validate_currency",
    "validate_timezone",
]
