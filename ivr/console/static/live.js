// Live parts of a page, the token in every request of htmx, the menu on narrow screens.
// A part with data-live="call seat" and data-url="/board/calls" is read again when such a thing has changed,
// no more often than every data-every milliseconds (500 if it does not say), and somewhere within data-spread more, so
// that many who watch the same do not all ask at once. While data-hold stands on it, or on a form in it that somebody is
// in, it is left as it is (`live:held`).
"use strict";
(() => {
  const token = () => document.querySelector('meta[name="csrf"]')?.content ?? "";

  document.addEventListener("htmx:config:request", (event) => {
    const request = event.detail.ctx?.request ?? event.detail;
    request.headers["X-CSRF-Token"] = token();
  });

  // Replies with an error status show their notice at the top instead of replacing what was there.
  document.addEventListener("htmx:response:error", (event) => {
    const reply = event.detail.ctx?.text ?? "";
    const notices = document.getElementById("notices");
    if (notices && reply.includes("notice")) notices.innerHTML = reply;
  });

  // A part may be read from the page that it stands in: then it is what has the same id there.
  function partOf(text, id) {
    if (!/^\s*<!doctype/i.test(text)) return text;
    return new DOMParser().parseFromString(text, "text/html").getElementById(id)?.innerHTML ?? "";
  }

  const waiting = new Map();
  async function read(part) {
    waiting.delete(part);
    if (!part.isConnected) return;
    if (part.matches("[data-hold]") || part.querySelector("[data-hold]:focus-within")) { part.dispatchEvent(new CustomEvent("live:held", { bubbles: true })); return; }
    try {
      const reply = await fetch(part.dataset.url, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
      if (reply.headers.get("HX-Redirect")) { location.href = reply.headers.get("HX-Redirect"); return; }
      if (!reply.ok) return;
      const text = partOf(await reply.text(), part.id);
      if (part.dataset.last !== text) {
        part.dataset.last = text;
        htmx.swap({ text, target: part, swap: "innerMorph" });
        part.dispatchEvent(new CustomEvent("live:read", { bubbles: true }));
      }
    } catch { /* the next nudge or beat tries again */ }
  }
  function due(part) {
    if (waiting.has(part)) return;
    const every = Number(part.dataset.every ?? 500);
    const since = performance.now() - Number(part.dataset.readAt ?? -1e9);
    waiting.set(part, setTimeout(() => { part.dataset.readAt = performance.now(); read(part); }, Math.max(0, every - since) + Math.random() * Number(part.dataset.spread ?? 0)));
  }
  function nudged({ topic, id }) {
    document.body.dispatchEvent(new CustomEvent("live:nudge", { detail: { topic, id } }));
    for (const part of document.querySelectorAll("[data-live]")) {
      const [topics, only] = [part.dataset.live.split(" "), part.dataset.id];
      if (topic === "*" || (topics.includes(topic) && (!only || !id || only === id))) due(part);
    }
  }
  document.addEventListener("live:again", ({ target }) => due(target));
  function lost(is) {
    const notices = document.getElementById("notices");
    let line = document.getElementById("lost");
    if (is && !line && notices) {
      line = document.createElement("p");
      line.id = "lost";
      line.className = "notice warn";
      line.textContent = document.querySelector('meta[name="text-lost"]').content;
      notices.append(line);
    } else if (!is && line) line.remove();
  }
  function listen() {
    const events = new EventSource("/events");
    let late;
    events.addEventListener("nudge", (event) => nudged(JSON.parse(event.data)));
    events.addEventListener("open", () => { clearTimeout(late); late = undefined; lost(false); });
    events.addEventListener("error", () => {
      late ??= setTimeout(() => lost(true), 2000);
      if (events.readyState === EventSource.CLOSED) { events.close(); setTimeout(listen, 3000); }
    });
    addEventListener("pagehide", () => events.close());
  }
  if (document.body.dataset.signedIn === "yes") listen();

  const button = document.querySelector(".menu-button");
  button?.addEventListener("click", () => {
    const open = button.getAttribute("aria-expanded") !== "true";
    button.setAttribute("aria-expanded", String(open));
  });

  // A form that asks before it acts: data-confirm="Really?"
  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !confirm(question)) event.preventDefault();
  });
})();
