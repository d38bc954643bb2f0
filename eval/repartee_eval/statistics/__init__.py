"""Pure functions on numbers: the measures and their intervals. No files, no settings, no network."""
