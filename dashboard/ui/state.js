// What is shown, from what the engine says: the glance of each quarter second, and the whole state that is
// asked for every two seconds and holds what seldom changes (client, protocol, plan, terms).
const BAND_LOW = -3;

export function merged(glance, whole, elapsed) {
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
