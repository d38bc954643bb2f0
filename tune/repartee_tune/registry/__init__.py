"""Immutable versions of models, and the aliases that say which of them is served."""
