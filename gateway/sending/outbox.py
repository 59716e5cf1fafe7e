"""What submission asks of an account: the verdict at RCPT TO, and the durable hand-over.

The decisions are made by ``gateway.policy``; here they get what they are made from, and what
follows from them is said and kept.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, final

from msgspec import Struct
from typing_extensions import override

from gateway.policy.decide import Decision, Frozen, Looked, Reach, Verdict, decide
from gateway.policy.override import Override, joined, of_address, of_header
from gateway.policy.pointer import pointed
from gateway.policy.rule import Scope, Settings
from gateway.policy.whole import weigh
from gateway.sending.burst import Burst
from gateway.sending.reaching import Reaching
from gateway.writing.sender_reports import SenderReports
from mx_core import ports
from mx_core.db import failpoint
from mx_core.mime import thread
from mx_core.mime.header import top_fields
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import (
    EncryptionRequired,
    MailError,
    PeerUnreachable,
    UnknownRecipient,
    Untrusted,
)
from mx_core.model.ids import QueueId
from mx_core.model.long_octets import LongOctets
from mx_core.model.message import HeaderField, MessageForm, Submission
from mx_core.store.outbox.accept import Asked, new_queue_id
from mx_core.store.outbox.outbox import OutboxTable
from mx_core.store.people.policy import PolicyRules

_REPLY_SECONDS = 0.005  # the reply is written before the loop turns; the kernel has it by then
_JUST_SECONDS: Final = 1.0  # a program that writes to somebody again and again
_LOOKED_SECONDS: Final = 600.0  # from RCPT to the end of a long message
_LOOKED_KEPT: Final = 1_000
_LARGE_OCTETS: Final = 256 * 1024  # reading these would hold up the loop


class _Glance(Struct, frozen=True):
    looked: Looked
    at: float


@final
class JudgedOutbox(ports.Outbox):
    """``ports.Outbox`` over the store."""

    def __init__(
        self,
        table: OutboxTable,
        rules: PolicyRules,
        reaching: Reaching,
        reports: SenderReports,
        *,
        has_relay: Callable[[], Awaitable[bool]],
        judge_seconds: float,
        undo_seconds: float = 0.0,
        page: str = "",
        burst: Burst,
        now: Now,
    ) -> None:
        """*has_relay*: ordinary mail can be sent; *burst* is told of what comes and is accepted.

        Everything waits *undo_seconds* in Outbox, where it can be taken back.  *page*: the origin of
        the page that refusals point to; "": there is none.
        """
        self._table = table
        self._rules = rules
        self._reaching = reaching
        self._reports = reports
        self._has_relay = has_relay
        self._judge_seconds = judge_seconds
        self._undo_seconds = undo_seconds
        self._page = page
        self._burst = burst
        self._now = now
        self._looked: OrderedDict[Address, _Glance] = OrderedDict()

    @override
    async def judge(self, sender: Address, recipient: Address) -> str:
        """Say how mail would leave; whom we could seal to before may wait."""
        self._burst.coming()
        looked = self._just_found(recipient) or await self._look(recipient)
        word = joined([of_address(sender), of_address(recipient)])
        decision = await self.decided(recipient, looked, word)
        if decision.verdict is Verdict.LATER:
            raise PeerUnreachable(pointed(decision.text, self._page, recipient))
        if decision.verdict is Verdict.REFUSE:
            raise _refusal(sender, recipient, looked, decision, self._page)
        return decision.text

    @override
    async def enqueue(self, submission: Submission, queue_id: QueueId | None = None) -> QueueId:
        # Crash here: nothing is kept and nothing was said; the mail program sends again.
        failpoint.reach("accepted")
        fields = submission.fields or top_fields(submission.octets)
        decisions = await self._weighed(submission, fields)
        given = queue_id or new_queue_id(self._now())
        await self._keep(submission, fields, given, decisions)
        # Crash once 250 is on its way: it is in the outbox and leaves at the next start.
        asyncio.get_running_loop().call_later(_REPLY_SECONDS, failpoint.reach, "replied")
        return given

    @override
    def begin_long(self) -> LongOctets:
        return self._table.begin_long()

    async def take_in(self, submission: Submission, queue_id: QueueId) -> None:
        """Take what nobody waits for any more; what would be refused is held, with a report.

        Once for each *queue_id*, however often it is called.

        Raises:
            PeerUnreachable: Whether it may be sent can not be told now.
        """
        if await self._table.knows(queue_id):
            return
        # Crash here: the letter is in the spool, and taken in at the next start.
        failpoint.reach("accepted")
        fields = submission.fields or top_fields(submission.octets)
        decisions: dict[Address, Decision] = {}
        for who, word in self._words(submission, fields).items():
            decision = await self.decided(who, await self._look(who), word)
            if decision.verdict is Verdict.LATER:
                raise PeerUnreachable(decision.text)
            refused = decision.verdict is Verdict.REFUSE
            decisions[who] = _held(decision, decision.text) if refused else decision
        try:
            weighed = await self._whole(submission, fields, decisions)
        except EncryptionRequired as error:
            weighed = {
                who: _held(each, str(error)) if each.frozen is Frozen.ORDINARY else each
                for who, each in decisions.items()
            }
        await self._keep(submission, fields, queue_id, weighed)

    async def _keep(
        self,
        submission: Submission,
        fields: Sequence[HeaderField],
        queue_id: QueueId,
        decisions: Mapping[Address, Decision],
    ) -> None:
        if self._undo_seconds:
            until = int(self._now() + self._undo_seconds)
            submission = replace(submission, not_before=max(submission.not_before, until))
        asked = {
            who: self._asked(submission, queue_id, who, decision)
            for who, decision in decisions.items()
        }
        if any(each.report for each in asked.values()):
            # what the person must decide is told with it: both or neither
            if submission.long is not None:
                whole = await asyncio.to_thread(submission.long.whole)
                submission = replace(submission, octets=whole, long=None)
            form = await _form(submission.octets)
            await self._table.enqueue(submission, asked=asked, form=form, queue_id=queue_id)
        else:
            message_id = thread.message_id(submission.octets, fields)
            await self._table.accept(
                submission, message_id=message_id, asked=asked, queue_id=queue_id
            )
        self._burst.accepted()

    async def decided(
        self, recipient: Address, looked: Looked, word: Override | None = None
    ) -> Decision:
        """Return what follows for *recipient* from *looked*, the rules and the message's *word*."""
        settings = Settings.of(await self._of_rules(), recipient)
        return decide(recipient, looked, settings, word, relay=await self._has_relay())

    async def _weighed(
        self, submission: Submission, fields: Sequence[HeaderField]
    ) -> dict[Address, Decision]:
        decisions: dict[Address, Decision] = {}
        for who, word in self._words(submission, fields).items():
            decision = await self.decided(who, await self._remembered(who), word)
            if decision.verdict in {Verdict.REFUSE, Verdict.LATER}:
                # accepted at RCPT; only the header's word, or a change since, can have raised it
                raise EncryptionRequired(pointed(f"{decision.text} ({who})", self._page, who))
            decisions[who] = decision
        return await self._whole(submission, fields, decisions)

    async def _whole(
        self,
        submission: Submission,
        fields: Sequence[HeaderField],
        decisions: dict[Address, Decision],
    ) -> dict[Address, Decision]:
        clear = [who for who, each in decisions.items() if each.frozen is Frozen.ORDINARY]
        if not clear:
            return decisions
        settings = Settings.of(await self._of_rules(), clear[0])
        ids = thread.answered(submission.octets, fields)
        answers = bool(ids) and await self._rules.any_encrypted(ids)
        try:
            weighed = weigh(decisions, mixed=settings.mixed, guard=settings.guard, answers=answers)
        except EncryptionRequired as error:
            raise EncryptionRequired(pointed(str(error), self._page, clear[0])) from error
        return dict(weighed)

    def _words(
        self, submission: Submission, fields: Sequence[HeaderField]
    ) -> dict[Address, Override | None]:
        """Return what the message itself says, for each recipient."""
        of_message = joined([of_address(submission.sender), of_header(submission.octets, fields)])
        return {who: joined([of_message, of_address(who)]) for who in submission.recipients}

    def _asked(
        self, submission: Submission, queue_id: QueueId, who: Address, decision: Decision
    ) -> Asked:
        if decision.verdict is not Verdict.HOLD:
            return Asked(decision.frozen.value, decision.because)
        report = self._reports.undecided(submission, queue_id, who, decision.text)
        return Asked(decision.frozen.value, decision.because, decision.text, report)

    async def _of_rules(self) -> dict[Scope, dict[str, str]]:
        return {Scope(scope): rules for scope, rules in (await self._rules.all()).items()}

    async def _look(self, recipient: Address) -> Looked:
        looked = await self._reaching.look(recipient, self._judge_seconds)
        self._looked[recipient] = _Glance(looked, self._now())
        self._looked.move_to_end(recipient)
        if len(self._looked) > _LOOKED_KEPT:
            self._looked.popitem(last=False)
        return looked

    def _just_found(self, recipient: Address) -> Looked | None:
        """Return what a moment ago let mail go sealed; the keys are verified again when it is."""
        glance = self._looked.get(recipient)
        if glance is None or glance.looked.reach is not Reach.SECURE:
            return None
        return glance.looked if 0 <= self._now() - glance.at < _JUST_SECONDS else None

    async def _remembered(self, recipient: Address) -> Looked:
        """Return what was found at RCPT: nobody waits for the same silence twice."""
        glance = self._looked.get(recipient)
        if glance is not None and self._now() < glance.at + _LOOKED_SECONDS:
            return glance.looked
        return await self._look(recipient)


def _held(decision: Decision, why: str) -> Decision:
    return Decision(Verdict.HOLD, Frozen.NATIVE, why, decision.because)


def _refusal(
    sender: Address, recipient: Address, looked: Looked, decision: Decision, page: str
) -> MailError:
    if looked.reach is Reach.UNPROVEN:
        hint = f"; ask them if it was they: mx-gateway contact accept {sender} {recipient}"
        text = decision.text + (hint if looked.known else "")
        return Untrusted(looked.failure, pointed(text, page, recipient))
    text = pointed(decision.text, page, recipient)
    return PeerUnreachable(text) if looked.reach is Reach.UNREACHABLE else UnknownRecipient(text)


async def _form(octets: bytes) -> MessageForm:
    if len(octets) < _LARGE_OCTETS:
        return prepare(octets)
    return await asyncio.to_thread(prepare, octets)
