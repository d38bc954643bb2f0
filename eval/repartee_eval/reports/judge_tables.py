"""The tables that say how far to trust the judge, and what its calls cost."""

from repartee_eval.analysis.results import JudgeAnalysis
from repartee_eval.judges.probes import ProbeAccuracy
from repartee_eval.reports.judge_health import judge_calls
from repartee_eval.reports.run_tables import UNKNOWN, estimate, number, share, shares, span
from repartee_eval.reports.tables import Table
from repartee_eval.run_result import RunResult
from repartee_eval.statistics.estimate import Estimate


def judge_checks(result: RunResult) -> Table:
    """Return what can go wrong with a judge beside its taste."""
    bias, order, agreement = result.analysis.bias, result.analysis.order, result.analysis.agreement
    slope = "" if bias.length_p_value is None else f"p = {bias.length_p_value:.3g}"
    rows = [
        ("same verdict in both orders", f"{share(order.consistency)} {shares(order.consistency_interval)}",
         str(order.n), "below 75% the order decides too much"),
        ("flips", _share(bias.flip_rate), str(bias.flip_rate.n), "counted as a tie"),
        ("winner was shown first", _share(bias.first), str(bias.first.n), "50% without position bias"),
        ("ties", _share(bias.tie_rate), str(bias.tie_rate.n), ""),
        ("winner is longer", _share(bias.prefers_longer), str(bias.prefers_longer.n), ""),
        ("length slope, log odds", estimate(bias.length_slope), str(bias.length_slope.n),
         slope or "0 without length bias"),
        *((f"own family ({own.family}) over people's labels", estimate(own.excess), str(own.excess.n),
           "0 without self-preference") for own in bias.self_preference),
    ]  # fmt: skip
    if order.repeat_consistency is not None:
        rows.append(
            ("same verdict when asked again", share(order.repeat_consistency), str(order.repeats), "")
        )
    if agreement.judges_alpha is not None:
        rows.append(
            ("agreement of the judges, alpha", number(agreement.judges_alpha), str(agreement.units), "")
        )
    if result.analysis.judge_quality.n:
        quality = result.analysis.judge_quality
        rows.append(("accuracy against people", f"{share(quality.accuracy)} {shares(quality.interval)}",
                     str(quality.n), f"kappa {number(quality.kappa)}"))  # fmt: skip
    kept = tuple((name, value.rstrip(), n, note) for name, value, n, note in rows)
    return Table("Judge", ("check", "value", "n", "note"), kept)


def probes(result: RunResult) -> Table:
    """Return how often the judge preferred a real reply to a broken one, in how many answers."""
    found = {(one.judge, one.kind, one.criterion): one for one in result.derived.probes}
    criteria = tuple(dict.fromkeys(one.criterion for one in result.derived.probes))
    rows = tuple(
        (
            judge,
            kind.replace("_", " "),
            *(_probe(found.get((judge, kind, criterion))) for criterion in criteria),
        )
        for judge, kind in dict.fromkeys((one.judge, one.kind) for one in result.derived.probes)
    )
    return Table("Known losers", ("judge", "real against", *criteria), rows)


def _probe(one: ProbeAccuracy | None) -> str:
    if one is None:
        return UNKNOWN
    failed = f", {one.failed} failed" if one.failed else ""
    return f"{share(one.accuracy)} of {one.n} right{failed}"


def single_judges(result: RunResult) -> Table:
    """Return each of several judges by itself, empty for one."""
    criteria = [rate.criterion for rate in result.win_rates]
    rows = tuple(
        (
            one.judge,
            *(_rate_of(one, criterion) for criterion in criteria),
            _share(one.bias.flip_rate),
            _share(one.bias.first),
            str(one.failed),
        )
        for one in result.analysis.judges
    )
    header = ("judge", *criteria, "flips", "winner was shown first", "failed rows")
    return Table("Each judge by itself", header, rows)


def _rate_of(judge: JudgeAnalysis, criterion: str) -> str:
    found = [rate for rate in judge.win_rates if rate.criterion == criterion]
    return f"{number(found[0].win_rate_b)} {span(found[0].interval)}".rstrip() if found else UNKNOWN


def corrected(result: RunResult) -> Table:
    """Return win rates corrected with people's labels, empty without any."""
    header = ("criterion", "labelled", "raw", "labels only", "Rogan–Gladen", "PPI++")
    rows = tuple(
        (one.criterion, str(one.labelled), number(one.raw), estimate(one.labels_only),
         estimate(one.rogan_gladen), estimate(one.ppi))
        for one in result.analysis.corrected
    )  # fmt: skip
    return Table("Corrected with people's labels", header, rows)


def calls(result: RunResult) -> Table:
    """Return each judge's calls for verdicts."""
    header = ("judge", "calls", "failed rows", "p50 s", "p90 s", "p99 s", "waited, s", "US$")
    rows = tuple(
        (
            one.judge if one.is_language_model else f"{one.judge} (no language model)",
            str(one.calls),
            ", ".join(f"{count} {reason}" for reason, count in one.failed.items()) or "0",
            number(one.p50), number(one.p90), number(one.p99), number(one.seconds, 1), number(one.cost, 4),
        )
        for one in judge_calls(result)
    )  # fmt: skip
    return Table("Calls for verdicts", header, rows)


def _share(one: Estimate) -> str:
    return one.unknown or UNKNOWN if one.value is None else f"{share(one.value)} {shares(one.interval)}"
