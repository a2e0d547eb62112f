// Sends files one after another, each again where the network fails: what has arrived is not sent twice.
"use strict";
(() => {
  const form = document.getElementById("papers");
  const button = form?.querySelector("button");
  const progress = document.getElementById("progress");
  if (!form || !window.XMLHttpRequest) return;
  const TRIES = 4;

  const send = (file, done, total) => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const body = new FormData();
    body.append("files", file, file.name);
    request.open("POST", form.action);
    request.responseType = "document";
    request.upload.onprogress = (event) => { progress.value = (done + event.loaded / Math.max(1, event.total)) / total; };
    request.onload = () => (request.status >= 500 ? reject() : resolve(request));
    request.onerror = reject;
    request.ontimeout = reject;
    request.timeout = 180000;
    request.send(body);
  });

  const again = async (file, done, total) => {
    for (let tries = 1; ; tries += 1) {
      try { return await send(file, done, total); } catch (error) {
        if (tries >= TRIES) throw error;
        await new Promise((wake) => setTimeout(wake, 1000 * 2 ** tries));
      }
    }
  };

  form.addEventListener("submit", async (event) => {
    const files = [...document.getElementById("files").files];
    if (files.length < 1) return;
    event.preventDefault();
    button.disabled = true;
    progress.hidden = false;
    const problems = [];
    let kept = 0;
    try {
      for (const [at, file] of files.entries()) {
        const reply = await again(file, at, files.length);
        const problem = reply.response?.querySelector(".problem");
        if (problem) problems.push(problem); else kept += 1;
      }
    } catch { button.disabled = false; HTMLFormElement.prototype.submit.call(form); return; }
    if (!problems.length) { location.href = `${form.action.replace(/\/papers$/, "")}?kept=${kept}`; return; }
    document.querySelectorAll("main > .problem, main > .good").forEach((old) => old.remove());
    problems.forEach((problem) => document.querySelector("main").prepend(document.adoptNode(problem)));
    progress.hidden = true;
    button.disabled = false;
    scrollTo(0, 0);
  });
})();
