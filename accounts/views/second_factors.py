"""Pages of second factors, where those of django-allauth aren't enough, and the forms for their codes."""

from typing import Any

from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.base.views import AuthenticateView, IndexView
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from allauth.mfa.webauthn.views import RemoveWebAuthnView
from django import forms
from django.contrib import messages
from django.contrib.auth.views import LogoutView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from accounts import selectors, services
from accounts.adapters import SecondFactorAdapter
from accounts.models import User
from backoffice.base.form_fields import TextFormField
from core.errors import Throttled, Unavailable


class _CodeFormMixin(forms.Form):
    """A form for a code of an app, or a recovery code. Attempts are limited as those of the API."""

    user: User
    code = forms.CharField(
        label=_("Code"),
        max_length=20,
        help_text=_("The code that your authenticator app shows now, or one of your recovery codes."),
        widget=forms.TextInput({"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}),
    )

    def clean_code(self) -> str:
        """Spend the code. It counts once."""
        code = str(self.cleaned_data["code"])
        try:
            self.authenticator = services.use_code(user=self.user, code=code)
        except (Throttled, Unavailable) as error:
            raise ValidationError(error.detail, code=error.code) from error
        if self.authenticator is None:
            raise ValidationError(_("Incorrect code, or one that was used. Enter the code that the app shows now."))
        return code


class CodeForm(_CodeFormMixin, AuthenticateForm):  # type: ignore[misc]
    """The second step of a sign-in."""


class FreshCodeForm(_CodeFormMixin, ReauthenticateForm):  # type: ignore[misc]
    """The proof of a user who is signed in."""


class NewAppForm(ActivateTOTPForm):  # type: ignore[misc]
    """The code that shows that an authenticator app has the key."""

    code = forms.CharField(
        label=_("Code"),
        max_length=20,
        widget=forms.TextInput({"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )


class NewKeyForm(AddWebAuthnForm):  # type: ignore[misc]
    """A new security key, whose name lists show."""

    name = TextFormField(label=_("Name"), max_length=100)


class KeyForm(EditWebAuthnForm):  # type: ignore[misc]
    """The name of a security key."""

    name = TextFormField(label=_("Name"), max_length=100)


class CodePage(AuthenticateView):  # type: ignore[misc]
    """``/accounts/second-factor/sign-in/``: asks for a code, or for a security key of users who have one."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        types = Authenticator.objects.filter(user=self.stage.login.user).values_list("type", flat=True)
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"owned_types": set(types)}


@method_decorator(never_cache, name="dispatch")
class SecondFactorPage(IndexView):  # type: ignore[misc]
    """``/accounts/second-factor/``: the second factors of a user, and why they need one."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user: Any = self.request.user
        factors = {"is_needed": selectors.needs_second_factor(user), "lacks": user.lacks_second_factor}
        factors["lacks_address"] = user.lacks_verified_address
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | factors


class RemoveKeyPage(RemoveWebAuthnView):  # type: ignore[misc]
    """``/accounts/second-factor/webauthn/keys/<pk>/remove/``: unless the user needs the key."""

    def form_valid(self, form: Any) -> HttpResponse:
        adapter = SecondFactorAdapter()
        if not adapter.can_delete_authenticator(self.get_object()):
            messages.error(self.request, str(adapter.error_messages["cannot_delete_authenticator"]))
            return redirect("mfa_index")
        response: HttpResponse = super().form_valid(form)
        return response


class SignOutPage(LogoutView):
    """``/accounts/sign-out/``: also for users who can't open the admin yet, and in the middle of a sign-in."""

    http_method_names = ("post", "options")

    def get_success_url(self) -> str:
        return reverse("admin:login")

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        bool(request.user.is_authenticated)  # loads the user before the session is gone, for the audit log
        request.session.flush()
        return super().post(request, *args, **kwargs)
