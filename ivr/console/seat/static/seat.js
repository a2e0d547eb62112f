// The seat's page: keeps the seat's lease, reads itself again when something changes, and does what is clicked.

import { api, leave, NetworkLost, part, Refusal } from "./http.js";
import { Hint } from "./hint.js";
import { Notes } from "./notes.js";
import { Pop } from "./pop.js";
import { Softphone } from "./softphone.js";

const root = document.getElementById("seat");
const texts = JSON.parse(root.dataset.texts);
const byId = (id) => document.getElementById(id);
const seat = root.dataset.seat;
const tab = Array.from(crypto.getRandomValues(new Uint8Array(12)), (one) => one.toString(16).padStart(2, "0")).join("");
const WAS = `seat:was:${seat}`; // what the person last wanted to be, so that a lost connection can be made good
const BEAT = 3000;

let works = true; // whether this tab is the one that works for the seat
let lost = false;
let skew = 0; // ms that the server's clock is ahead of ours
let softphone = null;
let facts = byId("seat-facts").dataset;
let goodTimer = 0;

const notes = new Notes({ texts, onSaved: saved, onRefused: refused });
const shown = () => api("POST", "/commands/shown", {}).catch(() => {}); // it may be answered or over already
const pop = new Pop({ root, phone: () => softphone, announce, shown });
const hint = new Hint({ attempt, open });
root.dataset.popTitle = texts.pop;

if (root.dataset.phone === "yes") {
  import("/static/phone/phone.js").then(({ Phone }) => {
    softphone = new Softphone(Phone, texts);
    if (facts.state === "ringing") changed();
  });
}

// Reading again

let reading = null;
let again = false;
function refresh() {
  again = true;
  reading ??= (async () => {
    while (again) {
      again = false;
      try {
        await swap(byId("seat-now"), await part("/seat/now"));
        byId("seat-wrong").hidden ||= byId("seat-wrong").dataset.for !== facts.call;
        changed();
      } catch (error) {
        if (error instanceof Refusal && error.status === 401) expired();
      }
    }
    reading = null;
  })();
  return reading;
}

async function swap(target, html) {
  await htmx.swap({ text: html, target, swap: "innerMorph" });
}

let besideTimer = 0;
function refreshBeside() {
  besideTimer ||= setTimeout(async () => {
    besideTimer = 0;
    await part("/seat/beside").then((html) => swap(byId("seat-beside"), html)).catch(() => {});
    tick();
  }, 700);
}

let before = { state: "", call: "", noting: "" };
function changed() {
  facts = byId("seat-facts").dataset;
  skew = Date.parse(facts.now) - Date.now();
  const ringing = facts.state === "ringing";
  if (ringing) {
    if (before.call !== facts.call) for (const wait of [700, 1500]) setTimeout(refresh, wait); // the timeline lags a little
    pop.show(facts.call, facts.say, { audible: works, inform: works });
  } else {
    pop.end();
    if (before.state && before.state !== facts.state) announce(facts.say);
  }
  if (softphone && !["ringing", "talking"].includes(facts.state) && softphone.busy) softphone.hangUp();
  if (softphone && facts.state === "talking") softphone.mute(facts.muted === "yes");
  if (before.state !== facts.state || before.call !== facts.call || before.noting !== facts.noting) {
    notes.show(facts.noting);
    refreshBeside();
  }
  notes.wrapping(facts.state === "wrap_up");
  hint.changed(facts.call || facts.noting);
  remember();
  before = { state: facts.state, call: facts.call, noting: facts.noting };
  tick();
}

document.body.addEventListener("live:nudge", ({ detail: { topic, id } }) => {
  if (topic === "*" || (topic === "seat" && id === seat) || (topic === "call" && id && id === facts.call)) refresh();
  if (["*", "seat", "queue"].includes(topic)) refreshBeside();
});

// The heartbeat

async function beat(take = false) {
  try {
    const answer = await api("POST", "/beat", { tab, take });
    const was = lost;
    setLost(false);
    setWorks(answer.works);
    if (was) await back(answer.seat);
    else if (String(answer.seat.version) !== facts.version) refresh();
  } catch (error) {
    if (error instanceof NetworkLost || error.status >= 500) setLost(true);
    else if (error.status === 401) expired();
  }
}

function setLost(is) {
  lost = is;
  byId("seat-lost").hidden = !is;
}

function setWorks(is) {
  if (works && !is) softphone?.stopRinging();
  works = is;
  if (works && facts.state === "ringing") pop.show(facts.call, facts.say, { audible: works, inform: works });
  byId("seat-other").hidden = is;
  root.classList.toggle("only-shows", !is);
}

// The connection is back. Whoever was signed out meanwhile, because nobody heard of them, is signed in as they were.
async function back(now) {
  const was = JSON.parse(sessionStorage.getItem(WAS) ?? "null");
  if (works && now.state === "offline" && now.reason === "console lost" && was) {
    await be(was.state, was.reason, was.forward);
    good(texts.back_signed_in);
  } else good(texts.back);
  await refresh();
  refreshBeside();
}

function remember() {
  const wish = { ready: ["ready"], paused: ["paused", facts.reason], do_not_disturb: ["do_not_disturb"], away: ["away", "", facts.forward] }[facts.state];
  if (wish && !["no answer", "unreachable"].includes(facts.reason)) sessionStorage.setItem(WAS, JSON.stringify({ state: wish[0], reason: wish[1] ?? "", forward: wish[2] ?? "" }));
  else if (facts.state === "offline" && facts.reason !== "console lost") sessionStorage.removeItem(WAS);
}

function expired() {
  wrong(texts.expired);
  setLost(false);
}

// What is clicked

async function attempt(work) {
  try {
    byId("seat-wrong").hidden = true;
    const answer = await work();
    await refresh();
    return answer;
  } catch (error) {
    refused(error);
    refresh();
    return null;
  }
}

function refused(error) {
  if (error instanceof NetworkLost) setLost(true);
  else if (error.status === 401) expired();
  else wrong(error.message);
}

const be = (state, reason = "", forward = "") =>
  attempt(() => api("POST", "/state", { state, reason: reason ?? "", forward_to: forward ?? "" }));

const command = (name, body = {}) => attempt(() => api("POST", `/commands/${name}`, body));

const doings = {
  take: async () => { await beat(true); await refresh(); },
  answer: () => attempt(() => softphone?.answer()),
  decline: () => { pop.end(); return command("decline"); },
  retrieve: () => command("retrieve", { why: "identity" }),
  longer: () => attempt(() => api("POST", "/longer", { seconds: 60 })),
  hang_up: async () => { if ((await command("hang_up")) === null && softphone?.busy) softphone.hangUp(); },
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const { dataset } = button;
  if (dataset.do) (doings[dataset.do] ?? (() => command(dataset.do)))();
  else if (dataset.be) be(dataset.be);
  else if (dataset.open) open(dataset.open);
  else if (dataset.notes) notes.show(dataset.notes, { asked: true }).then(() => { byId("seat-notes").scrollIntoView({ block: "nearest" }); notes.focus(); });
  else if (dataset.call) callOut({ number: dataset.call, about: dataset.about });
  else if (dataset.customer) callOut({ customer: dataset.customer, about: `customer:${dataset.customer}` });
  else if (dataset.ask !== undefined) { close("transfer"); command("consult", { to: dataset.ask }); }
  else if (dataset.send) { close("transfer"); command("transfer", { [dataset.send]: dataset.to }); }
  else if (dataset.key) typed(dataset.key);
  else if (dataset.close !== undefined) button.closest("dialog").close();
});

async function callOut(whom) {
  close("call");
  if (await attempt(() => api("POST", "/call", whom))) good(texts.rings);
}

function saved(call, finish) {
  refreshBeside();
  if (finish && call !== facts.noting) notes.show(facts.noting, { asked: true });
  if (finish) refresh();
}

// Dialogs

async function open(name) {
  const dialog = byId(`dialog-${name}`);
  if (dialog.open) return;
  if (name === "transfer") {
    const html = await part("/seat/targets").catch(() => null);
    if (html === null) return;
    byId("transfer-list").innerHTML = html;
    byId("transfer-find").value = "";
  }
  if (name === "keypad") byId("keypad-typed").textContent = "";
  dialog.showModal();
}

const close = (name) => byId(`dialog-${name}`).close();

byId("dialog-pause").addEventListener("close", ({ target }) => {
  const own = target.querySelector("input").value.trim();
  const reason = target.returnValue === "own" ? own : target.returnValue;
  target.returnValue = "";
  if (reason) be("paused", reason);
});

byId("dialog-away").addEventListener("close", ({ target }) => {
  if (target.returnValue === "go") be("away", "", target.querySelector("input").value);
  target.returnValue = "";
});

byId("transfer-find").addEventListener("input", ({ target }) => {
  const text = target.value.trim().toLowerCase();
  const number = /^(\+?[\d\s()*#-]{3,20}|sips?:\S+)$/.test(text);
  const row = byId("transfer-number");
  row.hidden = !number;
  row.querySelector("span").textContent = text;
  for (const button of row.querySelectorAll("button")) button.dataset[button.dataset.send ? "to" : "ask"] = text;
  for (const one of byId("transfer-list").querySelectorAll("[data-find]")) one.hidden = !number && !one.dataset.find.toLowerCase().includes(text);
});

byId("call-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const q = event.target.elements.q.value.trim();
  const found = await api("GET", `/customers?q=${encodeURIComponent(q)}`).catch((error) => { refused(error); return []; });
  const rows = found.map((one) => row(`${one.name} · ${one.number}`, { customer: one.customer }));
  if (/^\+?[\d\s()-]{3,20}$/.test(q) && !found.length) rows.push(row(q, { call: q }));
  byId("call-found").replaceChildren(...(rows.length ? rows : [document.createTextNode(texts.nothing)]));
});

function row(text, data) {
  const line = document.createElement("div");
  const words = document.createElement("span");
  const button = document.createElement("button");
  line.className = "pick-row";
  words.className = "grow";
  words.textContent = text;
  button.type = "button";
  button.textContent = texts.call;
  Object.assign(button.dataset, data);
  line.append(words, button);
  return line;
}

function typed(key) {
  softphone?.key(key);
  byId("keypad-typed").textContent += "•";
}

// Keys

const keys = {
  F2: () => (facts.state === "ringing" ? press("answer") : be("ready")),
  F4: () => press(facts.state === "ringing" ? "decline" : "hang_up") || press("leave"),
  F8: () => press("hold") || press("unhold"),
  F9: () => press("mute") || press("unmute"),
  "Alt+t": () => pressOpen("transfer"),
  "Alt+w": () => press("swap"),
  "Alt+h": () => press("complete"),
  "Alt+j": () => press("conference"),
  "Alt+b": () => press("cancel_consult"),
  "Alt+v": () => press("retrieve"),
  "Alt+r": () => press("pause_recording") || press("resume_recording"),
  "Alt+k": () => pressOpen("keypad"),
  "Alt+n": () => notes.focus(),
  "Alt+s": () => notes.save({ finish: true }),
  "Alt+p": () => open("pause"),
  "Alt+x": () => be("do_not_disturb"),
  "Alt+c": () => open("call"),
};

function press(name) {
  const button = document.querySelector(`#seat-call [data-do="${name}"]:not(:disabled)`);
  button?.click();
  return Boolean(button);
}

function pressOpen(name) {
  document.querySelector(`#seat-call [data-open="${name}"]:not(:disabled)`)?.click();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.repeat) return;
  const typing = event.target.matches("input, textarea, select");
  if (event.key === "?" && !typing) { open("keys"); return; }
  const keypad = byId("dialog-keypad");
  if (keypad?.open && !typing && /^[0-9*#]$/.test(event.key)) { typed(event.key); return; }
  const name = event.altKey ? `Alt+${event.code.startsWith("Key") ? event.code.slice(3).toLowerCase() : event.key}` : event.key;
  if (!Object.hasOwn(keys, name)) return;
  event.preventDefault();
  keys[name]();
});

// What is told

function announce(text) {
  byId("seat-announce").textContent = "";
  setTimeout(() => { byId("seat-announce").textContent = text; }, 30);
}

function wrong(text) {
  const line = byId("seat-wrong");
  line.textContent = text;
  line.dataset.for = facts.call;
  line.hidden = false;
}

function good(text) {
  const line = byId("seat-good");
  line.textContent = text;
  line.hidden = false;
  clearTimeout(goodTimer);
  goodTimer = setTimeout(() => { line.hidden = true; }, 6000);
}

const mayNotify = byId("may-notify");
if (typeof Notification === "undefined") mayNotify.disabled = true;
else {
  mayNotify.checked = Notification.permission === "granted";
  mayNotify.disabled = Notification.permission === "denied";
  mayNotify.addEventListener("change", async () => { mayNotify.checked = (await Notification.requestPermission()) === "granted"; });
}

// Clocks

function tick() {
  const now = Date.now() + skew;
  for (const one of root.querySelectorAll("[data-since]")) one.textContent = span((now - Date.parse(one.dataset.since)) / 1000);
  for (const one of root.querySelectorAll("[data-until]")) {
    const left = (Date.parse(one.dataset.until) - now) / 1000;
    one.textContent = span(Math.ceil(left));
    if (left < -1.5 && !reading) refresh();
  }
}

function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, String(whole % 60).padStart(2, "0")];
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

setInterval(tick, 500);
setInterval(beat, BEAT);
addEventListener("online", () => beat());
addEventListener("offline", () => setLost(true));
addEventListener("pagehide", () => leave(tab));
addEventListener("pageshow", (event) => { if (event.persisted) { beat(); refresh(); } });

changed();
beat().then(() => {
  const was = sessionStorage.getItem(WAS);
  if (works && was && facts.state === "offline" && facts.reason === "console lost") back({ state: "offline", reason: "console lost" });
});
