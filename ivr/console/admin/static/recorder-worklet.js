// Hands what the microphone gives to the page, a tenth of a second at a time.
class PromptRecorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this.held = [];
    this.count = 0;
  }
  process([input]) {
    if (input[0]) {
      this.held.push(input[0].slice());
      this.count += input[0].length;
      if (this.count >= sampleRate / 10) {
        const all = new Float32Array(this.count);
        let at = 0;
        for (const one of this.held) { all.set(one, at); at += one.length; }
        this.port.postMessage(all, [all.buffer]);
        this.held = [];
        this.count = 0;
      }
    }
    return true;
  }
}
registerProcessor("prompt-recorder", PromptRecorder);
