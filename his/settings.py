"""Settings of the product: the environment decides, the defaults run a demo on one machine."""

from pathlib import Path

from his import env
from his.database.config import database_settings
from his.ui.static_version import static_version

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = env.folder("HIS_VAR", BASE_DIR / "var")
DECREES = env.folders("HIS_DECREES")  # folders of the shape of insurance/data, each with what a decree changes

DEBUG = env.flag("HIS_DEBUG", False)
PRODUCTION = env.flag("HIS_PRODUCTION", False)
SECRET_KEY = env.text("HIS_SECRET_KEY", None if PRODUCTION else "only-for-the-demo-never-for-real-patients")
ALLOWED_HOSTS = env.words("HIS_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.words("HIS_TRUSTED_ORIGINS", [])

INSTALLED_APPS = [
    "his.apps.HisConfig",
    "patients.apps.PatientsConfig",
    "pharmacy.apps.PharmacyConfig",
    "insurance.apps.InsuranceConfig",
    "reports.apps.ReportsConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_htmx",
    "pgtrigger",
    "axes",
    "allauth",
    "allauth.account",
    "ninja",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "his.middleware.SecurityHeaders",
    "his.middleware.NotAhead",
    "his.middleware.WithoutNul",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "his.middleware.IdleSignOut",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "his.middleware.CurrentActor",
    "his.middleware.Refusals",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "his.urls"
WSGI_APPLICATION = "his.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "his" / "ui" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "his.ui.context.desk",
            ],
            "builtins": ["his.ui.templatetags.his_ui"],
        },
    }
]

DATABASES = {"default": database_settings(VAR_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOCK_TIMEOUT = "3s"  # docs/locking.md: a wait longer than this is answered with "busy"

AUTH_USER_MODEL = "his.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "his.accounts.passwords.LongEnough", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "his.accounts.adapter.ClosedSignup"
ACCOUNT_FORMS = {"change_password": "his.accounts.forms.OwnPasswordForm"}
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_RATE_LIMITS = {"login_failed": None}  # the lock-out below counts failures in the database
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
AXES_FAILURE_LIMIT = env.number("HIS_LOGIN_FAILURES", 5, least=1)
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "account/lockout.html"
AXES_RESET_ON_SUCCESS = True
AXES_USERNAME_CALLABLE = "his.accounts.lockout.attempted_username"
IDLE_SIGN_OUT_MINUTES = env.number("HIS_IDLE_MINUTES", 30, least=1)

SESSION_COOKIE_HTTPONLY = True
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = PRODUCTION
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PRODUCTION else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "SAMEORIGIN"

LANGUAGE_CODE = "vi"
LANGUAGES = [("vi", "Tiếng Việt")]
TIME_ZONE = "Asia/Ho_Chi_Minh"
USE_TZ = True
USE_I18N = True
USE_THOUSAND_SEPARATOR = False

_STATIC_FOLDERS = [BASE_DIR / name / "static" for name in ("his/ui", "patients", "pharmacy", "insurance", "reports")]
STATIC_URL = "/static/" if DEBUG else f"/static/{static_version(_STATIC_FOLDERS, BASE_DIR / 'requirements.txt')}/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "his" / "ui" / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "his.ui.finders.FontFinder",
]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_IMMUTABLE_FILE_TEST = "^(?!)" if DEBUG else "^"  # every static address says its version
DATA_UPLOAD_MAX_NUMBER_FIELDS = 3000
DATA_UPLOAD_MAX_NUMBER_FILES = 5000  # a folder of claim files; the screen refuses more than 2000 with a word
CHECK_UPLOAD_MB = env.number("HIS_CHECK_UPLOAD_MB", 200, least=1)  # claim files handed in for one check

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.text("HIS_LOG_LEVEL", "WARNING")},
}
SILENCED_SYSTEM_CHECKS: list[str] = []
