"""Verdicts on MAIL and RCPT."""

from mx_core.model.address import Address
from smtp_in import replies
from smtp_in.command import Path
from smtp_in.limits import Limits
from smtp_in.replies import Reply
from smtp_in.submission import Transaction, judge_mail, judge_recipient

ALICE = Address.parse("alice@a.example")
NOW = 1_800_000_000
LIMITS = Limits(message_octets=1000, recipients=2)


def mail(path: Path | None) -> Transaction | Reply:
    return judge_mail(path, ALICE, lambda sender: sender.canonical() == ALICE, LIMITS, NOW)


def rcpt(address: str, transaction: Transaction | None = None) -> Address | Reply | None:
    return judge_recipient(Path(address, {}), transaction or Transaction(ALICE), LIMITS)


def test_the_sender_may_be_written_in_any_form_of_the_account_s_address() -> None:
    begun = mail(Path("Alice+news@A.example", {}))

    assert isinstance(begun, Transaction)
    assert str(begun.sender) == "Alice+news@a.example"


def test_the_null_sender_of_read_receipts_stands_for_the_account() -> None:
    assert mail(Path("", {})) == Transaction(ALICE)


def test_another_sender_is_refused_with_both_names() -> None:
    refusal = mail(Path("eve@e.example", {}))

    assert isinstance(refusal, Reply)
    assert refusal.line() == ("550 5.7.1 this login sends as alice@a.example, not as eve@e.example")


def test_a_sender_that_is_no_address_is_refused() -> None:
    for text in ("alice", "a b@a.example", "+x@a.example", "a@[127.0.0.1]"):
        refusal = mail(Path(text, {}))

        assert isinstance(refusal, Reply)
        assert (refusal.code, refusal.enhanced) == (553, "5.1.7")


def test_a_sender_in_a_form_that_nobody_here_has_is_refused_with_each_recipient() -> None:
    begun = mail(Path("a b@a.example", {}, foreign=True))

    assert isinstance(begun, Transaction)
    for who in ("bob@b.example", "carol@c.example"):
        refusal = rcpt(who, begun)
        assert isinstance(refusal, Reply)
        assert (
            refusal.line() == "550 5.7.1 this login sends as alice@a.example, not as a b@a.example"
        )


def test_parameters_are_judged() -> None:
    judged = {
        (("SIZE", "1000"),): None,
        (("SIZE", "0"), ("BODY", "7bit"), ("AUTH", "x@y")): None,
        (("SIZE", "1001"),): replies.TOO_LARGE,
        (("SIZE", "many"),): replies.BAD_SIZE,
        (("BODY", "BINARYMIME"),): replies.BAD_BODY,
        (("SMTPUTF8", "yes"),): replies.UNKNOWN_PARAMETER,
        (("RET", "HDRS"),): None,
        (("RET", "SOME"),): replies.BAD_DSN,
        (("ENVID", ""),): replies.BAD_DSN,
        (("MT-PRIORITY", "1"),): replies.UNKNOWN_PARAMETER,
        (("HOLDFOR", "0"),): replies.BAD_HOLD,
        (("HOLDFOR", "2592001"),): replies.BAD_HOLD,
        (("HOLDFOR", "1"), ("HOLDUNTIL", "2027-01-15T08:00:00Z")): replies.BAD_HOLD,
    }

    for parameters, refusal in judged.items():
        assert mail(Path("alice@a.example", dict(parameters))) == (refusal or Transaction(ALICE))
    assert mail(None) is replies.BAD_MAIL


def test_a_recipient_is_returned_as_written() -> None:
    assert rcpt("Bob+X@B.example") == Address("Bob+X", "b.example")


def test_a_recipient_that_is_no_address_is_refused() -> None:
    for text in ("bob", "bob@", "+tag@b.example", '"b b"@b.example', "bob@-b.example"):
        refusal = rcpt(text)

        assert isinstance(refusal, Reply)
        assert refusal.line().startswith("553 5.1.3 ")
    assert rcpt("") is replies.BAD_RCPT
    assert judge_recipient(None, Transaction(ALICE), LIMITS) is replies.BAD_RCPT
    with_parameter = Path("bob@b.example", {"HOLDFOR": "1"})
    assert judge_recipient(with_parameter, Transaction(ALICE), LIMITS) is replies.UNKNOWN_PARAMETER


def test_a_recipient_named_twice_is_one_even_when_no_more_fit() -> None:
    full = Transaction(ALICE, [Address.parse("bob@b.example"), Address.parse("eve@e.example")])

    assert rcpt("BOB@b.example", full) is None
    assert rcpt("bob+tag@b.example", full) is replies.TOO_MANY_RECIPIENTS
