"""Chat completion requests in the shapes that known clients send, written from descriptions of them."""

from typing import Any


def sillytavern(model: str, **changed: Any) -> dict[str, Any]:
    """Custom source, no post-processing: system messages anywhere, named examples, the greeting first."""
    return {
        "messages": [
            {"role": "system", "content": "Write Ada's next reply in a fictional chat between Ada and Ann."},
            {"role": "system", "content": "Ada mends clocks."},
            {"role": "system", "content": "[Example Chat]"},
            {"role": "system", "name": "example_user", "content": "Is it late?"},
            {"role": "system", "name": "example_assistant", "content": "*points at nine clocks*"},
            {"role": "system", "content": "[Start a new Chat]"},
            {"role": "assistant", "content": "Mind the pendulum."},
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "Hello."},
            {"role": "user", "content": "my cat knocked the vase over"},
            {"role": "system", "content": "[Stay in character.]"},
        ],
        "model": model,
        "temperature": 1,
        "max_tokens": 300,
        "stream": False,
        "presence_penalty": 0,
        "frequency_penalty": 0,
        "top_p": 1,
        "stop": ["\nAnn:"],
        "logit_bias": {},
        "reasoning_effort": None,
        **changed,
    }


def risuai(model: str, **changed: Any) -> dict[str, Any]:
    """Custom API: one system text, then the turns, with sampling of its own."""
    return {
        "model": model,
        "messages": [
            {"role": "system", "content": "Ada mends clocks.\n\nYou are Ada."},
            {"role": "assistant", "content": "Mind the pendulum."},
            {"role": "user", "content": "my cat knocked the vase over"},
        ],
        "max_tokens": 500,
        "temperature": 0.8,
        "presence_penalty": 0.7,
        "frequency_penalty": 0.7,
        "logit_bias": {},
        "stream": False,
        "top_p": 1,
        "top_k": 0,
        "user": None,
        **changed,
    }


def open_webui(model: str, **changed: Any) -> dict[str, Any]:
    """Turns only, as a stream with usage; a picture comes as a part of the content."""
    return {
        "stream": True,
        "stream_options": {"include_usage": True},
        "model": model,
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "my cat knocked the vase over"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                ],
            }
        ],
        **changed,
    }


CLIENTS = {"sillytavern": sillytavern, "risuai": risuai, "open_webui": open_webui}
