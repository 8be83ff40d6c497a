// The live screen: connects the feed to the views, and the controls to the engine.
import { Questions } from "./questions.js";
import { Bar } from "./top_bar.js";
import { drawActivation } from "./charts.js";
import { Controls } from "./controls.js";
import { Feed } from "./live_feed.js";
import { LiveArc } from "./arc.js";
import { Notes } from "./notes.js";
import { Override, worded } from "./override.js";
import { Traces } from "./traces.js";
import { fill, make, options, textOf } from "./texts.js";

const $ = (id) => document.getElementById(id);
const ANSWER_MS = 6000;
const MUSIC = Object.keys(options.music).filter((field) => field !== "breath_depth"); // shown with the breath
const isMeter = (field) => options.music[field].unit === "0-1" && !options.music[field].names.length;

const wanted = new URLSearchParams(location.search).get("view") ?? "live";
fill(document);
document.body.dataset.view = wanted;

let hideAnswer;
function answered(reply) {
  if (!reply.answer) return;
  $("answer").textContent = reply.answer;
  $("answer").hidden = false;
  clearTimeout(hideAnswer);
  hideAnswer = setTimeout(() => ($("answer").hidden = true), ANSWER_MS);
}

const feed = new Feed();
const bar = new Bar(feed, { answered });
const controls = new Controls({ answered });
const traces = new Traces($("traces"), feed);
const asks = new Questions($("asks"), { send: controls.send });
const override = new Override({ send: controls.send });
const arc = new LiveArc($("arc"));
new Notes({ send: controls.send, now: () => feed.elapsed });

function showMusic(state) {
  const { music, overrides } = state;
  const silent = music.sounding === false;
  $("music-now").textContent = silent ? textOf(state.lifecycle === "held" ? "music.held" : "music.silent") : "";
  const rows = MUSIC.map((field) => {
    const text = silent ? "–" : worded(field, music[field]);
    const row = make("div", { class: field in overrides ? "mine" : null },
      make("dt", {}, textOf(`field.${field}`) + (field in overrides ? ` ${textOf("music.by-hand")}` : "")),
      make("dd", { class: isMeter(field) ? "" : "figures" }, isMeter(field) ? "" : text));
    if (isMeter(field)) {
      const part = silent ? 0 : Math.round((music[field] ?? 0) * 100);
      const degree = part < 34 ? "low" : part < 67 ? "middle" : "high";
      const meter = make("div", { class: "meter", role: "meter", "aria-label": textOf(`field.${field}`), "aria-valuenow": part, "aria-valuemin": 0, "aria-valuemax": 100 }, make("i", { style: `width: ${part}%` }));
      row.lastChild.append(make("span", {}, silent ? "–" : textOf(`meter.${degree}`)), meter);
    }
    return row;
  });
  $("music").replaceChildren(...rows);
}

function showActivation(state) {
  const numbers = state.numbers_shown;
  const trust = state.confidence >= 0.7 ? "high" : state.confidence >= 0.4 ? "middle" : "low";
  const phase = state.plan.find(({ name }) => name === state.phase);
  const coming = state.lifecycle === "waiting" || phase?.kind === "baseline" || phase?.kind === "settle";
  let text = textOf(coming ? "activation.coming" : "activation.unknown");
  if (state.activation !== null) {
    text = textOf("activation.confidence", { trust: textOf(`trust.${trust}`) });
    if (numbers) text = `${textOf("activation.value", { value: Math.round(state.activation_0_100) })} · ${text} (${Math.round(state.confidence * 100)} %)`;
    if (state.activation_basis && state.activation_basis !== "heart and skin") text += ` · ${state.activation_basis}`;
  }
  $("activation-now").textContent = text;
  drawActivation($("activation"), state, feed.history, numbers);
}

const viewOf = (state) => (state.compact ? "compact" : "live");

feed.onState((state) => {
  const numbers = state.numbers_shown;
  document.body.dataset.numbers = numbers ? "on" : "off";
  if (wanted === "live" && document.body.dataset.view !== viewOf(state)) {
    document.body.dataset.view = viewOf(state);
    if (state.compact) $("marker-box").before($("control-box"));
    else document.querySelector(".right").append($("control-box"));
  }
  bar.show(state);
  if (wanted === "bar") return;
  traces.describe(state);
  if (wanted === "check") return;
  controls.show(state);
  asks.show(state);
  override.show(state);
  if ($("why").textContent !== (state.why || "–")) $("why").textContent = state.why || "–";
  arc.show(state, numbers);
  showMusic(state);
  if (!state.compact) showActivation(state);
});
feed.start();
document.body.dataset.ready = "yes";
window.live = { feed, bar, traces };
