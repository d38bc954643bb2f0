"""Find what a user told in a chat, and remember it if that is wanted."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from repartee.application.add_facts import AddFacts, NewFact
from repartee.application.ask_for_facts import AskForFacts
from repartee.application.deadline import deadline_in
from repartee.application.extraction import Extraction, ExtractRequest, Proposal, RejectedProposal
from repartee.application.extraction_answer import ProposedFact
from repartee.application.given_character import character_of
from repartee.application.known_facts import KnownFacts
from repartee.application.ports import CharacterLibrary, FactStore, Telemetry, Turn
from repartee.application.reply import TokenUsage
from repartee.application.transcript import user_texts
from repartee.domain.errors import InvalidInput
from repartee.domain.fact import Fact, RetrievedFact, TenantScope, character_key
from repartee.domain.memory.background import background_of, scene_of
from repartee.domain.memory.dates import with_dates
from repartee.domain.memory.proposal import Draft, Grounds, sifted
from repartee.domain.memory.turns import Passage, as_written


class ExtractFacts:
    """Propose facts from the user's own words in a chat, off the reply path; store them if asked to.

    One model call reads the chat and the stored facts nearest to it; an answer that is not the JSON that was
    asked for is sent back once. Nothing that the model says is believed: each proposal must quote the user
    word for word and pass the checks of the closed list of reasons in `rejected` (echo, role-play, questions,
    others' words, orders, secrets, duplicates, …). A stored fact that a proposal ends is kept, with its
    successor. Proposals are in the user's language; days such as `next Friday` have their date.
    """

    def __init__(
        self,
        characters: CharacterLibrary,
        known_facts: KnownFacts,
        ask_for_facts: AskForFacts,
        store: FactStore,
        add_facts: AddFacts,
        telemetry: Telemetry,
        deadline_seconds: float,
    ) -> None:
        self._characters = characters
        self._known_facts = known_facts
        self._ask_for_facts = ask_for_facts
        self._store = store
        self._add_facts = add_facts
        self._telemetry = telemetry
        self._deadline_seconds = deadline_seconds

    async def __call__(self, scope: TenantScope, request: ExtractRequest, *, commit: bool) -> Extraction:
        """Return what was found. Raises InvalidInput, NotFound, UpstreamError, DeadlineExceeded."""
        if request.user.id not in {None, scope.user_id}:
            raise InvalidInput("is another user than the one of the path: leave it out", field="user.id")
        async with deadline_in(self._deadline_seconds):
            now = request.now or datetime.now(UTC)
            turn = await self._turn(scope, request)
            answer = await self._ask_for_facts(turn, now)
            drafts = [_draft(one, turn, now) for one in answer.facts]
            accepted, rejected = sifted(drafts, await self._grounds(scope, turn, drafts))
            proposals = [_proposal(draft, passage, turn) for draft, passage in accepted]
            stored = await self._stored(scope, proposals) if commit else None
        self._telemetry.extraction(len(proposals), [one.reason for one in rejected], answer.usage)
        return Extraction(
            proposals=proposals,
            rejected=[RejectedProposal(**asdict(one)) for one in rejected],
            stored=stored,
            model=answer.model,
            usage=TokenUsage(**asdict(answer.usage)),
        )

    async def _turn(self, scope: TenantScope, request: ExtractRequest) -> Turn:
        character = await character_of(request.character, self._characters)
        said = user_texts(request.messages)
        known: tuple[RetrievedFact, ...] = ()
        if said:
            known = await self._known_facts(scope, said, character.name, request.known_fact_limit)
        return Turn(character, request.user, request.scenario, request.messages, known)

    async def _grounds(self, scope: TenantScope, turn: Turn, drafts: Sequence[Draft]) -> Grounds:
        same = await self._store.find(scope, [draft.text for draft in drafts]) if drafts else []
        visible = {"", character_key(turn.character.name)}
        known = [*turn.facts, *(fact for fact in same if character_key(fact.character) in visible)]
        return Grounds(
            turn.messages,
            (turn.user.name, turn.character.name, turn.character.display_name),
            known,
            background_of(turn.character, turn.user, turn.scenario),
            scene_of(turn.character, turn.scenario, turn.user.name),
        )

    async def _stored(self, scope: TenantScope, proposals: Sequence[Proposal]) -> list[Fact]:
        """Store them; what was forgotten in the meantime is not superseded."""
        if not proposals:
            return []
        ids = sorted({id_ for proposal in proposals for id_ in proposal.supersedes})
        there = {fact.id for fact in await self._store.get(scope, ids)} if ids else set()
        new = [_new_fact(proposal, there) for proposal in proposals]
        return (await self._add_facts(scope, new)).facts


def _draft(proposed: ProposedFact, turn: Turn, now: datetime) -> Draft:
    character = turn.character.name if proposed.only_this_character else ""
    return Draft(
        text=with_dates(proposed.statement, now.date()),
        owner=proposed.owner,
        character=character,
        subject=proposed.subject or "user",
        evidence=proposed.evidence,
        message_index=proposed.message_index,
        supersedes=_ended(proposed, turn.facts, character),
        confidence=proposed.confidence,
    )


def _ended(proposed: ProposedFact, known: Sequence[Fact], character: str) -> tuple[Fact, ...]:
    """Return the known facts that it ends. What all know does not end by what only one is told."""
    numbered = dict(enumerate(known, start=1))
    named = (numbered[number] for number in dict.fromkeys(proposed.supersedes) if number in numbered)
    return tuple(
        fact
        for fact in named
        if fact.owner == proposed.owner
        and (not character or character_key(fact.character) == character_key(character))
    )[:32]


def _proposal(draft: Draft, passage: Passage, turn: Turn) -> Proposal:
    return Proposal(
        text=draft.text,
        owner=draft.owner,
        character=draft.character,
        subject=draft.subject,
        evidence=as_written(passage, turn.messages[passage.message_index].text),
        message_index=passage.message_index,
        supersedes=tuple(fact.id for fact in draft.supersedes),
        confidence=draft.confidence,
    )


def _new_fact(proposal: Proposal, there: set[str]) -> NewFact:
    return NewFact(
        text=proposal.text,
        owner=proposal.owner,
        character=proposal.character,
        source="extraction",
        evidence=proposal.evidence,
        supersedes=tuple(id_ for id_ in proposal.supersedes if id_ in there),
    )
