"""The files of ``mx-gateway client``, read by the programs they are for; mbsync also logs in."""

import os
import subprocess
from pathlib import Path

import pytest

from mx_core.mail_programs.mail_settings import MailSettings
from mx_core.mail_programs.programs import chosen

pytestmark = pytest.mark.interop


def _ran(folder: Path, *command: str) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "xterm", "LANG": "C.UTF-8"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _saved(folder: Path, name: str, settings: MailSettings) -> str:
    file = folder / name
    file.touch(mode=0o600)
    file.write_text(chosen(name).write(settings), encoding="utf-8")
    return str(file)


def test_mbsync_logs_in_with_its_file_and_sees_every_mailbox(
    settings: dict[str, MailSettings], tmp_path: Path
) -> None:
    (tmp_path / "Mail").mkdir()
    file = _saved(tmp_path, "mbsync", settings["alice"])

    listed = _ran(tmp_path, "mbsync", "-c", file, "-l", "gateway").split()

    assert {"INBOX", "Sent", "Drafts", "Trash", "Junk", "Requests"} <= set(listed)


@pytest.mark.parametrize("name", ["mutt", "neomutt"])
def test_mutt_takes_every_line_of_its_file(
    settings: dict[str, MailSettings], tmp_path: Path, name: str
) -> None:
    alice = settings["alice"]
    file = _saved(tmp_path, name, alice)

    told = _ran(tmp_path, name, "-F", file, "-D")

    assert f'imap_user="{alice.username}"' in told.replace(" = ", "=")
    assert f"localhost:{alice.imap_tls}" in told
    assert f"localhost:{alice.smtp_tls}" in told
