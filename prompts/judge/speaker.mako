# Character 1
${v.first}

# Character 2
${v.second}

# The line
${v.line}

# Question
Which character says the CHARACTER line? Go by voice, manner, world and language.
Answer "1" or "2".
% if v.reasoned:
First give the reason: at most 30 words.
% endif
Answer with this JSON and nothing else:
${v.shape}
