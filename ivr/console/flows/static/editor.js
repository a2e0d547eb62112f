// The flow editor: line numbers, findings that lead to their line, a draft that survives a closed browser.
"use strict";
(() => {
  const key = (file) => `flow-draft:${file}`;
  const form = document.getElementById("editor");
  if (form) {
    const text = form.elements.source;
    const numbers = form.querySelector(".numbers");
    const published = text.defaultValue;
    const number = () => {
      const lines = text.value.split("\n").length;
      numbers.textContent = Array.from({ length: lines }, (_, line) => line + 1).join("\n");
    };
    text.addEventListener("scroll", () => { numbers.scrollTop = text.scrollTop; });
    text.addEventListener("input", () => {
      number();
      localStorage.setItem(key(form.dataset.file), JSON.stringify({ text: text.value, after: form.elements.after.value }));
    });
    text.addEventListener("keydown", (event) => {
      if (event.key === "s" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); form.querySelector("[hx-post]").click(); }
    });
    number();
    const notice = document.getElementById("draft");
    let draft = null;
    try { draft = JSON.parse(localStorage.getItem(key(form.dataset.file))); } catch { /* none that can be read */ }
    if (draft && draft.text !== published) notice.hidden = false;
    document.getElementById("draft-take").addEventListener("click", () => { text.value = draft.text; notice.hidden = true; number(); text.focus(); });
    document.getElementById("draft-drop").addEventListener("click", () => { localStorage.removeItem(key(form.dataset.file)); notice.hidden = true; });
    document.getElementById("findings").addEventListener("click", (event) => {
      const line = Number(event.target.dataset?.line);
      if (!line) return;
      const lines = text.value.split("\n");
      const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
      text.focus();
      text.setSelectionRange(start, start + lines[line - 1].length);
      text.scrollTop = Math.max(0, (line - 4) * 19.5);
    });
  }
  document.querySelector("[data-back]")?.addEventListener("click", () => history.back());
  const publishing = document.getElementById("publish");
  publishing?.addEventListener("submit", () => sessionStorage.setItem("flow-published", publishing.dataset.file));
  if (document.body.classList.contains("flows-version")) {  // it is published: the draft has done its work
    const file = sessionStorage.getItem("flow-published");
    if (file) { localStorage.removeItem(key(file)); localStorage.removeItem(key("new")); sessionStorage.removeItem("flow-published"); }
  }
})();
