"""Sign-in to the admin."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from unfold import forms as unfold_forms

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


admin.site.login_form = LoginForm
