from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "coverpay.webhooks"
    label = "webhooks"
    verbose_name = "Outgoing webhooks"
