// <hotline-player data-recording="ID">: plays a recording, its waveform drawn a channel apart, by mouse and by keyboard.
"use strict";
(() => {
  const SPEEDS = [1, 1.5, 2];
  const STEP = 5;
  const clock = (seconds) => {
    const whole = Math.max(0, Math.floor(seconds));
    const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, String(whole % 60).padStart(2, "0")];
    return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
  };
  let playing = null; // one at a time

  class HotlinePlayer extends HTMLElement {
    #audio = new Audio();
    #told = null;
    #speed = 0;
    #seen = null;
    #sized = null;
    #frame = 0;
    #stop = new AbortController();

    connectedCallback() {
      this.#stop = new AbortController();
      const on = (target, kind, act) => target.addEventListener(kind, act, { signal: this.#stop.signal });
      this.#audio.preload = "none";
      this.#audio.src = `/recordings/${encodeURIComponent(this.dataset.recording)}/audio`;
      on(this.#part("play"), "click", () => this.toggle());
      on(this.#part("speed"), "click", () => this.#faster());
      on(this, "keydown", (event) => this.#key(event));
      const wave = this.#part("wave");
      on(wave, "pointerdown", (event) => { wave.setPointerCapture(event.pointerId); this.#point(event); });
      on(wave, "pointermove", (event) => { if (wave.hasPointerCapture(event.pointerId)) this.#point(event); });
      for (const kind of ["play", "pause", "ended", "timeupdate", "durationchange", "seeked"]) on(this.#audio, kind, () => this.#show());
      on(this.#audio, "error", () => this.#fail());
      this.#seen = new IntersectionObserver((entries) => { if (entries.some((one) => one.isIntersecting)) this.#read(); });
      this.#seen.observe(this);
      this.#sized = new ResizeObserver(() => this.#draw());
      this.#sized.observe(wave);
      this.#show();
    }

    disconnectedCallback() {
      this.#audio.pause();
      this.#stop.abort();
      this.#seen?.disconnect();
      this.#sized?.disconnect();
      cancelAnimationFrame(this.#frame);
    }

    get seconds() { return Number.isFinite(this.#audio.duration) ? this.#audio.duration : this.#told?.seconds ?? 0; }
    get position() { return this.#audio.currentTime; }
    get audio() { return this.#audio; }

    toggle() {
      if (!this.#audio.paused) { this.#audio.pause(); return; }
      if (playing && playing !== this) playing.#audio.pause();
      playing = this;
      this.#audio.playbackRate = SPEEDS[this.#speed];
      this.#audio.play().catch(() => {});
    }

    seek(seconds) {
      const to = Math.min(Math.max(0, seconds), Math.max(0, this.seconds - 0.05));
      if (this.#audio.readyState === 0) {
        this.#audio.preload = "metadata";
        this.#audio.addEventListener("loadedmetadata", () => { this.#audio.currentTime = to; }, { once: true, signal: this.#stop.signal });
        this.#audio.load();
      } else this.#audio.currentTime = to;
      this.#show(to);
    }

    #part(name) { return this.querySelector(`.player-${name}`); }

    #faster() {
      this.#speed = (this.#speed + 1) % SPEEDS.length;
      this.#audio.playbackRate = SPEEDS[this.#speed];
      const button = this.#part("speed");
      button.textContent = `${SPEEDS[this.#speed]}×`;
      button.setAttribute("aria-label", button.getAttribute("aria-label").replace(/[\d.]+×/, button.textContent));
    }

    #key(event) {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      const onButton = event.target.closest("button");
      const acts = {
        " ": onButton ? null : () => this.toggle(),
        ArrowLeft: () => this.seek(this.position - STEP), ArrowRight: () => this.seek(this.position + STEP),
        ArrowDown: () => this.seek(this.position - STEP), ArrowUp: () => this.seek(this.position + STEP),
        PageDown: () => this.seek(this.position - 30), PageUp: () => this.seek(this.position + 30),
        Home: () => this.seek(0), End: () => this.seek(this.seconds),
        s: () => this.#faster(), S: () => this.#faster(),
      };
      const act = acts[event.key];
      if (!act) return;
      event.preventDefault();
      event.stopPropagation(); // the page's own shortcuts mean something else
      act();
    }

    #point(event) {
      const box = this.#part("wave").getBoundingClientRect();
      this.seek(((event.clientX - box.left) / box.width) * this.seconds);
    }

    async #read() {
      if (this.#told) return;
      this.#told = { channels: [], spans: [], seconds: 0 };
      try {
        const width = Math.round(Math.min(1600, Math.max(200, this.#part("wave").clientWidth)));
        const reply = await fetch(`/recordings/${encodeURIComponent(this.dataset.recording)}/peaks?buckets=${width}`, { credentials: "same-origin", signal: this.#stop.signal });
        if (!reply.ok) throw new Error(String(reply.status));
        this.#told = await reply.json();
      } catch (error) {
        this.#told = error.name === "AbortError" ? null : this.#told;
        if (this.#told) this.#fail();
        return;
      }
      const two = this.#told.channels.length > 1;
      this.classList.toggle("two", two);
      for (const side of this.querySelectorAll(".player-side")) side.hidden = !two;
      this.#tellSpans();
      this.#show();
    }

    #tellSpans() {
      const notes = this.#part("notes");
      const lines = this.#told.spans.map((one) => `${clock(one.at)}–${clock(one.to)} ${this.dataset[one.why] ?? one.why}`);
      notes.textContent = lines.join(" · ");
      notes.hidden = !lines.length;
    }

    #fail() {
      this.#part("gone").hidden = false;
      this.#part("play").disabled = true;
    }

    #show(at = this.position) {
      const on = !this.#audio.paused && !this.#audio.ended;
      this.classList.toggle("playing", on);
      const play = this.#part("play");
      play.setAttribute("aria-label", on ? this.dataset.stop : this.dataset.play);
      play.setAttribute("aria-pressed", String(on));
      const wave = this.#part("wave");
      wave.setAttribute("aria-valuemax", String(Math.round(this.seconds)));
      wave.setAttribute("aria-valuenow", String(Math.round(at)));
      wave.setAttribute("aria-valuetext", `${clock(at)} / ${clock(this.seconds)}`);
      this.#part("time").textContent = `${clock(at)} / ${clock(this.seconds)}`;
      this.#draw(at);
      cancelAnimationFrame(this.#frame);
      if (on) this.#frame = requestAnimationFrame(() => this.#draw());
    }

    #draw(at = this.position) {
      const canvas = this.querySelector("canvas");
      const [width, height] = [canvas.clientWidth, canvas.clientHeight];
      if (!width || !this.#told) return;
      const scale = Math.min(2, window.devicePixelRatio || 1);
      if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
        canvas.width = Math.round(width * scale);
        canvas.height = Math.round(height * scale);
      }
      const pen = canvas.getContext("2d");
      const colours = getComputedStyle(this);
      const colour = (name) => colours.getPropertyValue(`--wave-${name}`).trim();
      pen.setTransform(scale, 0, 0, scale, 0, 0);
      pen.clearRect(0, 0, width, height);
      const seconds = this.seconds || 1;
      pen.fillStyle = colour("hushed");
      for (const one of this.#told.spans) pen.fillRect((one.at / seconds) * width, 0, Math.max(1, ((one.to - one.at) / seconds) * width), height);
      const rows = this.#told.channels.length || 1;
      this.#told.channels.forEach((channel, row) => this.#drawChannel(pen, channel, { width, top: (row * height) / rows, height: height / rows, until: (at / seconds) * width, said: colour(row ? "right" : "left"), pale: colour("pale") }));
      pen.fillStyle = colour("here");
      pen.fillRect(Math.min(width - 2, (at / seconds) * width), 0, 2, height);
      if (this.classList.contains("playing")) {
        cancelAnimationFrame(this.#frame);
        this.#frame = requestAnimationFrame(() => this.#draw());
      }
    }

    #drawChannel(pen, { low, high }, { width, top, height, until, said, pale }) {
      const loudest = Math.max(10, ...high, ...low.map((one) => -one));
      const [middle, reach] = [top + height / 2, (height / 2 - 2) / loudest];
      const each = width / high.length;
      high.forEach((peak, at) => {
        const x = at * each;
        pen.fillStyle = x < until || until <= 0 ? said : pale;
        const above = peak * reach;
        pen.fillRect(x, middle - above, Math.max(0.5, each * 0.85), Math.max(1, above - low[at] * reach));
      });
    }
  }

  customElements.define("hotline-player", HotlinePlayer);
})();
