// Questions of the controller, each with its answers; a rating has its scale.
import { known, make, options, textOf } from "./texts.js";

const EXTENSION_S = 60;

export class Questions {
  constructor(box, { send }) {
    this.box = box;
    this.send = send;
    this.shown = "";
  }

  show(state) {
    const asks = [...state.asks].sort((one, other) => (one.kind === "rating") - (other.kind === "rating"));
    const key = JSON.stringify(asks);
    if (key === this.shown) return;
    this.shown = key;
    this.box.replaceChildren(...asks.slice(0, 1).map((ask) => this.one(ask, asks.length - 1)));
  }

  // One question at a time: the next comes when this one is answered.
  one(ask, more) {
    const answers = ask.kind === "rating" ? this.rating(ask) : ask.choices.map((choice) => this.choice(ask, choice));
    return make("div", { class: "ask", "data-kind": ask.kind, role: "group", "aria-label": ask.text },
      make("span", { class: "shape", "aria-hidden": "true" }, "▲"), make("p", {}, ask.text),
      ...(more ? [make("span", { class: "soft" }, textOf("ask.more", { count: more }))] : []), ...answers);
  }

  choice(ask, name) {
    const key = known(`ask.${ask.kind}.${name}`) ? `ask.${ask.kind}.${name}` : `ask.${name}`;
    const what = { name };
    if (name === "cue") what.cue = ask.about;
    if (name === "extend") what.seconds = EXTENSION_S;
    return make("button", { type: "button", "data-answer": name, onclick: () => this.send(what) }, known(key) ? textOf(key) : name);
  }

  rating(ask) {
    const { low, high } = options.scales[ask.about] ?? { low: 0, high: 10 };
    const send = (value) => this.send({ name: "rating", scale: ask.about, value });
    const none = make("button", { type: "button", class: "quiet", "data-answer": "none", onclick: () => send(null) }, textOf("rating.none"));
    if (high - low <= 10) {
      const steps = Array.from({ length: high - low + 1 }, (_, at) =>
        make("button", { type: "button", "data-value": low + at, onclick: () => send(low + at) }, String(low + at)));
      return [make("div", { class: "scale" }, ...steps), none];
    }
    const slider = make("input", { type: "range", min: low, max: high, step: 1, value: Math.round((low + high) / 2), "aria-label": ask.text });
    const now = make("output", {}, slider.value);
    slider.addEventListener("input", () => (now.textContent = slider.value));
    const save = make("button", { type: "button", class: "primary", onclick: () => send(Number(slider.value)) }, textOf("rating.save"));
    return [make("span", { class: "long" }, slider), now, save, none];
  }
}
