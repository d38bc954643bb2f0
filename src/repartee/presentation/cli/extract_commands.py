"""`repartee facts extract`: what a saved dialogue says that is worth remembering."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import click

from repartee.application.extraction import Extraction, ExtractRequest
from repartee.application.given_character import SHORT_NAME
from repartee.domain.fact import TenantScope
from repartee.presentation.cli.api_client import ApiClient
from repartee.presentation.cli.discovery import find_api
from repartee.presentation.cli.fact_files import parsed, read_text, valid
from repartee.presentation.cli.failures import UserMistake
from repartee.presentation.cli.load_facts import counted
from repartee.presentation.cli.runtime import Runtime

_SHORT_NAME: Final = re.compile(SHORT_NAME)


@click.command("extract")
@click.option(
    "--dialogue",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="What /save of `repartee interact` writes.",
)
@click.option("--user-id", required=True, metavar="ID", help="Whose facts.")
@click.option("--commit", is_flag=True, help="Store them.")
@click.option("--now", metavar="TIME", help="When it was said, ISO 8601 with a zone. Default: now.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def extract(
    runtime: Runtime, dialogue: Path, user_id: str, commit: bool, now: str | None, as_json: bool
) -> None:
    """Propose facts from the user's words in a dialogue, and store them with --commit."""
    owner = TenantScope(user_id)
    body = _body(dialogue, owner, now)
    request = valid(str(dialogue), ExtractRequest, body)
    settings = runtime.client_settings()
    if url := find_api(settings):
        with _Client(url, settings.api_key) as client:
            found = client.extract(owner, body, commit=commit)
    else:
        found = asyncio.run(_extracted_here(runtime, owner, request, commit=commit))
    if as_json:
        click.echo(json.dumps(found.model_dump(mode="json"), ensure_ascii=False, indent=2))
    else:
        _show(found, user_id)


class _Client(ApiClient):
    def extract(self, owner: TenantScope, body: Mapping[str, Any], *, commit: bool) -> Extraction:
        path = f"/users/{quote(owner.user_id, safe='')}/facts/extract"
        return self._called(Extraction, "POST", path, body=body, params={"commit": str(commit).lower()})


async def _extracted_here(
    runtime: Runtime, owner: TenantScope, request: ExtractRequest, *, commit: bool
) -> Extraction:
    async with runtime.services() as services:
        return await services.extract_facts(owner, request, commit=commit)


def _body(path: Path, owner: TenantScope, now: str | None) -> dict[str, Any]:
    content = parsed(path, read_text(path))
    if not isinstance(content, Mapping) or not {"character", "messages"} <= content.keys():
        raise UserMistake(
            f'{path}: a dialogue looks like {{"character": "…", "user": {{…}}, "messages": […]}}, as /save '
            "of `repartee interact` writes it"
        )
    given = content.get("user")
    user = {"id": owner.user_id, **(given if isinstance(given, Mapping) else {})}
    if user["id"] != owner.user_id:
        raise UserMistake(f"{path}: user.id: is not {owner.user_id}: name the user of the dialogue")
    body = {"character": _character(content["character"]), "messages": content["messages"], "user": user}
    return body if now is None else {**body, "now": now}


def _character(stored: Any) -> Any:
    """Return who was talked to. A chat of another program names a character as people read it."""
    if not isinstance(stored, str):
        return stored
    return stored.lower() if _SHORT_NAME.fullmatch(stored.lower()) else {"name": stored}


def _show(found: Extraction, user_id: str) -> None:
    for proposal in found.proposals:
        ended = f"  (ends {counted(len(proposal.supersedes))})" if proposal.supersedes else ""
        click.echo(f"{proposal.text}{ended}")
    what = "proposed" if found.stored is None else "stored"
    count = len(found.proposals if found.stored is None else found.stored)
    reasons = Counter(one.reason for one in found.rejected)
    rejected = ", ".join(f"{reason} {number}" for reason, number in sorted(reasons.items()))
    tail = f"; rejected: {rejected}" if rejected else ""
    click.echo(f"{counted(count)} of {user_id} {what} by {found.model}{tail}", err=True)
