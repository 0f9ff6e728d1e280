// A page that follows what happens: while somebody looks it is asked for again, and only what changed is put in its
// place. The pauses grow while nothing happens. Without this file a reload shows the same.
"use strict";

const SHORTEST = 3000;
const LONGEST = 30000;
const MOST_LOOKS = 400;

const follow = (looks, pause) => {
  if (!document.querySelector("[data-live]") || looks >= MOST_LOOKS) return;
  setTimeout(async () => {
    if (document.visibilityState !== "visible") return follow(looks, pause);
    const changed = await look();
    follow(looks + 1, changed ? SHORTEST : Math.min(pause * 1.5, LONGEST));
  }, pause);
};

const look = async () => {
  try {
    const answer = await fetch(location.href, { headers: { "X-Live": "1" }, redirect: "error" });
    if (!answer.ok) return false;
    const news = new DOMParser().parseFromString(await answer.text(), "text/html");
    const parts = [...document.querySelectorAll("[data-live-part]")];
    return parts.map((part) => replace(part, news)).includes(true);
  } catch {
    return false; // the network is away; the next look asks again
  }
};

const replace = (part, news) => {
  const now = news.querySelector(`[data-live-part="${CSS.escape(part.dataset.livePart)}"]`);
  if (!now || part.isEqualNode(now)) return false;
  const open = [...part.querySelectorAll("details")].map((fold) => fold.open);
  const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  part.replaceWith(now);
  if (open.length) now.querySelectorAll("details").forEach((fold, place) => { fold.open = open[place] ?? fold.open; });
  if (focused) now.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
  return true;
};

follow(0, SHORTEST);
