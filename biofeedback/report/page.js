"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  // Named one by one: Plotly's own set has a button that sends the figure's data to a server.
  const config = { displaylogo: false, modeBarButtons: [["toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]] };
  const FONT = data.overview.layout.font;
  const onAxis = (t) => data.epoch_ms + 1000 * t;
  const clock = (seconds) => {
    const whole = Math.max(0, Math.round(seconds));
    const two = (n) => String(n).padStart(2, "0");
    const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    return h ? `${h}:${two(m)}:${two(s)}` : `${two(m)}:${two(s)}`;
  };
  const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  // ---- the raw signals: inflate, put the byte planes together, add up the differences
  async function inflated(base64) {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }
  async function numbers(base64, count, step) {
    const planes = await inflated(base64);
    const found = new Float64Array(count);
    let sum = 0;
    for (let i = 0; i < count; i++) {
      sum += planes[i] | (planes[count + i] << 8) | (planes[2 * count + i] << 16) | (planes[3 * count + i] << 24);
      found[i] = sum * step;
    }
    return found;
  }
  async function unpacked(signal) {
    const times = await numbers(signal.times, signal.count, signal.time_step);
    const values = await numbers(signal.values, signal.count, signal.value_step);
    return { ...signal, times, values };
  }
  const firstAtOrAfter = (sorted, t) => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle] < t) low = middle + 1; else high = middle;
    }
    return low;
  };
  const between = (sorted, from, to) => [firstAtOrAfter(sorted, from), firstAtOrAfter(sorted, to)];

  // ---- the raw view
  const view = { centre: 0, width: 30, focus: null, origin: null, signals: [] };

  function stretch() {
    const width = Math.min(view.width, Math.max(data.end_s, 1));
    const from = Math.min(Math.max(0, view.centre - width / 2), Math.max(0, data.end_s - width));
    return [from, from + width];
  }

  function trace(signal, from, to, axis) {
    const [first, last] = between(signal.times, from, to);
    const x = [], y = [];
    let gap = firstAtOrAfter(signal.gaps.map((g) => g[1]), from);
    for (let i = Math.max(0, first - 1); i < Math.min(signal.times.length, last + 1); i++) {
      while (gap < signal.gaps.length && signal.gaps[gap][1] <= signal.times[i] + 1e-4) {
        x.push(onAxis(signal.gaps[gap][0]) + 0.1); y.push(null); gap += 1;
      }
      x.push(onAxis(signal.times[i])); y.push(signal.values[i]);
    }
    return { x, y, yaxis: axis, mode: "lines", name: `${signal.title} (${signal.unit})`, connectgaps: false,
      line: { color: "#1b2733", width: 1.1 }, hovertemplate: "%{y:.4~g}<extra></extra>" };
  }

  function missing(signal, from, to, axis, [low, high]) {
    const x = [], y = [];
    for (const [begin, end] of signal.gaps) {
      if (end <= from || begin >= to || end - begin < view.width / 500) continue;
      const [a, b] = [onAxis(Math.max(begin, from)), onAxis(Math.min(end, to))];
      x.push(a, a, b, b, a, null); y.push(low, high, high, low, low, null);
    }
    return x.length ? [{ x, y, yaxis: axis, mode: "lines", line: { width: 0, color: "#7b8791" }, fill: "toself",
      fillpattern: { shape: "/", fgcolor: "#7b8791", bgcolor: "#e9ecee", size: 7, solidity: 0.22 },
      name: "no valid signal", hoverinfo: "skip" }] : [];
  }

  function marks(times, chosen, signal, axis, style) {
    const x = [], y = [];
    for (const i of chosen) {
      let at = Math.min(firstAtOrAfter(signal.times, times[i]), signal.times.length - 1);
      if (at > 0 && times[i] - signal.times[at - 1] < signal.times[at] - times[i]) at -= 1;
      if (at >= 0 && Math.abs(signal.times[at] - times[i]) < 0.5) {
        x.push(onAxis(times[i])); y.push(signal.values[at]);
      }
    }
    return x.length ? [{ x, y, yaxis: axis, mode: "markers", ...style }] : [];
  }

  function rangeOf(values) {
    let [low, high] = [Infinity, -Infinity];
    for (const value of values) if (value !== null) { low = Math.min(low, value); high = Math.max(high, value); }
    if (!isFinite(low + high)) return [0, 1];
    const room = 0.12 * (high - low) || Math.max(Math.abs(high) * 0.05, 0.01);
    return [low - room, high + room];
  }

  const indices = ([first, last]) => Array.from({ length: last - first }, (_, i) => first + i);

  const rawHeights = () => view.signals.map((s) => (s.role === "heart" ? 190 : 120));
  const rawHeight = () => rawHeights().reduce((a, b) => a + b + 30, 0) + 64;

  function drawRaw() {
    const [from, to] = stretch();
    const count = view.signals.length;
    const heights = rawHeights();
    const total = Math.max(60, rawHeight() - 64);
    const traces = [];
    const layout = { template: data.overview.layout.template, font: FONT, height: total + 64, width: byId("raw").clientWidth, hovermode: "closest",
      margin: { l: 84, r: 190, t: 22, b: 42 }, dragmode: "pan", shapes: [], annotations: [], paper_bgcolor: "#fff",
      legend: { x: 1.01, y: 1, xanchor: "left", font: { size: 11 }, itemclick: false, itemdoubleclick: false },
      xaxis: { ...data.overview.layout.xaxis, range: [onAxis(from), onAxis(to)], anchor: count > 1 ? `y${count}` : "y",
        showspikes: false, fixedrange: true } };
    const beats = indices(between(data.beats.times, from, to));
    const shownKinds = new Set();
    let top = total, hearts = 0;
    view.signals.forEach((signal, index) => {
      const name = index ? `y${index + 1}` : "y";
      top -= 30;
      const domain = [(top - heights[index]) / total, top / total];
      top -= heights[index];
      const line = { ...trace(signal, from, to, name), showlegend: false };
      const range = rangeOf(line.y);
      const add = (made) => made.forEach((one) => {
        traces.push({ ...one, showlegend: !shownKinds.has(one.name) });
        shownKinds.add(one.name);
      });
      add(missing(signal, from, to, name, range));
      traces.push(line);
      if (signal.role === "heart" && hearts++ === 0) {
        const peak = signal.title.startsWith("PPG") ? "pulse peak" : "R peak";
        add(marks(data.beats.times, beats.filter((i) => !data.beats.corrected[i]), signal, name, { name: peak,
          marker: { symbol: "triangle-down", size: 9, color: "#0072b2" }, hovertemplate: `${peak}<extra></extra>` }));
        add(marks(data.beats.times, beats.filter((i) => data.beats.corrected[i]), signal, name, { name: "corrected beat",
          marker: { symbol: "x", size: 9, color: "#c84f00" }, hovertemplate: "corrected beat, not counted<extra></extra>" }));
      }
      if (signal.role === "eda") add(marks(data.scrs, indices(between(data.scrs, from, to)), signal, name, { name: "response (SCR)",
        marker: { symbol: "triangle-up", size: 9, color: "#00805d" }, hovertemplate: "skin conductance response<extra></extra>" }));
      layout[`yaxis${index ? index + 1 : ""}`] = { domain, range, anchor: "x", fixedrange: true, gridcolor: "#dfe4e8",
        zeroline: false, nticks: 5, showline: true, linecolor: "#8b98a3" };
      layout.annotations.push({ text: `<b>${escaped(signal.title)}</b> (${escaped(signal.unit)})`, x: 0, xref: "paper",
        y: domain[1], yref: "paper", xanchor: "left", yanchor: "bottom", showarrow: false });
    });
    const upright = (t, text, style) => {
      layout.shapes.push({ type: "line", x0: onAxis(t), x1: onAxis(t), y0: 0, y1: 1, yref: "paper", line: style });
      layout.annotations.push({ text, x: onAxis(t), y: 1, yref: "paper", yanchor: "bottom", showarrow: false,
        bgcolor: "#ffffff", xanchor: t > (from + to) / 2 ? "right" : "left" });
    };
    data.phases.forEach((phase, i) => {
      if (phase.begin_s > from && phase.begin_s < to && phase.begin_s !== view.focus)
        upright(phase.begin_s, `${i + 1} ${escaped(phase.name)} begins`, { width: 1, color: "#8b98a3" });
    });
    if (view.focus !== null && view.focus >= from && view.focus <= to)
      upright(view.focus, clock(view.focus), { width: 1.5, color: "#0072b2", dash: "dash" });
    // An empty trace keeps the axes where nothing was recorded.
    Plotly.react("rawfigure", traces.length ? traces : [{ x: [], y: [] }], layout, { ...config, displayModeBar: false });
    byId("shown").textContent = described(from, to, beats);
    byId("slider").value = view.centre;
    byId("at").value = clock(view.centre);
    moveCursor(from, to);
  }

  function described(from, to, beats) {
    const parts = [`Shown: ${clock(from)} to ${clock(to)}`];
    const middle = Math.min(Math.max(view.centre, from), to);
    const at = data.phases.findIndex((p) => p.begin_s <= middle && middle < p.end_s);
    if (at >= 0) parts.push(`phase ${at + 1} ${data.phases[at].name}`);
    const corrected = beats.filter((i) => data.beats.corrected[i]).length;
    parts.push(`${beats.length} beats, ${corrected} corrected`);
    const rr = beats.filter((i) => data.beats.rr_ms[i] && !data.beats.corrected[i]).map((i) => data.beats.rr_ms[i]);
    if (rr.length > 1) parts.push(`mean heart rate ${(60000 * rr.length / rr.reduce((a, b) => a + b)).toFixed(1)} bpm`);
    const said = data.said[firstAtOrAfter(data.said.map((s) => s[0]), middle + 0.01) - 1];
    return parts.join(" · ") + "." + (said ? ` Last decision before (${clock(said[0])}): ${said[1]}` : "");
  }

  function show(t, { focus = null, origin = null, come = false } = {}) {
    if (!Number.isFinite(t)) return;
    view.centre = Math.min(Math.max(0, t), data.end_s);
    view.focus = focus;
    drawRaw();
    document.querySelectorAll("tr.here").forEach((row) => row.classList.remove("here"));
    if (!come) return;
    view.origin = origin;
    byId("return").hidden = origin === null;
    byId("raw").scrollIntoView();
    byId("raw").focus({ preventScroll: true });
    origin?.closest("tr")?.classList.add("here");
  }

  function controls() {
    const slider = byId("slider");
    slider.max = Math.floor(data.end_s);
    slider.addEventListener("input", () => show(Number(slider.value)));
    byId("back-step").addEventListener("click", () => show(view.centre - view.width));
    byId("next-step").addEventListener("click", () => show(view.centre + view.width));
    byId("width").addEventListener("change", (event) => { view.width = Number(event.target.value); drawRaw(); });
    byId("at").addEventListener("change", (event) => {
      const parts = event.target.value.split(":").map(Number);
      const t = parts.reduce((sum, part) => 60 * sum + part, 0);
      if (parts.length <= 3 && Number.isFinite(t)) show(t, { focus: t }); else event.target.value = clock(view.centre);
    });
    byId("return").addEventListener("click", () => {
      const origin = view.origin;
      origin.scrollIntoView({ block: "center" });
      origin.focus({ preventScroll: true });
      byId("return").hidden = true;
    });
    document.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-t]");
      if (button) show(Number(button.dataset.t), { focus: Number(button.dataset.t), origin: button, come: true });
    });
  }

  // ---- the overview: a click anywhere, in gaps too, leads to the raw signal; a drag or a double click does not
  let cursorAt = null;
  function moveCursor(from, to) {
    const figure = byId("overview");
    if (cursorAt === null || !figure.layout) return;
    Plotly.relayout(figure, { [`shapes[${cursorAt}].x0`]: onAxis(from), [`shapes[${cursorAt}].x1`]: onAxis(to) });
  }
  async function drawOverview() {
    const figure = byId("overview"), layout = data.overview.layout;
    layout.shapes = layout.shapes || [];
    cursorAt = layout.shapes.length;
    layout.shapes.push({ type: "rect", x0: onAxis(0), x1: onAxis(0), y0: 0, y1: 1, yref: "paper", layer: "above",
      line: { color: "#0072b2", width: 1.5 }, fillcolor: "rgba(0,114,178,0.12)" });
    await Plotly.newPlot(figure, data.overview.data, layout, config);
    let pressed = null, waiting = null;
    figure.addEventListener("pointerdown", (event) => {
      clearTimeout(waiting);
      pressed = event.target.closest(".drag") ? event : null;
    }, true);
    // While a button is down Plotly covers the page, so the release is seen by the window only.
    window.addEventListener("pointerup", (event) => {
      const began = pressed;
      pressed = null;
      if (!began || Math.hypot(event.clientX - began.clientX, event.clientY - began.clientY) > 3) return;
      const t = timeAt(figure, event.clientX);
      if (t !== null) waiting = setTimeout(() => show(t, { focus: t, origin: figure, come: true }), 300);
    }, true);
    figure.addEventListener("dblclick", () => clearTimeout(waiting), true);
  }
  function timeAt(figure, clientX) {
    const axis = figure._fullLayout.xaxis;
    const t = axis.p2d(clientX - figure.getBoundingClientRect().left - axis._offset);
    const milliseconds = typeof t === "number" ? t : Date.parse(`${t.replace(" ", "T")}Z`);
    const seconds = (milliseconds - data.epoch_ms) / 1000;
    return seconds >= 0 && seconds <= data.end_s ? seconds : null;
  }

  // ---- width: of the window on the screen, of the sheet on paper, where the overview fits one page
  const figures = () => ["overview", "rawfigure", "beatsfigure"].map(byId).filter((figure) => figure && figure.layout);
  let onPaper = false;
  function fit() {
    for (const figure of figures()) {
      figure.usual ??= { height: figure.layout.height, right: figure.layout.margin.r };
      const { height, right } = figure.id === "rawfigure" ? { height: rawHeight(), right: 190 } : figure.usual;
      Plotly.relayout(figure, onPaper
        ? { width: 700, height: Math.min(height, 930), "margin.r": Math.min(right, 150), "font.size": 10 }
        : { width: figure.parentElement.clientWidth, height, "margin.r": right, "font.size": FONT.size });
    }
  }
  window.addEventListener("beforeprint", () => {
    onPaper = true;
    document.querySelectorAll("#phases details").forEach((details) => { details.open = true; });
    fit();
  });
  window.addEventListener("afterprint", () => { onPaper = false; fit(); });
  window.addEventListener("resize", () => { if (!onPaper) fit(); });

  async function start() {
    controls();
    await drawOverview();
    if (byId("beatsfigure")) await Plotly.newPlot("beatsfigure", data.beats_figure.data, data.beats_figure.layout, config);
    if (!("DecompressionStream" in window)) {
      byId("shown").textContent = "This browser cannot unpack the raw signal; one from 2023 or later can.";
      return;
    }
    view.signals = await Promise.all(data.raw.map(unpacked));
    fit();
    show(data.phases.length ? data.phases[0].begin_s + 15 : 15);
    document.body.dataset.ready = "yes";
  }
  start();
})();
