// Lists by keyboard: j and k (or the arrows) go from row to row, Enter opens, u goes back, n to the next one.
"use strict";
(() => {
  const writing = (element) => element?.matches?.("input, textarea, select, [contenteditable]");
  function step(by) {
    const rows = [...document.querySelectorAll("[data-row]")];
    if (!rows.length) return;
    const here = rows.indexOf(document.activeElement);
    const next = rows[here < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, here + by))];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || writing(event.target)) return;
    const by = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    const link = document.querySelector({ u: "[data-back]", n: "[data-next]" }[event.key] ?? "nothing");
    if (by && document.querySelector("[data-row]")) { event.preventDefault(); step(by); } else link?.click();
  });
})();
