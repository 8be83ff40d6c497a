// The live feed: frames of the engine into ring buffers, a clock that runs between frames, and the whole state
// every two seconds.
import { state as wholeState } from "./engine.js";

const RETRY_MS = 500;
const POLL_MS = 2000;
const SILENT_S = 2;
const KEPT_S = 60;
const HISTORY_S = 3600;
const HISTORY_KEY = "biofeedback-history";
const FEW_HZ = 8; // room for an irregular stream, such as heart intervals
const BAND_LOW = -3;
const STEPPING = ["prepared", "checking", "sound check", "ready", "running"];

export class Feed {
  constructor() {
    this.signals = new Map();
    this.beats = [];
    this.history = this.recall(); // {t, activation, confidence} by elapsed seconds; outlives a refresh
    this.state = null;
    this.glance = null;
    this.whole = null;
    this.began = performance.now();
    this.heardAt = null; // milliseconds of performance.now() at the newest frame
    this.answeredAt = null; // and at the newest whole state
    this.offset = null; // engine seconds minus browser seconds
    this.listeners = [];
    window.addEventListener("pagehide", () => this.keep());
  }

  onState(listener) {
    this.listeners.push(listener);
  }

  start() {
    this.connect();
    this.poll();
  }

  connect() {
    const url = new URL("../engine/live", import.meta.url);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url);
    socket.onmessage = (event) => this.take(JSON.parse(event.data));
    socket.onclose = () => setTimeout(() => this.connect(), RETRY_MS);
  }

  async poll() {
    await this.ask();
    setTimeout(() => this.poll(), this.lost ? RETRY_MS : POLL_MS);
  }

  async ask() {
    try {
      this.whole = await wholeState();
      this.answeredAt = performance.now();
      if (!STEPPING.includes(this.whole.engine.stage)) this.glance = null;
      this.tell();
    } catch {
      // Shown as lost if it lasts.
    }
  }

  get silentFor() {
    return this.heardAt === null ? Infinity : (performance.now() - this.heardAt) / 1000;
  }

  // Lost: the engine does not answer, or it should send frames and does not.
  get lost() {
    const quiet = (performance.now() - (this.answeredAt ?? this.began)) / 1000;
    if (quiet > POLL_MS / 1000 + SILENT_S) return true;
    if (this.state?.lifecycle === "waiting") return false; // sensors or sound are being opened
    const waited = (performance.now() - this.began) / 1000;
    return STEPPING.includes(this.whole?.engine?.stage) && Math.min(this.silentFor, waited) > SILENT_S;
  }

  // Engine seconds now: the newest frame's, carried on by the browser's clock for half a second at most.
  get now() {
    if (this.offset === null) return null;
    return performance.now() / 1000 + this.offset - Math.max(0, this.silentFor - 0.5);
  }

  // Seconds of the session now, so that a marker stands where it was pressed.
  get elapsed() {
    if (typeof this.elapsedAt !== "number") return null;
    return Math.max(0, this.elapsedAt + Math.min(1, this.silentFor));
  }

  take(frame) {
    this.heardAt = performance.now();
    this.follow(frame.t);
    this.elapsedAt = frame.elapsed_s;
    for (const [name, part] of Object.entries(frame.signals)) {
      if (!this.signals.has(name)) this.signals.set(name, Signal.for(part, KEPT_S));
      this.signals.get(name).take(part);
    }
    this.beats.push(...frame.beats);
    while (this.beats.length && this.beats[0].r_time_s < frame.t - KEPT_S) this.beats.shift();
    if (!frame.state) return;
    this.glance = frame.state;
    this.remember(frame.elapsed_s, frame.state);
    this.tell();
  }

  tell() {
    this.state = merged(this.glance, this.whole, this.glance ? this.elapsedAt : null);
    for (const listener of this.listeners) listener(this.state);
  }

  follow(t) {
    const offset = t - performance.now() / 1000;
    if (this.offset === null || Math.abs(offset - this.offset) > 1) this.offset = offset;
    else this.offset += (offset - this.offset) * (offset > this.offset ? 0.5 : 0.02);
  }

  remember(t, { activation, confidence, lifecycle }) {
    if (lifecycle === "waiting") return;
    const last = this.history.at(-1);
    if (last && t < last.t - 1) this.history = [];
    else if (last && t - last.t < 1) return;
    this.history.push({ t, activation, confidence });
    if (this.history.length > HISTORY_S) this.history.shift();
  }

  recall() {
    try {
      return JSON.parse(sessionStorage.getItem(HISTORY_KEY)) ?? [];
    } catch {
      return [];
    }
  }

  keep() {
    try {
      sessionStorage.setItem(HISTORY_KEY, JSON.stringify(this.history));
    } catch {
      // Without storage the curve starts empty.
    }
  }
}

// The newest samples of one signal in a ring buffer. NaN stands for missing samples: no line is drawn there.

class Signal {
  static for(part, seconds) {
    const rate = part.dt_s ? 1 / part.dt_s : FEW_HZ;
    return new Signal(Math.ceil(seconds * rate * 1.1) + 16);
  }

  constructor(capacity) {
    this.times = new Float64Array(capacity);
    this.values = new Float64Array(capacity);
    this.capacity = capacity;
    this.count = 0; // samples ever taken
    this.newest = -Infinity;
  }

  take({ t0_s: t0, dt_s: dt, values, times_s: times }) {
    if (values.length && (times ? times[0] : t0) < this.newest - 1) this.count = 0; // another session's clock
    for (let i = 0; i < values.length; i++) {
      const t = times ? times[i] : t0 + i * dt;
      if (this.count && t <= this.newest) continue;
      if (!times && this.count && t - this.newest > 2.5 * dt) this.push(this.newest + dt, NaN);
      this.push(t, values[i] === null ? NaN : values[i]);
      this.newest = t;
    }
  }

  push(t, value) {
    const at = this.count++ % this.capacity;
    this.times[at] = t;
    this.values[at] = value;
  }

  // Calls each(t, value) for the samples from `since` on, oldest first.
  from(since, each) {
    let low = Math.max(0, this.count - this.capacity);
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.times[middle % this.capacity] < since) low = middle + 1;
      else high = middle;
    }
    for (let n = low; n < this.count; n++) each(this.times[n % this.capacity], this.values[n % this.capacity]);
  }
}

// The displayed state: the short state of live frames (four a second) over the whole state (every two seconds), which
// holds what changes rarely: client, protocol, plan, terms.

function merged(glance, whole, elapsed) {
  const engine = whole?.engine ?? {};
  const session = whole?.session ?? null;
  const snapshot = session?.snapshot ?? null;
  const small = glance ?? {};
  const stage = small.stage ?? engine.stage ?? null;
  const plan = snapshot?.plan ?? [];
  const terms = snapshot?.terms ?? {};
  const value = (name) => small[name]?.value ?? null;
  return {
    ...small,
    stage,
    session: session !== null,
    trouble: engine.trouble ?? "",
    lifecycle: small.lifecycle ?? snapshot?.lifecycle ?? null,
    phase: small.phase ?? snapshot?.phase ?? "",
    elapsed_s: elapsed ?? snapshot?.elapsed_s ?? null,
    client: session ? session.client ?? "" : null, // null: not told yet
    protocol: session?.protocol?.title ?? "",
    numbers_shown: session?.protocol?.numbers_shown !== false,
    plan,
    terms,
    compact: plan.some((phase) => phase.kind === "engage"),
    cue: plan.find((phase) => phase.name === (small.phase ?? snapshot?.phase))?.cue ?? "",
    music: small.music ?? snapshot?.music ?? {},
    why: small.why ?? snapshot?.why ?? "",
    asks: small.asks ?? [],
    overrides: small.overrides ?? {},
    hr_bpm: value("hr_bpm"),
    scl_us: value("scl_us"),
    breathing_rate: value("breathing_rate"),
    activation: small.activation ?? null,
    activation_basis: snapshot?.physiology?.activation_basis ?? null,
    band: band(terms),
    lights: Object.fromEntries((small.lights ?? session?.lights ?? []).map((light) => [light.name, light])),
    recording: stage === "running" ? { bytes: small.recorded_bytes ?? session?.recording?.bytes ?? 0 } : null,
    sound: small.sound ?? snapshot?.sound ?? "on",
    simulated: (session?.inputs ?? []).some((input) => input.includes("=virtual:")),
    unheard: session?.audio?.kind === "paced",
    no_device: session?.audio?.kind === "paced" ? session.audio.why : "",
    comfort_db: session?.comfort_db ?? null,
    sound_check: small.sound_check ?? null,
  };
}

// A lead goes on while activation stays below where matching left it, plus its own spread.
function band({ a_ref: reference, sigma, gate }) {
  if (typeof reference !== "number" || typeof sigma !== "number" || !gate) return null;
  return { low: BAND_LOW, high: reference + sigma };
}
