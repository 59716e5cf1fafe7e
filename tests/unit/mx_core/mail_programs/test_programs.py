"""Each file is read back by who reads it: a parser of the format, or git itself."""

import configparser
import plistlib
import re
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest

from mx_core.mail_programs.mail_settings import MailSettings
from mx_core.mail_programs.programs import PROGRAMS, chosen
from mx_core.model.errors import Refused

PLAIN = MailSettings(
    "alice@a.example",
    "alice@a.example",
    "PASSWORD-1",
    "localhost",
    1143,
    1025,
    1993,
    1465,
    "/home/alice/ca/root.pem",
)
ODD = replace(
    PLAIN,
    address='"a`b$c"@a.example',
    username='"a`b$c\\d"@a.example',
    ca="/home/al ice/`$(x)`/root.pem",
)


@pytest.mark.parametrize("name", PROGRAMS)
def test_each_file_names_the_ports_of_tls_and_ends_with_its_line(name: str) -> None:
    text = chosen(name).write(PLAIN)

    assert "1993" in text or "1465" in text
    assert "1143" not in text
    assert "1025" not in text
    assert text.endswith("\n")
    assert ("PASSWORD-1" in text) is (name != "thunderbird")


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_setting_with_a_line_end_is_refused_not_written(name: str) -> None:
    wrong = replace(PLAIN, username="alice\nevil=1", ca="/ca\nevil=1")
    if name in {"thunderbird", "apple"}:
        return  # forms that carry any text whole
    with pytest.raises(Refused, match="control character"):
        chosen(name).write(wrong)


def test_a_program_that_is_not_known_is_named_with_those_that_are() -> None:
    with pytest.raises(Refused, match="'pine'; there are: thunderbird, mutt"):
        chosen("pine")


def test_git_reads_what_was_meant(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(chosen("git").write(ODD), encoding="utf-8")
    read = subprocess.run(
        ["git", "config", "--file", str(file), "--list", "-z"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    found = dict(each.split("\n", 1) for each in read.split("\0") if each)

    assert found["sendemail.smtpuser"] == ODD.username
    assert found["sendemail.smtpsslcertpath"] == ODD.ca
    assert found["sendemail.smtpserverport"] == "1465"


def test_thunderbird_is_led_to_this_computer_under_tls() -> None:
    document = ET.fromstring(chosen("thunderbird").write(PLAIN))  # our own

    servers = [
        (one.tag, one.findtext("hostname"), one.findtext("port"), one.findtext("socketType"))
        for provider in document
        for one in provider
        if one.tag.endswith("Server")
    ]
    assert servers == [
        ("incomingServer", "localhost", "1993", "SSL"),
        ("outgoingServer", "localhost", "1465", "SSL"),
    ]
    assert document.find("emailProvider/domain") is not None


def test_an_apple_profile_is_a_property_list_that_stays_the_same_profile() -> None:
    first = plistlib.loads(chosen("apple").write(ODD).encode())
    again = plistlib.loads(chosen("apple").write(replace(ODD, password="other")).encode())
    mail = first["PayloadContent"][0]

    assert mail["IncomingMailServerUsername"] == ODD.username
    assert mail["IncomingPassword"] == ODD.password
    assert first["PayloadUUID"] == again["PayloadUUID"]


def test_a_muttrc_has_no_substitution_left() -> None:
    text = chosen("mutt").write(ODD)
    values = re.findall(r'^set \w+=("(?:[^"\\]|\\.)*"|yes|no|\d+)$', text, re.MULTILINE)

    assert len(values) == text.count("\nset ") + 1
    assert re.search(r"(?<!\\)[`$]", text) is None


def test_aerc_gets_urls_that_say_who_logs_in() -> None:
    read = configparser.ConfigParser(interpolation=None)
    read.read_string(chosen("aerc").write(PLAIN))
    account = read[PLAIN.address]
    user, _, password = account["source"].removeprefix("imaps://").partition("@")[0].partition(":")

    assert (unquote(user), unquote(password)) == (PLAIN.username, PLAIN.password)


def test_msmtp_is_not_told_what_it_can_not_read() -> None:
    with pytest.raises(Refused, match="quotation mark"):
        chosen("msmtp").write(ODD)
