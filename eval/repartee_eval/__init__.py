"""Proof: whether a change made the character better, with statistics that hold."""
