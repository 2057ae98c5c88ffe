"""The editor protocol; LSP types stop here."""
