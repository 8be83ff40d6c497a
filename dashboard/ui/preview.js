// A preview of half a minute, rendered by the engine in the background: shows its progress and can be cancelled.
// A newer text replaces it; leaving the page cancels it.
const LOOK_MS = 300;

export default function (component) {
  const { data, parentElement: root } = component;
  const find = (name) => root.querySelector(name);
  const [start, cancel, bar, says, audio] = [".start", ".cancel", "progress", "p", "audio"].map(find);
  const { words } = data;
  const memory = (root.listening ??= { turn: 0, rendering: null }); // outlives a run of the page's script
  let { text, usable } = data;

  function show() {
    const { rendering } = memory;
    start.textContent = rendering && rendering !== text ? words.anew : words.listen;
    start.disabled = !usable || rendering === text;
    cancel.hidden = bar.hidden = !rendering;
    if (rendering) says.textContent = words.rendering;
  }

  async function look(turn) {
    while (memory.turn === turn && memory.rendering) {
      const response = await fetch("/engine/protocols/listen.wav/progress").catch(() => null);
      const share = response?.ok ? (await response.json()).share : null;
      if (memory.turn === turn && share) bar.value = share;
      await new Promise((done) => setTimeout(done, LOOK_MS));
    }
  }

  async function listen() {
    const turn = ++memory.turn;
    memory.rendering = text;
    memory.request?.abort();
    memory.request = new AbortController();
    bar.removeAttribute("value");
    audio.pause();
    audio.hidden = true;
    show();
    look(turn);
    await memory.cancelling; // or it would cancel this one
    if (memory.turn !== turn) return;
    const response = await fetch("/engine/protocols/listen.wav", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ text }),
      signal: memory.request.signal,
    }).catch(() => null);
    if (memory.turn !== turn) return;
    memory.rendering = null;
    says.textContent = "";
    if (response?.ok) {
      URL.revokeObjectURL(audio.src);
      audio.src = URL.createObjectURL(await response.blob());
      audio.hidden = false;
      audio.play().catch(() => {}); // a browser may want a click first
    } else says.textContent = (await response?.json().catch(() => null))?.detail ?? words.failed;
    root.showListening();
  }

  function giveUp(message = "") {
    if (!memory.rendering) return;
    memory.turn++;
    memory.rendering = null;
    memory.request.abort();
    says.textContent = message;
    memory.cancelling = fetch("/engine/protocols/listen.wav", { method: "DELETE", keepalive: true }).catch(() => null);
  }

  const typed = (event) => {
    ({ text, usable } = event.detail);
    show();
  };
  const left = () => giveUp();
  root.showListening = show; // of the newest run
  start.onclick = listen;
  cancel.textContent = words.cancel;
  cancel.onclick = () => {
    giveUp(words.cancelled);
    show();
  };
  audio.setAttribute("aria-label", words.listen);
  bar.setAttribute("aria-label", words.rendering);
  document.addEventListener("protocol-text", typed);
  window.addEventListener("pagehide", left);
  show();
  return () => {
    document.removeEventListener("protocol-text", typed);
    window.removeEventListener("pagehide", left);
    if (!root.isConnected) giveUp();
  };
}
