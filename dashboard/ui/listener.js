// The listener's window: nothing to read but a sentence, no numbers. Any key, click or touch lets the music fade;
// only the therapist lets it go on. Opened with ?guide it shows a circle that breathes with the music.
import { command } from "./engine.js";
import { Feed } from "./feed.js";
import { fill, say } from "./words.js";

const $ = (id) => document.getElementById(id);
const SMALLEST = 0.55;
const SETTLING_MS = 3000; // from the engine's yes until its state says so

const guided = new URLSearchParams(location.search).has("guide");
const feed = new Feed();
let asking = false;
let heldAt = -Infinity;
let phase = 0;
let before = performance.now();

const held = () => asking || feed.state?.lifecycle === "held" || performance.now() - heldAt < SETTLING_MS;

// Once is enough: a second touch neither repeats nor undoes it.
async function hold() {
  if (held() || !["running", "paused"].includes(feed.state?.lifecycle)) return;
  asking = true;
  tell("listener.holding", "listener.holding.hint");
  const reply = await command({ name: "hold" }, "listener");
  asking = false;
  if (reply.accepted) heldAt = performance.now();
  else tell("listener.call", "listener.call.hint");
}

function tell(key, hint) {
  const text = say(key);
  if ($("words").textContent !== text) $("words").textContent = text;
  $("hint").textContent = hint ? say(hint) : "";
}

function show(state) {
  const cycle = state.lifecycle;
  document.body.dataset.mood = cycle ?? "waiting";
  $("breath").hidden = !(guided && cycle === "running" && state.music?.sounding && state.music.breath_rate);
  if (cycle === "held") tell("listener.held", "listener.held.hint");
  else if (held()) return;
  else if (cycle === "running" || cycle === "paused") tell("listener.running", "listener.running.hint");
  else if (cycle === "ending") tell("listener.ending");
  else if (cycle === "ended") tell("listener.ended", "listener.ended.hint");
  else tell("listener.waiting");
}

function breathe(at) {
  requestAnimationFrame(breathe);
  phase = (phase + ((at - before) / 60000) * (feed.state?.music?.breath_rate ?? 0)) % 1;
  before = at;
  const full = (1 - Math.cos(2 * Math.PI * phase)) / 2;
  $("breath").firstElementChild.style.transform = `scale(${SMALLEST + (1 - SMALLEST) * full})`;
}

fill(document);
$("breath").hidden = true;
tell("listener.waiting");
document.addEventListener("pointerdown", hold);
document.addEventListener("keydown", (event) => {
  event.preventDefault();
  hold();
});
feed.onState(show);
feed.start();
requestAnimationFrame(breathe);
document.body.dataset.ready = "yes";
