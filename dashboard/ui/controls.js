// What a therapist can do with the session: pause, hold, resume, volume, skip, extend, more or less energy.
import { command } from "./engine.js";
import { make, options, textOf } from "./texts.js";

const $ = (id) => document.getElementById(id);
const EXTENSION_S = 60;
const SLIDING_MS = 1500; // from the last touch of a slider until it follows the engine again
const TO_SCALE = "pain-nrs";
const CUES = { start: /start|begin/, end: /over|end|finish/ };

export class Controls {
  constructor({ answered }) {
    this.slid = -Infinity;
    this.send = async (what) => {
      const reply = await command(what);
      answered(reply);
      return reply;
    };
    for (const name of ["pause", "hold", "resume", "skip", "intensify", "soften"])
      $(name).addEventListener("click", () => this.send({ name }));
    $("extend").addEventListener("click", () => this.send({ name: "extend", seconds: EXTENSION_S }));
    $("procedure-start").addEventListener("click", () => this.procedure("start"));
    $("procedure-end").addEventListener("click", () => this.procedure("end"));
    $("cue").addEventListener("click", () => this.send({ name: "cue", cue: this.state.cue }));
    this.volume();
    this.nrs();
    $("energy-steps").append(...Array.from({ length: 10 }, () => make("i")));
  }

  volume() {
    const slider = $("volume");
    [slider.min, slider.max] = options.volume_db;
    slider.addEventListener("input", () => {
      this.slid = performance.now();
      this.tell(Number(slider.value));
    });
    slider.addEventListener("change", () => this.send({ name: "volume", db: Number(slider.value) }));
  }

  tell(db) {
    const text = db === 0 ? textOf("control.volume.full") : textOf("control.volume.below", { db: Math.abs(db).toFixed(0) });
    $("volume-now").textContent = text;
    $("volume").setAttribute("aria-valuetext", text);
  }

  nrs() {
    const { low, high } = options.scales[TO_SCALE];
    for (let value = low; value <= high; value++)
      $("nrs").append(
        make("button", {
          type: "button",
          "aria-label": textOf("compact.pain.value", { value }),
          onclick: () => this.send({ name: "rating", scale: TO_SCALE, value }),
        }, String(value)),
      );
  }

  // Gives the cue if the phase waits for it, which the session then records; else sets a marker.
  async procedure(edge) {
    const { cue, elapsed_s: at } = this.state;
    if (CUES[edge].test(cue)) await this.send({ name: "cue", cue });
    else await this.send({ name: "marker", text: textOf(`compact.${edge}.marker`), at_s: at });
  }

  show(state) {
    this.state = state;
    const cycle = state.lifecycle;
    const going = cycle === "running";
    const stands = cycle === "paused" || cycle === "held";
    for (const id of ["skip", "extend", "intensify", "soften", "procedure-start", "procedure-end"])
      $(id).disabled = !(going || stands);
    $("pause").disabled = !going && cycle !== "held";
    $("hold").disabled = !going && cycle !== "paused";
    $("volume").disabled = !cycle || cycle === "ended";
    $("pause").setAttribute("aria-pressed", String(cycle === "paused"));
    $("hold").setAttribute("aria-pressed", String(cycle === "held"));
    $("resume").disabled = !stands;
    $("cue").hidden = !state.cue || state.compact;
    $("cue-name").textContent = textOf("control.cue", { cue: state.cue.replaceAll("-", " ") });
    if (performance.now() - this.slid > SLIDING_MS && document.activeElement !== $("volume")) {
      $("volume").value = state.volume_db ?? 0;
      this.tell(Number(state.volume_db ?? 0));
    }
    const energy = state.energy;
    $("energy").textContent = energy === null || energy === undefined ? "–" : textOf("compact.energy.value", { value: Math.round(energy * 10) });
    $("energy-steps").setAttribute("aria-label", $("energy").textContent);
    [...$("energy-steps").children].forEach((step, index) => step.classList.toggle("on", (energy ?? 0) * 10 > index + 0.5));
  }
}
