// Canvas helpers for still pictures, and the chart of activation, which is drawn again when the state changes.
import { textOf } from "./texts.js";

export const FONT = "12px system-ui, sans-serif";

export function begin(canvas) {
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
export const colour = (name) => style.getPropertyValue(`--${name}`).trim();

export function fitted(g, text, room) {
  if (g.measureText(text).width <= room) return text;
  let cut = text;
  while (cut.length > 1 && g.measureText(`${cut}…`).width > room) cut = cut.slice(0, -1);
  return cut.length > 1 ? `${cut}…` : "";
}

const HISTORY_S = 600;

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
  g.fillText(textOf("activation.above"), left - 6, 14);
  g.fillText(textOf("activation.own"), left - 6, y(0));
  g.fillText(textOf("activation.below"), left - 6, height - 26);
  g.textAlign = "left";
  g.fillText(numbers ? textOf("activation.minutes", { minutes: HISTORY_S / 60 }) : "", left, height - 8);
  g.textAlign = "right";
  g.fillText(textOf("arc.now.plain"), width - 6, height - 8);
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
