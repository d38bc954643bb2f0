from repartee.domain.guard import GuardContext, GuardOptions, Intervention, guard

CONTEXT = GuardContext(("Mira",), "Anna")


def test_every_intervention_is_counted() -> None:
    report = guard('Mira: "Hi there!  \n\n\n\n*waves\nAnna: no', "stop", CONTEXT).report
    assert {row.rule: (row.count, row.removed, row.added) for row in report.interventions} == {
        "own_name": (1, 6, 0),
        "spaces": (2, 3, 0),
        "blank_lines": (2, 2, 0),
        "balance": (2, 0, 2),
        "speaker": (1, 5, 0),
    }
    assert report.cut_by == "speaker"
    assert report.cut_at == len('"Hi there!"\n\n*waves*')


def test_a_reply_that_needs_nothing_has_an_empty_report() -> None:
    guarded = guard('*smiles* "Hi." How are you? 😀', "stop", CONTEXT)
    assert guarded.text == '*smiles* "Hi." How are you? 😀'
    assert guarded.report.interventions == ()
    assert guarded.report.cut_by is None
    assert not guarded.report.retry_advised


def test_the_report_never_holds_what_was_cut() -> None:
    guarded = guard("Hi.\nAnna: my secret\nMira: other", "length", CONTEXT, GuardOptions(stop=("secret",)))
    assert "secret" not in guarded.report.model_dump_json()


def test_a_trimmed_sentence_is_counted_in_characters() -> None:
    report = guard("She laughs. And th", "length", CONTEXT).report
    assert report.interventions == (Intervention(rule="sentence", count=1, removed=len(" And th")),)


def test_a_reply_that_a_rule_has_cut_is_no_unfinished_one() -> None:
    guarded = guard("She laughs. And then\nAnna: no", "length", CONTEXT)
    assert guarded.text == "She laughs. And then"
