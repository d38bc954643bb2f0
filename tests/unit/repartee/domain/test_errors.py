from repartee.domain import errors


def _tree(kind: type[errors.ReparteeError]) -> set[type[errors.ReparteeError]]:
    return {kind}.union(*(_tree(child) for child in kind.__subclasses__()))


def test_the_drawn_tree_names_every_error() -> None:
    drawn = errors.__doc__ or ""
    ours = {kind for kind in _tree(errors.ReparteeError) if kind.__module__ == errors.__name__}
    assert [kind.__name__ for kind in ours if kind.__name__ not in drawn] == []


def test_every_error_a_program_can_meet_has_a_code_of_its_own_or_its_parents() -> None:
    assert all(kind.code and kind.code.islower() for kind in _tree(errors.ReparteeError))
