"""The embedded default: CoverPay's own Postgres, Valkey, web, worker and beat on loopback, stopped whatever happens."""
