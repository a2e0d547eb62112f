// Charts of the proof report: read as JSON from the place that the chart names.
"use strict";
(() => {
  document.querySelector(".crosssell-print")?.addEventListener("click", () => print());
  if (!window.echarts) return;
  const BRAND = "#0b5d6b", BAND = "#bfdde1", FIXED = "#c47900";
  const LINES = ["#0b5d6b", "#c47900", "#7c3aed", "#a3201f", "#17663a", "#1f4e96", "#52646d"];
  const base = { animation: false, textStyle: { fontFamily: "inherit" }, grid: { left: 56, right: 16, top: 16, bottom: 28 } };
  const per = (values) => values.map((one) => (one === null ? null : Math.round(one * 1e4) / 100));
  const line = (name, data, colour, more = {}) => ({ name, type: "line", data, showSymbol: false, color: colour, connectNulls: false, ...more });

  //  A band is two lines stacked: an invisible lower one, and the distance to the upper one, filled.
  function course(found, words) {
    const low = per(found.low), high = per(found.high);
    const known = found.low.findIndex((one) => one !== null);
    const seen = high.slice(known).filter((one) => one !== null);
    const late = seen.slice(Math.floor(seen.length / 5));
    const top = Math.max(1, ...late), bottom = Math.min(-1, ...low.slice(known + Math.floor(seen.length / 5)).filter((one) => one !== null));
    const hidden = { lineStyle: { opacity: 0 }, stack: "band", silent: true };
    const width = high.map((one, index) => (one === null ? null : Math.round((one - low[index]) * 100) / 100));
    return {
      ...base,
      xAxis: { type: "category", data: found.days, axisLabel: { hideOverlap: true }, boundaryGap: false, axisLine: { onZero: false } },
      yAxis: { type: "value", min: Math.floor(bottom), max: Math.ceil(top), axisLabel: { formatter: "{value}" } },
      series: [
        line("", low, BAND, { ...hidden, stackStrategy: "all" }),
        line(words.always, width, BAND, { ...hidden, stackStrategy: "all", areaStyle: { color: BAND, opacity: 0.8 } }),
        line(words.fixed, per(found.fixed_low), FIXED, { lineStyle: { width: 1, type: "dashed" } }),
        line(words.fixed, per(found.fixed_high), FIXED, { lineStyle: { width: 1, type: "dashed" } }),
        line(words.estimate, per(found.estimate), BRAND, { lineStyle: { width: 2 } }),
        line("", found.days.map(() => 0), "#16242b", { lineStyle: { width: 1 }, silent: true }),
      ],
      names: [words.estimate, words.always, words.fixed],
      empty: known < 0,
    };
  }

  function funnel(found, words) {
    const names = words.words.split("|");
    const values = found.rows.slice(0, names.length).map((row) => row[1]);
    return {
      ...base, grid: { left: 92, right: 56, top: 8, bottom: 8 },
      xAxis: { type: "value", show: false },
      yAxis: { type: "category", inverse: true, data: names, axisTick: { show: false }, axisLine: { show: false } },
      series: [{ type: "bar", data: values, color: BRAND, barMaxWidth: 26, label: { show: true, position: "right" } }],
      names: [], empty: !values.some((one) => one),
    };
  }

  function intercepts(found) {
    const days = [...new Set(found.flatMap((one) => one.days))].sort();
    const place = new Map(days.map((day, index) => [day, index]));
    const mark = { symbol: "diamond", symbolSize: 10, itemStyle: { color: "#a3201f" } };
    const spread = (one) => {
      const data = days.map(() => null), outside = new Set(one.outside);
      one.days.forEach((day, at) => { data[place.get(day)] = outside.has(day) ? { value: one.intercepts[at], ...mark } : one.intercepts[at]; });
      return data;
    };
    return {
      ...base,
      xAxis: { type: "category", data: days, axisLabel: { hideOverlap: true }, boundaryGap: false, axisLine: { onZero: false } },
      yAxis: { type: "value", scale: true },
      series: found.map((one, index) => line(one.name, spread(one), LINES[index % LINES.length], { connectNulls: true, showSymbol: true, symbolSize: 4 })),
      names: found.map((one) => one.name), lines: true, empty: !days.length,
    };
  }

  async function draw(place, address, make) {
    const reply = await fetch(address, { credentials: "same-origin" });
    if (!reply.ok) return;
    const { names, empty, lines, ...option } = make(await reply.json(), place.dataset);
    if (empty) {
      place.textContent = place.dataset.nothing;
      place.classList.add("empty");
    } else {
      const chart = echarts.init(place, null, { renderer: "canvas" });
      chart.setOption(option);
      addEventListener("resize", () => chart.resize());
      const legend = document.createElement("ul");
      legend.className = lines ? "crosssell-legend lines" : "crosssell-legend";
      for (const name of names) legend.appendChild(document.createElement("li")).textContent = name;
      if (names.length) place.before(legend);
    }
    place.dataset.drawn = "yes";
  }
  for (const [kind, make] of [["course", course], ["funnel", funnel], ["intercepts", intercepts]]) {
    for (const place of document.querySelectorAll(`[data-${kind}]`)) draw(place, place.dataset[kind], make).catch(() => {});
  }
})();
