// The top bar: client, phase, times, sensors, sound, recording, engine, and STOP.
import { command } from "./engine.js";
import { kindOf } from "./traces.js";
import { clock, known, make, textOf } from "./texts.js";

const TWICE_MS = 1200;
const SHAPES = { good: ["●", "good"], doubtful: ["▲", "doubtful"], lost: ["■", "lost"], unknown: ["○", "ink-soft"] };
const WORST = ["lost", "doubtful", "unknown", "good"];
const LINK = { lost: ["■", "lost"], on: ["●", "good"], waiting: ["○", "ink-soft"] };
const $ = (id) => document.getElementById(id);

export class Bar {
  constructor(feed, { answered }) {
    this.feed = feed;
    this.answered = answered;
    this.escaped = 0;
    this.noticed = false; // whether somebody has said that they know of the missing sound device
    $("stop").addEventListener("click", () => this.stop());
    $("silence").addEventListener("click", () => this.silence());
    this.keys(document);
    try {
      if (window.parent !== window) this.keys(window.parent.document);
    } catch {
      // A page of another origin handles its own keys.
    }
    setInterval(() => this.pulse(), 250);
  }

  keys(root) {
    const listen = (event) => {
      if (event.key !== "Escape" || event.repeat) return;
      const now = performance.now();
      if (now - this.escaped < TWICE_MS) {
        this.escaped = 0;
        if (this.feed.state?.lifecycle === "ending") this.silence();
        else this.stop();
      } else this.escaped = now;
    };
    root.addEventListener("keydown", listen, true);
    window.addEventListener("pagehide", () => root.removeEventListener("keydown", listen, true));
  }

  // One request, straight to the engine; the button shows at once that it was pressed.
  async send(button, name) {
    button.setAttribute("aria-pressed", "true");
    const began = performance.now();
    const reply = await command({ name });
    this.acknowledgedMs = performance.now() - began;
    if (!reply.accepted) button.setAttribute("aria-pressed", "false");
    this.answered(reply);
  }

  stop() {
    return this.send($("stop"), "stop");
  }

  silence() {
    return this.send($("silence"), "emergency stop");
  }

  show(state) {
    const numbers = state.numbers_shown;
    $("client").textContent = state.client === null ? "–" : state.client || textOf("bar.nobody");
    $("phase").textContent = this.phase(state);
    $("left").textContent = numbers ? clock(state.left_s) : "·";
    const last = state.plan.at(-1);
    const total = last ? last.start_s + last.duration_s : null;
    $("elapsed").textContent = numbers
      ? `${clock(state.elapsed_s)}${total ? textOf("bar.of", { total: clock(total) }) : ""}`
      : "·";
    const records = state.recording !== null;
    $("recording-shape").textContent = records ? "●" : "○";
    $("recording-shape").style.color = records ? "var(--lost)" : "var(--ink-soft)";
    $("recording").textContent = records ? bytes(state.recording.bytes) : textOf("bar.recording.off");
    this.sensors(state);
    this.sound(state);
    const going = ["running", "paused", "held", "ending"].includes(state.lifecycle);
    $("stop").disabled = $("silence").disabled = !going && state.stage !== "sound check";
    if (!going || state.lifecycle === "ending") $("stop").setAttribute("aria-pressed", String(going));
    if (!going) $("silence").setAttribute("aria-pressed", "false");
  }

  // Shows the worst light of all sensors, with that sensor's name.
  sensors({ lights, simulated }) {
    const all = Object.values(lights).filter(({ name }) => known(`signal.${kindOf(name)}`));
    const light = WORST.find((each) => all.some((one) => one.light === each));
    const named = all.filter((one) => one.light === light).map(({ name }) => textOf(`short.${kindOf(name)}`));
    let text = light ? textOf(`light.${light}`) : "–";
    if (light === "good" && simulated) text = textOf("bar.simulated");
    else if (["lost", "doubtful"].includes(light)) text = `${named.join(", ")} ${text}`;
    tell("sensors", light ?? "unknown", text);
  }

  sound(state) {
    const [light, word] = sounding(state);
    tell("sound", light, textOf(`bar.sound.${word}`));
    let notice = ["restarting", "lost"].includes(word) ? textOf(`sound.${word}`) : "";
    if (word === "no-device" && !this.noticed) notice = textOf("sound.no-device", { why: state.no_device });
    if (this.heardOf === "restarting" && word === "playing") this.answered({ answer: textOf("sound.back") });
    this.heardOf = word;
    if ($("unheard").dataset.notice === notice) return;
    $("unheard").dataset.notice = notice;
    $("unheard").hidden = !notice;
    const understood = make("button", { type: "button", class: "quiet", onclick: () => this.understood() }, textOf("sound.understood"));
    $("unheard").replaceChildren(make("span", {}, notice), ...(word === "no-device" ? [understood] : []));
  }

  understood() {
    this.noticed = true;
    this.sound(this.feed.state);
  }

  phase(state) {
    if (!state.lifecycle) return textOf("bar.none");
    if (state.lifecycle === "waiting" || state.lifecycle === "ended") return textOf(`lifecycle.${state.lifecycle}`);
    if (state.lifecycle === "running") return words(state.phase);
    return `${textOf(`lifecycle.${state.lifecycle}`)} · ${words(state.phase)}`;
  }

  pulse() {
    const link = this.feed.lost ? "lost" : this.feed.state ? "on" : "waiting";
    const [shape, colour] = LINK[link];
    document.body.dataset.link = link;
    $("engine-shape").textContent = shape;
    $("engine-shape").style.color = `var(--${colour})`;
    $("engine").textContent = textOf(`bar.engine.${link}`);
    if (link === "lost") for (const what of ["sensors", "sound", "recording"]) tell(what, "unknown", textOf("bar.unknown"));
    const lost = link === "lost";
    $("lost").hidden = !lost;
    if (lost && !$("lost").textContent) $("lost").textContent = textOf("engine.lost");
  }
}

// The state of the sound: its light and its text.
function sounding({ lifecycle, music, sound, unheard, no_device: why }) {
  if (!lifecycle || lifecycle === "waiting" || lifecycle === "ended") return ["unknown", "none"];
  if (sound !== "on") return [sound === "lost" ? "lost" : "doubtful", sound];
  if (unheard) return why ? ["lost", "no-device"] : ["unknown", "off"];
  if (lifecycle === "held") return ["unknown", "held"];
  return music.sounding === false ? ["unknown", "silent"] : ["good", "playing"];
}

function tell(what, light, text) {
  const [shape, colour] = SHAPES[light];
  $(`${what}-shape`).textContent = shape;
  $(`${what}-shape`).style.color = `var(--${colour})`;
  $(what).textContent = text;
}

const words = (name) => (name || "–").replaceAll("-", " ");

function bytes(count) {
  if (count < 1e6) return textOf("bytes.kB", { value: Math.round(count / 1e3) });
  return textOf("bytes.MB", { value: (count / 1e6).toFixed(1) });
}
