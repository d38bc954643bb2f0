"""Dialogues: the format, where they come from, and how they are cut."""
