"""The rules in a person's words: what each asks, and what each answer means.  Pure.

The words of ``spec/policy`` stay what is typed and kept; these are what the page shows beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from gateway.policy.rule import ENCRYPTION, GUARD, MIXED, UNREACHABLE


class Question(Struct, frozen=True):
    """What a rule asks; *answers*: each value with what it means; *each*: of one person, too."""

    asks: str
    answers: Mapping[str, str]
    each: bool


QUESTIONS: Final[Mapping[str, Question]] = {
    ENCRYPTION: Question(
        "When mail to somebody cannot be encrypted",
        {
            "required": "never send it",
            "ask": "keep it and ask me",
            "optional": "send it as ordinary email, which others can read on its way",
        },
        each=True,
    ),
    UNREACHABLE: Question(
        "When it cannot be found out now whether a stranger's mail can be encrypted",
        {
            "refuse": "refuse the message, so that I try again later",
            "queue": "take it, and wait until it is found out",
        },
        each=True,
    ),
    MIXED: Question(
        "When some would get a message encrypted and others would not",
        {
            "bounce-all": "send it to nobody",
            "bounce-insecure": "send the encrypted ones, and give the others back to me",
            "send-mixed": "send each as it can be sent",
        },
        each=False,
    ),
    GUARD: Question(
        "When an answer to encrypted mail would leave unencrypted",
        {
            "on": "refuse it, unless the message itself says to send it",
            "off": "treat it as any other mail",
        },
        each=False,
    ),
}
