// Short names for what the steps do inside Thunderbird; every look-up is guarded, because handing
// an undefined header to a C++ method ends the whole process.
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const sleep = ms => new Promise(r => {
  const t = Cc["@mozilla.org/timer;1"].createInstance(Ci.nsITimer);
  sleep.keep = (sleep.keep || []); sleep.keep.push(t);
  t.initWithCallback(r, ms, Ci.nsITimer.TYPE_ONE_SHOT);
});
const until = async (what, f, ms = 20000) => {
  const end = Date.now() + ms;
  for (;;) {
    let v = await f();
    if (v) return v;
    if (Date.now() > end) throw new Error("timed out waiting for " + what);
    await sleep(50);
  }
};
const main = () => Services.wm.getMostRecentWindow("mail:3pane");
const win = () => main().msgWindow;
const server = () => MailServices.accounts.allServers.find(s => s.type == "imap");
const account = () => MailServices.accounts.findAccountForServer(server());
const identity = () => account().defaultIdentity;
const root = () => server().rootFolder;
const folder = name => {
  let f = root();
  for (const part of name.split("/")) f = f.getChildNamed(part);
  if (!f) throw new Error("no folder " + name);
  return f;
};
const urlDone = start => new Promise((ok, bad) => start({
  QueryInterface: ChromeUtils.generateQI(["nsIUrlListener"]),
  OnStartRunningUrl() {},
  OnStopRunningUrl(u, rc) { Components.isSuccessCode(rc) ? ok(rc) : bad(new Error("url failed 0x" + (rc >>> 0).toString(16))); },
}));
// while IDLE brings mail by itself nobody may be told that an update has ended
const update = f => Promise.race([
  urlDone(l => f.QueryInterface(Ci.nsIMsgImapMailFolder).updateFolderWithListener(win(), l)), sleep(8000),
]);
const heads = f => [...f.messages];
const find = (f, text) => heads(f).find(h => h.mime2DecodedSubject.includes(text));
// handing an undefined header to a C++ method ends the whole process
const must = (f, text) => { const h = find(f, text); if (!h) throw new Error("no message " + text); return h; };
const copyDone = start => new Promise((ok, bad) => start({
  QueryInterface: ChromeUtils.generateQI(["nsIMsgCopyServiceListener"]),
  onStartCopy() {}, onProgress() {}, setMessageKey() {}, getMessageId() { return null; },
  onStopCopy(rc) { Components.isSuccessCode(rc) ? ok(rc) : bad(new Error("copy failed 0x" + (rc >>> 0).toString(16))); },
}));
const streamText = (f, h) => new Promise((ok, bad) => {
  const uri = f.getUriForMsg(h);
  let text = "";
  const sis = Cc["@mozilla.org/scriptableinputstream;1"].createInstance(Ci.nsIScriptableInputStream);
  MailServices.messageServiceFromURI(uri).streamMessage(uri, {
    QueryInterface: ChromeUtils.generateQI(["nsIStreamListener", "nsIRequestObserver"]),
    onStartRequest() {},
    onDataAvailable(r, s, o, n) { sis.init(s); text += sis.read(n); },
    onStopRequest(r, rc) { Components.isSuccessCode(rc) ? ok(text) : bad(new Error("stream failed 0x" + (rc >>> 0).toString(16))); },
  }, win(), null, false, "", false);
});
const composeWindow = async open => {
  const before = new Set([...Services.wm.getEnumerator("msgcompose")]);
  open();
  const w = await until("compose window", () => [...Services.wm.getEnumerator("msgcompose")].find(x => !before.has(x)));
  await until("compose ready", () => w.composeEditorReady ?? w.document.readyState == "complete");
  await until("compose idle", () => w.gMsgCompose && !w.gWindowLocked && w.gMsgCompose.editor);
  return w;
};
