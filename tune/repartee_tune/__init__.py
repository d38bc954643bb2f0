"""The flywheel: from verdicts and votes to a better model, with gates and a registry."""
