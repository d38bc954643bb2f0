# Messages to check
${v.judged}

# Flags
% for flag in v.flags:

[${flag.id}] ${flag.title}
${flag.question}
${flag.guidance}
Severe: ${flag.severe}
% endfor

For each flag give the evidence, at most 20 words ("" where there is nothing), then the level: "none", "mild" or "severe".
Answer with this JSON and nothing else:
${v.shape}
