// Two still pictures, drawn anew when the state changes: the arc of the phases with "now", and activation
// against its band.
import { say, clock } from "./words.js";

const HISTORY_S = 600;
const SILENT = ["settle", "baseline", "silence", "recovery"];
const FONT = "12px system-ui, sans-serif";

function begin(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const g = canvas.getContext("2d");
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.font = FONT;
  return [g, width, height];
}

const style = getComputedStyle(document.documentElement);
const colour = (name) => style.getPropertyValue(`--${name}`).trim();

function fitted(g, text, room) {
  if (g.measureText(text).width <= room) return text;
  let cut = text;
  while (cut.length > 1 && g.measureText(`${cut}…`).width > room) cut = cut.slice(0, -1);
  return cut.length > 1 ? `${cut}…` : "";
}

export function drawArc(canvas, state, numbers) {
  const [g, width, height] = begin(canvas);
  const { plan } = state;
  if (!plan.length) return;
  const last = plan.at(-1);
  const total = Math.max(last.start_s + last.duration_s, state.elapsed_s ?? 0, 1);
  const x = (t) => (width * t) / total;
  const top = 16;
  const bottom = height - 18;
  const now = state.elapsed_s ?? 0;
  g.textBaseline = "middle";
  plan.forEach((phase, index) => {
    const from = x(phase.start_s) + (index ? 1 : 0);
    const room = Math.max(1, x(phase.start_s + phase.duration_s) - from - 1);
    const current = phase.start_s <= now && now < phase.start_s + phase.duration_s;
    const past = now >= phase.start_s + phase.duration_s;
    g.fillStyle = colour(current ? "accent" : past ? "accent-soft" : "gap");
    g.beginPath();
    g.roundRect(from, top, room, bottom - top, 5);
    g.fill();
    if (SILENT.includes(phase.kind)) {
      g.strokeStyle = colour("edge");
      g.setLineDash([4, 3]);
      g.stroke();
      g.setLineDash([]);
    }
    g.fillStyle = colour(current ? "on-accent" : "ink");
    g.textAlign = "left";
    g.fillText(fitted(g, phase.name.replaceAll("-", " "), room - 12), from + 7, (top + bottom) / 2 - (numbers ? 8 : 0));
    if (numbers) g.fillText(fitted(g, clock(phase.duration_s), room - 12), from + 7, (top + bottom) / 2 + 9);
  });
  const at = Math.min(width - 1, x(now));
  g.fillStyle = colour("ink");
  g.fillRect(at - 1, 10, 2, height - 24);
  g.beginPath();
  g.moveTo(at - 5, 8);
  g.lineTo(at + 5, 8);
  g.lineTo(at, 15);
  g.fill();
  g.textAlign = at < 60 ? "left" : at > width - 60 ? "right" : "center";
  g.fillText(numbers ? say("arc.now", { time: clock(now) }) : say("arc.now.plain"), at, height - 6);
  if (numbers && at < width - 130) {
    g.textAlign = "right";
    g.fillStyle = colour("ink-soft");
    g.fillText(clock(total), width, height - 6);
  }
}

export function drawActivation(canvas, state, history, numbers) {
  const [g, width, height] = begin(canvas);
  const now = state.elapsed_s ?? 0;
  const left = 74;
  const x = (t) => left + (width - left - 6) * (1 - (now - t) / HISTORY_S);
  const y = (value) => 6 + (height - 24) * (1 - (value + 3) / 6);
  g.fillStyle = colour("ground");
  g.fillRect(left, 6, width - left - 6, height - 24);
  const { band } = state;
  if (band) {
    const top = y(Math.max(-3, Math.min(3, band.high)));
    g.fillStyle = colour("band");
    g.fillRect(left, top, width - left - 6, y(band.low) - top);
  }
  g.strokeStyle = colour("edge");
  g.lineWidth = 1;
  g.setLineDash([3, 3]);
  g.beginPath();
  g.moveTo(left, y(0));
  g.lineTo(width - 6, y(0));
  g.stroke();
  g.setLineDash([]);
  g.fillStyle = colour("ink-soft");
  g.textBaseline = "middle";
  g.textAlign = "right";
  g.fillText(say("activation.above"), left - 6, 14);
  g.fillText(say("activation.own"), left - 6, y(0));
  g.fillText(say("activation.below"), left - 6, height - 26);
  g.textAlign = "left";
  g.fillText(numbers ? say("activation.minutes", { minutes: HISTORY_S / 60 }) : "", left, height - 8);
  g.textAlign = "right";
  g.fillText(say("arc.now.plain"), width - 6, height - 8);
  let before = null;
  for (const point of history) {
    if (now - point.t > HISTORY_S) continue;
    if (point.activation !== null && before && point.t - before.t < 6) {
      g.strokeStyle = colour("ink");
      g.lineWidth = point.confidence >= 0.4 ? 2 : 1;
      g.setLineDash(point.confidence >= 0.4 ? [] : [2, 4]);
      g.beginPath();
      g.moveTo(x(before.t), y(before.activation));
      g.lineTo(x(point.t), y(point.activation));
      g.stroke();
    }
    before = point.activation === null ? null : point;
  }
  g.setLineDash([]);
  if (before) {
    g.fillStyle = colour("ink");
    g.beginPath();
    g.arc(x(before.t), y(before.activation), 4, 0, 2 * Math.PI);
    g.fill();
  }
}
