"""Keys, hosts, sign-in, transport security and the content security policy."""

from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy
from environs import validate

from promoplatform.devserver import embedded
from promoplatform.settings.environment import DEBUG, HTTPS, TRUSTED_PROXIES, env
from promoplatform.settings.secrets import check_secret

SECRET_KEY = env.str("SECRET_KEY", "") or (embedded.create_secret_key() if DEBUG else embedded.find_secret_key())
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", [])
if not DEBUG:
    check_secret("SECRET_KEY", SECRET_KEY)
    for _fallback in SECRET_KEY_FALLBACKS:
        check_secret("SECRET_KEY_FALLBACKS", _fallback)
    if HTTPS and not TRUSTED_PROXIES:
        raise ImproperlyConfigured(
            "BASE_URL begins with https://, so a proxy ends TLS in front of the platform, but TRUSTED_PROXIES is 0: "
            "limits would count all clients as the proxy. Set TRUSTED_PROXIES to the number of proxies, usually 1."
        )
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])

AUTH_USER_MODEL = "accounts.User"
SILENCED_SYSTEM_CHECKS = [
    "auth.W004"
]  # usernames are unique whatever their case, by a constraint that the check cannot read
AUTHENTICATION_BACKENDS = ["accounts.backends.AccountBackend"]
PASSWORD_HASHERS = ["accounts.hashers.LimitedArgon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = reverse_lazy("admin:login")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")

# Second factors, by django-allauth behind the sign-in page of the admin (docs/sign-in.md).
ACCOUNT_ADAPTER, MFA_ADAPTER = "accounts.adapters.AccountAdapter", "accounts.adapters.SecondFactorAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]  # only for a check of allauth: nobody signs up there
ACCOUNT_EMAIL_VERIFICATION = "none"  # accounts.services verifies addresses
ACCOUNT_REAUTHENTICATION_TIMEOUT = 0  # the adapter decides, by FRESH_SIGN_IN_SECONDS
ACCOUNT_REAUTHENTICATION_METHODS = ["password", "mfa"]
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
SOCIALACCOUNT_ADAPTER = "accounts.adapters.SocialAdapter"
SOCIALACCOUNT_STORE_TOKENS = False
# Whether brands may enter addresses in private networks, for example of an identity provider: for development only.
OUTBOUND_PRIVATE_NETWORKS: bool = env.bool("OUTBOUND_PRIVATE_NETWORKS", DEBUG)
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {
    "authenticate": "accounts.views.CodeForm",
    "reauthenticate": "accounts.views.FreshCodeForm",
    "activate_totp": "accounts.views.NewAppForm",
    "add_webauthn": "accounts.views.NewKeyForm",
    "edit_webauthn": "accounts.views.KeyForm",
}
MFA_TOTP_ISSUER, MFA_TOTP_TOLERANCE = "promoplatform", 1
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEBUG
SECOND_FACTOR_FOR_ADMINS = not DEBUG
FRESH_SIGN_IN_SECONDS = 300  # in which nobody is asked for a password or a code once more
FRESH_FORM_SECONDS = 1800  # between the page of a form and its sending
ACCESS_TOKEN_MINUTES = env.int("ACCESS_TOKEN_MINUTES", 15)
REFRESH_TOKEN_DAYS = env.int("REFRESH_TOKEN_DAYS", 14)

# The number of seconds in which a process learns that a user's access tokens ended; 0: by an explicit call only.
ENDED_TOKENS_SECONDS = 1.0

# The number of seconds in which a process learns of a change of a brand's own login; 0: at every call.
SHOPPER_LOGINS_SECONDS = 1.0
STAFF_SESSION_HOURS: int = env.int("STAFF_SESSION_HOURS", 12, validate=validate.Range(1))
STAFF_SESSION_IDLE_MINUTES: int = env.int("STAFF_SESSION_IDLE_MINUTES", 30, validate=validate.Range(2))

SESSION_ENGINE = "accounts.session_store"
SESSION_COOKIE_AGE = 2 * 3600 * STAFF_SESSION_HOURS  # longer than a session, so that people are told why it ended
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS and env.bool("SECURE_SSL_REDIRECT", True)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", 31_536_000 if HTTPS else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
X_FRAME_OPTIONS = "DENY"
PERMISSIONS_POLICY = (
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), "
    "midi=(), payment=(), usb=()"
)
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
    }
}
ADMIN_CSP = {"script-src": ["'self'", "'unsafe-eval'"], "style-src": ["'self'", "'unsafe-inline'"]}
