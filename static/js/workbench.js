// The workbench of matching: sums run along with the ticks, and only what ties can be matched.
"use strict";

const bench = document.querySelector("[data-bench]");
if (bench && bench.querySelector('[value="match"]')) {
  const boxes = (side) => [...bench.querySelectorAll(`input[name="${side}"]`)];
  const sum = (side) =>
    boxes(side).filter((box) => box.checked).reduce((total, box) => total + BigInt(box.dataset.minor), 0n);
  const places = BigInt(bench.dataset.places);
  const unit = 10n ** places;
  const shown = (minor) => {
    const size = minor < 0n ? -minor : minor;
    const whole = (size / unit).toString().replace(/\B(?=(\d{3})+$)/g, ",");
    const part = places ? `.${(size % unit).toString().padStart(Number(places), "0")}` : "";
    return `${minor < 0n ? "−" : ""}${whole}${part}`;
  };
  const put = (name, minor, count) => {
    const cell = bench.querySelector(`[data-sum="${name}"]`);
    cell.textContent = shown(minor);
    if (count !== undefined) bench.querySelector(`[data-count="${name}"]`).textContent = count;
    return cell;
  };

  const tally = () => {
    const bank = sum("bank_lines");
    const books = sum("book_lines");
    const ticked = { bank: 0, books: 0 };
    ticked.bank = boxes("bank_lines").filter((box) => box.checked).length;
    ticked.books = boxes("book_lines").filter((box) => box.checked).length;
    put("bank", bank, ticked.bank);
    put("books", books, ticked.books);
    const rest = put("rest", bank - books);
    const ties = bank === books && ticked.bank > 0 && ticked.books > 0;
    rest.dataset.tie = ties ? "yes" : ticked.bank && ticked.books ? "no" : "";
    bench.querySelector('[value="match"]').disabled = !ties;
    bench.querySelector('[value="aside"]').disabled = !ticked.bank || ticked.books > 0;
    // What is still missing is pointed at on the other side.
    for (const [side, want] of [["book_lines", bank - books], ["bank_lines", books - bank]]) {
      for (const box of boxes(side)) {
        const like = !ties && !box.checked && want !== 0n && BigInt(box.dataset.minor) === want;
        box.closest("tr").toggleAttribute("data-like", like);
      }
    }
  };

  bench.querySelector('[value="add"]').remove();
  bench.addEventListener("change", tally);
  bench.addEventListener("click", (event) => {
    const row = event.target.closest("tbody tr");
    const box = row?.querySelector('input[type="checkbox"]');
    if (!box || event.target.closest("a, button, input, label, summary")) return;
    box.checked = !box.checked;
    tally();
  });
  tally();
}
