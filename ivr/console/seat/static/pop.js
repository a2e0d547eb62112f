// What happens when a call comes to the seat: it is on the screen first, then it is told, and then, at least 300 ms
// later, a telephone in the page rings.

const LEAD = 320; // ms between the painted call and the ring

export class Pop {
  constructor({ root, phone, announce, shown }) {
    this.root = root;
    this.phone = phone;
    this.announce = announce;
    this.shown = shown; // the worker lets a desk telephone ring a moment after it hears this
    this.call = "";
    this.timer = 0;
    this.seen = false;
    this.flashing = 0;
    this.title = document.title;
    this.note = null;
  }

  // A call rings, and has just been put into the page.
  async show(call, say, { audible, inform }) {
    if (call === this.call) return this.ringSoon(call, audible); // the telephone may have come after the call
    this.end();
    this.call = call;
    this.announce(say);
    this.flash(say);
    if (inform) this.notify(say);
    await painted();
    if (this.call !== call) return;
    this.root.dataset.popAt = String(performance.timeOrigin + performance.now());
    this.root.dataset.popCall = call;
    focusCall();
    this.seen = true;
    this.shown(call);
    this.ringSoon(call, audible);
  }

  ringSoon(call, audible) {
    if (this.timer || !this.seen || !audible || !this.phone()) return;
    this.timer = setTimeout(() => this.ring(call), LEAD);
  }

  ring(call) {
    if (this.call !== call) return;
    this.root.dataset.ringAt = String(performance.timeOrigin + performance.now());
    this.phone()?.ring();
  }

  // It rings no more, whatever came of it.
  end() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.seen = false;
    clearInterval(this.flashing);
    document.title = this.title;
    this.phone()?.stopRinging();
    this.note?.close();
    this.note = null;
    this.call = "";
  }

  flash(say) {
    let on = true;
    document.title = `☎ ${say}`;
    this.flashing = setInterval(() => {
      on = !on;
      document.title = on ? `☎ ${say}` : this.title;
    }, 1000);
  }

  // Only that a call comes: who calls is nothing for a screen that others may see.
  notify() {
    if (!document.hidden || typeof Notification === "undefined" || Notification.permission !== "granted") return;
    this.note = new Notification(this.root.dataset.popTitle || this.title, { tag: "seat", requireInteraction: true });
    this.note.onclick = () => focus();
  }
}

// Two frames on: what was put into the page can be seen. A hidden page paints nothing, and does not wait for it.
function painted() {
  if (document.hidden) return Promise.resolve();
  return Promise.race([
    new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
    new Promise((done) => setTimeout(done, 250)),
  ]);
}

// The keyboard goes to the call, unless somebody is typing or chooses something.
function focusCall() {
  const now = document.activeElement;
  if (now?.matches("input, textarea, select") || document.querySelector("dialog[open]")) return;
  (document.querySelector('#seat-call [data-do="answer"]') ?? document.getElementById("call-who"))?.focus();
}
