"""alice@a.example and bob@b.example: two home servers and two gateways, made from nothing.

Every step is the command that a person would type.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gateway.demo.ports import Block, reserve
from gateway.demo.processes import Program, run
from mx_core.mail_programs.mail_settings import MailSettings

_GATEWAY = "gateway"
_HOME = "mx_core.homeserver"
_HOME_PORTS = 3
_GATEWAY_PORTS = 5


@dataclass
class Side:
    """One domain, its server, its one person."""

    person: str
    domain: str
    home: Program
    gateway: Program
    home_dir: Path
    gateway_dir: Path
    settings: MailSettings | None = None

    @property
    def address(self) -> str:
        """The person's address."""
        return f"{self.person}@{self.domain}"

    @property
    def known(self) -> MailSettings:
        """The settings, once the account exists."""
        if self.settings is None:
            raise AssertionError("the account has not been made yet")
        return self.settings


@dataclass
class World:
    """Both sides below one directory; a context manager that leaves no process behind."""

    directory: Path
    port_base: int = 0  # 0: free ports
    discovery: str = ""  # TOML lines of [discovery]; empty: a static peers file
    home_options: tuple[str, ...] = ()
    log_level: str = "info"
    rates: str = 'exempt = ["*"]'  # TOML lines of [rates] of the home servers
    acquainted: bool = True  # everybody has accepted everybody: what they write goes to INBOX
    cast: tuple[tuple[str, str], ...] = (("alice", "a.example"), ("bob", "b.example"))
    sides: list[Side] = field(default_factory=list)
    ports: Block | None = None
    echoes: list[Program] = field(default_factory=list)

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def alice(self) -> Side:
        """The first side."""
        return self.sides[0]

    @property
    def bob(self) -> Side:
        """The second side."""
        return self.sides[1]

    def close(self) -> None:
        """Stop gateways first, then home servers."""
        for echo in self.echoes:
            echo.stop()
        for side in self.sides:
            side.gateway.stop()
        for side in self.sides:
            side.home.stop()
        if self.ports is not None:
            self.ports.close()

    def status(self, side: Side) -> dict[str, Any]:
        """Return what ``mx-gateway status --json`` prints."""
        told = run([_GATEWAY, "--home", str(side.gateway_dir), "status", "--json"])
        answer: dict[str, Any] = json.loads(told)
        return answer

    def sent_parcels(self, side: Side) -> list[dict[str, Any]]:
        """Return what the side's gateway handed to its home server: route and sizes."""
        parcels: list[dict[str, Any]] = self.status(side)["accounts"][0]["sent"]
        return parcels

    def add_person(self, side: Side, person: str) -> MailSettings:
        """Give *side* one more person, on the same gateway and home server."""
        invite = run([_HOME, "invite", "--dir", str(side.home_dir), "--name", person]).strip()
        told = run(
            [_GATEWAY, "--home", str(side.gateway_dir), "account", "add"]
            + [f"{person}@{side.domain}", "--invite", invite, "--json"]
        )
        return MailSettings(**json.loads(told)["settings"])

    def add_echo(self, side: Side) -> Program:
        """Give the domain of *side* an echo, echo@ it, that answers from now on."""
        told = run([_HOME, "user", "add", "--echo", "--dir", str(side.home_dir)])
        address, invite = told.split(maxsplit=1)[0], told.split("--invite ")[1].split()[0]
        folder = self.directory / f"echo-{side.domain}"
        (folder / "config").mkdir(parents=True, mode=0o700)
        config = (side.gateway_dir / "config" / "config.toml").read_text(encoding="utf-8")
        (folder / "config" / "config.toml").write_text(config, encoding="utf-8")
        run([_GATEWAY, "--home", str(folder), "echo", "join", address, "--invite", invite])
        echo = Program(
            f"mx-gateway of {address}",
            [_GATEWAY, "--home", str(folder), "echo", "serve"],
            self.directory / f"{folder.name}.log",
        )
        self.echoes.append(echo)
        echo.start()
        return echo

    def publish(self) -> None:
        """Write the peers file: what DNS would say of each domain."""
        records = [run([_HOME, "record", "--dir", str(side.home_dir)]) for side in self.sides]
        text = "\n".join(record.split("\n\n")[0] for record in records)
        (self.directory / "peers.toml").write_text(text + "\n", encoding="utf-8")

    def _build(self) -> None:
        """Make all sides; what does not depend on each other runs side by side."""
        self.ports = reserve(len(self.cast) * (_HOME_PORTS + _GATEWAY_PORTS), self.port_base)
        with ThreadPoolExecutor() as pool:
            sides = [
                pool.submit(self._side, person, domain, base, base + _HOME_PORTS)
                for n, (person, domain) in enumerate(self.cast)
                for base in [self.ports.first + n * (_HOME_PORTS + _GATEWAY_PORTS)]
            ]
            self.sides = [side.result() for side in sides]
            self.publish()
            programs = [program for side in self.sides for program in (side.home, side.gateway)]
            for program in programs:
                program.launch()
            for program in programs:
                program.await_ready()
            for side, settings in zip(
                self.sides, pool.map(self._add_first_person, self.sides), strict=True
            ):
                side.settings = settings
            if self.acquainted:
                list(pool.map(self._accept_others, self.sides))

    def _accept_others(self, side: Side) -> None:
        for other in self.sides:
            if other is not side:
                self.accept(side, other.address)

    def accept(self, side: Side, address: str) -> None:
        """Let the first person of *side* accept *address*."""
        run(
            [_GATEWAY, "--home", str(side.gateway_dir), "contact", "accept"]
            + [side.address, address]
        )

    def _add_first_person(self, side: Side) -> MailSettings:
        return self.add_person(side, side.person)

    def _side(self, person: str, domain: str, home_base: int, gateway_base: int) -> Side:
        home_dir, gateway_dir = self.directory / f"home-{domain}", self.directory / person
        peers = self.directory / "peers.toml"
        run(
            [_HOME, "init", "--domain", domain, "--dir", str(home_dir), "--host", "127.0.0.1"]
            + ["--port-base", str(home_base), "--peers", str(peers), *self.home_options]
        )
        with (home_dir / "mx-home.toml").open("a", encoding="utf-8") as config:
            # nobody waits a minute here, and all domains introduce themselves from one address
            config.write("\n[queue]\nfirst_delay_seconds = 1.0\n")
            config.write("\n[limits]\nhello_per_minute = 600\n")
            config.write(f"\n[rates]\n{self.rates}\n")
        (gateway_dir / "config").mkdir(parents=True, mode=0o700)
        discovery = self.discovery or f'peers = "{peers}"'
        (gateway_dir / "config" / "config.toml").write_text(
            f"[listen]\nport_base = {gateway_base}\n\n[discovery]\n{discovery}\n\n"
            f'[sending]\nfirst_delay_seconds = 1.0\n\n[log]\nlevel = "{self.log_level}"\n',
            encoding="utf-8",
        )
        return Side(
            person=person,
            domain=domain,
            home=Program(
                f"mx-home for {domain}",
                [_HOME, "serve", "--dir", str(home_dir)],
                self.directory / f"home-{domain}.log",
            ),
            gateway=Program(
                f"mx-gateway of {person}",
                [_GATEWAY, "--home", str(gateway_dir), "up"],
                self.directory / f"gateway-{person}.log",
            ),
            home_dir=home_dir,
            gateway_dir=gateway_dir,
        )
