// What a protocol plans, drawn in a page of Streamlit: of the text it is given, and where it follows the editor of
// every text that is typed there.
const LATER_MS = 150;

export default function (component) {
  const { data, parentElement: root } = component;
  const canvas = root.querySelector("canvas");
  const note = root.querySelector("p");
  let pending;
  let shown = null;
  let drawing = null;

  async function draw() {
    drawing ??= Promise.all(["arc", "words"].map((name) => import(new URL(`/ui/${name}.js`, location.origin).href)));
    const [{ course, drawArc, heightOf, lanesOf }, { say }] = await drawing;
    if (!shown || !canvas.isConnected) return;
    const lanes = data.whole ? lanesOf(shown) : [];
    canvas.style.height = `${heightOf(lanes)}px`;
    drawArc(canvas, { plan: shown.phases, planned: course(shown, shown.phases), lanes });
    const minutes = Math.round(shown.phases.reduce((sum, phase) => sum + phase.duration_s, 0) / 6) / 10;
    canvas.setAttribute("aria-label", say("arc.told", { minutes, phases: shown.phases.map((phase) => phase.name).join(", ") }));
    note.textContent = shown.hr_bpm ? say("arc.for", { bpm: shown.hr_bpm }) : "";
  }

  async function plan(text) {
    const response = await fetch("/engine/protocols/arc", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ text }),
    }).catch(() => null);
    if (text !== canvas.dataset.text) return;
    canvas.classList.toggle("old", !response?.ok);
    if (response?.ok) {
      shown = await response.json();
      await draw();
    } else note.textContent = data.faulty;
  }

  function take(text) {
    if (text === canvas.dataset.text && shown) return;
    canvas.dataset.text = text;
    clearTimeout(pending);
    pending = setTimeout(() => plan(text), shown ? LATER_MS : 0);
  }

  const typed = (event) => take(event.detail);
  const resized = new ResizeObserver(() => draw());
  take(data.text);
  resized.observe(canvas);
  if (data.follows) document.addEventListener("protocol-text", typed);
  return () => {
    clearTimeout(pending);
    resized.disconnect();
    document.removeEventListener("protocol-text", typed);
  };
}
