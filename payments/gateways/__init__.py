"""One file a gateway, one line in the registry."""
