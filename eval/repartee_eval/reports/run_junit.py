"""A decision as JUnit XML: the decision first, then one test case per line of the policy."""

from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from repartee_eval.decision import Line
from repartee_eval.reports.run_facts import headline
from repartee_eval.reports.run_tables import does_no_harm, policy_value
from repartee_eval.reports.visible_text import printable
from repartee_eval.run_result import RunResult

_SUITE: Final = "repartee-eval"


def as_junit(result: RunResult) -> str:
    """Return the XML. What is unknown is skipped; `decision` fails unless B may ship.

    A line `better` that does not hold is no failure where B is better on enough other criteria.
    """
    suite = Element("testsuite", name=_text(f"{_SUITE} {result.manifest.command}"), errors="0", time="0")
    suite.set("timestamp", f"{result.manifest.created:%Y-%m-%dT%H:%M:%S}")
    _properties(suite, result)
    _decision(suite, result)
    for line in result.decision.lines:
        _line(suite, line, needed=not does_no_harm(line, result))
    root = Element("testsuites", name=_SUITE)
    for name, kind in (("tests", "testcase"), ("failures", "failure"), ("skipped", "skipped")):
        suite.set(name, str(sum(1 for _ in suite.iter(kind))))
        root.set(name, suite.get(name, "0"))
    root.set("errors", "0")
    root.append(suite)
    indent(root)
    return tostring(root, encoding="unicode", xml_declaration=False).join((_DECLARATION, "\n"))


_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'


def _properties(suite: Element, result: RunResult) -> None:
    values = {
        "outcome": result.decision.outcome,
        "model_a": result.decision.model_a,
        "model_b": result.decision.model_b,
        "judges": ", ".join(judge.id for judge in result.manifest.judges),
        "judged_by_language_model": str(result.judged_by_language_model).lower(),
        "emulated": str(result.emulated).lower(),
    }
    properties = SubElement(suite, "properties")
    for name, value in values.items():
        SubElement(properties, "property", name=name, value=_text(value))


def _decision(suite: Element, result: RunResult) -> None:
    first = headline(result)
    said = [text for text in (first.rehearsal, *first.cautions) if text]
    case = SubElement(suite, "testcase", classname=f"{_SUITE}.decision", name="decision", time="0")
    if first.outcome != "ship":
        failure = SubElement(case, "failure", type=first.outcome, message=_text(first.reason))
        failure.text = _text("\n".join((f"{first.word}: {first.reason}", first.next_step, *said)))
    else:
        SubElement(case, "system-out").text = _text("\n".join((first.reason, *said)))


def _line(suite: Element, line: Line, *, needed: bool) -> None:
    classname = f"{_SUITE}.policy.{line.rule.replace(' ', '_')}"
    case = SubElement(
        suite, "testcase", classname=classname, name=_text(f"{line.rule}: {line.subject}"), time="0"
    )
    said = _text(f"{policy_value(line)}, asked for: {line.limit}; n={line.n} {line.note}".rstrip())
    if line.passed is None:
        SubElement(case, "skipped", message=f"unknown: {said}")
    elif not line.passed and not needed:
        SubElement(case, "skipped", message=f"not better, and not needed: {said}")
    elif not line.passed:
        SubElement(case, "failure", type=line.rule, message=said)
    else:
        SubElement(case, "system-out").text = said


def _text(text: str) -> str:
    return printable(text)
