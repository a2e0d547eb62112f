// The board: times that tick, and the chart of the last hour.
"use strict";
(() => {
  const span = (seconds) => {
    const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    const two = (number) => String(number).padStart(2, "0");
    return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
  };
  function tick() {
    const now = Math.floor(Date.now() / 1000);
    for (const time of document.querySelectorAll("time[data-since]")) {
      const text = span(Math.max(0, now - Number(time.dataset.since)));
      if (time.textContent !== text) time.textContent = text;
    }
  }
  setInterval(tick, 1000);

  const place = document.getElementById("hour");
  let chart;
  function sized() { return { width: Math.max(200, place.clientWidth), height: 150 }; }
  function draw(data) {
    if (chart) { chart.setData(data); return; }
    const axis = { stroke: "#52646d", grid: { stroke: "#e3e9ec" }, font: "12px system-ui" };
    chart = new uPlot({
      ...sized(),
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), place.dataset.zone),
      scales: { y: { range: (_, least, most) => [0, Math.max(4, Math.ceil(most * 1.1))] } },
      axes: [{ ...axis, values: "{HH}:{mm}" }, { ...axis, size: 44, values: (_, ticks) => ticks.map((one) => Number.isInteger(one) ? one : "") }],
      series: [
        { label: place.dataset.time, value: "{HH}:{mm}" },
        { label: place.dataset.calls, stroke: "#0b5d6b", fill: "#0b5d6b22", width: 2 },
        { label: place.dataset.waiting, stroke: "#c47900", width: 2 },
      ],
    }, data, place);
    addEventListener("resize", () => chart.setSize(sized()));
  }
  async function read() {
    try {
      const reply = await fetch(place.dataset.source, { credentials: "same-origin" });
      if (!reply.ok) return;
      const hour = await reply.json();
      draw([hour.minutes, hour.calls, hour.waiting]);
    } catch { /* the next time */ }
  }
  if (place) { read(); setInterval(read, 20000); }
})();
