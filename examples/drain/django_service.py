"""Django in one file, for both of its interfaces.

`gunicorn django_service:application`, `uvicorn django_service:asgi`.
"""

import time

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

from lameduck import drain

settings.configure(
    ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1", "localhost"], SECRET_KEY="only for this example", MIDDLEWARE=[]
)
django.setup()


def home(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


def slow(request: HttpRequest) -> HttpResponse:
    time.sleep(1)
    return HttpResponse("done")


urlpatterns = [path("", home), path("slow", slow)]

application = drain.wsgi(get_wsgi_application(), readiness="/readyz")
asgi = drain.asgi(get_asgi_application(), readiness="/readyz")
