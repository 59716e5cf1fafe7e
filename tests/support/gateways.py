"""Gateways as a person has them: their commands, their folders, their processes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from gateway.demo.processes import Program, run
from gateway.demo.world import Side, World
from mx_core.mail_programs.mail_settings import MailSettings


def gateway(folder: Path, *arguments: str, stdin: str = "") -> str:
    return run(["gateway", "--home", str(folder), *arguments], stdin=stdin)


def add_person(side: Side, person: str) -> tuple[MailSettings, str]:
    """Return settings and recovery words of one more person."""
    invite = run(
        ["mx_core.homeserver", "invite", "--dir", str(side.home_dir), "--name", person]
    ).strip()
    told = json.loads(
        gateway(
            side.gateway_dir, "account", "add", f"{person}@{side.domain}",
            *("--invite", invite, "--json"),
        )
    )  # fmt: skip
    return MailSettings(**told["settings"]), told["recovery_words"]


def empty_home(side: Side, name: str) -> Path:
    """Return a home of that name beside the side's own, with nothing but the configuration."""
    folder = side.gateway_dir.with_name(name)
    (folder / "config").mkdir(parents=True, mode=0o700)
    shutil.copy(side.gateway_dir / "config" / "config.toml", folder / "config")
    return folder


def started(folder: Path) -> Program:
    program = Program(
        f"mx-gateway in {folder.name}",
        ["gateway", "--home", str(folder), "up"],
        folder.with_name(f"gateway-{folder.name}.log"),
    )
    program.start()
    return program


def addresses(world: World) -> list[str]:
    told = json.loads(gateway(world.alice.gateway_dir, "account", "list", "--json"))
    return [one["address"] for one in told if one["connected"]]


def tiers(side: Side) -> dict[str, str]:
    told = json.loads(gateway(side.gateway_dir, "contact", "list", side.address, "--json"))
    return {one["address"]: one["tier"] for one in told}


def contact(side: Side, *arguments: str) -> str:
    return run(["gateway", "--home", str(side.gateway_dir), "contact", *arguments])


def invitation(side: Side, *options: str) -> str:
    return contact(side, "invite", side.address, *options).strip()
