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
    flows: [["calls", words.calls], ["asked", words.asked], ["containment", words.contained]],
  };
  const COLOURS = ["#0b5d6b", "#5aa7b3", "#c47900", "#7c3aed"];

  function option(report) {
    const wanted = WANTED[report.name] ?? [];
    const shares = wanted.filter(([name]) => kind(report, name) === "share");
    return {
      color: COLOURS, animation: false, textStyle: { fontFamily: "inherit" },
      grid: { left: 48, right: shares.length ? 48 : 16, top: 36, bottom: 28 },
      legend: { top: 0 }, tooltip: { trigger: "axis", renderMode: "richText" },
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
          ? { name: word, type: report.name === "queues" || report.name === "seats" || report.name === "flows" ? "scatter" : "line", yAxisIndex: 1, data, symbolSize: 8, connectNulls: false }
          : { name: word, type: "bar", data, barMaxWidth: 32 };
      }),
    };
  }
  const kind = (report, name) => report.columns.find((column) => column.name === name)?.kind;

  async function draw() {
    const reply = await fetch(words.chart, { credentials: "same-origin" });
    if (!reply.ok) return;
    const chart = echarts.init(place, null, { renderer: "canvas" });
    chart.setOption(option(await reply.json()));
    addEventListener("resize", () => chart.resize());
    place.dataset.drawn = "yes";
  }
  draw().catch(() => {});
})();
