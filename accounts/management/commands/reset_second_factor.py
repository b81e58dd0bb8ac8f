"""``manage.py reset_second_factor``: let a user who lost the second factor sign in and set it up again."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import services
from accounts.models import User


class Command(BaseCommand):
    help = _("Remove the second factors of a user who has lost them, and end all sessions and tokens of the user.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", help=_("Username of the account."))

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.with_username(options["username"]).first()
        if user is None:
            raise CommandError(_("No user has this username."))
        number = services.reset_second_factor(user=user, at=timezone.now())
        if not number:
            raise CommandError(_("This user has no second factor. Sessions and tokens were ended."))
        self.stdout.write(_("The second factor was removed. The user sets up a new one at the next sign-in."))
