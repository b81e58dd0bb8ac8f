"""``manage.py rotate_secrets``: encrypt what is stored with the newest SECRET_KEY, before a fallback is removed."""

from typing import Any

from cryptography.fernet import InvalidToken
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import services


class Command(BaseCommand):
    help = _(
        "Encrypt the secrets of second factors and identity providers with SECRET_KEY. "
        "Then SECRET_KEY_FALLBACKS can be emptied."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            number = services.encrypt_again()
        except InvalidToken as error:
            text = _("Something was encrypted with another secret. Add that secret to SECRET_KEY_FALLBACKS.")
            raise CommandError(text) from error
        text = ngettext(
            "The secrets of %(number)s second factor or identity provider were encrypted.",
            "The secrets of %(number)s second factors and identity providers were encrypted.",
            number,
        )
        self.stdout.write(text % {"number": number})
