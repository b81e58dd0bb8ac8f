"""Pages of the links in emails: join a brand's staff, verify an address, and set a new password."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from accounts import services
from accounts.adapters import begin_session
from accounts.errors import InvalidCredentials, LinkInvalid
from accounts.models import Invitation, User
from core import throttle
from core.errors import DomainError, NotFound


class LoginForm(forms.Form):
    """Credentials of an existing account."""

    account = forms.CharField(
        label=_("Email, phone number or username"),
        max_length=254,
        widget=forms.TextInput({"autocomplete": "username"}),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=1024,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )


class NewAccountForm(forms.Form):
    """Credentials of a new account, whose email address is the invited one."""

    username = forms.CharField(
        label=_("Username"), max_length=150, widget=forms.TextInput({"autocomplete": "username"})
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=1024,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )


@method_decorator([never_cache, sensitive_post_parameters("password")], name="dispatch")
class InvitationPage(View):
    """``/accounts/invitations/<token>/``: the owner of the invited address joins with an account or a new one."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """Show the invitation and the ways to accept it."""
        try:
            invitation = services.invitation_of(token=token, at=timezone.now())
        except NotFound:
            return self._invalid_link_page(request)
        return self._page(request, invitation)

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """Accept as the signed-in user (``as=me``), with an account (``as=known``) or with a new one (``as=new``)."""
        at = timezone.now()
        try:
            invitation = services.invitation_of(token=token, at=at)
        except NotFound:
            return self._invalid_link_page(request)
        kind = request.POST.get("as", "")
        form = self._form(kind, request)
        if form is not None and not form.is_valid():
            return self._page(request, invitation, status=400, **{kind: form})
        try:
            user = self._user(request, invitation, kind, form)
            services.accept_invitation(invitation=invitation, user=user, at=at)
        except NotFound:
            return self._invalid_link_page(request)
        except DomainError as error:
            return self._page(request, invitation, status=error.status, error=error, **({kind: form} if form else {}))
        if user != request.user:
            return begin_session(request, user, redirect_url=reverse("admin:index"))
        return redirect("admin:index")

    def _form(self, kind: str, request: HttpRequest) -> forms.Form | None:
        form_class = {"known": LoginForm, "new": NewAccountForm}.get(kind)
        return form_class(request.POST, prefix=kind) if form_class else None

    def _user(self, request: HttpRequest, invitation: Invitation, kind: str, form: forms.Form | None) -> User:
        credentials: dict[str, Any] = form.cleaned_data if form else {}
        if kind == "new":
            return services.create_account(**credentials, email=invitation.email, at=timezone.now())
        if kind == "known":
            user = services.check_credentials(**credentials, address=throttle.client_network(request))
            if user is None:
                raise InvalidCredentials
            return user
        if not isinstance(request.user, User):
            raise NotFound
        return request.user

    def _page(self, request: HttpRequest, invitation: Invitation, *, status: int = 200, **context: Any) -> HttpResponse:
        empty_forms = {"known": LoginForm(prefix="known"), "new": NewAccountForm(prefix="new")}
        return render(
            request, "accounts/invitation.html", {"invitation": invitation, **empty_forms, **context}, status=status
        )

    def _invalid_link_page(self, request: HttpRequest) -> HttpResponse:
        return render(request, "accounts/invitation_invalid.html", status=404)


class EmailForm(forms.Form):
    """The address of an account."""

    email = forms.EmailField(label=_("Email"), max_length=254, widget=forms.EmailInput({"autocomplete": "email"}))


class NewPasswordForm(forms.Form):
    """A new password."""

    password = forms.CharField(
        label=_("New password"),
        max_length=1024,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )


@method_decorator(never_cache, name="dispatch")
class VerificationPage(View):
    """``/accounts/verifications/<token>/``: a button, so that programs which only open links verify nothing."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """Show the address and the button."""
        try:
            user = services.user_to_verify(token=token)
        except LinkInvalid:
            return render_invalid_link(request)
        return render(request, "accounts/verification.html", {"address": user.email})

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """Verify the address."""
        try:
            services.verify_address(token=token, at=timezone.now())
        except LinkInvalid:
            return render_invalid_link(request)
        return render(request, "accounts/done.html", {"message": gettext("Your email address is verified.")})


@method_decorator(never_cache, name="dispatch")
class PasswordResetRequestPage(View):
    """``/admin/password-reset/``: ask for a link that sets a new password."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the form."""
        return self._page(request, EmailForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Send the email; the answer doesn't tell whether an account has the address."""
        form = EmailForm(request.POST)
        if not form.is_valid():
            return self._page(request, form, status=400)
        try:
            throttle.consume("register", f"address:{throttle.client_network(request)}")
            services.request_password_reset(email=form.cleaned_data["email"])
        except DomainError as error:
            return self._page(request, form, status=error.status, error=error)
        return render(request, "accounts/done.html", {"message": services.RESET_SENT})

    def _page(self, request: HttpRequest, form: forms.Form, *, status: int = 200, **context: Any) -> HttpResponse:
        return render(request, "accounts/password_reset_request.html", {"form": form, **context}, status=status)


@method_decorator([never_cache, sensitive_post_parameters("password")], name="dispatch")
class PasswordResetPage(View):
    """``/accounts/password-resets/<token>/``: set a new password."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """Show the form."""
        try:
            user = services.user_to_reset(token=token)
        except LinkInvalid:
            return render_invalid_link(request)
        return self._page(request, NewPasswordForm(), account=user)

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """Set the password."""
        form = NewPasswordForm(request.POST)
        if not form.is_valid():
            return self._page(request, form, status=400)
        try:
            services.reset_password(token=token, password=form.cleaned_data["password"], at=timezone.now())
        except LinkInvalid:
            return render_invalid_link(request)
        except DomainError as error:
            return self._page(request, form, status=error.status, error=error)
        return render(request, "accounts/done.html", {"message": gettext("Your password was changed.")})

    def _page(self, request: HttpRequest, form: forms.Form, *, status: int = 200, **context: Any) -> HttpResponse:
        return render(request, "accounts/password_reset.html", {"form": form, **context}, status=status)


def render_invalid_link(request: HttpRequest) -> HttpResponse:
    """Return the page of a link that no longer works."""
    return render(request, "accounts/link_invalid.html", status=404)
