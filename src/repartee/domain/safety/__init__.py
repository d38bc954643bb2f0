"""What keeps a user safe, as pure rules: notices by the clock, a question, and words about self-harm."""
