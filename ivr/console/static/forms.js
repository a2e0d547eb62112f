// Forms in a part that reads itself again (data-live): what somebody has begun to write stays, and they are told that
// the thing has changed meanwhile. A part has data-changed="…" with what to tell, and its forms a hidden "version".
"use strict";
(() => {
  const partOf = (element) => element?.closest?.("[data-live][data-changed]");
  const versionIn = (root) => root.querySelector("input[name=version]")?.value;

  // Written in: the part is held until its form was sent, which puts a new one in its place.
  document.addEventListener("input", ({ target }) => partOf(target)?.setAttribute("data-hold", "written"));

  // A choice that is open, or a field with the cursor in it, is not taken away either, but held no longer than that.
  document.addEventListener("focusin", ({ target }) => {
    const part = target.matches?.("input, select, textarea") ? partOf(target) : null;
    if (part && !part.dataset.hold) part.dataset.hold = "here";
  });
  document.addEventListener("focusout", ({ target, relatedTarget }) => {
    const part = partOf(target);
    if (part?.dataset.hold !== "here" || part.contains(relatedTarget)) return;
    delete part.dataset.hold;
    part.dispatchEvent(new CustomEvent("live:again", { bubbles: true }));
  });

  document.addEventListener("live:held", async ({ target: part }) => {
    if (!part.dataset.changed || part.dataset.hold !== "written" || part.querySelector("[data-told]")) return;
    const reply = await fetch(part.dataset.url, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
    if (!reply.ok || !part.isConnected) return;
    const now = new DOMParser().parseFromString(await reply.text(), "text/html");
    if (versionIn(now) === undefined || versionIn(now) === versionIn(part)) return;
    const told = document.createElement("p");
    told.className = "notice warn";
    told.setAttribute("role", "status");
    told.dataset.told = "";
    told.textContent = part.dataset.changed;
    part.prepend(told);
  });
})();
