"""Reference (b): FastAPI as most write it, with the vendors' clients in their default configuration.

openai's `create()`, qdrant-client over REST, a body model and a response model. Vectors come from openai's
embeddings client in place of cohere's, which is no dependency here; it costs about the same.
"""

import os
from typing import Any, Final, Literal

from fastapi import FastAPI
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel
from qdrant_client import AsyncQdrantClient, models

UPSTREAM: Final = os.environ["BENCH_UPSTREAM"]

app = FastAPI()
openai = AsyncOpenAI(base_url=f"{UPSTREAM}/v1", api_key="none")
qdrant = AsyncQdrantClient(url=UPSTREAM, check_compatibility=False)


class Message(BaseModel):
    """One message of the chat."""

    role: Literal["user", "character"]
    text: str


class Turn(BaseModel):
    """What is asked."""

    messages: list[Message]
    user: dict[str, Any]
    character: dict[str, Any]


class Answer(BaseModel):
    """What is answered."""

    text: str
    facts: list[str]


@app.post("/generate")
async def generate(turn: Turn) -> Answer:
    """Answer with the model's text and the facts."""
    embedded = await openai.embeddings.create(
        model="bench", input=turn.messages[-1].text, encoding_format="float"
    )
    answers = await qdrant.query_batch_points("facts", _searches(turn, embedded.data[0].embedding))
    facts = [(point.payload or {})["text"] for answer in answers for point in answer.points]
    completion = await openai.chat.completions.create(
        model="bench", messages=_messages(turn, facts), max_tokens=400
    )
    return Answer(text=completion.choices[0].message.content or "", facts=facts)


def _searches(turn: Turn, vector: list[float]) -> list[models.QueryRequest]:
    owner = models.FieldCondition(key="user_id", match=models.MatchValue(value=turn.user["id"]))
    pinned = models.FieldCondition(key="is_pinned", match=models.MatchValue(value="yes"))
    hidden = models.FieldCondition(key="is_superseded", match=models.MatchValue(value="yes"))
    return [
        models.QueryRequest(
            query=vector,
            filter=models.Filter(must=must, must_not=[hidden]),
            limit=limit,
            with_payload=True,
        )
        for must, limit in (([owner], 24), ([owner, pinned], 8))
    ]


def _messages(turn: Turn, facts: list[str]) -> list[ChatCompletionMessageParam]:
    about = [f"You are {turn.character['name']}.", turn.character["description"]]
    said: list[ChatCompletionMessageParam] = [
        {"role": "user", "content": one.text}
        if one.role == "user"
        else {"role": "assistant", "content": one.text}
        for one in turn.messages
    ]
    return [
        {"role": "system", "content": "\n".join(about)},
        *said,
        {"role": "system", "content": "\n".join(facts)},
    ]
