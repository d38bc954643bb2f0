"""Adapters, named technology first: the only place for vendor SDKs."""
