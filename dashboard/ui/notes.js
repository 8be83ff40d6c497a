// Markers, notes, adverse events: the time is taken when the button is pressed; the text may be typed later.
import { make, options, textOf } from "./texts.js";

const $ = (id) => document.getElementById(id);
const QUICK = ["talking", "movement", "noise", "relaxed", "restless", "coughing"];

export class Notes {
  constructor({ send, now }) {
    this.send = send;
    this.now = now;
    for (const name of QUICK) {
      const text = textOf(`marker.${name}`);
      $("markers").append(make("button", { type: "button", onclick: () => this.mark(text, now()) }, text));
    }
    $("marker-open").addEventListener("click", () => this.marker());
    $("note-open").addEventListener("click", () => this.note());
    $("adverse-open").addEventListener("click", () => this.adverse());
  }

  mark(text, at) {
    return this.send({ name: "marker", text, at_s: at });
  }

  marker() {
    const at = this.now();
    const input = make("input", { type: "text", maxlength: 120, required: "", autofocus: "", "aria-label": textOf("marker.text") });
    this.ask(textOf("marker.own.title"), [input], textOf("marker.save"), () => this.mark(input.value.trim(), at));
  }

  note() {
    const input = make("textarea", { maxlength: 2000, required: "", autofocus: "", "aria-label": textOf("note.text") });
    this.ask(textOf("note.title"), [input], textOf("note.save"), () => this.send({ name: "note", text: input.value.trim() }));
  }

  adverse() {
    const input = make("textarea", { maxlength: 2000, required: "", autofocus: "", "aria-label": textOf("adverse.text") });
    const choices = options.severities.map((severity, index) =>
      make("label", {}, make("input", { type: "radio", name: "severity", value: severity, ...(index ? {} : { checked: "" }) }), ` ${textOf(`adverse.${severity}`)}`),
    );
    const fields = make("fieldset", {}, ...choices);
    this.ask(textOf("adverse.title"), [make("p", { class: "soft" }, textOf("adverse.help")), input, fields], textOf("adverse.save"), () =>
      this.send({ name: "adverse event", text: input.value.trim(), severity: fields.querySelector(":checked").value }),
    );
  }

  ask(title, fields, save, done) {
    const form = $("dialog-form");
    const close = () => $("dialog").close();
    form.replaceChildren(
      make("h2", {}, title),
      ...fields,
      make("div", { class: "pair" }, make("button", { type: "button", onclick: close }, textOf("cancel")), make("button", { class: "primary" }, save)),
    );
    form.onsubmit = (event) => {
      event.preventDefault();
      if (![...form.querySelectorAll("[required]")].every((field) => field.value.trim())) return;
      close();
      done();
    };
    $("dialog").show();
    form.onkeydown = (event) => {
      if (event.key === "Escape") close(); // an arrow without braces would hand back false: no letter would arrive
    };
  }
}
