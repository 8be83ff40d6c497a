// Commands to the engine, through the relay of the same origin. A command that gets no answer is sent again
// under the same key: the engine carries out each key once.
import { textOf } from "./texts.js";

const PATIENCE_MS = 4000;
const TRIES = 3;

export async function command(what) {
  const body = JSON.stringify({ key: crypto.randomUUID(), command: what });
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await fetch(new URL("../engine/commands", import.meta.url), {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body,
        signal: AbortSignal.timeout(PATIENCE_MS),
        keepalive: true,
      });
      const reply = await response.json().catch(() => ({}));
      if (response.ok) return { accepted: reply.accepted, answer: reply.answer, state: reply.state };
      if (response.status < 500) return { accepted: false, answer: words(reply) };
    } catch (error) {
      if (error.name !== "TypeError" && error.name !== "TimeoutError") throw error;
    }
    if (attempt === TRIES) return { accepted: false, answer: textOf("engine.no-answer"), unreachable: true };
    await new Promise((done) => setTimeout(done, 200 * attempt));
  }
}

export async function state() {
  const response = await fetch(new URL("../engine/state", import.meta.url), { signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!response.ok) throw new Error(`state ${response.status}`);
  return response.json();
}

function words(reply) {
  if (typeof reply.detail === "string") return reply.detail;
  if (Array.isArray(reply.detail)) return reply.detail.map((fault) => fault.msg).join("; ");
  return textOf("engine.refused");
}
