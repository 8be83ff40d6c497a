// The text of a protocol with line numbers, checked by the engine as it is typed.
const CHECK_MS = 120;
const TELL_MS = 600;

export default function (component) {
  const { data, parentElement: root, setStateValue } = component;
  const area = root.querySelector("textarea");
  area.setAttribute("aria-label", data.words.label);
  const numbers = root.querySelector(".numbers");
  const faults = root.querySelector(".faults");
  let checking;
  let telling;

  function number(bad = new Set()) {
    const count = area.value.split("\n").length;
    numbers.innerHTML = Array.from({ length: count }, (_, at) =>
      bad.has(at + 1) ? `<b>▲ ${at + 1}</b>` : String(at + 1)).join("\n");
    numbers.scrollTop = area.scrollTop;
  }

  async function check() {
    const text = area.value;
    const response = await fetch("/engine/protocols/check", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ text }),
    }).catch(() => null);
    if (!response?.ok || area.value !== text) return;
    const found = await response.json();
    const detail = { text, usable: !found.length };
    document.dispatchEvent(new CustomEvent("protocol-text", { detail })); // to what draws and plays it
    number(new Set(found.map((fault) => fault.line)));
    const lines = found.map((fault) => {
      const item = document.createElement("li");
      const go = document.createElement("button");
      go.type = "button";
      go.textContent = `▲ ${data.words.line} ${fault.line}`;
      go.onclick = () => leap(fault.line);
      item.append(go, ` ${fault.field}: ${fault.message}`);
      return item;
    });
    if (!lines.length) {
      const good = document.createElement("li");
      good.className = "good";
      good.textContent = `● ${data.words.good}`;
      lines.push(good);
    }
    faults.replaceChildren(...lines);
  }

  function leap(line) {
    const lines = area.value.split("\n");
    const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    area.focus();
    area.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
    area.scrollTop = Math.max(0, (line - 5) * 19);
  }

  const tell = () => setStateValue("text", { edition: data.edition, text: area.value });

  area.oninput = () => {
    number();
    clearTimeout(checking);
    clearTimeout(telling);
    checking = setTimeout(check, CHECK_MS);
    telling = setTimeout(tell, TELL_MS);
  };
  area.onscroll = () => (numbers.scrollTop = area.scrollTop);
  area.onblur = () => {
    clearTimeout(telling);
    tell();
  };
  if (area.dataset.edition !== String(data.edition)) {
    area.dataset.edition = data.edition;
    area.value = data.text;
    number();
    check();
  }
  return () => {
    clearTimeout(checking);
    clearTimeout(telling);
  };
}
