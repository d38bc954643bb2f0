"""Runs: the folder, its store, and what sends the calls."""
