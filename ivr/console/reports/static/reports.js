// Charts of the reports: read as JSON from the place that the chart names.
"use strict";
(() => {
  document.querySelector(".reports-print")?.addEventListener("click", () => print());
  const place = document.querySelector("[data-chart]");
  if (!place || !window.echarts) return;
  const words = place.dataset;
  //  By table: which columns are bars (counts), which are lines (shares), with the words that name them.
  const WANTED = {
    days: [["calls", words.calls], ["answered", words.answered], ["service_level", words.level]],
    hours: [["calls", words.calls], ["answered", words.answered], ["service_level", words.level]],
    queues: [["offered", words.offered], ["answered", words.answered], ["abandoned", words.abandoned], ["service_level", words.level]],
    seats: [["answered", words.answered], ["occupancy", words.occupancy]],
    outreach: [["made", words.made], ["spoken", words.spoken], ["promised", words.promised], ["reached", words.reached]],
    flows: [["calls", words.calls], ["asked", words.asked], ["containment", words.contained]],
  };
  //  Tables whose rows have no order: their shares are points, not a line.
  const APART = new Set(["queues", "seats", "flows", "outreach"]);
  const COLOURS = ["#0b5d6b", "#5aa7b3", "#c47900", "#7c3aed"];

  function option(report) {
    const wanted = WANTED[report.name] ?? [];
    const shares = wanted.filter(([name]) => kind(report, name) === "share");
    return {
      color: COLOURS, animation: false, textStyle: { fontFamily: "inherit" },
      grid: { left: 48, right: shares.length ? 48 : 16, top: 20, bottom: 28 },
      xAxis: { type: "category", data: report.labels, axisLabel: { hideOverlap: true } },
      yAxis: [
        { type: "value", minInterval: 1 },
        { type: "value", min: 0, max: 100, show: shares.length > 0, axisLabel: { formatter: "{value} %" }, splitLine: { show: false } },
      ],
      series: wanted.map(([name, word]) => {
        const at = report.columns.findIndex((column) => column.name === name);
        const share = kind(report, name) === "share";
        const data = report.rows.map((row) => row[at] === null ? null : share ? Math.round(row[at] * 1000) / 10 : row[at]);
        return share
          ? { name: word, type: "line", yAxisIndex: 1, data, symbolSize: 9, lineStyle: { width: APART.has(report.name) ? 0 : 2 } }
          : { name: word, type: "bar", data, barMaxWidth: 32 };
      }),
    };
  }
  const kind = (report, name) => report.columns.find((column) => column.name === name)?.kind;

  async function draw() {
    const reply = await fetch(words.chart, { credentials: "same-origin" });
    if (!reply.ok) return;
    const chart = echarts.init(place, null, { renderer: "canvas" });
    const report = await reply.json();
    chart.setOption(option(report));
    const legend = document.createElement("ul");
    legend.className = "legend";
    for (const [, word] of WANTED[report.name] ?? []) legend.appendChild(document.createElement("li")).textContent = word;
    place.before(legend);
    addEventListener("resize", () => chart.resize());
    place.dataset.drawn = "yes";
  }
  draw().catch(() => {});
})();
