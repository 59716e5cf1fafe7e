"""What a person sees: the dialog of a refusal, the list, the open message.  Default preferences.

Nothing is set that changes how mail looks: the profile only keeps Thunderbird off the network.
"""

from __future__ import annotations

import re
from typing import Any

from tests.interop.display import HEIGHT, WIDTH, Display
from tests.interop.thunderbird.run import Run
from tests.interop.witness import eventually

_COMPOSE = """
const p = Cc["@mozilla.org/messengercompose/composeparams;1"]
  .createInstance(Ci.nsIMsgComposeParams);
const c = Cc["@mozilla.org/messengercompose/composefields;1"]
  .createInstance(Ci.nsIMsgCompFields);
c.to = args[1]; c.subject = args[0]; c.body = "Shall we meet on Friday?\\n";
if (args[2]) c.references = args[2];
p.composeFields = c; p.identity = identity(); p.type = Ci.nsIMsgCompType.New;
p.format = Ci.nsIMsgCompFormat.PlainText;
const w = await composeWindow(
  () => MailServices.compose.OpenComposeWindowWithParams(null, p));
w.moveTo(140, 60); w.resizeTo(880, 560);
w.goDoCommand("cmd_sendNow");
"""
_DIALOG = """
const d = [...Services.wm.getEnumerator(null)]
  .find(x => x.location.href.includes("commonDialog"));
return d?.document.getElementById("infoBody")?.textContent || "";
"""
_CLOSED = """
for (const d of [...Services.wm.getEnumerator(null)])
  if (d.location.href.includes("commonDialog")) {
    d.document.getElementById("commonDialog").acceptDialog();
    await until("answered", () => d.closed);
  }
for (const w of [...Services.wm.getEnumerator("msgcompose")]) {
  await until("not sending", () => !w.gWindowLocked);
  // while the dialog's own loop ends, a window of it does not close
  await until("closed", () => { if (!w.closed) { w.gContentChanged = false; w.close(); } return w.closed; });
}
"""
_ROWS = """
const f = folder("INBOX");
await update(f).catch(() => 0);
const about = await until("3pane",
  () => main().document.getElementById("tabmail").currentAbout3Pane);
about.displayFolder(f.URI);
await until("view", () => about.gDBView && about.gViewWrapper
  && about.gViewWrapper.displayedFolder == f);
"""
# what the list has for each message; and every fourteenth row as it is drawn, scrolled to
_LISTED = (
    _ROWS
    + """
const those = () => heads(f).filter(h => h.mime2DecodedSubject.includes(args[0]));
for (let n = 1; n < 60 && those().length < args[1]; n++) {
  await sleep(500);
  // as a person who waits asks for new mail
  if (n % 10 == 0) await update(f).catch(() => 0);
}
const out = [], found = those();
for (const [n, h] of found.entries()) {
  const i = about.gDBView.findIndexOfMsgHdr(h, true);
  const told = about.gDBView.cellTextForColumn(i, "subjectCol");
  if (n % 14 == 0) {
    about.threadTree.scrollToIndex(i, true);
    await until("drawn", () => about.threadTree.getRowAtIndex(i)?.textContent.includes(told));
  }
  out.push(told);
}
return out;"""
)
_OPENED = (
    _ROWS
    + """
const h = await until("header", () => find(f, args[0]));
about.threadTree.selectedIndex = about.gDBView.findIndexOfMsgHdr(h, true);
const message = about.messageBrowser.contentWindow;
await until("headers", () => message.gMessage == h
  && message.document.getElementById("expandedsubjectBox")?.textContent.includes(args[0]));
const state = id => message.document.getElementById(id)?.hidden ? ""
  : message.document.getElementById(id)?.getAttribute("src") || "";
return {
  subject: message.document.getElementById("expandedsubjectBox").textContent,
  sender: message.document.getElementById("expandedfromBox").textContent,
  security: [state("signedHdrIcon"), state("encryptedHdrIcon")],
};"""
)


_READ = (
    _ROWS
    + """
const h = await until("header", () => f.GetMessageHeader(Number(args[0])));
about.threadTree.selectedIndex = about.gDBView.findIndexOfMsgHdr(h, true);
const message = about.messageBrowser.contentWindow;
return await until("text", () => {
  const d = message.getMessagePaneBrowser?.().contentDocument;
  return message.gMessage == h && d && d.body && d.body.textContent.trim(); });"""
)


def fill(run: Run) -> None:
    """Let the window fill the screen."""
    run.script("main().moveTo(0, 0); main().resizeTo(args[0], args[1]);", WIDTH, HEIGHT)


def refused(
    run: Run, screen: Display, to: str, said: str, *, picture: str = "", answers: str = ""
) -> str:
    """Send to *to* and read the dialog, in which *said* must match; return what did."""
    run.script(_COMPOSE, f"Friday {run.tag}", to, answers)
    text = str(eventually("a dialog", lambda: run.script(_DIALOG), 60))
    if picture:
        screen.picture(picture)
    run.script(_CLOSED)
    shown = re.search(said, text)
    assert shown is not None, text
    return shown[0]


def read(run: Run, uid: str) -> str:
    """Open the message of INBOX with *uid*; return the text that is shown."""
    text: str = run.program.script(_READ, uid)
    return text


def listed(run: Run, words: str, count: int) -> list[str]:
    """Return the subjects that have *words*, *count* at least, as the list of INBOX shows them."""
    rows: list[str] = run.program.script(_LISTED, words, count)
    return rows


def opened(run: Run, subject: str) -> dict[str, Any]:
    """Open the message; return the header that is drawn above it and the icons of security."""
    drawn: dict[str, Any] = run.program.script(_OPENED, subject)
    return drawn
