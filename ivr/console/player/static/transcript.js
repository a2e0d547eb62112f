// What was said, word for word: a click plays the recording from there.
"use strict";
(() => {
  document.addEventListener("click", (event) => {
    const place = event.target.closest("[data-seek]");
    const said = place?.closest("[data-said]");
    const player = said && document.querySelector(`hotline-player[data-recording="${CSS.escape(said.dataset.said)}"]`);
    if (!player || String(getSelection())) return; // words are being marked, to be copied
    player.seek(Math.max(0, Number(place.dataset.seek) - 0.15));
    if (player.audio.paused) player.toggle();
  });
})();
