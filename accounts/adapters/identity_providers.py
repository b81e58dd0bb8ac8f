"""Sign-in by the identity provider of a brand (OpenID Connect): the protocol is django-allauth's, the rules are ours.

In addition to its state and PKCE, the signature and the nonce of the ID token are checked. The discovery document and
the keys are fetched from public addresses only, and kept for a while.
"""

import logging
import secrets
import time
import uuid
from typing import Any

import requests
from allauth.account.internal.flows.login import record_authentication
from allauth.account.models import EmailAddress
from allauth.account.utils import perform_login
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from accounts import selectors, services
from accounts.adapters.second_factors import FACTORS, FEDERATED, PROVED_AT
from accounts.errors import ProviderFailed
from accounts.models import Access, IdentityProvider, User
from core.errors import DomainError
from core.outbound import DocumentCache, open_session
from core.signing_keys import TokenUnverified, verify_token

logger = logging.getLogger(__name__)
PROVIDER = "openid_connect"
SECOND_FACTORS = frozenset({"mfa", "otp", "hwk", "fpt"})  # of RFC 8176, as a provider names them
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


def _parse_discovery(document: dict[str, Any]) -> dict[str, Any]:
    schemes = ("https://", "http://") if settings.OUTBOUND_PRIVATE_NETWORKS else ("https://",)
    for name in ("issuer", *_ENDPOINTS):
        if not str(document[name]).startswith(schemes):
            raise ValueError(f"{name} must begin with https://")
    return document


discoveries = DocumentCache(_parse_discovery)


def discover(issuer: str) -> dict[str, Any]:
    """Return the discovery document of an issuer. Raises requests.RequestException, also for that of another issuer."""
    document = discoveries.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if document["issuer"] != issuer:
        raise requests.exceptions.InvalidJSONError(f"the document is of the issuer {document['issuer']}")
    return document


class BrandProviderAdapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """The protocol with the identity provider of one brand."""

    @property
    def openid_config(self) -> dict[str, Any]:
        """The discovery document of the provider. Raises OAuth2Error."""
        try:
            return discover(self.get_provider().app.settings["server_url"])
        except requests.RequestException as error:
            raise OAuth2Error(str(error)) from error

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        return settings.BASE_URL + callback_path(self.provider_id)

    def get_access_token_data(self, *args: Any, **kwargs: Any) -> Any:
        """Exchange the code for tokens. Raises OAuth2Error, and requests.RequestException."""
        try:
            data = super().get_access_token_data(*args, **kwargs)
            return {"access_token": str(data["access_token"]), "id_token": str(data["id_token"])}
        except (KeyError, TypeError, ValueError) as error:
            raise OAuth2Error("the answer has no tokens") from error

    def complete_login(self, request: HttpRequest, app: SocialApp, token: Any, **kwargs: Any) -> SocialLogin:
        """Return what the provider says of the person. Raises OAuth2Error for an ID token that isn't valid."""
        config = self.openid_config
        try:
            claims = verify_token(
                kwargs["response"]["id_token"],
                keys_url=config["jwks_uri"],
                issuer=config["issuer"],
                audience=app.client_id,
            )
        except TokenUnverified as error:
            raise OAuth2Error(str(error)) from error
        if claims.get("azp", app.client_id) != app.client_id:
            raise OAuth2Error("the ID token is for another client")
        if not {"email", "email_verified"} <= set(claims) and "userinfo_endpoint" in config:
            information = self._fetch_user_info(token.token)
            if not isinstance(information, dict) or information.get("sub") != claims["sub"]:
                raise OAuth2Error("the user information is of another person")
            claims = information | claims
        login = SocialLogin(account=SocialAccount(provider=app.provider_id, uid=claims["sub"]))
        login.provider = self.get_provider()
        login.email_addresses = [
            EmailAddress(email=str(claims.get("email", "")), verified=claims.get("email_verified") is True)
        ]
        login.claims = claims
        return login


class BrandProvider(OpenIDConnectProvider):  # type: ignore[misc]
    """The provider of allauth, with the protocol above."""

    oauth2_adapter_class = BrandProviderAdapter


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """What django-allauth asks: which providers exist, how to reach them, and who can sign in by them."""

    def list_apps(self, request: Any, provider: Any = None, client_id: Any = None) -> list[SocialApp]:
        """Return the provider of a brand, which is named by the ID of the brand. It isn't stored by allauth."""
        found = selectors.get_provider(brand_id=uuid.UUID(str(provider))) if provider else None
        return [_app_of(found)] if found else []

    def get_provider(self, request: Any, provider: Any, client_id: Any = None) -> BrandProvider:
        return BrandProvider(request, app=self.get_app(request, provider=provider))

    def get_requests_session(self) -> requests.Session:
        return open_session()

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Begin a session of the person, or show why not, in place of the steps of allauth that follow."""
        raise ImmediateHttpResponse(_finish(request, sociallogin))

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None, exception: Any = None, extra_context: Any = None
    ) -> None:
        raise ImmediateHttpResponse(_render_failure(request, f"{error}: {exception}"))


def callback_path(key: str) -> str:
    """Return the path to which an identity provider sends people back."""
    return reverse("identity_provider_callback", args=[key])


def redirect_to_provider(
    request: HttpRequest, provider: IdentityProvider, *, next_url: str, asks_again: bool
) -> HttpResponse:
    """Redirect a browser to an identity provider, which asks once more for a proof if ``asks_again`` is set."""
    try:
        discover(provider.issuer)
    except requests.RequestException as error:
        return _render_failure(request, str(error))
    nonce = secrets.token_urlsafe(24)
    parameters = {"nonce": nonce} | ({"prompt": "login", "max_age": "0"} if asks_again else {})
    response: HttpResponse = BrandProvider(request, app=_app_of(provider)).redirect(
        request, AuthProcess.LOGIN, next_url=next_url, auth_params=parameters, nonce=nonce, asks_again=asks_again
    )
    return response


def render_problem(request: HttpRequest, error: DomainError) -> HttpResponse:
    """Return the page that says why somebody isn't signed in."""
    return render(request, "accounts/sign_on_failed.html", {"error": error}, status=error.status)


def _render_failure(request: HttpRequest, reason: str) -> HttpResponse:
    logger.warning("sign-in by identity provider failed", extra={"reason": reason[:500]})
    return render_problem(request, ProviderFailed())


def _app_of(provider: IdentityProvider) -> SocialApp:
    return SocialApp(
        provider=PROVIDER,
        provider_id=provider.key,
        name=str(provider.brand),
        client_id=provider.client_id,
        secret=selectors.decrypt_secret(provider),
        settings={"server_url": provider.issuer, "oauth_pkce_enabled": True, "scope": ["openid", "email"]},
    )


def _finish(request: HttpRequest, sociallogin: SocialLogin) -> HttpResponse:
    claims, state = sociallogin.claims, sociallogin.state
    provider = selectors.get_provider(brand_id=uuid.UUID(sociallogin.account.provider))
    proved_at = _read_time(claims)
    is_stale = state["asks_again"] and time.time() - proved_at >= settings.FRESH_SIGN_IN_SECONDS
    if provider is None or claims.get("nonce") != state["nonce"] or is_stale:
        return _render_failure(request, "the ID token isn't of this sign-in")
    address = sociallogin.email_addresses[0]
    identity = services.Identity(sociallogin.account.uid, address.email, address.verified)
    try:
        user = services.find_staff(provider=provider, identity=identity, at=timezone.now())
    except DomainError as error:
        services.record_access(Access.SIGN_IN_FAILED, brand=provider.brand_id, subject="identity provider")
        return render_problem(request, error)
    return _begin_session(request, user, key=provider.key, claims=claims, proved_at=proved_at, next_url=state["next"])


def _read_time(claims: dict[str, Any]) -> float:
    """Return when the provider asked the person for a proof: now, unless it says otherwise."""
    stated = claims.get("auth_time")
    now = time.time()
    return min(now, float(stated)) if isinstance(stated, int | float) else now


def _begin_session(
    request: HttpRequest, user: User, *, key: str, claims: dict[str, Any], proved_at: float, next_url: str
) -> HttpResponse:
    """Begin a session that names the provider. It isn't a session of the password, even if there was one."""
    logout(request)
    stated = claims.get("amr")
    factors = sorted(SECOND_FACTORS.intersection(map(str, stated))) if isinstance(stated, list) else []
    record_authentication(request, user, method=FEDERATED, provider=key, **{PROVED_AT: proved_at, FACTORS: factors})
    response: HttpResponse = perform_login(request, user, redirect_url=next_url)
    return response
