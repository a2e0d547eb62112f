// Fields that only one choice asks for; rows added to a table of fields.
"use strict";
(() => {
  for (const form of document.querySelectorAll("form[data-shows]")) {
    const show = () => {
      const chosen = form.querySelector("input[name=state]:checked")?.value;
      for (const part of form.querySelectorAll("[data-when]")) {
        part.hidden = part.dataset.when !== chosen;
        for (const input of part.querySelectorAll("input")) input.required = !part.hidden;
      }
    };
    form.addEventListener("change", show);
    show();
  }
  for (const button of document.querySelectorAll("button[data-add]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const rows = document.getElementById(button.dataset.add);
      const last = rows.lastElementChild.cloneNode(true);
      for (const field of last.querySelectorAll("input, textarea, select")) field.value = "";
      rows.append(last);
      last.querySelector("input, textarea, select").focus();
    });
  }
})();
