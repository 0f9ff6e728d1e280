// What every page owes to people who do not see it or do not use a mouse. Gives a list of faults.
() => {
  const faults = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const shown = (element) => element.checkVisibility({ visibilityProperty: true });
  const words = (element) =>
    (element.getAttribute("aria-label") || element.innerText || element.title || element.value ||
      [...element.querySelectorAll("img")].map((image) => image.alt).join(" ")).trim();
  const at = (element) => element.outerHTML.slice(0, 120);

  if (!document.documentElement.lang) faults.push("no language");
  if (!document.title.includes("CoverPay")) faults.push("no title");
  if (all("main").length !== 1) faults.push(`${all("main").length} main landmarks`);
  if (all("h1").filter(shown).length !== 1) faults.push(`${all("h1").length} first headings`);
  let level = 0;
  for (const heading of all("h1, h2, h3, h4").filter(shown)) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1) faults.push(`heading skips a level: ${at(heading)}`);
    if (!words(heading)) faults.push(`empty heading: ${at(heading)}`);
    level = next;
  }
  for (const field of all("input:not([type=hidden]), select, textarea")) {
    if (!field.labels?.length && !field.getAttribute("aria-label")) faults.push(`no label: ${at(field)}`);
  }
  for (const control of all("a[href], button, summary").filter(shown)) {
    if (!words(control)) faults.push(`no name: ${at(control)}`);
  }
  for (const image of all("img")) if (!image.hasAttribute("alt")) faults.push(`no alt: ${at(image)}`);
  for (const table of all("table")) if (!table.querySelector("th[scope]")) faults.push(`no header cells: ${at(table)}`);
  const landmarks = all("nav, aside").filter(shown).map((part) => part.getAttribute("aria-label"));
  if (landmarks.includes(null)) faults.push("a landmark without a name");
  const ids = all("[id]").map((element) => element.id);
  for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) faults.push(`id twice: ${id}`);
  for (const element of all("[aria-labelledby], [aria-controls], [aria-describedby]")) {
    for (const name of ["aria-labelledby", "aria-controls", "aria-describedby"]) {
      for (const id of (element.getAttribute(name) || "").split(" ").filter(Boolean)) {
        if (!document.getElementById(id)) faults.push(`${name} names nothing: ${id}`);
      }
    }
  }
  for (const element of all("[style]")) faults.push(`style of its own: ${at(element)}`);
  if (document.documentElement.scrollWidth > document.documentElement.clientWidth) faults.push("wider than the window");
  return faults;
}
