# ${v.heading}
${v.judged}

# Dimensions
% for dimension in v.dimensions:

[${dimension.id}] ${dimension.title}
${dimension.question}
${dimension.guidance}
0: ${dimension.low}
1: ${dimension.high}
% endfor

For each dimension first the explanation: at most 40 words, naming what decides. Then the score, with two decimals.
Answer with this JSON and nothing else:
${v.shape}
