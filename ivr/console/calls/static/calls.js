// A call's page: an entry of the timeline plays from its moment, and what plays lights its entry and its step.
"use strict";
(() => {
  const sounds = () => [...document.querySelectorAll(".calls-sound")].map((part) => ({
    start: Number(part.dataset.start), player: part.querySelector("hotline-player"), id: part.dataset.recording,
  }));

  document.addEventListener("click", (event) => {
    const button = event.target.closest(".calls-seek");
    if (!button) return;
    const sound = sounds().find((one) => one.id === button.dataset.recording);
    if (!sound?.player?.seek) return;
    sound.player.seek(Number(button.dataset.seek));
    if (sound.player.audio.paused) sound.player.toggle();
    light(sound);
  });

  function light(sound) {
    const at = sound.start + sound.player.position + 0.05;
    let now = null;
    for (const entry of document.querySelectorAll(".calls-timeline li")) {
      if (Number(entry.dataset.at) <= at) now = entry;
      entry.classList.remove("now");
    }
    document.querySelectorAll(".flow-diagram .box.now").forEach((box) => box.classList.remove("now"));
    if (!now) return;
    now.classList.add("now");
    const picture = document.querySelector(".calls-picture");
    if (picture && picture.dataset.flow === now.dataset.flow) {
      picture.querySelector(`a[data-step="${CSS.escape(now.dataset.step)}"] .box`)?.classList.add("now");
    }
  }

  customElements.whenDefined("hotline-player").then(() => {
    for (const sound of sounds()) {
      for (const kind of ["timeupdate", "seeked"]) sound.player.audio.addEventListener(kind, () => light(sound));
    }
  });

  // The picture is wide: where the call went in comes into view.
  const picture = document.querySelector(".calls-picture"), entry = picture?.querySelector(".box.lit");
  if (entry) {
    const [inside, frame] = [entry.getBoundingClientRect(), picture.getBoundingClientRect()];
    picture.scrollLeft += inside.left - frame.left - (frame.width - inside.width) / 2;
    picture.scrollTop += inside.top - frame.top - 60;
  }

  // A step of the picture leads to where the call first entered it.
  document.addEventListener("click", (event) => {
    const step = event.target.closest(".calls-picture a[data-step]");
    if (!step) return;
    event.preventDefault();
    const flow = document.querySelector(".calls-picture").dataset.flow;
    const entry = document.querySelector(`.calls-timeline li[data-flow="${CSS.escape(flow)}"][data-step="${CSS.escape(step.dataset.step)}"]`);
    if (!entry) return;
    entry.scrollIntoView({ block: "center" });
    document.querySelectorAll(".calls-timeline li.now").forEach((one) => one.classList.remove("now"));
    entry.classList.add("now");
  });
})();
