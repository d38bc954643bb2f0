"""Repartee: a stateless service that answers in character and remembers each user's facts."""
