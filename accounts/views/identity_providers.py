"""Pages of the sign-in by a brand's identity provider."""

import uuid
from typing import Any

from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django import forms
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext_lazy as _
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts import selectors
from accounts.adapters import BrandProviderAdapter, redirect_to_provider, render_problem
from accounts.models import IdentityProvider
from backoffice.base.form_fields import TextFormField
from core import throttle
from core.errors import DomainError


class BrandForm(forms.Form):
    """The brand that somebody works for."""

    brand = TextFormField(
        label=_("Brand"),
        max_length=50,
        help_text=_("The short name of your brand, as in addresses. Example: billo"),
        widget=forms.TextInput({"autocomplete": "organization", "autocapitalize": "none", "spellcheck": "false"}),
    )

    def clean_brand(self) -> str:
        """Return the brand, which has an identity provider."""
        slug = str(self.cleaned_data["brand"]).lower()
        if selectors.find_provider(slug=slug) is None:
            raise forms.ValidationError(_("The staff of this brand signs in with passwords. Check the name."))
        return slug


@method_decorator(never_cache, name="dispatch")
class BrandChoicePage(View):
    """``/accounts/sso/``: asks for the brand whose identity provider is used."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the form."""
        return render(request, "accounts/sign_on.html", {"form": BrandForm()})

    def post(self, request: HttpRequest) -> HttpResponse:
        """Lead to the page of the brand."""
        form = BrandForm(request.POST)
        if not form.is_valid():
            return render(request, "accounts/sign_on.html", {"form": form}, status=400)
        page = reverse("identity_provider", args=[form.cleaned_data["brand"]])
        return redirect(f"{page}?{_encode_next(request)}")


@require_GET
@never_cache
def show_provider(request: HttpRequest, slug: str) -> HttpResponse:
    """Name the provider, with a link to it: ``/accounts/sso/<slug>/``. No form may lead to another site."""
    provider = selectors.find_provider(slug=slug)
    if provider is None:
        raise Http404
    page = f"{reverse('identity_provider_start', args=[provider.key])}?{_encode_next(request)}"
    return render(request, "accounts/sign_on_provider.html", {"provider": provider, "page": page})


@require_GET
@never_cache
def start(request: HttpRequest, brand: uuid.UUID, *, asks_again: bool = False) -> HttpResponse:
    """Redirect to the identity provider: ``/accounts/sso/<brand>/start/``, and ``…/again/`` for a fresh proof."""
    try:
        throttle.consume("login_address", throttle.client_network(request))
        provider = _get_provider(brand)
    except DomainError as error:
        return render_problem(request, error)
    return redirect_to_provider(request, provider, next_url=_read_next(request), asks_again=asks_again)


@require_GET
@never_cache
def finish(request: HttpRequest, brand: uuid.UUID) -> HttpResponse:
    """Sign in a person who comes back from the identity provider: ``/accounts/sso/<brand>/callback/``."""
    try:
        throttle.consume("login_address", throttle.client_network(request))
    except DomainError as error:
        return render_problem(request, error)
    view = OAuth2CallbackView.adapter_view(BrandProviderAdapter(request, str(brand)))
    try:
        response: HttpResponse = view(request)
    except SocialApp.DoesNotExist as error:
        raise Http404 from error
    return response


def _get_provider(brand: uuid.UUID) -> IdentityProvider:
    provider = selectors.get_provider(brand_id=brand)
    if provider is None:
        raise Http404
    return provider


def _encode_next(request: HttpRequest) -> str:
    return urlencode({REDIRECT_FIELD_NAME: _read_next(request)})


def _read_next(request: HttpRequest) -> str:
    """Return the page that opens after the sign-in: one of the platform."""
    target: Any = request.GET.get(REDIRECT_FIELD_NAME, "")
    hosts = {request.get_host()}
    is_ours = url_has_allowed_host_and_scheme(target, allowed_hosts=hosts, require_https=request.is_secure())
    return target if is_ours else reverse("admin:index")
