"""Ids of cases: a hash of all that a case says."""

import hashlib

from repartee_eval.cases import Case


def with_id(case: Case) -> Case:
    """Return the case with its id: the same question has the same id anywhere."""
    said = case.model_copy(update={"id": ""}).model_dump_json(exclude={"golden"})
    return case.model_copy(update={"id": hashlib.sha256(said.encode()).hexdigest()[:32]})
