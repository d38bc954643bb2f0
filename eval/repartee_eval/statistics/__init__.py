"""Pure functions on numbers: the measures and their intervals. Standard library and numpy, nothing else."""
