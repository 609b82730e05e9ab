"""Downloads of published files over http(s)."""
