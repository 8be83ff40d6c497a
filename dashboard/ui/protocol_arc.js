// The arc of a protocol in a page of Streamlit: of the text it is given and, beside the editor, of every text that
// is typed there.
export default function (component) {
  const { data, parentElement: root } = component;
  const canvas = root.querySelector("canvas");
  const note = root.querySelector("p");
  const memory = (canvas.memory ??= { shown: null }); // outlives a run of the page's script
  let drawing = null;

  async function draw() {
    drawing ??= Promise.all(["arc", "texts"].map((name) => import(new URL(`/ui/${name}.js`, location.origin).href)));
    const [{ course, drawArc, heightOf, lanesOf }, { textOf }] = await drawing;
    const { shown } = memory;
    if (!shown || !canvas.isConnected) return;
    const lanes = data.whole ? lanesOf(shown) : [];
    canvas.style.height = `${heightOf(lanes)}px`;
    drawArc(canvas, { plan: shown.phases, planned: course(shown, shown.phases), lanes });
    const minutes = Math.round(shown.phases.reduce((sum, phase) => sum + phase.duration_s, 0) / 6) / 10;
    canvas.setAttribute("aria-label", textOf("arc.told", { minutes, phases: shown.phases.map((phase) => phase.name).join(", ") }));
    if (!canvas.classList.contains("old")) note.textContent = shown.hr_bpm ? textOf("arc.for", { bpm: shown.hr_bpm }) : "";
  }

  async function take({ text, usable }) {
    if (text === canvas.dataset.text) return;
    canvas.dataset.text = text;
    const response = usable && (await fetch("/engine/protocols/arc", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ text }),
    }).catch(() => null));
    if (text !== canvas.dataset.text) return;
    canvas.classList.toggle("old", !response?.ok);
    if (response?.ok) {
      memory.shown = await response.json();
      await draw();
    } else note.textContent = data.faulty;
  }

  const typed = (event) => take(event.detail);
  const resized = new ResizeObserver(() => draw());
  take(data);
  resized.observe(canvas);
  if (data.follows) document.addEventListener("protocol-text", typed);
  return () => {
    resized.disconnect();
    document.removeEventListener("protocol-text", typed);
  };
}
