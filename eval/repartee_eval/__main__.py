"""`python -m repartee_eval`: the command where no script was installed."""

from repartee_eval.cli import cli

cli(prog_name="repartee-eval")
