from django.apps import AppConfig


class MailConfig(AppConfig):
    """Mails that many people get, each once: planned as rows, sent in batches, with the right to be left alone."""

    name = "mailings"
    label = "mail"
    verbose_name = "E-mail"
    default_auto_field = "django.db.models.BigAutoField"
