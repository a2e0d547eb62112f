// The dial page: keypad, meters, timer and words around a `Phone`.

import { Phone } from "./phone.js";

const page = document.querySelector("#phone");
const texts = JSON.parse(page.dataset.texts);
const find = (name) => page.querySelector(`[data-part="${name}"]`);
const parts = Object.fromEntries(
  ["state", "timer", "problem", "typed", "call", "hang-up", "mute", "listen", "device", "microphone", "speaker", "delay"]
    .map((name) => [name, find(name)]),
);
const phone = new Phone({ url: page.dataset.url, onState, onLevel });
page.phone = phone;
let ticking = 0;

function onState({ state, code }) {
  page.dataset.state = state;
  const failed = state === "error";
  parts.state.textContent = texts[`state_${state}`];
  parts.problem.hidden = !failed && code !== "far_end";
  parts.problem.textContent = texts[`code_${code}`] || "";
  parts.problem.classList.toggle("bad", failed);
  parts.call.hidden = phone.busy;
  parts["hang-up"].hidden = !phone.busy;
  parts.listen.hidden = !["microphone_refused", "no_microphone", "microphone_busy"].includes(code);
  parts.mute.disabled = state !== "up";
  for (const key of page.querySelectorAll("[data-key]")) key.disabled = state !== "up";
  if (state === "connecting") parts.typed.textContent = "";
  if (state === "up") begin();
  if (!phone.busy) finish();
}

function begin() {
  tick();
  ticking = setInterval(tick, 1000);
  listDevices();
}

function finish() {
  clearInterval(ticking);
  setMuted(false);
  onLevel({ microphone: 0, speaker: 0, waiting: 0 });
}

function tick() {
  const seconds = Math.floor((Date.now() - phone.since) / 1000);
  parts.timer.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

// A level as ears take it: -50 dB to 0 dB over the whole meter.
function onLevel({ microphone, speaker, waiting }) {
  for (const [name, level] of [["microphone", microphone], ["speaker", speaker]])
    parts[name].value = level > 0 ? Math.max(0, Math.min(1, 1 + (20 * Math.log10(level * 1.4)) / 50)) : 0;
  parts.delay.textContent = phone.state === "up" ? texts.delay.replace("{ms}", Math.round(waiting * 1000)) : "";
}

function press(key) {
  if (phone.state !== "up") return;
  phone.key(key);
  // Only how many: what was typed may be a PIN, and somebody may look over the shoulder.
  parts.typed.textContent = (parts.typed.textContent + "•").slice(-24);
  const button = page.querySelector(`[data-key="${key}"]`);
  button.classList.add("pressed");
  setTimeout(() => button.classList.remove("pressed"), 150);
}

function setMuted(on) {
  phone.mute(on);
  parts.mute.setAttribute("aria-pressed", String(on));
  parts.mute.textContent = on ? texts.unmute : texts.mute;
}

async function listDevices() {
  const found = phone.microphone ? await phone.microphones() : [];
  parts.device.parentElement.hidden = found.length < 2;
  const current = phone.microphone?.stream.getAudioTracks()[0]?.getSettings().deviceId;
  parts.device.replaceChildren(
    ...found.map((one) => new Option(one.label || texts.device, one.deviceId, false, one.deviceId === current)),
  );
}

parts.call.addEventListener("click", () => phone.dial());
parts.listen.addEventListener("click", () => phone.dial({ microphone: false }));
parts["hang-up"].addEventListener("click", () => phone.hangUp());
parts.mute.addEventListener("click", () => setMuted(!phone.muted));
parts.device.addEventListener("change", () => phone.useMicrophone(parts.device.value).catch(listDevices));
page.addEventListener("click", (event) => {
  const key = event.target.closest("[data-key]");
  if (key) press(key.dataset.key);
});
addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey;
  if (!typing && !event.repeat && "0123456789*#".includes(event.key)) {
    event.preventDefault();
    press(event.key);
  }
});
onState({ state: "idle", code: "" });
if (!window.isSecureContext) onState({ state: "error", code: "insecure" });
