"""The commands that the server brings; each module is one (see `cli`)."""
