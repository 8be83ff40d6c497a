// What the tests ask of a page, there in every frame before the page's own scripts.
(() => {
  const READABLE = 4.5; // WCAG 2.2, 1.4.3
  const LARGE = 3; // of large text, and 1.4.11 for symbols
  const CONTROLS =
    "a[href], button, input, select, textarea, summary, [onclick], [contenteditable=true], [tabindex='0'], " +
    ["button", "link", "tab", "combobox", "checkbox", "slider", "switch", "menuitem"].map((role) => `[role=${role}]`).join();
  const ANCESTORS = 5; // a field may show its focus on what surrounds it
  const LOOKS = ["outlineStyle", "outlineWidth", "outlineColor", "boxShadow", "borderTopColor", "borderBottomWidth", "backgroundColor"];

  const up = (node) => node.assignedSlot ?? node.parentElement ?? node.getRootNode().host ?? null;

  function* ancestors(node) {
    for (let at = node; at; at = up(at)) yield at;
  }

  function* elements(root) {
    for (const node of root.querySelectorAll("*")) {
      yield node;
      if (node.shadowRoot) yield* elements(node.shadowRoot);
    }
  }

  function colour(text) {
    const numbers = text.match(/[\d.]+(e-?\d+)?%?/g)?.map((part) => (part.endsWith("%") ? parseFloat(part) / 100 : Number(part)));
    if (!numbers) return [0, 0, 0, 0];
    const [r, g, b, alpha = 1] = numbers;
    return text.startsWith("rgb") ? [r, g, b, alpha] : [r * 255, g * 255, b * 255, alpha];
  }

  const over = ([r, g, b, alpha], below) => [r, g, b].map((part, at) => part * alpha + below[at] * (1 - alpha));

  // The colour behind a node; what it hangs out of is not behind it.
  function ground(node) {
    const layers = [];
    const box = node.getBoundingClientRect();
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    for (const at of ancestors(node)) {
      const layer = colour(getComputedStyle(at).backgroundColor);
      const { left, right, top, bottom } = at.getBoundingClientRect();
      const behind = (left <= x && x <= right && top <= y && y <= bottom) || at === document.body || at === document.documentElement;
      if (!behind) continue;
      if (layer[3]) layers.push(layer);
      if (layer[3] === 1) break;
    }
    let below = [255, 255, 255];
    if (layers.at(-1)?.[3] !== 1 && window.frameElement) below = window.parent.checks.ground(window.frameElement);
    return layers.reverse().reduce((so, layer) => over(layer, so), below);
  }

  function luminance(parts) {
    const [r, g, b] = parts.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  function contrast(node, text = getComputedStyle(node).color) {
    const below = ground(node);
    let [r, g, b, alpha] = colour(text);
    for (const at of ancestors(node)) alpha *= Number(getComputedStyle(at).opacity);
    const [dark, light] = [luminance(over([r, g, b, alpha], below)), luminance(below)].sort((one, other) => one - other);
    return (light + 0.05) / (dark + 0.05);
  }

  function needed(node) {
    const style = getComputedStyle(node);
    if (style.fontFamily.includes("Material Symbols") || node.classList.contains("shape")) return LARGE;
    const size = parseFloat(style.fontSize);
    return size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? LARGE : READABLE;
  }

  function shown(node) {
    const box = node.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && node.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  }

  const disabled = (node) => [...ancestors(node)].some((at) => at.matches(":disabled, [aria-disabled=true], [inert]"));

  // Every text that is shown and too faint: [text, contrast, what is needed].
  function faint() {
    const found = [];
    const note = (node, text, ratio) => {
      if (ratio < needed(node) - 0.005) found.push([text.trim().slice(0, 60), ratio.toFixed(2), needed(node), node.className]);
    };
    for (const node of elements(document)) {
      if (!shown(node) || disabled(node) || node.closest("svg, canvas, noscript")) continue;
      const words = [...node.childNodes].filter((child) => child.nodeType === 3 && child.textContent.trim());
      if (words.length) note(node, words.map((child) => child.textContent).join(" "), contrast(node));
      if (node.matches("input:not([type=range]):not([type=radio]):not([type=checkbox]), textarea")) {
        if (node.value) note(node, node.value, contrast(node));
        else if (node.placeholder) note(node, node.placeholder, contrast(node, getComputedStyle(node, "::placeholder").color));
      }
    }
    return found;
  }

  // By how many pixels anything that scrolls is wider than what is seen of it.
  function overflow() {
    const main = document.querySelector(".stMain");
    return Math.max(...[document.documentElement, main].filter(Boolean).map((node) => node.scrollWidth - node.clientWidth));
  }

  const reached = new Set();
  const focused = new Map();

  function name(node) {
    const label = node.getAttribute("aria-label") || node.labels?.[0]?.textContent || node.textContent || node.id;
    return `${node.tagName.toLowerCase()}${node.type ? `[${node.type}]` : ""} ${label.trim().replace(/\s+/g, " ").slice(0, 50)}`;
  }

  const looks = (node) => {
    const style = getComputedStyle(node);
    return LOOKS.map((key) => style[key]).join(" ");
  };

  function around(node) {
    const nodes = [...ancestors(node)].slice(0, ANCESTORS);
    for (const label of node.labels ?? []) nodes.push(label, ...label.children);
    return nodes;
  }

  const settled = async () => {
    const going = document.getAnimations().filter((each) => each instanceof CSSTransition);
    await Promise.all(going.map((each) => each.finished.catch(() => null)));
  };

  // Takes down what has the focus, in this frame or in one within it; null where nothing has, or had it before.
  async function step() {
    let node = document.activeElement;
    while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement;
    if (node?.tagName === "IFRAME") return node.contentWindow.checks.step();
    if (!node || node === document.body || node === document.documentElement) return { at: null };
    await settled();
    const again = reached.has(node);
    reached.add(node);
    if (!again) focused.set(node, around(node).map((each) => [each, looks(each)]));
    return { at: name(node), again: again && node.tagName !== "CANVAS" }; // within a table Tab goes from cell to cell
  }

  const alike = (node, other) => {
    if (node.type === "radio" && other.type === "radio") return node.name === other.name;
    const list = node.closest("[role=tablist]");
    return list !== null && list === other.closest("[role=tablist]");
  };

  // Spin buttons beside a number do what its arrow keys do; what is inside a control belongs to it.
  const belongs = (node) =>
    node.closest("[data-testid=stNumberInputStepDown], [data-testid=stNumberInputStepUp]") !== null ||
    [...reached].some((other) => other !== node && (other.contains(node) || node.contains(other) || alike(node, other)));

  function unreached() {
    const controls = [...elements(document)].filter((node) => node.matches(CONTROLS) && shown(node) && !disabled(node));
    return controls.filter((node) => !reached.has(node) && !belongs(node)).map(name);
  }

  // Of what had the focus: all that looked just as it looks without it.
  async function unmarked() {
    document.activeElement?.blur();
    await settled();
    const same = ([each, before]) => looks(each) === before;
    const shows = ([node, parts]) => node.closest("canvas, main") === node || node.closest("canvas") || !parts.every(same); // a table marks its cells in its picture
    return [...focused].filter((each) => each[0].isConnected && !shows(each)).map(([node]) => name(node));
  }

  function afresh() {
    reached.clear();
    focused.clear();
    document.activeElement?.blur();
    document.body.tabIndex = -1; // so that Tab begins at the top
    document.body.focus();
    document.body.removeAttribute("tabindex");
  }

  window.checks = { faint, overflow, ground, step, unreached, unmarked, afresh };
})();
