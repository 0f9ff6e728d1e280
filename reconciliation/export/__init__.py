"""The journal as accounting systems read it: one writer a format, pure; batches of it are kept in `batches`."""
