"""Set-up and reading: trust, password, headers, bodies, push, search."""

import re
import time
from pathlib import Path

from imap_out.wire import utf7
from tests.interop.thunderbird.run import Run
from tests.interop.witness import eventually


def trust(run: Run) -> object:
    """Trust the gateway's local CA, as the person would by importing it."""
    pem = Path(run.me.settings.ca).read_text(encoding="ascii")
    found = re.search(r"-----BEGIN CERTIFICATE-----(.*?)-----END", pem, re.DOTALL)
    assert found is not None
    return run.script(
        """
        const db = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
        return db.addCertFromBase64(args[0], "CTu,Cu,Cu").commonName;""",
        "".join(found[1].split()),
    )


def logins(run: Run) -> object:
    """Give it the client password."""
    settings = run.me.settings
    return run.script(
        """
        const make = (origin, user, password) => {
          const login = Cc["@mozilla.org/login-manager/loginInfo;1"]
            .createInstance(Ci.nsILoginInfo);
          login.init(origin, null, origin, user, password, "", "");
          return login;
        };
        for (const origin of ["imap://" + args[0], "smtp://" + args[0]])
          await Services.logins.addLoginAsync(make(origin, args[1], args[2]));
        return (await Services.logins.getAllLogins()).map(l => l.origin);""",
        settings.host,
        settings.username,
        settings.password,
    )


def sync(run: Run) -> object:
    """Log in, list folders, download the headers of INBOX."""
    headers = run.script("""
        const inbox = await until("INBOX", () => {
          if (!sleep.once) { sleep.once = 1; server().performExpand(win()); }
          return root().getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
        });
        await urlDone(l => server().getNewMessages(inbox, win(), l));
        await update(inbox);
        // An update of its own may still be under way.  What arrives while it fetches headers
        // Thunderbird is told of (EXISTS at the end of the FETCH), and fetches only when it looks
        // again.  Two seconds after the last update it begins IDLE.
        await sleep(2500);
        return heads(inbox).length;""")
    on_server = len(run.me.search("INBOX", "ALL"))
    assert headers == on_server, (headers, on_server)
    return headers


def folders(run: Run) -> object:
    """Every subscribed mailbox is in the folder tree."""
    wanted = run.me.subscribed()

    def shown() -> set[str]:
        names = run.script("""
            return root().descendants.map(
              f => f.QueryInterface(Ci.nsIMsgImapMailFolder).onlineName);""")
        assert isinstance(names, list)
        # in UTF-8 where the server offers UTF8=ACCEPT, else in modified UTF-7
        named = {utf7.decode(name.encode()) for name in names}
        return named if wanted <= named else set()

    return sorted(eventually("all folders", shown))


def show(run: Run) -> object:
    """Open the folder in the window, select a message, read what is on the screen."""
    run.append(f"show {run.tag}", f"shown body {run.tag} zażółć")
    shown = run.script(
        """
        const f = folder("INBOX"); await update(f);
        const h = await until("header", () => find(f, args[0]));
        const tabmail = main().document.getElementById("tabmail");
        const about = await until("3pane", () => tabmail.currentAbout3Pane);
        about.displayFolder(f.URI);
        await until("view", () => about.gDBView && about.gViewWrapper
          && about.gViewWrapper.displayedFolder == f);
        const i = await until("row", () => {
          const k = about.gDBView.findIndexOfMsgHdr(h, true); return k < 1e6 ? k + 1 : 0; });
        about.threadTree.selectedIndex = i - 1;
        return (await until("message", () => {
          const d = about.messageBrowser.contentWindow.getMessagePaneBrowser?.().contentDocument;
          return d && d.body && d.body.textContent.includes(args[1]) && d.body.textContent;
        })).trim();""",
        f"show {run.tag}",
        run.tag,
    )
    assert "zażółć" in str(shown), shown
    return shown


def mark_read(run: Run) -> object:
    r"""Showing a message makes it \Seen on the server."""
    return bool(eventually("\\Seen", lambda: run.me.by_subject("INBOX", f"show {run.tag}", "SEEN")))


def body(run: Run) -> object:
    """Stream some bodies; none is empty."""
    sizes = run.script("""
        const f = folder("INBOX"); const out = [];
        for (const h of heads(f).slice(0, 5)) out.push([h.messageSize, (await streamText(f, h)).length]);
        return out;""")
    assert isinstance(sizes, list)
    assert sizes, "no message"
    assert all(length > 0 for _, length in sizes), sizes
    return sizes


def idle(run: Run) -> object:
    """Mail of the other domain's user shows up without being asked for."""
    run.script("""
        const tabmail = main().document.getElementById("tabmail");
        tabmail.currentAbout3Pane.displayFolder(folder("INBOX").URI);
        await update(folder("INBOX")); await sleep(2500);""")
    began = time.monotonic()
    run.peer.send(run.me.address, f"idle {run.tag}", "pushed")
    run.script(
        """return (await until("pushed mail",
          () => find(folder("INBOX"), args[0]), 25000)).messageKey;""",
        f"idle {run.tag}",
    )
    return {"seconds": round(time.monotonic() - began, 2)}


def search(run: Run) -> object:
    """The server searches body, subject and sender."""
    run.append(f"srch {run.tag}", f"haystack needle-{run.tag}-zażółć")
    hits = run.script(
        """
        const f = folder("INBOX"); await update(f);
        const ask = (attrib, str) => new Promise(ok => {
          const s = Cc["@mozilla.org/messenger/searchSession;1"].createInstance(Ci.nsIMsgSearchSession);
          s.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, f);
          const t = s.createTerm(); t.attrib = attrib; t.op = Ci.nsMsgSearchOp.Contains;
          const v = t.value; v.attrib = attrib; v.str = str; t.value = v; s.appendTerm(t);
          const hits = []; sleep.session = s;
          s.registerListener({
            QueryInterface: ChromeUtils.generateQI(["nsIMsgSearchNotify"]),
            onNewSearch() {}, onSearchHit(h) { hits.push(h.mime2DecodedSubject); },
            onSearchDone() { ok(hits); },
          });
          s.search(win());
        });
        return {body: await ask(Ci.nsMsgSearchAttrib.Body, args[0]),
                subject: await ask(Ci.nsMsgSearchAttrib.Subject, args[1]),
                sender: (await ask(Ci.nsMsgSearchAttrib.Sender, args[2])).length,
                none: await ask(Ci.nsMsgSearchAttrib.Body, "absent" + args[0])};""",
        f"needle-{run.tag}-zażółć",
        f"srch {run.tag}",
        run.peer.address,
    )
    assert isinstance(hits, dict)
    assert hits["body"] == hits["subject"] == [f"srch {run.tag}"], hits
    assert hits["none"] == [], hits
    assert hits["sender"] > 0, hits
    return hits


def offline(run: Run) -> object:
    """Download everything for offline use."""
    return run.script("""
        const f = folder("INBOX");
        await urlDone(l => f.downloadAllForOffline(l, win()));
        const have = heads(f).filter(h => h.flags & Ci.nsMsgMessageFlags.Offline).length;
        if (have != heads(f).length) throw new Error(have + " of " + heads(f).length);
        return have;""")


def reconnect(run: Run) -> object:
    """Close all connections, then come back."""
    return run.script("""
        server().closeCachedConnections(); await sleep(300);
        const f = folder("INBOX"); await update(f); return heads(f).length;""")


def quiet(run: Run) -> object:
    """No dialog and no compose window was left open."""
    windows = run.script("return [...Services.wm.getEnumerator(null)].map(w => w.location.href);")
    assert isinstance(windows, list)
    left = [w for w in windows if any(x in w for x in ("Dialog", "msgcompose"))]
    assert left == []
    return len(windows)
