"""The dialogue as a whole: states, refusals, pipelining."""

from tests.support.transcript import Transcript


def test_a_first_session_of_a_mail_program() -> None:
    """LOGIN, SELECT, APPEND, FETCH, STORE, EXPUNGE in one go."""
    Transcript().plays(
        r"""
        C: a SELECT inbox
        S: * FLAGS (\Answered \Flagged \Deleted \Seen \Draft)
        S: * OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft \*)]
        S: * 0 EXISTS
        S: * 0 RECENT
        S: * OK [UIDVALIDITY 1002]
        S: * OK [UIDNEXT 1]
        S: * OK [HIGHESTMODSEQ 1]
        S: * OK [MAILBOXID (F00000000000000000000000000000002)]
        S: a OK [READ-WRITE]
        C: b FETCH 1:* (FLAGS)
        S: b OK
        C: c APPEND INBOX (\Flagged Old) "21-Nov-2026 03:17:56 +0000" {21}
        S: + OK
        C: Subject: x<CRLF><CRLF>hello<CRLF>
        S: * FLAGS (\Answered \Flagged \Deleted \Seen \Draft Old)
        S: * OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft Old \*)]
        S: * 1 EXISTS
        S: * 1 RECENT
        S: c OK [APPENDUID 1002 1]
        C: d UID fetch 1 (UID RFC822.SIZE BODY[])
        S: * 1 FETCH (UID 1 RFC822.SIZE 21 BODY[] {21}<CRLF>Subject: x<CRLF><CRLF>hello<CRLF> FLAGS (\Flagged \Seen \Recent Old))
        S: d OK
        C: e UID fetch 7:* (FLAGS)
        S: * 1 FETCH (UID 1 FLAGS (\Flagged \Seen \Recent Old))
        S: e OK
        C: f STORE 1 -FLAGS.SILENT (old)
        S: f OK
        C: g uid store 1 +Flags (\Deleted)
        S: * 1 FETCH (UID 1 FLAGS (\Flagged \Deleted \Seen \Recent))
        S: g OK
        C: h EXPUNGE
        S: * 1 EXPUNGE
        S: * 0 RECENT
        S: h OK
        C: i LOGOUT
        S: * BYE
        S: i OK
        """
    )
