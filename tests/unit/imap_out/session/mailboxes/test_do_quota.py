"""The quota: told where there is one, kept by what mail programs add, changed by nobody."""

from imap_out.wire.limits import Limits
from tests.support.transcript import Transcript

FULL = Limits(account_octets=2048)


def test_it_is_told_in_units_of_1024_octets() -> None:
    Transcript(limits=FULL).plays(
        """
        C: a APPEND INBOX {5+}
        C: hello
        S: a OK [APPENDUID 1002 1]
        C: b GETQUOTAROOT INBOX
        S: * QUOTAROOT INBOX ""
        S: * QUOTA "" (STORAGE 1 2)
        S: b OK
        C: c GETQUOTA ""
        S: * QUOTA "" (STORAGE 1 2)
        S: c OK
        C: d GETQUOTA elsewhere
        S: d NO [NONEXISTENT]
        C: e SETQUOTA "" (STORAGE 99999)
        S: e NO [NOPERM]
        C: f SETQUOTA "" STORAGE
        S: f BAD
        """
    )


def test_without_a_quota_there_is_no_root() -> None:
    Transcript().plays(
        """
        C: b GETQUOTAROOT INBOX
        S: * QUOTAROOT INBOX
        S: b OK
        C: c GETQUOTA ""
        S: c NO [NONEXISTENT]
        """
    )


def test_what_is_too_much_is_refused_whole() -> None:
    kilobyte = "x" * 1024
    Transcript(limits=FULL).plays(
        rf"""
        C: a APPEND INBOX {{1024+}}
        C: {kilobyte}
        S: a OK [APPENDUID 1002 1]
        C: b SELECT INBOX
        S: ...
        S: b OK
        C: c COPY 1 Sent
        S: c OK [COPYUID ...]
        C: d COPY 1 Sent
        S: d NO [OVERQUOTA]
        C: e APPEND INBOX {{1+}}
        C: x
        S: e NO [OVERQUOTA]
        C: f STATUS Sent (MESSAGES)
        S: * STATUS Sent (MESSAGES 1)
        S: f OK
        C: g MOVE 1 Drafts
        S: ...
        S: g OK
        C: h SELECT Drafts
        S: ...
        S: h OK
        C: i REPLACE 1 Drafts {{1025+}}
        C: {kilobyte}y
        S: i NO [OVERQUOTA]
        C: j REPLACE 1 Drafts {{3+}}
        C: yes
        S: ...
        S: j OK
        """
    )


def test_what_is_deleted_is_weighed_when_it_is_asked_for() -> None:
    Transcript().plays(
        r"""
        C: a APPEND INBOX (\Deleted) {5+}
        C: hello
        S: a OK [APPENDUID 1002 1]
        C: b APPEND INBOX {5+}
        C: hello
        S: b OK [APPENDUID 1002 2]
        C: c STATUS INBOX (DELETED-STORAGE DELETED SIZE)
        S: * STATUS INBOX (DELETED-STORAGE 5 DELETED 1 SIZE 10)
        S: c OK
        C: d LIST "" %n% RETURN (STATUS (DELETED-STORAGE))
        S: * LIST (\HasNoChildren) "/" INBOX
        S: * STATUS INBOX (DELETED-STORAGE 5)
        S: ...
        S: d OK
        """.replace("%n%", "IN%")
    )
