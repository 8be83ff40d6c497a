// A sound rendered by the engine in the background: shows its progress and can be cancelled.
// A newer wish replaces it; leaving the page cancels it. Where `follows` is set, what is typed into the
// protocol editor is what is wished for.
const LOOK_MS = 300;

export default function (component) {
  const { data, parentElement: root } = component;
  const find = (name) => root.querySelector(name);
  const [start, cancel, bar, says, audio] = [".start", ".cancel", "progress", "p", "audio"].map(find);
  const { words, path, follows } = data;
  const memory = (root.listening ??= { turn: 0, rendering: null, heard: null }); // outlives a run of the page's script
  let usable = data.usable;
  let body = JSON.stringify(data.body);

  function show() {
    const { rendering } = memory;
    start.textContent = rendering && rendering !== body ? words.anew : words.listen;
    start.disabled = !usable || rendering === body;
    cancel.hidden = bar.hidden = !rendering;
    if (rendering) says.textContent = words.rendering;
    if (!follows && memory.heard && memory.heard !== body) {
      audio.pause(); // the sound of another choice
      audio.hidden = true;
    }
  }

  async function look(turn) {
    while (memory.turn === turn && memory.rendering) {
      const response = await fetch(`${path}/progress`).catch(() => null);
      const share = response?.ok ? (await response.json()).share : null;
      if (memory.turn === turn && share) bar.value = share;
      await new Promise((done) => setTimeout(done, LOOK_MS));
    }
  }

  async function listen() {
    const turn = ++memory.turn;
    const wished = (memory.rendering = body);
    memory.request?.abort();
    memory.request = new AbortController();
    bar.removeAttribute("value");
    audio.pause();
    audio.hidden = true;
    show();
    look(turn);
    await memory.cancelling; // or it would cancel this one
    if (memory.turn !== turn) return;
    const response = await fetch(path, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: wished, signal: memory.request.signal,
    }).catch(() => null);
    if (memory.turn !== turn) return;
    memory.rendering = null;
    says.textContent = "";
    if (response?.ok) {
      URL.revokeObjectURL(audio.src);
      audio.src = URL.createObjectURL(await response.blob());
      audio.hidden = false;
      memory.heard = wished;
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
    memory.cancelling = fetch(path, { method: "DELETE", keepalive: true }).catch(() => null);
  }

  const typed = (event) => {
    body = JSON.stringify({ text: event.detail.text });
    usable = event.detail.usable;
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
  if (follows) document.addEventListener("protocol-text", typed);
  window.addEventListener("pagehide", left);
  show();
  return () => {
    document.removeEventListener("protocol-text", typed);
    window.removeEventListener("pagehide", left);
    if (!root.isConnected) {
      audio.pause();
      giveUp();
    }
  };
}
