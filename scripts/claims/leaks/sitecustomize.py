"""A service that leaks: python imports this file by itself where its folder is on PYTHONPATH.

Every reply keeps 20 kB, every fifth one a file descriptor, and every 20th a place. The negative control of
`scripts.claims.soak`; nothing else uses it.
"""

import itertools
import os
import sys
from importlib import import_module
from typing import Any

_KEPT: list[Any] = []


def _leak() -> None:
    admission = import_module("repartee.presentation.api.admission").Admission  # only where it serves
    leave, number = admission.leave, itertools.count(1)

    def leaking(self: Any) -> None:
        turn = next(number)
        _KEPT.append(os.urandom(20_000))
        if turn % 5 == 0:
            _KEPT.append(os.open(os.devnull, os.O_RDONLY))
        if turn % 20:
            leave(self)

    admission.leave = leaking


if "serve" in sys.orig_argv:
    _leak()
