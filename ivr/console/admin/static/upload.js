// Uploads: a file that is too large is refused before it is sent; a page of an import that runs reads itself again.
"use strict";
(() => {
  for (const form of document.querySelectorAll("form[data-largest]")) {
    const input = form.querySelector("input[type=file]");
    input?.addEventListener("change", () => {
      const large = input.files[0] && input.files[0].size > Number(form.dataset.largest);
      input.setCustomValidity(large ? form.dataset.tooLarge : "");
      input.reportValidity();
    });
    const drop = form.querySelector(".drop");
    for (const [kind, over] of [["dragenter", true], ["dragover", true], ["dragleave", false], ["drop", false]]) {
      drop?.addEventListener(kind, (event) => {
        event.preventDefault();
        drop.classList.toggle("over", over);
        if (kind === "drop" && event.dataTransfer.files.length) {
          input.files = event.dataTransfer.files;
          input.dispatchEvent(new Event("change"));
        }
      });
    }
  }
  const waiting = document.querySelector("[data-reload]");
  if (waiting) {
    document.body.addEventListener("live:nudge", ({ detail }) => {
      if (detail.topic === waiting.dataset.reload && detail.id === waiting.dataset.id) location.reload();
    });
    setTimeout(() => location.reload(), 5000);
  }
})();
