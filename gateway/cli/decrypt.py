"""``mx-gateway decrypt``: mail that came encrypted by OpenPGP or S/MIME, with keys that a person gives.

The keys are in this process, or stay with GnuPG: the gateway sees what was encrypted and what was
in it, and never a key.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
from msgspec import Struct

from gateway.cli.asking import account_option, only_account
from gateway.cli.exits import told_in_one_sentence
from gateway.directories import Directories
from mx_core.control.client import ControlClient
from mx_core.model.errors import Refused
from mx_core.model.secret import Secret

if TYPE_CHECKING:
    from gateway.decrypting.opener import Opener

T = TypeVar("T", bound=Callable[..., Any])
_SECONDS: Final = 600.0  # an account is looked through; a message may have 64 MiB
_NAMES: Final = {"openpgp": "OpenPGP", "smime": "S/MIME"}
_NO_KEY_GIVEN: Final = "no key for it was given"
_HOW: Final = "--gnupg, --openpgp-key FILE or --smime-key FILE.p12"


class Keys(Struct, frozen=True):
    """Which keys a person names."""

    gnupg: bool = False
    openpgp: tuple[str, ...] = ()
    smime: tuple[str, ...] = ()
    passphrases: str = ""  # a file, "" if they are asked for

    def __bool__(self) -> bool:
        """Tell whether any is named."""
        return bool(self.gnupg or self.openpgp or self.smime)

    def opened(self) -> AbstractContextManager[list[Opener]]:
        """Return the block in which they open mail; passphrases are asked for at once.

        Raises:
            Refused: A file is no key, a passphrase is another one, or a program is missing.
        """
        from gateway.decrypting import keys  # noqa: PLC0415  # where there are keys

        passphrases = self._passphrases((*self.openpgp, *self.smime))
        return keys.opened(
            gnupg=self.gnupg,
            openpgp={path: passphrases[path] for path in self.openpgp},
            smime={path: passphrases[path] for path in self.smime},
        )

    def _passphrases(self, paths: Sequence[str]) -> dict[str, Secret[str]]:
        if self.passphrases:
            try:
                lines = Path(self.passphrases).read_text().splitlines() or [""]
            except (OSError, UnicodeDecodeError) as error:
                raise Refused(f"{self.passphrases} can not be read") from error
            each = lines * len(paths) if len(lines) == 1 else lines
            if len(each) < len(paths):
                raise Refused(
                    f"{self.passphrases} has one line for all keys, or a line for each in their order"
                )
            return {path: Secret(line) for path, line in zip(paths, each, strict=False)}
        if paths and not sys.stdin.isatty():
            raise Refused("without a terminal passphrases come from --passphrase-file")
        return {
            path: Secret(
                str(
                    click.prompt(
                        f"Passphrase of {path} (Enter if it has none)",
                        hide_input=True, err=True, default="", show_default=False,
                    )
                )
            )
            for path in paths
        }  # fmt: skip


def key_options(command: T) -> T:
    """Give *command* the options that name keys."""
    for option in (
        click.option("--gnupg", is_flag=True, help="Decrypt with the keys of your GnuPG."),
        click.option(
            "--openpgp-key", multiple=True, metavar="FILE", help="And with this secret key, or more."
        ),
        click.option(
            "--smime-key", multiple=True, metavar="FILE", help="And with this .p12 file, or more."
        ),
        click.option(
            "--passphrase-file", default="", metavar="FILE",
            help="Their passphrases, a line each; else they are asked for.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


@click.command()
@account_option
@key_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def decrypt(
    directories: Directories,
    account: str | None,
    *,
    gnupg: bool,
    openpgp_key: tuple[str, ...],
    smime_key: tuple[str, ...],
    passphrase_file: str,
    as_json: bool,
) -> None:
    """Decrypt mail that is encrypted by OpenPGP or S/MIME, with keys that you give; without, count it.

    What was decrypted stands where it stood, and as it came in "Encrypted originals".  No key is
    kept.  Interrupted, the same command goes on.
    """
    keys = Keys(gnupg, openpgp_key, smime_key, passphrase_file)
    address = account or only_account(directories)
    with told_in_one_sentence("mx-gateway"), keys.opened() as openers:
        told = decrypt_all(directories, address, openers)
    if as_json:
        click.echo(json.dumps(told))
    else:
        show_decrypted(told)


def decrypt_all(
    directories: Directories, account: str, openers: Sequence[Opener]
) -> dict[str, Any]:
    """Open what opens; return counts: found by kind, decrypted, and left by the reason.

    Raises:
        Refused, Unavailable: It can not go on; what is decrypted stays so.
    """
    from gateway.decrypting.enclosed import Kind  # noqa: PLC0415  # as above
    from gateway.decrypting.opener import NotOpened, open_all  # noqa: PLC0415

    client = ControlClient(directories.control_socket, "mx-gateway", _SECONDS)
    messages = client.post("/decrypting/look", {"account": account})["messages"]
    left: Counter[str] = Counter()
    kinds = {opener.kind for opener in openers}
    for number, one in enumerate(messages, 1):
        _show_progress(number, len(messages))
        kind = Kind(one["kind"])
        if kind not in kinds:
            left[_NO_KEY_GIVEN] += 1
            continue
        asked = {"account": account, "message": one["message"]}
        try:
            ciphertext = client.fetch("/decrypting/ciphertext", asked)
        except Refused as error:  # removed meanwhile, or not whole
            left[str(error)] += 1
            continue
        try:
            entity = open_all(kind, ciphertext, openers)
        except NotOpened as error:
            left[str(error)] += 1
            continue
        place = json.dumps({**asked, "kind": kind.value, "at": one["at"]})
        try:
            done = client.hand("/decrypting/put", entity, place=place)["put"]
        except Refused as error:
            left[str(error)] += 1
            continue
        if not done:
            left["it was moved or removed meanwhile"] += 1
    _show_progress(0, len(messages))
    found = Counter(one["kind"] for one in messages)
    return {
        "openpgp": found["openpgp"],
        "smime": found["smime"],
        "decrypted": len(messages) - left.total(),
        "left": dict(left),
    }


def show_decrypted(told: dict[str, Any]) -> None:
    """Print what ``decrypt_all`` returned."""
    found = told["openpgp"] + told["smime"]
    if not found:
        click.echo("nothing here is encrypted by OpenPGP or S/MIME")
        return
    click.echo(
        f"decrypted {told['decrypted']} of {found} messages ({spelt(told)})"
        + (": as they came, they stand in Encrypted originals" if told["decrypted"] else "")
    )
    for why, number in sorted(told["left"].items()):
        click.echo(f"  left as they are: {number}, {why}")
    if _NO_KEY_GIVEN in told["left"]:
        click.echo(f"  give a key with {_HOW}")


def spelt(counts: dict[str, Any]) -> str:
    """Say how many there are of each kind: "3 OpenPGP, 1 S/MIME"."""
    return ", ".join(f"{counts[kind]} {name}" for kind, name in _NAMES.items() if counts.get(kind))


def _show_progress(number: int, of: int) -> None:
    if sys.stderr.isatty() and of:
        click.echo(f"\r\x1b[K{f'{number} of {of} messages' if number else ''}", nl=False, err=True)
