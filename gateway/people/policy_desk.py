"""What a person may see and say of their rules about whom to write to how."""

from __future__ import annotations

from typing import Any, Final

from gateway.legacy.relay_account import RelayAccount, RelayAccounts
from gateway.policy.decide import Verdict
from gateway.policy.override import of_address, without_tag
from gateway.policy.rule import FACTORY, Level, Rules, Scope, Settings, check, parse_scope
from gateway.policy.said import QUESTIONS
from gateway.policy.tree import Node, branches, chain
from gateway.sending.outbox import JudgedOutbox
from gateway.sending.reaching import Reaching
from mx_core.model.address import Address
from mx_core.store.people.policy import PolicyRules

_EVERYBODY_SHOWN: Final = "everybody"
_DEFAULT: Final = "default"
_LOOK_SECONDS: Final = 20.0


class PolicyDesk:
    """Over one account."""

    def __init__(
        self, rules: PolicyRules, reaching: Reaching, outbox: JudgedOutbox, relay: RelayAccounts
    ) -> None:
        self._rules = rules
        self._reaching = reaching
        self._outbox = outbox
        self._relay = relay

    async def show(self) -> dict[str, Any]:
        """Return every rule, and what counts where there is none."""
        rules = [
            {"scope": scope or _EVERYBODY_SHOWN, "name": name, "value": value}
            for scope, named in (await self._rules.all()).items()
            for name, value in named.items()
        ]
        return {"rules": rules, "factory": dict(FACTORY)}

    async def tree(self) -> list[dict[str, Any]]:
        """Return each question with its answers and with what is said at each scope, farthest first."""
        rules = await self._every_rule()
        return [
            {
                "name": name,
                "asks": question.asks,
                "answers": dict(question.answers),
                "each": question.each,
                "nodes": [_told(name, node) for node in branches(rules, name)],
            }
            for name, question in QUESTIONS.items()
        ]

    async def set(self, scope: str, name: str, value: str) -> None:
        """Make a rule; the value ``default`` takes it away.  Raises BadPolicy, BadAddress."""
        place = parse_scope(scope)
        if value == _DEFAULT:
            check(place, name, FACTORY.get(name, ""))
            await self._rules.remove(place, name)
            return
        check(place, name, value)
        await self._rules.put(place, name, value)

    async def explain(self, address: Address) -> dict[str, Any]:
        """Look *address* up now and say what would become of mail to it, and why."""
        looked = await self._reaching.look(address, _LOOK_SECONDS)
        decision = await self._outbox.decided(address, looked, of_address(address))
        rules = await self._every_rule()
        settings = Settings.of(rules, address)
        return {
            "address": str(without_tag(address)),
            "found": looked.reach.value,
            "why": looked.why,
            "known": looked.known,
            "verdict": decision.verdict.value,
            "leaves": decision.frozen.value if decision.verdict is Verdict.TAKE else "",
            "text": decision.text,
            "because": decision.because,
            "rules": [
                each.because()
                for each in (
                    settings.encryption,
                    settings.unreachable,
                    settings.mixed,
                    settings.guard,
                )
            ],
            "levels": [
                {
                    "name": name,
                    "asks": question.asks,
                    "nodes": [
                        _told(name, node) for node in chain(rules, without_tag(address), name)
                    ],
                }
                for name, question in QUESTIONS.items()
            ],
        }

    async def _every_rule(self) -> Rules:
        return {Scope(scope): named for scope, named in (await self._rules.all()).items()}

    async def relay(self) -> dict[str, Any]:
        """Return the account for ordinary mail without its password; {} if there is none."""
        account = await self._relay.get()
        if account is None:
            return {}
        others = await self._relay.identities()
        return {
            **_shown(account),
            "identities": {str(who): _shown(one) for who, one in others.items()},
        }

    async def set_relay(self, account: RelayAccount, identity: Address | None = None) -> None:
        """Send ordinary mail by *account* from now on, or only what is written from *identity*.

        Raises:
            BadConfiguration, BadAddress: It can not be.
        """
        await self._relay.put(account, identity)

    async def remove_relay(self, identity: Address | None = None) -> None:
        """Send no ordinary mail any more, or none that is written from *identity*."""
        await self._relay.remove(identity)


def _told(name: str, node: Node) -> dict[str, Any]:
    """Return *node* in a person's words; *scope* as it is typed."""
    scope = node.scope or _EVERYBODY_SHOWN
    return {
        "level": node.level.value,
        "scope": scope,
        "where": "As it comes" if node.level is Level.FACTORY else f"For {scope}",
        "value": node.value,
        "said": QUESTIONS[name].answers[node.value] if node.value else "",
        "counts": node.counts,
    }


def _shown(account: RelayAccount) -> dict[str, Any]:
    return {
        "host": account.host,
        "port": account.port,
        "tls": "implicit" if account.implicit else "starttls",
        "username": account.username,
        "login": "oauth" if account.oauth else "password",
        "sender": account.sender,
    }
