"""`python -m repartee_tune`: what launchers start in every process."""

from repartee_tune.cli import cli

cli(prog_name="repartee-tune")
