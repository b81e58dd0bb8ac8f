"""Sign-in to the admin."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from unfold import forms as unfold_forms

from accounts.adapters import begin_session, redirect_to_second_factor
from accounts.errors import ProviderRequired
from accounts.models import User
from core.errors import Throttled, Unavailable


class LoginForm(unfold_forms.AuthenticationForm):
    """Sign-in form for email address, phone number or username. Shows throttling as a form error."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("Email, phone number or username")
        self.fields["username"].max_length = 254
        self.fields["username"].widget.attrs["maxlength"] = 254

    def clean(self) -> dict[str, Any]:
        try:
            return dict(super().clean())
        except (Throttled, Unavailable) as error:
            raise ValidationError(error.detail, code=error.code) from error

    def confirm_login_allowed(self, user: AbstractBaseUser) -> None:
        """Allow staff, who may still lack a second factor.

        Raises ValidationError for others, the same as for a wrong password, and for staff whose brand requires sign-ins
        by its identity provider.
        """
        if not (isinstance(user, User) and user.is_on_a_staff):
            raise self.get_invalid_login_error()
        brand = user.brand_of_required_provider
        if brand is not None:
            text = _("%(brand)s requires sign-ins by its identity provider. Use the link below.")
            raise ValidationError(text, code=ProviderRequired.code, params={"brand": brand})


@method_decorator(never_cache, name="dispatch")
class SignInPage(LoginView):
    """``/admin/login/``: the password, and after it the second factor of users who have one."""

    template_name, authentication_form, next_page = "admin/login.html", LoginForm, "admin:index"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        user = request.user
        if request.method == "GET" and isinstance(user, User):
            if admin.site.has_permission(request):
                return redirect("admin:index")
            brand = user.brand_of_required_provider
            if brand is not None:
                page = reverse("identity_provider", args=[brand.slug])
                return redirect(f"{page}?{urlencode({'next': self.get_success_url()})}")
            if user.is_on_a_staff and not user.has_what_is_required:
                return redirect_to_second_factor(user, self.get_success_url())
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        return begin_session(self.request, form.get_user(), redirect_url=self.get_success_url())

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = {"title": _("Sign in"), "subtitle": None, "app_path": self.request.get_full_path()}
        context["next"] = self.get_redirect_url()
        return super().get_context_data(**kwargs) | admin.site.each_context(self.request) | context


def sign_in(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
    """Show the sign-in page, in place of the admin's own."""
    return SignInPage.as_view(extra_context=extra_context)(request)


admin.site.login = sign_in  # type: ignore[method-assign]
