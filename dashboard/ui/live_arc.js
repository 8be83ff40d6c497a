// The arc of the session that runs. The engine tells the plan and the tempo so far when a phase begins, so that
// every window shows the same; between, the tempo is carried on from what is shown anyway.
import { course, drawArc, heightOf } from "./arc.js";

export class LiveArc {
  constructor(canvas) {
    this.canvas = canvas;
    canvas.style.height = `${heightOf([], 0)}px`;
    this.view = null;
    this.tempi = [];
    this.asked = null; // of which phase
  }

  show(state, numbers) {
    if (state.phase !== this.asked) this.ask(state.phase);
    this.follow(state);
    drawArc(this.canvas, {
      plan: state.plan,
      planned: course(this.view, state.plan),
      now: state.elapsed_s ?? 0,
      tempi: this.tempi,
      numbers,
    });
  }

  async ask(phase) {
    this.asked = phase;
    try {
      const response = await fetch(new URL("../engine/arc", import.meta.url));
      if (!response.ok) throw new Error(String(response.status));
      this.view = await response.json();
      this.tempi = this.view.tempi;
    } catch {
      this.asked = null; // asked again with the next state
    }
  }

  follow({ elapsed_s: t, lifecycle, music }) {
    const last = this.tempi.at(-1);
    if (t === null || (last && t < last[0])) return;
    const tempo = music.sounding && ["running", "paused"].includes(lifecycle) ? music.tempo_bpm : null;
    if (!last || last[1] === null || tempo === null ? last?.[1] !== tempo : Math.abs(last[1] - tempo) > 0.01) {
      this.tempi.push([t, tempo]);
    }
  }
}
