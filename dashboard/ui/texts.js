// What every script of a page uses: the texts, the options (names and ranges of what can be chosen), and helpers.
const load = async (name) => (await fetch(new URL(name, import.meta.url))).json();
const [texts, options] = await Promise.all([load("texts.json"), load("options.json")]);
export { options };

export function textOf(key, values = {}) {
  const text = texts[key] ?? key; // better an odd word than a screen that stands still
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

export const known = (key) => key in texts;

export function fill(root) {
  for (const node of root.querySelectorAll("[data-t]")) node.textContent = textOf(node.dataset.t);
  for (const node of root.querySelectorAll("[data-t-label]")) node.setAttribute("aria-label", textOf(node.dataset.tLabel));
  for (const node of root.querySelectorAll("[data-t-title]")) node.title = textOf(node.dataset.tTitle);
}

export function clock(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}
