// A grid for keying many rows: Enter goes down, the last row makes another, the total runs along.
"use strict";

const grid = document.querySelector("[data-grid]");
if (grid) {
  const rows = grid.querySelector("[data-grid-rows]");
  const count = grid.querySelector('[name="items-TOTAL_FORMS"]');
  const most = Number(grid.querySelector('[name="items-MAX_NUM_FORMS"]').value);
  const total = grid.querySelector("[data-grid-total]");
  const more = grid.querySelector("[data-grid-more]");
  const whole = grid.querySelector('[name="amount"]');

  // Whole cents, and never a fraction: what cannot be read counts for nothing here; the server says what is wrong.
  const cents = (text) => {
    const found = /^\$?(\d{1,12})(?:\.(\d{2}))?$/.exec(text.replace(/[,\s]/g, ""));
    return found ? BigInt(found[1]) * 100n + BigInt(found[2] || "0") : 0n;
  };
  const shown = (minor) => {
    const size = minor < 0n ? -minor : minor;
    const digits = (size / 100n).toString().replace(/\B(?=(\d{3})+$)/g, ",");
    return `${minor < 0n ? "−" : ""}${digits}.${(size % 100n).toString().padStart(2, "0")}`;
  };
  const cells = (column) => [...rows.querySelectorAll(`[data-column="${column}"]`)];

  const tally = () => {
    const keyed = cells("amount").map((cell) => cents(cell.value)).filter((minor) => minor);
    const sum = keyed.reduce((left, right) => left + right, 0n);
    const asked = cents(whole.value);
    const left = asked - sum;
    total.hidden = false;
    total.dataset.tie = asked && !left ? "yes" : left < 0n ? "no" : "";
    const rest = !asked ? "" : !left ? ", it ties" : left > 0n ? `, ${shown(left)} to go` : `, ${shown(-left)} too much`;
    total.textContent = `${keyed.length} keyed: ${shown(sum)}${rest}`;
  };

  const add = () => {
    const number = Number(count.value);
    if (number >= most) return null;
    const row = grid.querySelector("[data-grid-row]").content.firstElementChild.cloneNode(true);
    row.querySelectorAll("input").forEach((input) => {
      input.name = input.name.replace("__prefix__", number);
      input.id = input.id.replace("__prefix__", number);
    });
    row.querySelector("th").textContent = number + 1;
    rows.append(row);
    count.value = number + 1;
    return row;
  };

  grid.addEventListener("input", tally);
  more.hidden = false;
  more.addEventListener("click", () => add()?.querySelector("input").focus());
  rows.addEventListener("keydown", (event) => {
    const column = event.target.dataset.column;
    const step = { Enter: 1, ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!column || !step || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const here = cells(column).indexOf(event.target) + step;
    if (here >= cells(column).length && event.key === "Enter") add();
    cells(column)[here]?.focus();
  });
  tally();
}
