# Character card: ${v.character}
${v.card}
% if v.persona:

# The user: ${v.user}
${v.persona}
% endif
% if v.scene:

# Scene
${v.scene}
% endif
% if v.history:

# Dialogue so far${f" ({v.left_out} earlier messages left out)" if v.left_out else ""}
${v.history}
% endif
