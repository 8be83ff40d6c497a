// The arc of a session or of a protocol: its phases, below them the planned tempo and the tempo so far, and for
// a protocol what else it plans. Planned values are dashed, those asked for so far solid.
import { begin, colour, fitted } from "./charts.js";
import { clock, textOf } from "./texts.js";
import { worded } from "./override.js";

const SILENT = ["settle", "baseline", "silence", "recovery"];
const TOP = 16; // room for the mark of now
const FOOT = 18; // and for the time
const STRIP = 36;
const GAP = 6;
const LANE = 36;
const TEMPO_LANE = 66;
const GUTTER = 118; // left of the time: what is drawn
const MARGIN = 54; // right of it: the scale
const APART = 17; // of words below each other
const LEAST_RANGE = { tempo_bpm: 16, mode: 0.4, layers: 3, level_db: 6, breath_rate: 3 };

// The planned course, moved to the times that its phases now have in a session.
export function course(view, plan) {
  if (!view || view.phases.length !== plan.length) return { times: [], columns: {} };
  const at = (t) => {
    const index = Math.max(0, view.phases.findLastIndex((phase) => phase.start_s <= t));
    const share = (t - view.phases[index].start_s) / view.phases[index].duration_s;
    return plan[index].start_s + share * plan[index].duration_s;
  };
  return { times: view.times_s.map(at), columns: view.course };
}

// The lanes to show: the fields that change, or at least sound.
export function lanesOf(view) {
  const lanes = Object.keys(view.course).filter((name) => name !== "tempo_bpm");
  return lanes.filter((name) => view.course[name].some((value) => value !== null && (name !== "breath_rate" || value > 0)));
}

const topOf = (now) => (now === null ? 2 : TOP);
export const heightOf = (lanes, now = null) => topOf(now) + STRIP + GAP + TEMPO_LANE + lanes.length * (LANE + GAP) + FOOT;

// `now` and `tempi` ([seconds, tempo or null] from each moment on) are those of a session that runs.
export function drawArc(canvas, { plan, planned, lanes = [], now = null, tempi = [], numbers = true }) {
  const [g, width] = begin(canvas);
  if (!plan.length) return;
  const last = plan.at(-1);
  const total = Math.max(last.start_s + last.duration_s, now ?? 0, 1);
  const x = (t) => GUTTER + ((width - GUTTER - MARGIN) * t) / total;
  g.textBaseline = "middle";
  drawPhases(g, x, topOf(now), plan, now, numbers);
  const { times, columns } = planned;
  const track = (name) => ({ times: [...times, total], values: [...(columns[name] ?? []), null] });
  const sounded = { times: [...tempi.map(([t]) => t), now ?? 0], values: [...tempi.map(([, value]) => value), null] };
  let top = topOf(now) + STRIP + GAP;
  drawLane(g, x, width, { name: "tempo_bpm", top, height: TEMPO_LANE, plan: track("tempo_bpm"), sounded, now, numbers });
  top += TEMPO_LANE + GAP;
  for (const name of lanes) {
    drawLane(g, x, width, { name, top, height: LANE, plan: track(name), now, numbers });
    top += LANE + GAP;
  }
  drawTime(g, x, width, top - GAP, { now, total, numbers });
}

function drawPhases(g, x, top, plan, now, numbers) {
  g.textAlign = "left";
  plan.forEach((phase, index) => {
    const from = x(phase.start_s) + (index ? 1 : 0);
    const room = Math.max(1, x(phase.start_s + phase.duration_s) - from - 1);
    const current = now !== null && phase.start_s <= now && now < phase.start_s + phase.duration_s;
    const past = now !== null && now >= phase.start_s + phase.duration_s;
    g.fillStyle = colour(current ? "accent" : past ? "accent-soft" : "gap");
    g.beginPath();
    g.roundRect(from, top, room, STRIP, 5);
    g.fill();
    if (SILENT.includes(phase.kind)) {
      g.strokeStyle = colour("edge");
      g.lineWidth = 1;
      g.setLineDash([4, 3]);
      g.stroke();
      g.setLineDash([]);
    }
    g.fillStyle = colour(current ? "on-accent" : "ink");
    const middle = top + STRIP / 2;
    g.fillText(fitted(g, phase.name.replaceAll("-", " "), room - 12), from + 7, middle - (numbers || phase.cue ? 8 : 0));
    const length = numbers ? clock(phase.duration_s) : "";
    const below = phase.cue ? textOf("arc.until", { cue: phase.cue, length: numbers ? `≤ ${length}` : "" }).trim() : length;
    g.fillText(fitted(g, below, room - 12), from + 7, middle + 9);
  });
}

function drawLane(g, x, width, { name, top, height, plan, sounded, now, numbers }) {
  const values = [...plan.values, ...(sounded?.values ?? [])].filter((value) => value !== null);
  g.fillStyle = colour("ground");
  g.fillRect(GUTTER, top, width - GUTTER - MARGIN, height);
  g.fillStyle = colour("ink");
  g.textAlign = "left";
  g.fillText(textOf(`field.${name}`), 0, top + 9);
  const lowest = Math.min(...values);
  const highest = Math.max(...values);
  const half = Math.max((LEAST_RANGE[name] ?? 0.3) / 2, (highest - lowest) / 2) * 1.15;
  const middle = (lowest + highest) / 2;
  const y = (value) => top + height - 4 - ((height - 8) * (value - middle + half)) / (2 * half);
  if (sounded) drawScale(g, width, { y, lowest: middle - half, highest: middle + half, numbers });
  if (values.length) trace(g, x, y, plan, "planned");
  if (sounded && now !== null) {
    if (values.length) trace(g, x, y, sounded, "sounded");
    key(g, "sounded", textOf("arc.sounded"), top + 29);
    key(g, "planned", textOf("arc.planned"), top + 47);
    return;
  }
  const first = plan.values.find((value) => value !== null);
  const end = plan.values.findLast((value) => value !== null);
  g.fillStyle = colour("ink-soft");
  g.textAlign = "left";
  const says = first === undefined ? textOf("arc.silent") : numbers ? span(name, first, end) : "";
  g.fillText(fitted(g, says, GUTTER - 8), 0, top + 26);
}

const span = (name, first, end) => {
  const [from, to] = [worded(name, first), worded(name, end)];
  return from === to ? from : `${from} → ${to}`;
};

// Lines at round tempi, each with its number and unit.
function drawScale(g, width, { y, lowest, highest, numbers }) {
  const step = [5, 10, 20, 40].find((each) => y(0) - y(each) >= APART) ?? 80;
  g.textAlign = "left";
  g.lineWidth = 1;
  for (let tempo = Math.ceil(lowest / step) * step; tempo <= highest; tempo += step) {
    g.strokeStyle = colour("line");
    g.beginPath();
    g.moveTo(GUTTER, y(tempo));
    g.lineTo(width - MARGIN, y(tempo));
    g.stroke();
    g.fillStyle = colour("ink-soft");
    if (numbers) g.fillText(textOf("unit.bpm", { value: tempo }), width - MARGIN + 6, y(tempo));
  }
}

function pen(g, kind) {
  g.strokeStyle = colour(kind === "planned" ? "ink-soft" : "accent");
  g.lineWidth = kind === "planned" ? 1.5 : 3;
  g.setLineDash(kind === "planned" ? [5, 4] : []);
}

function key(g, kind, words, y) {
  pen(g, kind);
  g.beginPath();
  g.moveTo(0, y);
  g.lineTo(22, y);
  g.stroke();
  g.setLineDash([]);
  g.fillStyle = colour("ink-soft");
  g.textAlign = "left";
  g.fillText(words, 28, y);
}

// A value holds until the next; where there is none, there is no line.
function trace(g, x, y, { times, values }, kind) {
  pen(g, kind);
  g.beginPath();
  let drawing = false;
  times.forEach((t, index) => {
    const before = index ? values[index - 1] : null;
    if (drawing && before !== null) g.lineTo(x(t), y(before));
    const value = values[index];
    if (value !== null && drawing) g.lineTo(x(t), y(value));
    else if (value !== null) g.moveTo(x(t), y(value));
    drawing = value !== null;
  });
  g.stroke();
  g.setLineDash([]);
}

function drawTime(g, x, width, bottom, { now, total, numbers }) {
  const below = bottom + FOOT / 2 + 1;
  if (now === null) {
    g.fillStyle = colour("ink-soft");
    const step = [60, 120, 300, 600, 1200, 3600].find((each) => total / each <= 12) ?? 7200;
    for (let t = 0; t <= total; t += step) {
      g.textAlign = t ? (x(t) > width - MARGIN - 20 ? "right" : "center") : "left";
      g.fillText(clock(t), x(t), below);
    }
    return;
  }
  const at = Math.min(width - MARGIN, x(now));
  g.fillStyle = colour("ink");
  g.fillRect(at - 1, 10, 2, bottom - 10);
  g.beginPath();
  g.moveTo(at - 5, 8);
  g.lineTo(at + 5, 8);
  g.lineTo(at, 15);
  g.fill();
  g.textAlign = at < GUTTER + 60 ? "left" : at > width - MARGIN - 60 ? "right" : "center";
  g.fillText(numbers ? textOf("arc.now", { time: clock(now) }) : textOf("arc.now.plain"), at, below);
  if (!numbers || at > width - MARGIN - 120) return;
  g.textAlign = "right";
  g.fillStyle = colour("ink-soft");
  g.fillText(clock(total), width - MARGIN, below);
}

// The arc of the running session. The engine sends the plan and the tempo so far at the start of each phase, so every
// window shows the same; between phases the tempo is continued from the live state.
export class LiveArc {
  constructor(canvas) {
    this.canvas = canvas;
    canvas.style.height = `${heightOf([], 0)}px`;
    this.view = null;
    this.tempi = [];
    this.asked = null; // of which phase
  }

  show(state, numbers) {
    if (state.phase !== this.asked) this.ask(state.phase);
    this.follow(state);
    drawArc(this.canvas, {
      plan: state.plan,
      planned: course(this.view, state.plan),
      now: state.elapsed_s ?? 0,
      tempi: this.tempi,
      numbers,
    });
  }

  async ask(phase) {
    this.asked = phase;
    try {
      const response = await fetch(new URL("../engine/arc", import.meta.url));
      if (!response.ok) throw new Error(String(response.status));
      this.view = await response.json();
      this.tempi = this.view.tempi;
    } catch {
      this.asked = null; // asked again with the next state
    }
  }

  follow({ elapsed_s: t, lifecycle, music }) {
    const last = this.tempi.at(-1);
    if (t === null || (last && t < last[0])) return;
    const tempo = music.sounding && ["running", "paused"].includes(lifecycle) ? music.tempo_bpm : null;
    if (!last || last[1] === null || tempo === null ? last?.[1] !== tempo : Math.abs(last[1] - tempo) > 0.01) {
      this.tempi.push([t, tempo]);
    }
  }
}
