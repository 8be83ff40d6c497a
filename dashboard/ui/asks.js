// Questions of the controller, each with its answers; a rating has its scale.
import { make, say, known } from "./words.js";

const EXTENSION_S = 60;
const SCALES = { "pain-nrs": [0, 10], "relaxation-vas": [0, 100], "sam-arousal": [1, 9], "sam-valence": [1, 9], "distress-nrs": [0, 10] };

export class Asks {
  constructor(box, { send }) {
    this.box = box;
    this.send = send;
    this.shown = "";
  }

  show(state) {
    const { asks } = state;
    const key = JSON.stringify(asks);
    if (key === this.shown) return;
    this.shown = key;
    this.box.replaceChildren(...asks.map((ask) => this.one(ask)));
  }

  one(ask) {
    const answers = ask.kind === "rating" ? this.rating(ask) : ask.choices.map((choice) => this.choice(ask, choice));
    return make("div", { class: "ask", "data-kind": ask.kind, role: "group", "aria-label": ask.text },
      make("span", { class: "shape", "aria-hidden": "true" }, "▲"), make("p", {}, ask.text), ...answers);
  }

  choice(ask, name) {
    const key = known(`ask.${ask.kind}.${name}`) ? `ask.${ask.kind}.${name}` : `ask.${name}`;
    const what = { name };
    if (name === "cue") what.cue = ask.about;
    if (name === "extend") what.seconds = EXTENSION_S;
    return make("button", { type: "button", "data-answer": name, onclick: () => this.send(what) }, known(key) ? say(key) : name);
  }

  rating(ask) {
    const [low, high] = SCALES[ask.about] ?? [0, 10];
    const [lowWords, highWords] = ["low", "high"].map((end) => (known(`scale.${ask.about}.${end}`) ? say(`scale.${ask.about}.${end}`) : ""));
    const send = (value) => this.send({ name: "rating", scale: ask.about, value });
    const skip = make("button", { type: "button", class: "quiet", "data-answer": "none", onclick: () => send(null) }, say("rating.none"));
    if (high - low <= 10) {
      const steps = Array.from({ length: high - low + 1 }, (_, index) =>
        make("button", { type: "button", "data-value": low + index, onclick: () => send(low + index) }, String(low + index)));
      return [make("span", { class: "soft" }, lowWords), make("div", { class: "scale" }, ...steps), make("span", { class: "soft" }, highWords), skip];
    }
    const slider = make("input", { type: "range", min: low, max: high, step: 1, value: Math.round((low + high) / 2), "aria-label": ask.text });
    const save = make("button", { type: "button", class: "primary", onclick: () => send(Number(slider.value)) }, say("rating.save"));
    return [make("span", { class: "soft" }, lowWords), make("span", { style: "width: 260px" }, slider), make("span", { class: "soft" }, highWords), save, skip];
  }
}
