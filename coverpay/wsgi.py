import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "coverpay.settings")

application = get_wsgi_application()

from payments import system_checks  # noqa: E402  the apps have to be there

system_checks.refuse_bad_start()
