from django.apps import AppConfig


class CoverPayConfig(AppConfig):
    name = "coverpay"
    verbose_name = "CoverPay"

    def ready(self) -> None:
        from coverpay import celery, wiring

        wiring.wire()
        celery.carry_wake_ups()
