"""How an implementation shows what it is: vectors, scripts and the prober (protocol_spec 09)."""
