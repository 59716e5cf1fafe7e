"""The commands of ``mx-home`` that ask the running server, over its control socket."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import click


def _must_be_said(context: click.Context, _: click.Parameter, folder: Path | None) -> Path:
    if folder is None:
        raise click.UsageError(
            f"say which folder: {context.command_path} --dir FOLDER (under systemd: /var/lib/mx-home)"
        )
    return folder


DIRECTORY: Final = click.option(
    "--dir",
    "folder",
    metavar="FOLDER",
    callback=_must_be_said,
    type=click.Path(path_type=Path, file_okay=False),
    help="The home server's own directory; always needed.",
)

_ECHO_HOME: Final = "/var/lib/mx-echo"  # that of systemd/mx-echo.service


@click.command()
@DIRECTORY
@click.option("--name", help="The one name that the invite is good for; any, if not given.")
def invite(folder: Path, name: str | None) -> None:
    """Print an invite: good once, for seven days."""
    click.echo(control(folder).post("/invite", {"name": name})["code"])


@click.group()
def user() -> None:
    """The people of the domain."""


@user.command(name="list")
@DIRECTORY
def list_users(folder: Path) -> None:
    """List people: address, devices, octets that wait."""
    for each in control(folder).get("/users")["users"]:
        click.echo(f"{each['address']}\t{each['devices']}\t{each['held_octets']}")


@user.command(name="add")
@DIRECTORY
@click.option(
    "--echo", is_flag=True, help="For the account that answers new people; see the guide."
)
@click.argument("name", required=False)
def add_user(folder: Path, name: str | None, *, echo: bool) -> None:
    """Print an invite for NAME and what to type with it; NAME of an echo is echo if not given."""
    if not (name := name or ("echo" if echo else None)):
        raise click.UsageError("say the name: mx-home user add NAME")
    server = control(folder)
    address = f"{name}@{server.get('/status')['domain']}"
    code = server.post("/invite", {"name": name})["code"]
    click.echo(f"{address} can be registered once, within seven days:")
    if not echo:
        click.echo(f"  mx-gateway account add {address} --invite {code}")
        return
    # this server can not read, so it can not answer: the echo is a gateway with keys of its own
    click.echo(f"  mx-gateway --home {_ECHO_HOME} echo join {address} --invite {code}")
    click.echo("  systemctl enable --now mx-echo")


@click.command()
@DIRECTORY
def status(folder: Path) -> None:
    """Print numbers of the running server."""
    for key, value in control(folder).get("/status").items():
        click.echo(f"{key}: {', '.join(value) if isinstance(value, list) else value}")


@click.group()
def block() -> None:
    """Domains that this server exchanges no mail with."""


@block.command(name="list")
@DIRECTORY
def list_rules(folder: Path) -> None:
    """List the rules: domain, blocked or allowed."""
    _print(control(folder).get("/rules"))


@block.command(name="add")
@DIRECTORY
@click.option("--allow", is_flag=True, help="Allow it, although what is above it is blocked.")
@click.argument("domain")
def add_rule(folder: Path, domain: str, *, allow: bool) -> None:
    """Block DOMAIN and all beneath it, at once; * is everybody."""
    control(folder).post("/rules", {"subject": domain, "allowed": allow})


@block.command(name="remove")
@DIRECTORY
@click.argument("domain")
def remove_rule(folder: Path, domain: str) -> None:
    """Forget the rule for DOMAIN."""
    control(folder).post("/rules", {"subject": domain, "allowed": None})


def _print(answer: Any) -> None:
    for subject, allowed in answer["rules"].items():
        click.echo(f"{subject}\t{'allowed' if allowed else 'blocked'}")


def control(folder: Path, seconds: float = 30.0) -> Any:
    """Return the client of the server that runs in *folder*; *seconds* is its patience."""
    from mx_core.control.client import ControlClient  # noqa: PLC0415  # lazy: --help is fast
    from mx_core.homeserver.config import FILE_NAME, SOCKET_NAME  # noqa: PLC0415

    begin = f"mx-home serve --dir {folder}, or systemctl start mx-home"
    if not os.path.exists(folder / FILE_NAME):  # noqa: PTH110  # False where Path raises
        begin = f"first mx-home init --dir {folder} --domain YOUR.DOMAIN"
    return ControlClient(folder / SOCKET_NAME, "mx-home", seconds, begin=begin)
