"""The door for clients that speak OpenAI's chat completions API."""
