"""``mx-gateway policy``: whom you write to how.  docs/spec/policy.md."""

from __future__ import annotations

import json

import click

from gateway.cli.asking import ask
from gateway.directories import Directories


@click.group()
def policy() -> None:
    """Show, set and explain the rules about whom you write to how."""


@policy.command()
@click.argument("account")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def show(directories: Directories, account: str, *, as_json: bool) -> None:
    """Show the rules of ACCOUNT, and what counts where there is none."""
    answer = ask(directories, "/policy/show", {"account": account})
    if as_json:
        click.echo(json.dumps(answer))
        return
    for rule in answer["rules"]:
        click.echo(f"{rule['scope']:<32} {rule['name']:<12} {rule['value']}")
    for name, value in answer["factory"].items():
        click.echo(f"{'(else)':<32} {name:<12} {value}")


@policy.command("set")
@click.argument("account")
@click.argument("scope")
@click.argument("name")
@click.argument("value")
@click.pass_obj
def set_(directories: Directories, account: str, scope: str, name: str, value: str) -> None:
    """Make a rule of ACCOUNT.

    SCOPE is everybody, a domain or an address.  NAME and VALUE: encryption (required, ask,
    optional), unreachable (refuse, queue); for everybody also mixed (bounce-all,
    bounce-insecure, send-mixed) and reply-guard (on, off).  The value default takes a rule away.
    """
    ask(
        directories,
        "/policy/set",
        {"account": account, "scope": scope, "name": name, "value": value},
    )
    click.echo(f"{scope}: {name} = {value}")


@policy.command()
@click.argument("account")
@click.argument("address")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def explain(directories: Directories, account: str, address: str, *, as_json: bool) -> None:
    """Look ADDRESS up and say what would become of mail to it, and why."""
    answer = ask(directories, "/policy/explain", {"account": account, "address": address})
    if as_json:
        click.echo(json.dumps(answer))
        return
    click.echo(f"{answer['address']}: {answer['found']}{_after(answer['why'])}")
    click.echo(f"mail to them: {answer['verdict']}: {answer['text']}")
    click.echo(f"because: {answer['because']}")
    for rule in answer["rules"]:
        click.echo(f"  {rule}")


def _after(why: str) -> str:
    return f" ({why})" if why else ""
