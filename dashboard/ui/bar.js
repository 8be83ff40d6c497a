// The top bar: who, where, how long, whether it records, whether the engine lives, and STOP.
import { command } from "./engine.js";
import { clock, say } from "./words.js";

const TWICE_MS = 1200;
const LINK = { lost: ["■", "lost"], on: ["●", "good"], waiting: ["○", "ink-soft"] };
const $ = (id) => document.getElementById(id);

export class Bar {
  constructor(feed, { answered }) {
    this.feed = feed;
    this.answered = answered;
    this.escaped = 0;
    $("stop").addEventListener("click", () => this.stop());
    $("silence").addEventListener("click", () => this.silence());
    this.keys(document);
    try {
      if (window.parent !== window) this.keys(window.parent.document);
    } catch {
      // A page of another origin: its keys are its own.
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

  // One request, straight to the engine; the button tells at once that it was pressed.
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
    $("client").textContent = state.client || say("bar.nobody");
    $("phase").textContent = this.phase(state);
    $("left").textContent = numbers ? clock(state.left_s) : "·";
    const last = state.plan.at(-1);
    const total = last ? last.start_s + last.duration_s : null;
    $("elapsed").textContent = numbers
      ? `${clock(state.elapsed_s)}${total ? say("bar.of", { total: clock(total) }) : ""}`
      : "·";
    const records = state.recording !== null;
    $("recording-shape").textContent = records ? "●" : "○";
    $("recording-shape").style.color = records ? "var(--lost)" : "var(--ink-soft)";
    $("recording").textContent = records ? bytes(state.recording.bytes) : say("bar.recording.off");
    const going = ["running", "paused", "held", "ending"].includes(state.lifecycle);
    $("stop").disabled = $("silence").disabled = !going && state.stage !== "sound check";
    if (!going || state.lifecycle === "ending") $("stop").setAttribute("aria-pressed", String(going));
    if (!going) $("silence").setAttribute("aria-pressed", "false");
  }

  phase(state) {
    if (!state.lifecycle) return say("bar.none");
    if (state.lifecycle === "waiting" || state.lifecycle === "ended") return say(`lifecycle.${state.lifecycle}`);
    if (state.lifecycle === "running") return words(state.phase);
    return `${say(`lifecycle.${state.lifecycle}`)} · ${words(state.phase)}`;
  }

  pulse() {
    const link = this.feed.lost ? "lost" : this.feed.state ? "on" : "waiting";
    const [shape, colour] = LINK[link];
    document.body.dataset.link = link;
    $("engine-shape").textContent = shape;
    $("engine-shape").style.color = `var(--${colour})`;
    $("engine").textContent = say(`bar.engine.${link}`);
    const lost = link === "lost";
    $("lost").hidden = !lost;
    if (lost && !$("lost").textContent) $("lost").textContent = say("engine.lost");
  }
}

const words = (name) => (name || "–").replaceAll("-", " ");

function bytes(count) {
  if (count < 1e6) return say("bytes.kB", { value: Math.round(count / 1e3) });
  return say("bytes.MB", { value: (count / 1e6).toFixed(1) });
}
