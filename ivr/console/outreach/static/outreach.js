// The chart of a campaign: attempts by hour, read as JSON from the place that it names.
"use strict";
(() => {
  const place = document.querySelector("[data-hours]");
  if (!place || !window.echarts) return;
  const words = place.dataset;
  const chart = echarts.init(place, null, { renderer: "canvas" });
  async function draw() {
    const reply = await fetch(words.hours, { credentials: "same-origin" });
    if (!reply.ok) return;
    const told = await reply.json();
    const bar = (name, data) => ({ name, type: "bar", stack: "attempts", data, barMaxWidth: 32 });
    chart.setOption({
      color: ["#0b5d6b", "#c47900"], animation: false, textStyle: { fontFamily: "inherit" },
      grid: { left: 44, right: 12, top: 12, bottom: 28 },
      xAxis: { type: "category", data: told.hours, axisLabel: { hideOverlap: true } },
      yAxis: { type: "value", minInterval: 1 },
      series: [bar(words.reached, told.reached), bar(words.others, told.others)],
    });
    place.dataset.drawn = "yes";
  }
  addEventListener("resize", () => chart.resize());
  setInterval(() => draw().catch(() => {}), 10000);
  draw().catch(() => {});
})();
