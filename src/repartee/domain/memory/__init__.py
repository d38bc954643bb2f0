"""What may be remembered of a chat: the checks that a proposed fact must pass, whoever proposed it."""
