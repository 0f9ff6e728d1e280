from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "coverpay.api"
    label = "api"
    verbose_name = "API plumbing"
