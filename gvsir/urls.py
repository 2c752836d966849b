"""All addresses; the higher apps are named by string only."""

from __future__ import annotations

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("gvsir.views.urls")),
    path("", include("annotation.views.urls")),
    path("", include("bench.views.urls")),
    path("accounts/", include("allauth.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/v1/", include("gvsir.api.urls")),
]

handler400 = "gvsir.api.errors.bad_request"
handler403 = "gvsir.api.errors.permission_denied"
handler404 = "gvsir.api.errors.page_not_found"
handler500 = "gvsir.api.errors.server_error"

if settings.DEBUG:
    from gvsir.views.components import components

    urlpatterns += [path("components/", components, name="components")]
