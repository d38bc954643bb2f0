"""Plain data and pure rules. No I/O, no SDK, no framework."""
