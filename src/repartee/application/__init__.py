"""One behaviour per file, and the ports it needs."""
