// Records a prompt with the browser's microphone, shows its level, lets it be heard, and puts it into the form as a
// WAV file: the server need not know what the browser records in.
"use strict";
(() => {
  function wav(chunks, rate) {
    const length = chunks.reduce((sum, one) => sum + one.length, 0);
    const view = new DataView(new ArrayBuffer(44 + length * 2));
    const text = (at, word) => [...word].forEach((char, i) => view.setUint8(at + i, char.charCodeAt(0)));
    text(0, "RIFF"); view.setUint32(4, 36 + length * 2, true); text(8, "WAVEfmt ");
    view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
    view.setUint32(24, rate, true); view.setUint32(28, rate * 2, true); view.setUint16(32, 2, true);
    view.setUint16(34, 16, true); text(36, "data"); view.setUint32(40, length * 2, true);
    let at = 44;
    for (const chunk of chunks) for (const value of chunk) {
      view.setInt16(at, Math.max(-1, Math.min(1, value)) * 32767, true);
      at += 2;
    }
    return new Blob([view], { type: "audio/wav" });
  }

  function prepare(form) {
    const [button, meter, said] = ["[data-record]", "meter", "[data-said]"].map((one) => form.querySelector(one));
    const [preview, input] = [form.querySelector("[data-preview]"), form.querySelector("input[type=file]")];
    if (!navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode) return;
    form.querySelector(".needs-script").hidden = false;
    const start = button.textContent;
    let running;

    async function record() {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, autoGainControl: false } });
      const context = new AudioContext();
      await context.audioWorklet.addModule(new URL("recorder-worklet.js", document.currentScriptUrl));
      const node = new AudioWorkletNode(context, "prompt-recorder");
      const chunks = [];
      node.port.onmessage = ({ data }) => {
        chunks.push(data);
        meter.value = Math.min(1, Math.sqrt(data.reduce((sum, one) => sum + one * one, 0) / data.length) * 4);
        const seconds = chunks.reduce((sum, one) => sum + one.length, 0) / context.sampleRate;
        said.textContent = `${seconds.toFixed(0)} s`;
        if (seconds >= 170) stop();
      };
      context.createMediaStreamSource(stream).connect(node);
      running = { stream, context, node, chunks };
      button.textContent = button.dataset.stop;
      form.classList.add("on");
    }
    async function stop() {
      if (!running) return;
      const { stream, context, node, chunks } = running;
      running = undefined;
      node.port.onmessage = null;
      stream.getTracks().forEach((track) => track.stop());
      const blob = wav(chunks, context.sampleRate);
      await context.close();
      const files = new DataTransfer();
      files.items.add(new File([blob], "microphone.wav", { type: "audio/wav" }));
      input.files = files.files;
      if (preview.src) URL.revokeObjectURL(preview.src);
      preview.src = URL.createObjectURL(blob);
      preview.hidden = false;
      meter.value = 0;
      button.textContent = start;
      form.classList.remove("on");
      said.textContent = form.querySelector("[data-ready]").textContent;
    }
    button.addEventListener("click", () => (running ? stop() : record().catch(() => {
      said.textContent = form.querySelector("[data-denied]").textContent;
    })));
    input.addEventListener("change", () => {
      const large = input.files[0] && input.files[0].size > Number(form.dataset.largest);
      input.setCustomValidity(large ? form.dataset.tooLarge : "");
      input.reportValidity();
    });
  }
  document.currentScriptUrl = document.currentScript?.src ?? location.href;
  for (const form of document.querySelectorAll("[data-recorder]")) prepare(form);
})();
