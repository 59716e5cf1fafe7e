from pathlib import Path

import pytest

from gateway.config import Config, load
from gateway.loopback.hidden_capabilities import hiding_of
from mx_core.model.address import Address
from mx_core.model.errors import BadConfiguration


def written(directory: Path, text: str) -> Path:
    path = directory / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_no_file_is_the_default_configuration(tmp_path: Path) -> None:
    assert load(tmp_path / "absent.toml") == Config()


def test_a_capability_is_hidden_from_whom_the_table_names(tmp_path: Path) -> None:
    text = '[[hide]]\ncapabilities = ["qresync"]\nclient = "X"\naccount = "a@b.example"\n'
    config = load(written(tmp_path, text))

    hiding = hiding_of(config.hide)

    assert hiding.hidden(Address.parse("a@b.example"), "X 1.0") == {b"QRESYNC"}
    assert hiding.hidden(None, "X 1.0") == frozenset()


def test_a_known_key_is_taken(tmp_path: Path) -> None:
    config = load(written(tmp_path, "[listen]\nimap = 2143\n"))

    assert config.listen.imap == 2143
    assert config.listen.smtp == 1025


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[listen]\nimpa = 1\n", "unknown key 'listen.impa', did you mean 'listen.imap'"),
        ('[[hide]]\ncapabilities = ["QRESINC"]', "'QRESINC' can not be hidden, .*'QRESYNC'"),
        ('[[hide]]\ncapabilities = ["STARTTLS"]', "'STARTTLS' can not be hidden"),
        ('[[hide]]\ncapabilities = ["MOVE"]\naccount = "x"', "hide.account: "),
        ("[[hide]]\nclient = 'x'", "capabilities"),
        ("[lisen]\n", "unknown key 'lisen'.*did you mean 'listen'"),
        ('[listen]\nimap = "x"\n', "Expected `int`"),
        ("[listen\n", "not valid TOML"),
        ('[log]\nlevel = "loud"\n', "Invalid enum value 'loud'"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_the_file_in_it(
    tmp_path: Path, text: str, sentence: str
) -> None:
    path = written(tmp_path, text)

    with pytest.raises(BadConfiguration, match=sentence) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(BadConfiguration, match="cannot be read"):
        load(path)
