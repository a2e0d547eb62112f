// The telephone in the page, for a seat whose address is `browser`: it rings, picks up, and shows levels and devices.

import { pickUp } from "./http.js";

const DEVICE = "seat:microphone";

export class Softphone {
  constructor(Phone, texts) {
    this.texts = texts;
    this.card = document.getElementById("seat-phone");
    this.state = document.getElementById("phone-state");
    this.problem = document.getElementById("phone-problem");
    this.device = document.querySelector("#phone-device select");
    this.meters = { microphone: document.getElementById("meter-you"), speaker: document.getElementById("meter-them") };
    this.phone = new Phone({ onState: (now) => this.became(now), onLevel: (levels) => this.level(levels) });
    // A page that is closed in mid-talk has not hung up: the caller is to go to the next seat.
    this.phone.leaving = () => this.phone.socket?.close(4001);
    this.card.phone = this.phone;
    this.device.addEventListener("change", () => this.choose());
    addEventListener("beforeunload", (event) => {
      if (this.phone.state === "up") event.preventDefault();
    });
  }

  get busy() {
    return this.phone.busy;
  }

  ring() {
    this.phone.ring().catch(() => {});
  }

  stopRinging() {
    if (!this.phone.busy) this.phone.stopRinging();
  }

  async answer() {
    if (this.phone.busy) return;
    this.phone.stopRinging();
    const { url, parameters } = await pickUp();
    await this.phone.answer({ url, parameters, device: localStorage.getItem(DEVICE) ?? "" });
  }

  hangUp() {
    this.phone.hangUp();
  }

  mute(on) {
    this.phone.mute(on);
  }

  key(key) {
    this.phone.key(key);
  }

  became({ state, code }) {
    const failed = state === "error";
    this.card.dataset.state = state;
    this.state.textContent = { connecting: this.texts.connecting, ringing: this.texts.connecting, up: this.texts.talking }[state] ?? this.texts.phone_ready;
    this.state.className = `badge ${state === "up" ? "good" : failed ? "bad" : ""}`;
    this.problem.hidden = !failed;
    this.problem.textContent = failed ? (this.texts[code] ?? code) : "";
    if (state === "up") this.listDevices();
    if (!this.phone.busy) this.level({ microphone: 0, speaker: 0 });
  }

  // A level as ears take it: -50 dB to 0 dB over the whole meter.
  level(levels) {
    for (const [name, meter] of Object.entries(this.meters)) {
      const level = levels[name] ?? 0;
      meter.value = level > 0 ? Math.max(0, Math.min(1, 1 + (20 * Math.log10(level * 1.4)) / 50)) : 0;
    }
  }

  async listDevices() {
    const found = await this.phone.microphones().catch(() => []);
    const current = this.phone.microphone?.stream.getAudioTracks()[0]?.getSettings().deviceId;
    this.device.parentElement.hidden = found.length < 2;
    this.device.replaceChildren(...found.map((one) => new Option(one.label, one.deviceId, false, one.deviceId === current)));
  }

  async choose() {
    localStorage.setItem(DEVICE, this.device.value);
    if (this.phone.state === "up") await this.phone.useMicrophone(this.device.value).catch(() => {});
  }
}
