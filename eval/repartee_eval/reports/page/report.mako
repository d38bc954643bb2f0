<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>${headline.word} – ${title}</title>
<style>${style | n}</style>
</head>
<body>
<%def name="table(found, numeric=True)">
% if found.rows:
<div class="wide" tabindex="0" role="region" aria-label="${found.title}"><table>
<thead><tr>
% for name in found.header:
<th scope="col">${name}</th>
% endfor
</tr></thead>
<tbody>
% for row in found.rows:
<tr>
% for cell in row:
<td><bdi>${cell}</bdi></td>
% endfor
</tr>
% endfor
</tbody></table></div>
% endif
</%def>
<%def name="messages(found)">
% for one in found:
<div class="message ${one.role}"><b class="speaker"><bdi>${one.speaker}</bdi></b><p dir="auto">${one.text}</p>
% if one.cut:
<p class="note">… ${f"{one.cut:,}"} characters more: they are in the run’s folder.</p>
% endif
</div>
% endfor
</%def>
<a class="skip" href="#decision">To the decision</a>
<header>
<p class="kind">repartee-eval · ${result.manifest.command} · ${f"{result.manifest.created:%Y-%m-%d %H:%M}"} UTC</p>
<h1>Shall <bdi class="model b">${result.decision.model_b}</bdi> take the place of <bdi class="model a">${result.decision.model_a}</bdi>?</h1>
</header>
% if headline.rehearsal:
<p class="rehearsal" role="note"><b>Rehearsal</b> ${headline.rehearsal}</p>
% endif
<main>
<section id="decision" class="decision ${headline.outcome}" aria-label="Decision">
<p class="word"><span aria-hidden="true">${{"ship": "✓", "hold": "Ⅱ", "reject": "✕", "inconclusive": "?"}[headline.outcome]}</span> ${headline.word}
% if headline.rehearsal:
<small>rehearsal</small>
% endif
</p>
<div>
<p class="reason">${headline.reason}</p>
<p class="next"><b>Next:</b> ${headline.next_step}</p>
% if changes:
<p class="before">Before (<bdi>${changes.run}</bdi>): <b>${words[changes.outcome_before]}</b>. ${changes.reason_before}</p>
% endif
</div>
</section>
% if headline.cautions:
<ul class="cautions" aria-label="Cautions">
% for caution in headline.cautions:
<li>${caution}</li>
% endfor
</ul>
% endif
<nav aria-label="Parts of the report"><a href="#rates">Win rates</a> <a href="#policy">Policy</a> <a href="#parts">Breakdown</a> <a href="#floors">Floors</a> <a href="#judge">Judge</a> <a href="#cost">Cost</a> <a href="#cases">Cases</a> <a href="#run">Run</a></nav>

<section id="rates"><h2>How often B is better</h2>
<p class="note">Wins of B, ties counted half, of the judged items; ${f"{result.policy.level:.0%}"} intervals, clustered by dialogue. A pair whose winner changes with the order of showing is a flip, and counts as a tie.</p>
<div class="chart">
<p class="scale" aria-hidden="true"><span>← A better</span><span>½</span><span>B better →</span></p>
% for rate in rates:
<div class="rate-row">
<h3><bdi>${rate.criterion.replace("_", " ") or "–"}</bdi></h3>
<p class="value"><b>${tables.number(rate.win_rate_b)}</b> <span>${tables.span(rate.interval)}</span></p>
${bar(rate) | n}
<p class="counts"><span class="b">${rate.wins_b} B</span> · <span class="a">${rate.wins_a} A</span> · ${rate.ties} ties · ${rate.flips} flips · ${rate.failed} failed
% if rate.not_applicable:
 · ${rate.not_applicable} not applicable
% endif
 · ${rate.clusters} dialogues
% if rate.length and rate.length.win_rate_b.value is not None:
 · at equal length ${tables.number(rate.length.win_rate_b.value)} ${tables.span(rate.length.win_rate_b.interval)}
% endif
</p>
</div>
% endfor
% if not rates:
<p>No verdict was read.</p>
% endif
<p class="legend note"><svg width="26" height="14" aria-hidden="true"><line class="half" x1="13" x2="13" y1="0" y2="14"/></svg> ½: as good <svg width="26" height="14" aria-hidden="true"><line class="margin" x1="13" x2="13" y1="0" y2="14"/></svg> margin: ${f"{0.5 - result.policy.margin:.2f}"}; the interval’s one-sided bound has to stay above it</p>
</div>
${table(judging.corrected(result))}
</section>
% if changes:
<section id="changes"><h2>Against ${changes.run}</h2>
${table(tables.changed(changes))}
% if changes.lines:
<ul>
% for line in changes.lines:
<li>${line.rule}, ${line.subject}: ${{True: "pass", False: "fail", None: "unknown"}[line.before]} → ${{True: "pass", False: "fail", None: "unknown"}[line.now]}</li>
% endfor
</ul>
% endif
% if changes.differences:
<p class="note">The runs differ in more than their verdicts: ${"; ".join(changes.differences)}.</p>
% endif
</section>
% endif

<section id="policy"><h2>The rule, line by line</h2>
<div class="wide" tabindex="0" role="region" aria-label="Policy"><table class="policy">
<thead><tr><th scope="col">Holds</th><th scope="col">Line</th><th scope="col">About</th><th scope="col">Number</th><th scope="col">Asked for</th><th scope="col">n</th><th scope="col">Note</th></tr></thead><tbody>
% for line in tables.worst_first(result):
<% holds = tables.passed(line) %>
<tr><td><span class="mark ${"unneeded" if tables.does_no_harm(line, result) else holds}">${{"pass": "✓ pass", "fail": "✕ fail", "unknown": "? unknown"}[holds]}</span></td><td>${line.rule}</td><td><bdi>${line.subject}</bdi></td><td class="num">${tables.policy_value(line)}</td><td>${line.limit}</td><td class="num">${line.n}</td><td>${line.note}</td></tr>
% endfor
</tbody></table></div>
<p class="note">B has to be better on ${result.policy.superior_on_at_least} of ${len(result.policy.criteria)} criteria, and not inferior on all; a line “better” that fails elsewhere does no harm.</p>
</section>

<section id="parts"><h2>By character, depth and scenario</h2>
<p class="note">A description, not a test: intervals of single parts are wide, and of many parts some differ by chance. Grey: fewer than ${tables.FEW} items.
% if result.manifest.config.get("stop_early"):
These intervals are for one look, unlike those of the criteria above.
% endif
</p>
% for name, parts in result.parts.items():
% if parts:
<details ${"open" if len(parts) <= 12 else "" | n}><summary><h3>By ${name} <span class="note">${len(parts)}</span></h3></summary>
<div class="wide" tabindex="0" role="region" aria-label="By ${name}"><table class="parts"><thead><tr><th scope="col">${name}</th>
% for rate in rates:
<th scope="col">${rate.criterion.replace("_", " ")}</th>
% endfor
</tr></thead><tbody>
% for value, some in parts.items():
<% by_criterion = {one.criterion: one for one in some} %>
<tr><th scope="row"><bdi>${value}</bdi></th>
% for rate in rates:
<% one = by_criterion.get(rate.criterion) %>
% if one is None or one.win_rate_b is None:
<td class="few">–</td>
% else:
<td class="${"few" if one.items < tables.FEW else ""}">${bar(one, height=18) | n}<span class="num">${tables.number(one.win_rate_b, 2)} ${tables.span(one.interval, 2)}</span> <span class="note">n=${one.items}</span></td>
% endif
% endfor
</tr>
% endfor
</tbody></table></div></details>
% endif
% endfor
</section>

<section id="floors"><h2>Tags and floor checks</h2>
% if result.floors:
<p class="note">Of the judged texts of each side, with exact (Clopper–Pearson) intervals; the difference is B minus A.</p>
${table(tables.floors(result, hit=True))}
<% quiet = tables.floors(result, hit=False) %>
% if quiet.rows:
<details><summary>Without a hit on either side <span class="note">${len(quiet.rows)}</span></summary>
${table(quiet)}
</details>
% endif
% if hits.total:
<details ${"open" if hits.total <= 20 else "" | n}><summary><h3>What was flagged <span class="note">${len(hits.shown)} of ${hits.total}</span></h3></summary>
<% known = {case.found.case for case in cases} %>
<ul class="hits">
% for hit in hits.shown:
<li><span class="mark ${"fail" if hit.reading.level == "severe" else "unknown"}">${hit.reading.level}</span> <b class="${hit.side.lower()}">${hit.side}</b> ${hit.reading.flag.replace("_", " ")}, <bdi>${hit.character}</bdi>, dialogue <bdi>${hit.dialogue}</bdi>
% if hit.case in known:
<a href="#case-${hit.case}">case</a>
% endif
% if hit.reading.reason:
<span class="said" dir="auto">${hit.reading.reason}</span>
% endif
</li>
% endfor
</ul></details>
% else:
<p>Nothing was flagged.</p>
% endif
% else:
<p>Not checked in this run.</p>
% endif
</section>

<section id="judge"><h2>How far to trust the judge</h2>
% for flag in result.analysis.bias.flags:
<p class="flag">${flag}</p>
% endfor
${table(judging.judge_checks(result))}
% if result.analysis.judges:
<h3>Each judge by itself</h3>
${table(judging.single_judges(result))}
% endif
% if result.derived.probes:
<h3>Known losers</h3>
<p class="note">Real replies against broken ones: a judge that cannot tell them apart cannot tell two models apart.</p>
${table(judging.probes(result))}
% endif
% if result.analysis.notes:
<details><summary>Notes of the statistics (${len(result.analysis.notes)})</summary><ul>
% for note in result.analysis.notes:
<li>${note}</li>
% endfor
</ul></details>
% endif
</section>

<section id="cost"><h2>Calls and cost</h2>
<p>${f"{result.spending.calls:,}"} calls sent in all, US$ ${f"{result.spending.money:.4f}"}, probes and floor checks included.
% if result.spending.unknown_calls:
${result.spending.unknown_calls} of them (US$ ${f"{result.spending.unknown_money:.4f}"} at most) have no known outcome.
% endif
</p>
${table(judging.calls(result))}
</section>

<section id="cases"><h2>Cases</h2>
<p class="note">${len(cases)} of ${len(result.cases)} cases are shown: severe flags of B, losses and flips first, of the rest a sample drawn from the run’s seed.</p>
<noscript><p class="note">Without JavaScript the cases cannot be filtered.</p></noscript>
<form id="filters" hidden role="search" aria-label="Filter the cases">
<label>Outcome <select name="outcome"><option value="">all</option><option value="b">B wins</option><option value="a">A wins</option><option value="tie">ties</option><option value="flip">flips</option><option value="failed">failed</option><option value="not_applicable">not applicable</option><option value="flagged">B flagged</option></select></label>
% for name, values in choices.items():
% if values:
<label>${name.capitalize()} <select name="${name}"><option value="">all</option>
% for value in values:
<option value="${value}">${value}</option>
% endfor
</select></label>
% endif
% endfor
<label class="search">Text <input name="text" type="search" autocomplete="off" placeholder="in messages and reasons"></label>
<div class="buttons"><button type="reset">Clear</button> <button type="button" id="unfold">Open shown</button></div>
<output id="count" aria-live="polite"></output>
</form>
<div id="browser">
% for case in cases:
<% found = case.found %>
<details class="case" id="case-${found.case}" data-outcomes="${" ".join(f"{name}:{outcome}" for name, outcome in found.outcomes.items())}" data-character="${found.character}" data-depth="${found.depth}" data-flagged="${"yes" if found.flags else ""}">
<summary><span class="who"><bdi>${case.character}</bdi>
% if found.scenario:
 <span class="note"><bdi>${found.scenario}</bdi></span>
% endif
% if found.depth:
 <span class="note">${found.depth}</span>
% endif
</span><span class="chips">
% for name, outcome in found.outcomes.items():
<span class="chip ${outcome}"><span class="name">${name.replace("_", " ")}</span> ${{"a": "A", "b": "B", "tie": "tie", "flip": "flip", "failed": "failed", "not_applicable": "n/a"}[outcome]}</span>
% endfor
% for flag in found.flags:
<span class="chip flagged">⚑ ${flag.replace("_", " ")}</span>
% endfor
</span></summary>
<div class="inside">
<p class="note ids">case ${found.case[:16]} · dialogue <bdi>${found.cluster}</bdi></p>
% if case.scene:
<details class="scene"><summary>Scene and card</summary><dl>
% for name, text in case.scene:
<dt>${name}</dt><dd dir="auto">${text}</dd>
% endfor
</dl></details>
% endif
% if case.shared:
<details class="shared"><summary>${len(case.shared)} messages before</summary>${messages(case.shared)}</details>
% endif
<div class="sides">
% for side in case.sides:
<section class="side ${side.name.lower()}" aria-label="Side ${side.name}"><h4><span class="letter">${side.name}</span> <bdi>${side.model}</bdi>
% if side.emulated:
 <span class="tag">emulated</span>
% endif
% if side.truncated:
 <span class="tag">cut off</span>
% endif
</h4>
% if side.before:
<details class="shared"><summary>${len(side.before)} messages before</summary>${messages(side.before)}</details>
% endif
${messages(side.judged)}
% for flag in side.flags:
<p class="flag"><b>${flag.flag.replace("_", " ")}: ${flag.level}</b> <span dir="auto">${flag.reason}</span></p>
% endfor
</section>
% endfor
</div>
<div class="verdicts"><h4>What the judge said</h4>
<p class="note">In a reason, 1 is the side that was shown first.</p>
% for criterion, rows in case.rows.items():
<div class="criterion"><h5>${criterion.replace("_", " ")}</h5><ul>
% for row in rows:
<li><span class="chip ${row.verdict}">${{"a": "A", "b": "B", "tie": "tie", "failed": "failed", "not_applicable": "n/a"}[row.verdict]}</span> <span class="note">${"order unknown" if row.first is None else f"{row.first.upper()} shown first"} · <bdi>${row.judge}</bdi>
% if row.p_b is not None:
 · P(B) ${f"{row.p_b:.2f}"}
% endif
% if row.replicate:
 · repeat ${row.replicate}
% endif
</span>
% if row.failure:
 <span class="said">${row.failure.replace("_", " ")}</span>
% elif row.reason:
 <span class="said" dir="auto">${row.reason}</span>
% endif
</li>
% endfor
</ul></div>
% endfor
</div></div></details>
% endfor
<p id="none" hidden>No case fits these filters.</p>
</div></section>

<section id="run"><h2>What made the run</h2>
<dl class="facts">
% for name, value in facts:
<div><dt>${name}</dt><dd><bdi>${value}</bdi></dd></div>
% endfor
</dl>
% if result.emulated:
<p class="flag">Emulated: a model played the user in dialogues that were judged.</p>
% endif
</section>
</main>
<script>${script | n}</script>
</body>
</html>
