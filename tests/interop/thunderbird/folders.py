"""Flags, folders, moving and removing."""

import shutil
import tempfile
import time
from pathlib import Path

from tests.interop.test_export_elsewhere import LETTERS, exported
from tests.interop.thunderbird.run import Run
from tests.interop.witness import eventually


def flag(run: Run) -> object:
    """Star, read mark and a tag reach the server."""
    run.script(
        """
        const f = folder("INBOX"), h = must(f, args[0]);
        f.markMessagesFlagged([h], true); f.markMessagesRead([h], true);
        f.addKeywordsToMessages([h], "$label1");""",
        f"show {run.tag}",
    )

    def flags() -> set[str]:
        uids = run.me.by_subject("INBOX", f"show {run.tag}", "FLAGGED")
        found = run.me.flags("INBOX", uids[0]) if uids else set()
        return found if {"\\Flagged", "\\Seen", "$label1"} <= found else set()

    return sorted(eventually("flags", flags))


def unflag(run: Run) -> object:
    """And are taken away again."""
    run.script(
        """
        const f = folder("INBOX"), h = must(f, args[0]);
        f.markMessagesFlagged([h], false); f.markMessagesRead([h], false);
        f.removeKeywordsFromMessages([h], "$label1");""",
        f"show {run.tag}",
    )

    def gone() -> bool:
        uids = run.me.by_subject("INBOX", f"show {run.tag}", "UNFLAGGED", "UNSEEN")
        return bool(uids) and "$label1" not in run.me.flags("INBOX", uids[0])

    return eventually("flags gone", gone)


def flag_from_outside(run: Run) -> object:
    """A change made by another client reaches the open folder."""
    uid = run.me.by_subject("INBOX", f"show {run.tag}")[0]
    run.me.set_flags("INBOX", uid, r"(\Flagged \Answered)")
    began = time.monotonic()
    run.script(
        """const f = folder("INBOX");
        await until("flag", () => { const h = find(f, args[0]); return h && h.isFlagged; }, 15000)
          .catch(async () => {
            await update(f);
            return until("flag after update", () => must(f, args[0]).isFlagged, 5000);
          });""",
        f"show {run.tag}",
    )
    return {"seconds": round(time.monotonic() - began, 2)}


def create_folder(run: Run) -> object:
    """A folder, and one below it whose name is not ASCII."""
    run.script(
        """
        root().createSubfolder(args[0], win());
        const f = await until("folder", () => root().getChildNamed(args[0]));
        await until("confirmed",
          () => f.QueryInterface(Ci.nsIMsgImapMailFolder).verifiedAsOnlineFolder);
        f.createSubfolder("Ünter", win());
        await until("child", () => f.hasSubFolders && f.getChildNamed("Ünter"));""",
        f"Box-{run.tag}",
    )

    def listed() -> list[str]:
        lines = run.me.mailboxes(f"Box-{run.tag}*")
        return lines if len(lines) == 2 else []

    return eventually("two folders", listed)


def move(run: Run) -> object:
    """Move into the new folder."""
    run.append(f"move {run.tag}", "to be moved")
    run.script(
        """
        const a = folder("INBOX"), b = folder(args[1]); await update(a);
        const h = await until("header", () => find(a, args[0]));
        await copyDone(l => MailServices.copy.copyMessages(a, [h], b, true, l, win(), false));""",
        f"move {run.tag}",
        f"Box-{run.tag}",
    )
    assert run.me.by_subject(f"Box-{run.tag}", f"move {run.tag}")
    assert not run.me.by_subject("INBOX", f"move {run.tag}", "UNDELETED")
    return True


def copy(run: Run) -> object:
    """Copy into it."""
    run.script(
        """
        const a = folder("INBOX"), b = folder(args[1]);
        await copyDone(l => MailServices.copy.copyMessages(
          a, [must(a, args[0])], b, false, l, win(), false));""",
        f"show {run.tag}",
        f"Box-{run.tag}",
    )
    assert run.me.by_subject(f"Box-{run.tag}", f"show {run.tag}")
    assert run.me.by_subject("INBOX", f"show {run.tag}")
    return True


def delete(run: Run) -> object:
    """Delete, which is a move to Trash."""
    run.append(f"trash {run.tag}", "to be deleted")
    trash = run.script(
        """
        const f = folder("INBOX"); await update(f);
        const h = await until("header", () => find(f, args[0]));
        await copyDone(l => f.deleteMessages([h], win(), false, false, l, false));
        return root().getFolderWithFlags(Ci.nsMsgFolderFlags.Trash)
          .QueryInterface(Ci.nsIMsgImapMailFolder).onlineName;""",
        f"trash {run.tag}",
    )
    assert run.me.by_subject(str(trash), f"trash {run.tag}")
    assert not run.me.by_subject("INBOX", f"trash {run.tag}", "UNDELETED")
    return trash


def requests(run: Run) -> object:
    """Move a stranger's mail from Requests to INBOX; what they write next comes to INBOX."""
    run.stranger.send(run.me.address, f"stranger {run.tag}", "may I?")
    eventually("asked", lambda: run.me.by_subject("Requests", f"stranger {run.tag}"))
    _move(run, "Requests", "INBOX", f"stranger {run.tag}")
    assert run.me.by_subject("INBOX", f"stranger {run.tag}")
    run.stranger.send(run.me.address, f"friend {run.tag}", "thank you")
    return len(run.me.received(f"friend {run.tag}"))


def junk(run: Run) -> object:
    """What a junk filter moves by mistake blocks; one move back undoes it, and no mail is lost."""
    _move(run, "INBOX", "Junk", f"friend {run.tag}")
    run.stranger.send(run.me.address, f"blocked {run.tag}", "why?")
    eventually("in Junk", lambda: run.me.by_subject("Junk", f"blocked {run.tag}"))
    _move(run, "Junk", "INBOX", f"friend {run.tag}")
    assert run.me.by_subject("INBOX", f"friend {run.tag}")
    assert run.me.by_subject("Junk", f"blocked {run.tag}")
    run.stranger.send(run.me.address, f"again {run.tag}", "thank you")
    return len(run.me.received(f"again {run.tag}"))


def automatic_junk(run: Run) -> object:
    """Thunderbird's own filter takes a friend for junk and moves them; one move back undoes it."""
    _let_the_filter_move(run, f"again {run.tag}")
    try:
        run.stranger.send(run.me.address, f"taken {run.tag}", "thank you")
        run.script(
            """
            const f = folder("INBOX"); let seen = false;
            await until("the filter", async () => {
              await update(f); await sleep(500);
              seen = seen || find(f, args[0]);
              return find(folder("Junk"), args[0]) || (seen && !find(f, args[0]));
            }, 40000);""",
            f"taken {run.tag}",
        )
        eventually("moved by the filter", lambda: run.me.by_subject("Junk", f"taken {run.tag}"))
        assert not run.me.by_subject("INBOX", f"taken {run.tag}", "UNDELETED")
        run.stranger.send(run.me.address, f"too {run.tag}", "why?")
        eventually("blocked", lambda: run.me.by_subject("Junk", f"too {run.tag}"))
    finally:  # or it takes all that the next steps send
        run.script(
            'server().setIntValue("spamLevel", 0); server().spamSettings.initialize(server());'
        )
    _move(run, "Junk", "INBOX", f"taken {run.tag}")
    run.stranger.send(run.me.address, f"back {run.tag}", "thank you")
    eventually("unblocked", lambda: run.me.by_subject("INBOX", f"back {run.tag}"))
    assert run.me.by_subject("INBOX", f"taken {run.tag}")
    assert not run.me.by_subject("Junk", f"taken {run.tag}", "UNDELETED")
    lost = not run.me.by_subject("Junk", f"too {run.tag}")
    assert not lost, "what came while they were blocked stays to be read"
    return len(run.me.by_subject("Junk", f"too {run.tag}"))


def _let_the_filter_move(run: Run, subject: str) -> None:
    """Turn the junk filter on, and teach it that mail like *subject* is junk and nothing else."""
    run.script(
        """
        const s = server(), f = folder("INBOX");
        await update(f);
        const h = await until("taught by", () => find(f, args[0]));
        s.setBoolValue("moveOnSpam", true); s.setIntValue("moveTargetMode", 1);
        s.setStringValue("spamActionTargetFolder", folder("Junk").URI);
        s.setStringValue("whiteListAbURI", ""); s.setIntValue("spamLevel", 100);
        s.spamSettings.initialize(s);
        await new Promise(ok => MailServices.junk.setMessageClassification(
          f.getUriForMsg(h), Ci.nsIJunkMailPlugin.UNCLASSIFIED, Ci.nsIJunkMailPlugin.JUNK, win(), {
            QueryInterface: ChromeUtils.generateQI(["nsIJunkMailClassificationListener"]),
            onMessageClassified() { ok(); } }));""",
        subject,
    )


def _move(run: Run, source: str, target: str, subject: str) -> None:
    run.script(
        """
        const a = folder(args[1]), b = folder(args[2]); await update(a);
        const h = await until("header", () => find(a, args[0]));
        await copyDone(l => MailServices.copy.copyMessages(a, [h], b, true, l, win(), false));""",
        subject,
        source,
        target,
    )


def rename_folder(run: Run) -> object:
    """Rename a folder that has one below it."""
    run.script(
        """
        const f = folder(args[0]); f.rename(args[1], win());
        await until("renamed", () => root().getChildNamed(args[1]));""",
        f"Box-{run.tag}",
        f"Ren-{run.tag}",
    )

    def renamed() -> bool:
        names = "\n".join(run.me.mailboxes())
        return names.count(f"Ren-{run.tag}") == 2 and f"Box-{run.tag}" not in names

    return eventually("renamed", renamed)


def compact(run: Run) -> object:
    """Expunge what is deleted."""
    run.script("""const f = folder("INBOX"); await urlDone(l => f.compact(l, win()));""")
    assert not run.me.search("INBOX", "DELETED")
    return True


def taken_along(run: Run) -> object:
    """Read an mbox of an export among the Local Folders, as somebody does who has left."""
    place = run.script("""
        try { MailServices.accounts.localFoldersServer; }
        catch (e) { MailServices.accounts.createLocalMailAccount(); }
        return MailServices.accounts.localFoldersServer.rootFolder.filePath.path;""")
    with tempfile.TemporaryDirectory() as target:
        exported(Path(target) / "export", "mbox")
        shutil.copy(Path(target) / "export" / "INBOX.mbox", Path(str(place)) / "Taken")
    found = run.script(
        """
        const local = MailServices.accounts.localFoldersServer.rootFolder;
        const taken = local.addSubfolder("Taken");
        taken.updateFolder(win());
        const all = await until("the export is read", () => {
          let list = [];
          try { list = heads(taken); } catch (e) { return null; }
          return list.length == args[0] ? list : null;
        });
        return all.map(h => [h.mime2DecodedSubject, h.isRead, h.isFlagged]);""",
        len(LETTERS),
    )
    flags = [(False, False), (True, False), (True, True), (True, True)]
    wanted = [[f"letter {n}", *each] for n, each in enumerate(flags, start=1)]
    assert found == wanted, (found, wanted)
    return len(wanted)
