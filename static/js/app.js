// Keyboard and menu comforts. Every page works without this file.
"use strict";

const typing = (target) =>
  target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement ||
  target instanceof HTMLSelectElement || target.isContentEditable;

let going = 0;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (going && Date.now() - going < 1500) {
    going = 0;
    const link = document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
    if (link) {
      event.preventDefault();
      link.click();
    }
    return;
  }
  if (event.key === "g") {
    going = Date.now();
  } else if (event.key === "/") {
    const search = document.querySelector("[data-search]");
    if (search) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  } else if (event.key === "?") {
    document.querySelector("#keys")?.showModal();
  }
});

const side = document.querySelector(".side");
const menu = document.querySelector("[data-menu-button]");
if (side && menu) {
  menu.hidden = false;
  side.dataset.menu = "closed";
  menu.addEventListener("click", () => {
    const open = side.dataset.menu === "closed";
    side.dataset.menu = open ? "open" : "closed";
    menu.setAttribute("aria-expanded", String(open));
  });
}

// A form that moves money is sent once: the second click of a double click does nothing.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  if (form.matches("[data-once]")) {
    form.dataset.sent = "yes";
    form.setAttribute("aria-busy", "true");
  }
});
window.addEventListener("pageshow", () => {
  document.querySelectorAll("form[data-sent]").forEach((form) => {
    delete form.dataset.sent;
    form.removeAttribute("aria-busy");
  });
});

// A menu closes when one clicks elsewhere or presses Escape.
const closeMenus = (except) => {
  document.querySelectorAll("details.menu[open]").forEach((menu) => {
    if (menu === except) return;
    if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    menu.open = false;
  });
};
document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
document.addEventListener("keydown", (event) => event.key === "Escape" && closeMenus(null));

// Filters apply as soon as a choice is made.
document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-apply]")) event.target.form.requestSubmit();
});
// A page that waits for someone else looks again, as long as somebody is looking at it; the pauses grow.
const waiting = document.querySelector("[data-refresh]");
if (waiting) {
  const looks = Number(sessionStorage.getItem(location.pathname) || 0);
  const lookAgain = () => {
    if (document.visibilityState !== "visible") return setTimeout(lookAgain, 1000);
    sessionStorage.setItem(location.pathname, String(looks + 1));
    location.reload();
  };
  setTimeout(lookAgain, Number(waiting.dataset.refresh) * 1000 * Math.min(looks + 1, 10));
}
