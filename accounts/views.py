"""The page behind an invitation's link: join with the account one has, or make one."""

from typing import Any

from django import forms
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from accounts import services
from accounts.models import Invitation, User
from core import throttle
from core.errors import DomainError, NotFound


class LoginForm(forms.Form):
    """The account that someone has."""

    account = forms.CharField(
        label="E-mail, phone or username", max_length=254, widget=forms.TextInput({"autocomplete": "username"})
    )
    password = forms.CharField(
        max_length=1024, strip=False, widget=forms.PasswordInput({"autocomplete": "current-password"})
    )


class NewAccountForm(forms.Form):
    """The account that someone makes; its e-mail address is the invited one."""

    username = forms.CharField(max_length=150, widget=forms.TextInput({"autocomplete": "username"}))
    password = forms.CharField(
        max_length=1024, strip=False, widget=forms.PasswordInput({"autocomplete": "new-password"})
    )


@method_decorator([never_cache, sensitive_post_parameters("password")], name="dispatch")
class InvitationPage(View):
    """``/accounts/invitations/<token>/``: whoever holds the link may join, as the user who they show to be."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """What one is invited to, and as whom one can accept."""
        try:
            invitation = services.invitation_of(token=token, at=timezone.now())
        except NotFound:
            return self._invalid_link_page(request)
        return self._page(request, invitation)

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """Accept as who is signed in (``as=me``), with an account (``as=known``) or with a new one (``as=new``)."""
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
        except DomainError as refusal:
            return self._page(
                request, invitation, status=refusal.status, refusal=refusal, **({kind: form} if form else {})
            )
        if user != request.user:
            login(request, user)
        return redirect("admin:index")

    def _form(self, kind: str, request: HttpRequest) -> forms.Form | None:
        shape = {"known": LoginForm, "new": NewAccountForm}.get(kind)
        return shape(request.POST, prefix=kind) if shape else None

    def _user(self, request: HttpRequest, invitation: Invitation, kind: str, form: forms.Form | None) -> User:
        asked: dict[str, Any] = form.cleaned_data if form else {}
        if kind == "new":
            return services.register(**asked, email=invitation.email, at=timezone.now())
        if kind == "known":
            return services.sign_in(**asked, address=throttle.client_ip(request), at=timezone.now())[0]
        if not isinstance(request.user, User):
            raise NotFound
        return request.user

    def _page(self, request: HttpRequest, invitation: Invitation, *, status: int = 200, **context: Any) -> HttpResponse:
        forms_shown = {"known": LoginForm(prefix="known"), "new": NewAccountForm(prefix="new")}
        return render(
            request, "accounts/invitation.html", {"invitation": invitation, **forms_shown, **context}, status=status
        )

    def _invalid_link_page(self, request: HttpRequest) -> HttpResponse:
        return render(request, "accounts/invitation_invalid.html", status=404)
