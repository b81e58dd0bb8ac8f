"""Email: SendGrid if there is a key, else SMTP if there is a host, else files."""

from promoplatform.devserver import embedded
from promoplatform.settings.environment import env

SENDGRID_API_KEY = env.str("SENDGRID_API_KEY", "")
SENDGRID_URL = env.str("SENDGRID_URL", "https://api.sendgrid.com")
SENDGRID_WEBHOOK_PUBLIC_KEY = env.str("SENDGRID_WEBHOOK_PUBLIC_KEY", "")
SENDGRID_TIMEOUT = env.float("SENDGRID_TIMEOUT", 10.0)
EMAIL_HOST = env.str("EMAIL_HOST", "")
EMAIL_PORT = env.int("EMAIL_PORT", 587)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", bool(EMAIL_HOST))
EMAIL_TIMEOUT = 10
EMAIL_FILE_PATH = env.str("EMAIL_FILE_PATH", str(embedded.data_dir() / "mail"))
EMAIL_BACKEND = (
    "mailings.sendgrid.SendGridBackend"
    if SENDGRID_API_KEY
    else "django.core.mail.backends.smtp.EmailBackend"
    if EMAIL_HOST
    else "django.core.mail.backends.filebased.EmailBackend"
)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "promoplatform <promotions@localhost>")
