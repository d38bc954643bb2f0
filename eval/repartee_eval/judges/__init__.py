"""Judges: what is asked, of whom, and how an answer is read."""
