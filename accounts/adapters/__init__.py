"""What django-allauth asks of the platform: second factors, and sign-in by identity providers."""

from accounts.adapters.identity_providers import (
    BrandProviderAdapter,
    SocialAdapter,
    callback_path,
    discover,
    redirect_to_provider,
    render_problem,
)
from accounts.adapters.second_factors import (
    AccountAdapter,
    SecondFactorAdapter,
    begin_session,
    get_assurance,
    is_fresh,
    redirect_to_second_factor,
    redirect_unless_fresh,
    require_fresh_sign_in,
)

__all__ = [
    "AccountAdapter",
    "BrandProviderAdapter",
    "SecondFactorAdapter",
    "SocialAdapter",
    "begin_session",
    "callback_path",
    "discover",
    "get_assurance",
    "is_fresh",
    "redirect_to_provider",
    "redirect_to_second_factor",
    "redirect_unless_fresh",
    "render_problem",
    "require_fresh_sign_in",
]
