// Notes of a call. Every letter is kept in this tab until it is saved, so that neither a reload nor a lost network costs
// anything; when the time is over, or the page is closed, what has a result is saved by itself.

import { api, NetworkLost, part } from "./http.js";

const key = (call) => `seat:note:${call}`;

export class Notes {
  constructor({ texts, onSaved, onRefused }) {
    this.card = document.getElementById("seat-notes");
    this.texts = texts;
    this.onSaved = onSaved;
    this.onRefused = onRefused;
    this.call = "";
    this.dirty = false;
    this.card.addEventListener("input", () => this.keep());
    this.card.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save({ finish: true });
    });
    addEventListener("pagehide", () => this.closing());
  }

  get form() {
    return this.card.querySelector("form");
  }

  // Show the notes of a call; "" puts them away, unless something in them is not saved.
  async show(call, { asked = false } = {}) {
    if (call === this.call) return;
    if (this.dirty && !asked) {
      await this.save({});
      if (this.dirty) return; // stays, so that nothing is lost
    }
    if (!call) {
      this.put("", "");
      return;
    }
    try {
      this.put(call, await part(`/seat/notes/${encodeURIComponent(call)}`));
    } catch (error) {
      if (asked) this.onRefused(error);
    }
  }

  put(call, html) {
    this.call = call;
    this.card.innerHTML = html;
    this.card.hidden = !call;
    this.dirty = false;
    const draft = call && JSON.parse(sessionStorage.getItem(key(call)) ?? "null");
    if (!draft || !this.form) return;
    this.form.elements.disposition.value = draft.disposition;
    this.form.elements.note.value = draft.note;
    this.dirty = true;
    this.tell(this.texts.kept);
  }

  values() {
    return { disposition: this.form.elements.disposition.value, note: this.form.elements.note.value };
  }

  keep() {
    if (!this.form) return;
    this.dirty = true;
    sessionStorage.setItem(key(this.call), JSON.stringify(this.values()));
    this.tell(this.texts.kept);
  }

  // Save; `finish` also ends the wrap-up. Without a result there is nothing to save yet.
  async save({ finish = false }) {
    if (!this.form) return;
    const [call, values] = [this.call, this.values()];
    if (!values.disposition) {
      if (finish) {
        this.tell(this.texts.choose);
        this.form.elements.disposition.focus();
      }
      return;
    }
    try {
      await api("PUT", `/wrap-ups/${encodeURIComponent(call)}`, { ...values, finish });
    } catch (error) {
      this.tell(error instanceof NetworkLost ? this.texts.unsent : error.message);
      return;
    }
    sessionStorage.removeItem(key(call));
    if (call === this.call) {
      this.dirty = JSON.stringify(this.values()) !== JSON.stringify(values);
      this.tell(this.texts.saved);
    }
    this.onSaved(call, finish);
  }

  closing() {
    if (!this.form || !this.dirty || !this.values().disposition) return;
    api("PUT", `/wrap-ups/${encodeURIComponent(this.call)}`, this.values(), { keepalive: true, signal: undefined }).catch(() => {});
  }

  tell(text) {
    const line = document.getElementById("notes-kept");
    if (line) line.textContent = text;
  }

  focus() {
    this.form?.elements.note.focus();
  }

  wrapping(is) {
    for (const one of this.card.querySelectorAll("[data-wrap-only]")) one.hidden = !is;
  }
}
