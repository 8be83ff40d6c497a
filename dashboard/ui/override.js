// Overrides: sets one parameter by hand. The effect is described before the command is sent.
import { make, options, textOf } from "./texts.js";

const $ = (id) => document.getElementById(id);
const FIELDS = options.music;
const STEPS = { bpm: 1, dB: 1, "1/min": 0.5, count: 1 };

const nameOf = ({ values, names }, value) => names[values.findIndex((each) => Math.abs(each - value) < 0.01)] ?? "–";

// A value of a field of the music in words.
export function worded(field, value) {
  const { unit, names } = FIELDS[field];
  if (value === null || value === undefined) return "–";
  if (names.length) return textOf(`${field}.${nameOf(FIELDS[field], value)}`);
  if (unit === "bpm") return textOf("unit.bpm", { value: value.toFixed(0) });
  if (unit === "dB") return textOf("unit.dB", { value: (Math.round(value) || 0).toString().replace("-", "−") });
  if (unit === "count") return value.toFixed(0);
  if (unit === "1/min") return value > 0 ? textOf("unit.per-min", { value: value.toFixed(1) }) : textOf("music.no-breath");
  return textOf("unit.percent", { value: Math.round(value * 100) });
}

export class Override {
  constructor({ send }) {
    this.send = send;
    $("override-open").addEventListener("click", () => this.open($("override").hidden));
    $("override-close").addEventListener("click", () => this.open(false));
    $("override").addEventListener("keydown", (event) => event.key === "Escape" && this.open(false));
    for (const field of Object.keys(FIELDS)) $("override-field").append(make("option", { value: field }, textOf(`field.${field}`)));
    FIELDS.mode.names.forEach((name, at) => $("override-mode").append(make("option", { value: FIELDS.mode.values[at] }, textOf(`mode.${name}`))));
    $("override-field").addEventListener("change", () => this.choose());
    $("override-value").addEventListener("input", () => this.preview());
    $("override-mode").addEventListener("change", () => this.preview());
    $("override-send").addEventListener("click", () => send({ name: "override", field: this.field, value: this.value }));
    $("release-all").addEventListener("click", () => send({ name: "release", field: "all" }));
    this.listed = "";
  }

  get field() {
    return $("override-field").value;
  }

  get value() {
    return Number($(this.field === "mode" ? "override-mode" : "override-value").value);
  }

  open(yes) {
    $("override").hidden = !yes;
    $("override-open").setAttribute("aria-expanded", String(yes));
    if (yes) {
      this.choose();
      $("override-field").focus();
    } else $("override-open").focus();
  }

  choose() {
    const { low, high, unit, values } = FIELDS[this.field];
    const step = values.length ? values[1] - values[0] : (STEPS[unit] ?? 0.05);
    const now = this.state?.music[this.field] ?? low;
    Object.assign($("override-value"), { min: low, max: high, step });
    $("override-value").value = now;
    if (this.field === "mode") $("override-mode").value = values.find((each) => Math.abs(each - now) < 0.01) ?? low;
    $("override-value").hidden = this.field === "mode";
    $("override-mode").hidden = this.field !== "mode";
    this.preview();
  }

  preview() {
    const now = this.state?.music[this.field];
    if (now === undefined) return;
    const away = Math.abs(this.value - now);
    const pace = FIELDS[this.field].pace_per_s;
    const values = { field: textOf(`field.${this.field}`), from: worded(this.field, now), to: worded(this.field, this.value) };
    $("override-value").setAttribute("aria-valuetext", values.to);
    let text = textOf("override.says.same", values);
    if (away > 1e-6) text = pace ? textOf("override.says.slow", { ...values, time: span(away / pace) }) : textOf("override.says.soon", values);
    if (this.state.music.sounding === false) text += ` ${textOf("override.says.silent")}`;
    $("override-says").textContent = text;
    $("override-send").disabled = !["running", "paused", "held"].includes(this.state.lifecycle);
  }

  show(state) {
    this.state = state;
    if ($("override").hidden) return;
    this.preview();
    const key = JSON.stringify(state.overrides);
    if (key === this.listed) return;
    this.listed = key;
    const mine = Object.entries(state.overrides);
    $("release-all").disabled = mine.length === 0;
    $("override-list").replaceChildren(
      ...(mine.length ? mine.map(([field, value]) => this.item(field, value)) : [make("li", { class: "soft" }, textOf("override.none"))]),
    );
  }

  item(field, value) {
    const release = make("button", { type: "button", class: "quiet", onclick: () => this.send({ name: "release", field }) }, textOf("override.release"));
    return make("li", { "data-field": field }, `${textOf(`field.${field}`)}: ${worded(field, value)}`, release);
  }
}

function span(seconds) {
  if (seconds < 60) return textOf("span.seconds", { value: Math.max(1, Math.round(seconds)) });
  return textOf("span.minutes", { value: (Math.round(seconds / 6) / 10).toString() });
}
