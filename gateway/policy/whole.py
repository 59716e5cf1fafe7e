"""A message as a whole: recipients that differ, and answers to encrypted mail.  Pure.

spec/policy §4.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from gateway.policy.decide import Decision, Frozen, Verdict
from gateway.policy.rule import Guard, Mixed, Setting
from mx_core.model.address import Address
from mx_core.model.errors import EncryptionRequired

Decisions = Mapping[Address, Decision]


def weigh(decisions: Decisions, *, mixed: Setting, guard: Setting, answers: bool) -> Decisions:
    """Return what becomes of each recipient; *answers*: the message answers encrypted mail.

    Who is written to in clear by the person's own word for this message is not weighed.

    Raises:
        EncryptionRequired: The whole message is refused, and nothing of it is kept.
    """
    clear = [who for who, each in decisions.items() if each.frozen is Frozen.ORDINARY]
    if not clear:
        return decisions
    first = clear[0]
    if answers and guard.value == Guard.ON:
        raise EncryptionRequired(
            f"this answers an encrypted message, and {first} would get it unencrypted;"
            " to send it anyway add the line MX-Send: ordinary to its header"
        )
    secure = [
        who
        for who, each in decisions.items()
        if each.frozen is Frozen.NATIVE and each.verdict is Verdict.TAKE
    ]
    if not secure or mixed.value == Mixed.SEND:
        return decisions
    if mixed.value == Mixed.BOUNCE_ALL:
        raise EncryptionRequired(
            f"{first} would get unencrypted what is encrypted for {secure[0]}; nothing was sent;"
            f" leave {first} out, or write to them separately"
        )
    # Frozen as native, the flow out fails them with a report: they cannot be sealed to.
    bounced = {
        who: replace(decisions[who], frozen=Frozen.NATIVE, because=mixed.because()) for who in clear
    }
    return {**decisions, **bounced}
