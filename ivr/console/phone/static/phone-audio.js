// The sound of the browser phone, in the audio thread: the microphone becomes µ-law frames of 20 ms at 8 kHz, and such
// frames become sound, evened out by a buffer that is as deep as the network is uneven, and no deeper.

const RATE = 8000;
const FRAME = 160;
const HALF = 16; // zero crossings of the filter on each side, in samples of 8 kHz (2 ms)
const CUTOFF = 3600 / RATE; // of the low-pass, in cycles a sample of 8 kHz
const PHASES = 64;

// Depths of the buffer, in frames.
const SHALLOWEST = 2;
const DEEPEST = 20;
const SLACK = 2; // more than that above the wanted depth: silence is left out
const TOO_MUCH = 8; // more than that: sound is left out
const FLUSH = 50; // more than that: all but the wanted depth is left out
const HISTORY = 250; // arrivals (5 s) that the depth is made of
const QUIET = 0.004; // the loudest sample of a frame that counts as silence

function decodeTable() {
  const table = new Float32Array(256);
  for (let code = 0; code < 256; code++) {
    const bits = ~code & 0xff;
    const magnitude = ((((bits & 0x0f) << 3) + 0x84) << ((bits & 0x70) >> 4)) - 0x84;
    table[code] = (bits & 0x80 ? -magnitude : magnitude) / 32768;
  }
  return table;
}

const LINEAR = decodeTable();

function encode(sample) {
  let value = Math.max(-32635, Math.min(32635, Math.round(sample * 32768)));
  const sign = value < 0 ? 0x80 : 0;
  value = Math.abs(value) + 0x84;
  const exponent = Math.max(0, 31 - Math.clz32(value) - 7);
  return ~(sign | (exponent << 4) | ((value >> (exponent + 3)) & 0x0f)) & 0xff;
}

// The low-pass: a windowed sinc, `t` in samples of 8 kHz from its middle.
function kernel(t) {
  if (Math.abs(t) >= HALF) return 0;
  const x = 2 * Math.PI * CUTOFF * t;
  const sinc = t === 0 ? 2 * CUTOFF : (2 * CUTOFF * Math.sin(x)) / x;
  return sinc * (0.5 + 0.5 * Math.cos((Math.PI * t) / HALF));
}

// Taps for each phase: `length` samples that are `step` apart (in samples of 8 kHz), normed to a gain of 1.
function filterBank(length, step) {
  const bank = [];
  for (let phase = 0; phase < PHASES; phase++) {
    const taps = new Float32Array(length);
    let sum = 0;
    for (let k = 0; k < length; k++) {
      taps[k] = kernel((k - length / 2 + 1 - phase / PHASES) * step);
      sum += taps[k];
    }
    for (let k = 0; k < length; k++) taps[k] /= sum;
    bank.push(taps);
  }
  return bank;
}

// Changes the rate of a stream: `push` samples of the one rate, `out` is given each sample of the other.
class Resampler {
  constructor(from, to, out) {
    this.step = from / to;
    this.out = out;
    const width = Math.max(1, from / RATE); // samples of the input in one of 8 kHz
    this.length = 2 * Math.ceil(HALF * width);
    this.bank = filterBank(this.length, 1 / width);
    this.past = new Float32Array(this.length);
    this.head = 0;
    this.position = 0;
  }

  push(sample) {
    this.past[this.head] = sample;
    this.head = (this.head + 1) % this.length;
    while (this.position < 1) {
      const taps = this.bank[Math.floor(this.position * PHASES)];
      let sum = 0;
      let at = this.head;
      for (let k = 0; k < this.length; k++) {
        sum += taps[k] * this.past[at];
        at = at + 1 === this.length ? 0 : at + 1;
      }
      this.out(sum);
      this.position += this.step;
    }
    this.position -= 1;
  }
}

// Frames that came, and how many of them should wait.
class Buffer {
  constructor() {
    this.items = []; // frames, and marks ({mark: name}) between them
    this.frames = 0;
    this.filling = true;
    this.wanted = SHALLOWEST;
    this.arrived = 0;
    this.delays = [];
    this.counts = { underruns: 0, left_out: 0, stretched: 0 };
  }

  push(frame, now) {
    this.measure(now);
    this.items.push(frame);
    this.frames += 1;
    if (this.frames > FLUSH) this.dropTo(this.wanted);
  }

  mark(name) {
    this.items.push({ mark: name });
  }

  // How late each frame came after the earliest of the last seconds; the depth covers all but the worst of them. What
  // no depth would cover is an outage, not jitter: nobody shall wait for the next one.
  measure(now) {
    this.delays.push(now - (this.arrived++ * FRAME) / RATE);
    if (this.delays.length > HISTORY) this.delays.shift();
    if (this.arrived % 10) return;
    const latest = Math.min(...this.delays) + (DEEPEST * FRAME) / RATE;
    const sorted = this.delays.filter((one) => one <= latest).sort((one, other) => one - other);
    const late = sorted[Math.floor(sorted.length * 0.95)] - sorted[0];
    this.wanted = Math.max(SHALLOWEST, Math.min(DEEPEST, 1 + Math.ceil((late * RATE) / FRAME)));
  }

  // The next frame; null while there is nothing to play. `played` is told of each mark that is passed.
  next(played) {
    this.passMarks(played);
    if (this.filling) {
      if (this.frames < this.wanted) return null;
      this.filling = false;
    }
    if (!this.frames) {
      this.filling = true;
      this.counts.underruns += 1;
      return null;
    }
    if (this.frames > this.wanted + TOO_MUCH) this.leaveOut(played);
    while (this.frames > this.wanted + SLACK && this.quiet(this.items[0])) this.leaveOut(played);
    if (this.frames < this.wanted && this.quiet(this.items[0]) && this.stretch()) return this.items[0];
    const frame = this.items.shift();
    this.frames -= 1;
    return frame;
  }

  // A silence may be played twice, one frame in four, to let more come in.
  stretch() {
    this.turn = ((this.turn || 0) + 1) % 4;
    if (this.turn) return false;
    this.counts.stretched += 1;
    return true;
  }

  leaveOut(played) {
    this.items.shift();
    this.frames -= 1;
    this.counts.left_out += 1;
    this.passMarks(played);
  }

  dropTo(depth) {
    const marks = [];
    while (this.frames > depth) {
      const item = this.items.shift();
      if (item.mark === undefined) {
        this.frames -= 1;
        this.counts.left_out += 1;
      } else marks.push(item);
    }
    this.items.unshift(...marks);
  }

  passMarks(played) {
    while (this.items.length && this.items[0].mark !== undefined) played(this.items.shift().mark);
  }

  clear(played) {
    for (const item of this.items) if (item.mark !== undefined) played(item.mark);
    this.items = [];
    this.frames = 0;
    this.filling = true;
  }

  quiet(item) {
    return item !== undefined && item.mark === undefined && item.loudest < QUIET;
  }
}

class PhoneAudio extends AudioWorkletProcessor {
  constructor() {
    super();
    this.buffer = new Buffer();
    this.frame = new Uint8Array(FRAME);
    this.filled = 0;
    this.muted = false;
    this.capturing = false;
    this.over = false;
    this.playing = null;
    this.offset = 0;
    this.levels = { microphone: 0, speaker: 0 };
    this.sums = { microphone: 0, speaker: 0, count: 0 };
    this.ready = [];
    this.readyAt = 0;
    this.capture = new Resampler(sampleRate, RATE, (sample) => this.captured(sample));
    this.render = new Resampler(RATE, sampleRate, (sample) => this.ready.push(sample));
    this.port.onmessage = (event) => this.told(event.data);
  }

  told(message) {
    const played = (name) => this.port.postMessage({ mark: name });
    if (message.frame) {
      const samples = new Float32Array(FRAME);
      let loudest = 0;
      for (let at = 0; at < FRAME; at++) {
        samples[at] = LINEAR[message.frame[at]];
        loudest = Math.max(loudest, Math.abs(samples[at]));
      }
      samples.loudest = loudest;
      this.buffer.push(samples, currentTime);
    } else if (message.mark !== undefined) {
      this.buffer.mark(message.mark);
    } else if (message.clear) {
      this.buffer.clear(played);
      this.playing = null;
      this.offset = 0;
    } else if (message.muted !== undefined) {
      this.muted = message.muted;
    } else if (message.capturing !== undefined) {
      this.capturing = message.capturing;
    } else if (message.over) {
      this.over = true;
    }
  }

  captured(sample) {
    if (!this.capturing) return;
    this.frame[this.filled++] = encode(this.muted ? 0 : sample);
    if (this.filled === FRAME) {
      this.port.postMessage({ frame: this.frame }, [this.frame.buffer]);
      this.frame = new Uint8Array(FRAME);
      this.filled = 0;
    }
  }

  // The next sample of 8 kHz to be played.
  pull() {
    if (this.playing === null || this.offset === FRAME) {
      this.playing = this.buffer.next((name) => this.port.postMessage({ mark: name }));
      this.offset = 0;
      if (this.playing === null) return 0;
    }
    return this.playing[this.offset++];
  }

  process(inputs, outputs) {
    if (this.over) return false;
    const microphone = inputs[0][0];
    const speaker = outputs[0][0];
    for (let at = 0; at < speaker.length; at++) {
      const sample = microphone === undefined ? 0 : microphone[at];
      this.capture.push(sample);
      this.sums.microphone += sample * sample;
      while (this.readyAt === this.ready.length) {
        this.ready.length = this.readyAt = 0;
        this.render.push(this.pull());
      }
      speaker[at] = this.ready[this.readyAt++];
      this.sums.speaker += speaker[at] * speaker[at];
    }
    for (let channel = 1; channel < outputs[0].length; channel++) outputs[0][channel].set(speaker);
    this.sums.count += speaker.length;
    if (this.sums.count >= sampleRate / 15) this.report();
    return true;
  }

  report() {
    const { sums, buffer } = this;
    this.port.postMessage({
      microphone: this.muted ? 0 : Math.sqrt(sums.microphone / sums.count),
      speaker: Math.sqrt(sums.speaker / sums.count),
      waiting: (buffer.frames * FRAME) / RATE,
      wanted: (buffer.wanted * FRAME) / RATE,
      ...buffer.counts,
    });
    this.sums = { microphone: 0, speaker: 0, count: 0 };
  }
}

registerProcessor("phone-audio", PhoneAudio);
