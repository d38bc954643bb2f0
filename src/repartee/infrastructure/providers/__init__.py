"""One dishka provider per integration: client, adapter and shutdown together."""
