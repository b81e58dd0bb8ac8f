"""Names of brands, which customers read in emails: none passes for another brand or for the platform."""

import uuid

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from accounts.models import Brand
from core.errors import InvalidRequest
from core.lookalikes import canonicalize_name, find_word, has_mixed_alphabets

_LOCK = "SELECT pg_advisory_xact_lock(hashtext('accounts_brand_names'))"


def check_brand_name(*, name: str, brand_id: uuid.UUID | None) -> None:
    """Check the new name of a brand, in a transaction that saves it, so that two brands don't take one name at once.

    Raises InvalidRequest (field ``name``) for a name that looks like that of another brand, has a reserved word, mixes
    alphabets that look alike, or has neither letters nor digits.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("a name is checked in the transaction that saves it")
    canonical = canonicalize_name(name)
    if not canonical:
        raise InvalidRequest.field("name", _("Enter a name with letters or digits."))
    if has_mixed_alphabets(name):
        raise InvalidRequest.field("name", _("Use letters of one alphabet in each word."))
    if word := find_word(name, settings.RESERVED_BRAND_WORDS):
        raise InvalidRequest.field("name", _('The word "%(word)s" is reserved.') % {"word": word})
    with connection.cursor() as cursor:
        cursor.execute(_LOCK)
    others = Brand.objects.values_list("pk", "name")
    if any(key != brand_id and canonicalize_name(other) == canonical for key, other in others.iterator()):
        raise InvalidRequest.field("name", _("This name looks like that of another brand. Choose a different one."))
