"""Chats as other programs keep them in files."""
