// Requests of the seat's page: JSON to the API, parts of the page as HTML. A refusal is a `Refusal`, a network that is
// gone a `NetworkLost`.

const token = document.querySelector('meta[name="csrf"]')?.content ?? "";

export class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export class NetworkLost extends Error {}

async function send(path, options) {
  try {
    return await fetch(path, { credentials: "same-origin", signal: AbortSignal.timeout(12000), ...options });
  } catch {
    throw new NetworkLost(path);
  }
}

export async function api(method, path, body, options = {}) {
  const headers = { "X-CSRF-Token": token, Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const reply = await send(`/api/seat${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), ...options });
  const answer = reply.status === 204 ? {} : await reply.json().catch(() => ({}));
  if (!reply.ok) throw new Refusal(reply.status, answer.code ?? "", answer.message ?? String(reply.status));
  return answer;
}

// What the telephone in the page picks up with.
export async function pickUp() {
  const reply = await send("/api/phone/pick-up", { method: "POST", headers: { "X-CSRF-Token": token } });
  const answer = await reply.json().catch(() => ({}));
  if (!reply.ok) throw new Refusal(reply.status, answer.code ?? "", answer.message ?? String(reply.status));
  return answer;
}

export async function part(path) {
  const reply = await send(path, { headers: { "HX-Request": "true" } });
  if (reply.headers.get("HX-Redirect")) throw new Refusal(401, "not_signed_in", "");
  if (!reply.ok) throw new Refusal(reply.status, "", String(reply.status));
  return reply.text();
}

// As a page that is being closed: nobody waits for the answer.
export function leave(tab) {
  const form = new FormData();
  form.append("csrf", token);
  form.append("tab", tab);
  navigator.sendBeacon("/api/seat/leave", form);
}
