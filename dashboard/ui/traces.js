// The signals as moving traces: every sample that came, gaps left open, beats marked above the heart signal.
import { make, textOf } from "./texts.js";

const WINDOW_S = 30;
const DOUBTFUL = 0.5; // quality below which a beat is drawn hollow
const FRAME_MS = 30; // about 33 pictures a second
const ORDER = ["ecg", "ppg", "rr", "hr", "eda", "rsp"];
const SHAPES = { good: "●", doubtful: "▲", lost: "■", unknown: "○" };

export const kindOf = (name) => name.replace(/\d+$/, "");

export class Traces {
  constructor(box, feed) {
    this.box = box;
    this.feed = feed;
    this.rows = new Map();
    this.drawnAt = 0;
    this.drawn = 0;
    this.log = []; // [wall milliseconds, newest engine second drawn], for measurements
    this.colours = getComputedStyle(document.documentElement);
    const loop = (at) => {
      requestAnimationFrame(loop);
      if (at - this.drawnAt < FRAME_MS) return;
      this.drawnAt = at;
      this.draw();
    };
    requestAnimationFrame(loop);
  }

  colour(name) {
    return this.colours.getPropertyValue(`--${name}`).trim();
  }

  // Updates the texts beside the traces; the lights are the engine's.
  describe(state) {
    const { lights } = state;
    const names = Object.keys(lights).filter((name) => ORDER.includes(kindOf(name)));
    names.sort((one, other) => ORDER.indexOf(kindOf(one)) - ORDER.indexOf(kindOf(other)) || one.localeCompare(other));
    for (const name of names) {
      const row = this.rows.get(name) ?? this.add(name);
      const { light, words, remedy } = lights[name];
      row.light.dataset.light = light;
      row.light.textContent = `${SHAPES[light] ?? "○"} ${textOf(`light.${light}`)}${words && words !== light ? `: ${words}` : ""}`;
      row.now.textContent = this.reading(kindOf(name), state);
      row.advice.textContent = remedy;
    }
    this.box.querySelector("#traces-empty").hidden = this.rows.size > 0;
    for (const [name, row] of this.rows) {
      if (names.includes(name)) continue;
      row.node.remove();
      this.rows.delete(name);
    }
  }

  reading(kind, state) {
    const value = { ecg: state.hr_bpm, ppg: state.hr_bpm, rr: state.hr_bpm, eda: state.scl_us, rsp: state.breathing_rate }[kind];
    if (value === null || value === undefined) return "–";
    const text = value.toFixed(kind === "eda" ? 2 : kind === "rsp" ? 1 : 0);
    return textOf(`reading.${kind}`, { value: text });
  }

  add(name) {
    const light = make("span", { class: "light" });
    const now = make("span", { class: "now figures" });
    const advice = make("span", { class: "advice soft" });
    const canvas = make("canvas", { role: "img", "aria-label": textOf("traces.of", { name: textOf(`signal.${kindOf(name)}`) }) });
    const number = name.slice(kindOf(name).length);
    const title = make("span", { class: "name" }, textOf(`signal.${kindOf(name)}`) + (number ? ` ${number}` : ""));
    const about = make("div", { class: "about" }, title, now, light, advice);
    const node = make("div", { class: "trace", "data-signal": name }, about, make("div", { class: "plot" }, canvas));
    this.box.append(node);
    const row = { node, light, now, advice, canvas, low: null, high: null };
    this.rows.set(name, row);
    return row;
  }

  draw() {
    const now = this.feed.now;
    if (now === null) return;
    let newest = -Infinity;
    for (const [name, row] of this.rows) {
      const signal = this.feed.signals.get(name);
      this.trace(name, row, signal, now);
      if (signal) newest = Math.max(newest, signal.newest);
    }
    this.drawn++;
    if (newest > -Infinity) this.log.push([performance.timeOrigin + performance.now(), newest]);
    if (this.log.length > 2000) this.log.splice(0, 1000);
  }

  trace(name, row, signal, now) {
    const { canvas } = row;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (!width || !height) return;
    const ratio = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const g = canvas.getContext("2d");
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, width, height);
    const kind = kindOf(name);
    const x = (t) => width * (1 - (now - t) / WINDOW_S);
    this.seconds(g, x, now, height);
    if (!signal) return;
    const since = now - WINDOW_S;
    const y = this.scale(row, signal, since, height, kind);
    this.gaps(g, signal, since, now, x, height);
    g.strokeStyle = this.colour(kind);
    g.lineWidth = 1.4;
    g.lineJoin = "round";
    g.beginPath();
    let pen = false;
    signal.from(since, (t, value) => {
      if (Number.isNaN(value)) pen = false;
      else if (pen) g.lineTo(x(t), y(value));
      else {
        g.moveTo(x(t), y(value));
        pen = true;
      }
    });
    g.stroke();
    if (["ecg", "ppg", "rr"].includes(kind)) this.beats(g, since, x);
  }

  seconds(g, x, now, height) {
    g.strokeStyle = this.colour("gap");
    g.lineWidth = 1;
    g.beginPath();
    for (let t = Math.ceil((now - WINDOW_S) / 5) * 5; t <= now; t += 5) {
      g.moveTo(Math.round(x(t)) + 0.5, 0);
      g.lineTo(Math.round(x(t)) + 0.5, height);
    }
    g.stroke();
  }

  // The vertical scale follows the signal gently, so that the picture does not jump.
  scale(row, signal, since, height, kind) {
    let low = Infinity;
    let high = -Infinity;
    signal.from(since, (t, value) => {
      if (value < low) low = value;
      if (value > high) high = value;
    });
    const least = { ecg: 0.5, eda: 0.2 }[kind] ?? 1e-6;
    if (high - low < least && high >= low) {
      const middle = (low + high) / 2;
      low = middle - least / 2;
      high = middle + least / 2;
    }
    if (row.low === null || !Number.isFinite(row.low)) [row.low, row.high] = [low, high];
    else if (high >= low) {
      row.low += (low - row.low) * (low < row.low ? 0.4 : 0.03);
      row.high += (high - row.high) * (high > row.high ? 0.4 : 0.03);
    }
    const top = 14;
    const span = row.high - row.low || 1;
    return (value) => top + (height - top - 4) * (1 - (value - row.low) / span);
  }

  gaps(g, signal, since, now, x, height) {
    let last = since;
    let there = false;
    const shade = (from, to, open) => {
      if (to - from < 0.5) return;
      g.fillStyle = this.colour("gap");
      g.fillRect(x(from), 0, x(to) - x(from), height);
      if (to - from < 2.5 && !open) return;
      g.fillStyle = this.colour("ink-soft");
      g.font = "12px system-ui, sans-serif";
      g.textAlign = "center";
      if (x(to) - x(from) > 64) g.fillText(textOf("traces.gap"), (x(from) + x(to)) / 2, height / 2 + 4);
    };
    signal.from(since, (t, value) => {
      if (Number.isNaN(value)) return;
      if (there) shade(last, t, false);
      last = t;
      there = true;
    });
    if (now - last > 1 && (there || signal.count)) shade(last, now, true);
  }

  beats(g, since, x) {
    g.fillStyle = g.strokeStyle = this.colour("ink");
    g.lineWidth = 1;
    for (const beat of this.feed.beats) {
      if (beat.r_time_s < since) continue;
      const at = x(beat.r_time_s);
      g.beginPath();
      g.moveTo(at - 3.5, 2);
      g.lineTo(at + 3.5, 2);
      g.lineTo(at, 8);
      g.closePath();
      if (beat.quality < DOUBTFUL) g.stroke();
      else g.fill();
    }
  }
}
