"""Writing: what alice sends with Thunderbird is in bob's INBOX, two domains away."""

from tests.interop.thunderbird.run import Run
from tests.interop.witness import eventually

_NEW_MESSAGE = """
const w = await composeWindow(() => {
  const p = Cc["@mozilla.org/messengercompose/composeparams;1"]
    .createInstance(Ci.nsIMsgComposeParams);
  const c = Cc["@mozilla.org/messengercompose/composefields;1"]
    .createInstance(Ci.nsIMsgCompFields);
  c.to = args[1]; c.subject = args[0]; c.body = args[2];
  if (args[3]) {
    const at = Cc["@mozilla.org/messengercompose/attachment;1"]
      .createInstance(Ci.nsIMsgAttachment);
    at.name = args[3]; at.contentType = "text/plain";
    at.url = "data:text/plain;charset=utf-8,attached%20text";
    c.addAttachment(at);
  }
  p.composeFields = c; p.identity = identity(); p.type = Ci.nsIMsgCompType.New;
  p.format = Ci.nsIMsgCompFormat.PlainText;
  MailServices.compose.OpenComposeWindowWithParams(null, p);
});
"""
_SEND = """
w.goDoCommand("cmd_sendNow");
await until("compose window closed", () => w.closed, 30000);
"""


def send(run: Run) -> object:
    """Compose with an attachment, send, keep a copy in Sent; bob has the same octets."""
    subject = f"sent {run.tag}"
    run.script(
        _NEW_MESSAGE + _SEND,
        subject,
        run.peer.address,
        f"Grüße, sent by Thunderbird {subject}\n.\nafter the dot\n",
        "prüfung.txt",
    )
    kept, flags = eventually("copy in Sent", lambda: run.me.copy("Sent", subject))
    assert b"after the dot" in kept
    assert "\\Seen" in flags
    received = run.peer.received(subject)
    assert _body(received) == _body(kept)
    return len(received)


def reply(run: Run) -> object:
    r"""Reply to bob: \Answered on the original, In-Reply-To in the answer, and he has it."""
    run.peer.send(run.me.address, f"ask {run.tag}", "please answer")
    run.script(
        """
        const f = folder("INBOX");
        const h = await until("header",
          async () => find(f, args[0]) || (await update(f), find(f, args[0])));
        const w = await composeWindow(() => MailServices.compose.OpenComposeWindow(
          null, h, f.getUriForMsg(h), Ci.nsIMsgCompType.ReplyToSender,
          Ci.nsIMsgCompFormat.PlainText, identity(), null, win(), null, false));
        await until("quoted",
          () => w.gMsgCompose.editor.document.body.textContent.includes("please answer"));"""
        + _SEND,
        f"ask {run.tag}",
    )
    eventually("\\Answered", lambda: run.me.by_subject("INBOX", f"ask {run.tag}", "ANSWERED"))
    answer = f"Re: ask {run.tag}"
    terms = ("HEADER", "In-Reply-To", "interop.example")
    eventually("answer in Sent", lambda: run.me.by_subject("Sent", answer, *terms))
    return len(run.peer.received(answer, *terms))


def draft(run: Run) -> object:
    """Save twice (the second replaces the first), reopen, send; bob has it once."""
    subject = f"draft {run.tag}"
    run.script(
        _NEW_MESSAGE
        + """
        const save = async () => {
          const before = w.gMsgCompose.compFields.draftId;
          await w.GenericSendMessage(Ci.nsIMsgCompDeliverMode.SaveAsDraft);
          await until("draft saved", () => !w.gWindowLocked && !w.gSaveOperationInProgress
            && w.gMsgCompose.compFields.draftId && w.gMsgCompose.compFields.draftId != before);
        };
        await save();
        w.gMsgCompose.editor.QueryInterface(Ci.nsIEditor);
        w.gMsgCompose.editor.insertText?.("second ");
        await sleep(500); w.gContentChanged = true;
        await save();
        w.gContentChanged = false; w.close();
        await until("closed", () => w.closed);""",
        subject,
        run.peer.address,
        "first version",
        "",
    )
    eventually("one draft", lambda: len(run.me.by_subject("Drafts", subject, "UNDELETED")) == 1)
    run.script(
        """
        const d = folder("Drafts"); await update(d);
        const h = await until("draft", () => heads(d).find(x => x.mime2DecodedSubject == args[0]
          && !(x.flags & Ci.nsMsgMessageFlags.IMAPDeleted)));
        const w = await composeWindow(() => MailServices.compose.OpenComposeWindow(
          null, h, d.getUriForMsg(h), Ci.nsIMsgCompType.Draft, Ci.nsIMsgCompFormat.Default,
          identity(), null, win(), null, false));
        await until("draft text",
          () => w.gMsgCompose.editor.document.body.textContent.includes("first version"));"""
        + _SEND,
        subject,
    )
    eventually("draft sent", lambda: run.me.by_subject("Sent", subject))
    eventually("draft gone", lambda: not run.me.by_subject("Drafts", subject, "UNDELETED"))
    return len(run.peer.received(subject))


def _body(octets: bytes) -> bytes:
    return octets.partition(b"\r\n\r\n")[2].strip()
