// The newest samples of one signal; a NaN stands wherever samples are missing, so that no line is drawn there.
const FEW_HZ = 8; // room for an irregular stream, such as heart intervals

export class Signal {
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
