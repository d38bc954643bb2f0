"""Importers: chats as other programs keep them become dialogues."""
