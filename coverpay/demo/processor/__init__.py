"""A card and bank debit processor of our own that breaks on purpose: a real HTTP server with its own process and books.

It speaks the part of Stripe's REST API that `payments.gateways.stripe` uses, and keeps what it took in its own SQLite
file, so that it may be killed and started again, and a test can compare what it took with what we recorded.

    python -m coverpay.demo.processor --state FILE [--port 0]

prints one line of JSON with the `url` of the API and that of its control. `coverpay.demo.processor.client` starts it.
"""
