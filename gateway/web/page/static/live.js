// Shows changes without a reload.  The page is whole without it.
"use strict";
const PERIOD = 3000;
async function renew() {
  const shown = document.querySelector("[data-live]");
  if (document.hidden || shown.contains(document.activeElement)) return;
  const source = shown.dataset.live || location.href;
  const answer = await fetch(source, { credentials: "same-origin" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const found = fresh.querySelector("[data-live]");
  if (found && found.innerHTML !== shown.innerHTML) shown.replaceWith(document.adoptNode(found));
}
setInterval(() => renew().catch(() => {}), PERIOD);
