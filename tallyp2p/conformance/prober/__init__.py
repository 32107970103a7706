"""A peer that plays by the rules until it breaks one on purpose (protocol_spec 09, 9.5)."""
