// The browser phone: one call over a WebSocket that speaks Media Streams, with the microphone and the loudspeaker.
//
//   const phone = new Phone({url: "/phone/stream", onState, onLevel});
//   await phone.dial();                      // or, for a seat: phone.ring(); … await phone.answer({url, parameters});
//   phone.key("5"); phone.mute(true); phone.hangUp();
//
// `onState({state, code})`: idle, connecting, ringing, up, ended, error. `code` says why it ended or failed:
// insecure, unsupported, microphone_refused, no_microphone, microphone_busy, forbidden, too_many, busy, not_answered,
// gone, no_line, lost, hung_up, far_end. `onLevel({microphone, speaker, waiting, wanted, …})`, fifteen times a second:
// levels 0 to 1, and seconds of sound that wait to be played.

const KEYS = "0123456789*#";
const TONES = {
  1: [697, 1209], 2: [697, 1336], 3: [697, 1477], 4: [770, 1209], 5: [770, 1336], 6: [770, 1477],
  7: [852, 1209], 8: [852, 1336], 9: [852, 1477], "*": [941, 1209], 0: [941, 1336], "#": [941, 1477],
};
const CLOSED = {
  4403: "forbidden", 4429: "too_many", 4486: "busy", 4503: "no_line", 4481: "gone", 4480: "not_answered",
};
const MOST_UNSENT = 16384; // characters that may wait for a slow uplink: a second of sound
const WORKLET = new URL("./phone-audio.js", import.meta.url);

class PhoneError extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

export class Phone {
  constructor({ url = "", parameters = {}, onState = () => {}, onLevel = () => {} } = {}) {
    this.url = url;
    this.parameters = parameters;
    this.onState = onState;
    this.onLevel = onLevel;
    this.state = "idle";
    this.muted = false;
    this.since = 0; // when the call was answered, as Date.now() says
    this.audio = null;
    this.node = null;
    this.socket = null;
    this.microphone = null;
    this.ringing = null;
    this.leaving = () => this.hangUp();
  }

  get busy() {
    return ["connecting", "ringing", "up"].includes(this.state);
  }

  // Call. Without `microphone` one can listen and press keys. To be called from a click: browsers want it so.
  async dial({ microphone = true, device = "" } = {}) {
    if (this.busy) return;
    this.become("connecting");
    try {
      await this.openAudio();
      if (microphone && this.busy) await this.useMicrophone(device);
      if (!this.busy) return; // hung up meanwhile
      await this.openSocket();
      this.become("ringing");
      this.playRingBack();
    } catch (error) {
      if (this.busy) this.end("error", error instanceof PhoneError ? error.code : "unsupported");
    }
  }

  // A seat picks up what rings at it, with what the server gave for it.
  async answer({ url = this.url, parameters = this.parameters, ...options } = {}) {
    this.url = url;
    this.parameters = parameters;
    this.stopRinging();
    await this.dial(options);
  }

  // Let this page ring, until `answer` or `stopRinging`. Silent where the page was never clicked.
  async ring() {
    if (this.ringing) return;
    const audio = new AudioContext();
    this.ringing = repeat(4, () => warble(audio), () => audio.close());
  }

  stopRinging() {
    if (this.ringing) this.ringing();
    this.ringing = null;
  }

  key(key) {
    if (!KEYS.includes(key) || key.length !== 1 || this.state !== "up") return;
    this.say("dtmf", { track: "inbound_track", digit: key });
    beep(this.audio, TONES[key], 0.12, 0.06);
  }

  mute(on) {
    this.muted = on;
    if (this.node) this.node.port.postMessage({ muted: on });
  }

  hangUp() {
    if (!this.busy) return;
    if (this.socket && this.socket.readyState === WebSocket.OPEN) {
      this.say("stop", { accountSid: "", callSid: this.call });
      this.socket.close(1000);
    }
    this.end("ended", "hung_up");
  }

  // The microphones there are; their names are known once one was allowed.
  async microphones() {
    const all = await navigator.mediaDevices.enumerateDevices();
    return all.filter((one) => one.kind === "audioinput" && one.deviceId);
  }

  // Speak into this microphone; "" is the one that the system prefers.
  async useMicrophone(device = "") {
    const wanted = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
    if (device) wanted.deviceId = { exact: device };
    const before = this.microphone;
    const stream = await askForMicrophone(wanted);
    if (!this.audio) {
      stop(stream);
      return;
    }
    this.microphone = { stream, source: this.audio.createMediaStreamSource(stream) };
    this.microphone.source.connect(this.node);
    if (before) {
      before.source.disconnect();
      stop(before.stream);
    }
  }

  // Inside.

  become(state, code = "") {
    this.state = state;
    this.onState({ state, code });
  }

  async openAudio() {
    if (!window.isSecureContext) throw new PhoneError("insecure");
    if (!window.AudioWorkletNode || !navigator.mediaDevices) throw new PhoneError("unsupported");
    this.audio = new AudioContext({ latencyHint: "interactive" });
    await this.audio.resume();
    await this.audio.audioWorklet.addModule(WORKLET);
    this.node = new AudioWorkletNode(this.audio, "phone-audio", { outputChannelCount: [1] });
    this.node.port.onmessage = (event) => this.heardFromAudio(event.data);
    this.node.port.postMessage({ muted: this.muted });
    this.node.connect(this.audio.destination);
    addEventListener("pagehide", this.leaving);
  }

  openSocket() {
    const address = new URL(this.url, location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    this.socket = socket;
    this.stream = `MZ${randomId()}`;
    this.call = `CA${randomId()}`;
    this.sequence = 0;
    this.chunks = 0;
    this.skipped = 0;
    return new Promise((opened, failed) => {
      socket.onopen = () => {
        this.introduce();
        opened();
      };
      socket.onmessage = (event) => this.received(JSON.parse(event.data));
      socket.onclose = (event) => {
        failed(new PhoneError(CLOSED[event.code] || "no_line"));
        if (this.socket === socket && this.state !== "connecting") this.closed(event.code);
      };
    });
  }

  introduce() {
    this.socket.send(JSON.stringify({ event: "connected", protocol: "Call", version: "1.0.0" }));
    this.say("start", {
      streamSid: this.stream,
      accountSid: "",
      callSid: this.call,
      tracks: ["inbound"],
      customParameters: this.parameters,
      mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
    });
    this.node.port.postMessage({ capturing: true });
  }

  say(event, part) {
    if (!this.socket || this.socket.readyState !== WebSocket.OPEN) return;
    this.sequence += 1;
    this.socket.send(
      JSON.stringify({ event, sequenceNumber: String(this.sequence), streamSid: this.stream, [event]: part }),
    );
  }

  received(message) {
    if (message.event === "media") {
      if (this.state === "ringing") this.answered();
      const text = atob(message.media.payload);
      const frame = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
      this.node.port.postMessage({ frame }, [frame.buffer]);
    } else if (message.event === "mark") {
      this.node.port.postMessage({ mark: message.mark.name });
    } else if (message.event === "clear") {
      this.node.port.postMessage({ clear: true });
    }
  }

  answered() {
    this.stopRinging();
    this.since = Date.now();
    this.become("up");
  }

  heardFromAudio(message) {
    if (message.frame) this.spoken(message.frame);
    else if (message.mark !== undefined) this.say("mark", { name: message.mark });
    else this.onLevel(message);
  }

  // A frame from the microphone. An uplink that does not take it loses it: sound of seconds ago is of no use.
  spoken(frame) {
    this.chunks += 1;
    if (!this.socket || this.socket.bufferedAmount > MOST_UNSENT) {
      this.skipped += 1;
      return;
    }
    this.say("media", {
      track: "inbound",
      chunk: String(this.chunks),
      timestamp: String((this.chunks - 1) * 20),
      payload: btoa(String.fromCharCode(...frame)),
    });
  }

  closed(code) {
    if (!this.busy) return;
    const refused = CLOSED[code] || (code > 4000 ? "busy" : "");
    if (refused) this.end("error", refused);
    else this.end(code === 1000 ? "ended" : "error", code === 1000 ? "far_end" : "lost");
  }

  end(state, code) {
    this.stopRinging();
    removeEventListener("pagehide", this.leaving);
    const { socket, node, audio, microphone } = this;
    this.socket = this.node = this.audio = this.microphone = null;
    if (socket) socket.close();
    if (node) node.port.postMessage({ over: true });
    if (microphone) stop(microphone.stream);
    if (audio) audio.close();
    this.become(state, code);
  }

  // What a caller hears until the other end answers: China's ring-back (450 Hz, 1 s in 5), quietly.
  playRingBack() {
    const audio = this.audio;
    this.ringing = repeat(5, () => beep(audio, [450], 1, 0.05), () => {});
  }
}

async function askForMicrophone(audio) {
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    const known = {
      NotAllowedError: "microphone_refused", SecurityError: "microphone_refused",
      NotFoundError: "no_microphone", OverconstrainedError: "no_microphone",
      NotReadableError: "microphone_busy", AbortError: "microphone_busy",
    };
    throw new PhoneError(known[error.name] || "no_microphone");
  }
}

function stop(stream) {
  for (const track of stream.getTracks()) track.stop();
}

// Run `work` now and every `seconds`; gives what ends it.
function repeat(seconds, work, ended) {
  work();
  const timer = setInterval(work, seconds * 1000);
  return () => {
    clearInterval(timer);
    ended();
  };
}

function beep(audio, frequencies, seconds, level, at = 0) {
  if (!audio || audio.state === "closed") return;
  const gain = new GainNode(audio, { gain: 0 });
  const from = audio.currentTime + at;
  gain.gain.setTargetAtTime(level, from, 0.004);
  gain.gain.setTargetAtTime(0, from + seconds, 0.004);
  gain.connect(audio.destination);
  for (const frequency of frequencies) {
    const tone = new OscillatorNode(audio, { frequency });
    tone.connect(gain);
    tone.start(from);
    tone.stop(from + seconds + 0.05);
  }
}

// A seat's telephone: two short warbles.
function warble(audio) {
  for (const start of [0, 0.5])
    for (let at = 0; at < 0.4; at += 0.1) beep(audio, [at % 0.2 < 0.1 ? 1050 : 840], 0.09, 0.12, start + at);
}

function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (one) => one.toString(16).padStart(2, "0")).join("");
}
