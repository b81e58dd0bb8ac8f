"""Labels of codes in the admin."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from redemptions.contracts import CodeStatus

CODE_STATUS_LABELS: dict[CodeStatus, str | Promise] = {
    CodeStatus.AVAILABLE: _("Available"),
    CodeStatus.RESERVED: _("Reserved"),
    CodeStatus.USED: _("Used"),
    CodeStatus.REVOKED: _("Revoked"),
}
