# Candidate 1
${v.first}

# Candidate 2
${v.second}

% if len(v.criteria) == 1:
# Question: ${v.criteria[0].title}
% else:
# Questions, each judged on its own
% endif
% for criterion in v.criteria:
% if len(v.criteria) > 1:

[${criterion.id}] ${criterion.title}
% endif
${criterion.question}
${criterion.guidance}
Tie: ${criterion.tie}
% endfor

Answer ${"for each question " if len(v.criteria) > 1 else ""}"1" or "2" for the better candidate, or "tie".
% if v.not_applicable:
Answer "not_applicable" only if a candidate is empty, cut off or not a reply at all, so that nothing can be compared.
% endif
% if v.reasoned:
First give the reason: at most 50 words, naming what decides in each candidate.
% endif
Answer with this JSON and nothing else:
${v.shape}
