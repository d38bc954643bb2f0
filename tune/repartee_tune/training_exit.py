"""How a training process ends, for those who start it; read without the training stack."""

INTERRUPTED = 75
"""EX_TEMPFAIL: stopped by a signal, saved, and the same command goes on."""
