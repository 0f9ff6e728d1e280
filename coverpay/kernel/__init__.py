"""The floor everything stands on: no tables, no HTTP, no Celery."""
