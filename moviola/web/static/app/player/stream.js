// An output that is played while it is made: fragments of the gateway into a <video>, by Media Source Extensions.

const AHEAD_S = 30; // loaded beyond what is shown; then the connection is given back: a browser has six to a host
const LOW_S = 10; // … and more is asked for when so little is left
const BEHIND_S = 20; // kept of what was shown; the rest is let go, so that memory is bounded
const NEAR_S = 3; // a place so little ahead of what is loaded comes by itself
const GAP_S = 0.5; // a hole that playing jumps over
const RETRY_MS = 2000; // between two tries after a cut

/** Feeds a <video> from `play.mp4` of an output. */
export class Stream {
  #video;
  #told;
  #onState;
  #media = new MediaSource();
  #buffer = null;
  #turn = 0; // of the request that is read; an older one stops
  #aborter = null;
  #wake = () => {};
  #retry = 0;
  #isClosed = false;
  #listeners = new AbortController();

  /**
   * @param {HTMLVideoElement} video shows it.
   * @param {{href: string, mime: string, duration_s: ?number}} told what `play.json` says of it.
   * @param {function("loading"|"cut"|"refused"|"ended", string): void} onState called when it changes, with a sentence.
   */
  constructor(video, told, onState) {
    this.#video = video;
    this.#told = told;
    this.#onState = onState;
    const { signal } = this.#listeners;
    this.#media.addEventListener("sourceopen", () => this.#open(), { once: true, signal });
    video.addEventListener("seeking", () => this.#sought(), { signal });
    video.addEventListener("waiting", () => this.#jumpOver(), { signal });
    for (const kind of ["timeupdate", "seeking", "waiting"]) video.addEventListener(kind, () => this.#wake(), { signal });
    this.url = URL.createObjectURL(this.#media);
    video.src = this.url;
  }

  /** Load nothing more. */
  close() {
    this.#isClosed = true;
    this.#turn += 1;
    clearTimeout(this.#retry);
    this.#aborter?.abort();
    this.#listeners.abort();
    this.#wake();
    this.#video.removeAttribute("src");
    this.#video.load();
    URL.revokeObjectURL(this.url);
  }

  #open() {
    if (this.#told.duration_s) this.#media.duration = this.#told.duration_s;
    this.#buffer = this.#media.addSourceBuffer(this.#told.mime);
    this.#load(0);
  }

  /** Load from a time on, instead of what is loaded now. */
  async #load(from) {
    const turn = ++this.#turn;
    clearTimeout(this.#retry);
    this.#aborter?.abort();
    this.#aborter = new AbortController();
    this.#wake();
    try {
      await this.#idle();
      if (turn !== this.#turn) return;
      if (this.#media.readyState === "open") this.#buffer.abort(); // a fragment may be there in part
      this.#onState("loading", "");
      await this.#read(from, turn);
    } catch (error) {
      if (turn !== this.#turn) return;
      if (error instanceof Refusal) return this.#refused(error);
      this.#onState("cut", "The connection to the gateway was cut. What is here plays on.");
      this.#again(RETRY_MS);
    }
  }

  async #read(from, turn) {
    const separator = this.#told.href.includes("?") ? "&" : "?";
    const answer = await fetch(`${this.#told.href}${separator}from=${Math.max(0, from).toFixed(3)}`, { signal: this.#aborter.signal });
    if (!answer.ok) throw await Refusal.of(answer);
    const reader = answer.body.getReader();
    while (turn === this.#turn) {
      if (this.#ahead() > AHEAD_S) return this.#rest(turn);
      const { done, value } = await reader.read();
      if (turn !== this.#turn) return;
      if (done) break;
      await this.#append(value, turn);
    }
    if (turn !== this.#turn) return;
    await this.#idle();
    if (this.#media.readyState === "open") this.#media.endOfStream();
    this.#onState("ended", "");
  }

  #refused(refusal) {
    if (!refusal.retry_ms) return this.#onState("refused", refusal.message);
    this.#onState("loading", refusal.message);
    this.#again(refusal.retry_ms);
  }

  #again(delay_ms) {
    this.#retry = setTimeout(() => this.#load(this.#wanted()), delay_ms);
  }

  /** Append bytes; where there is no room for them, what was shown goes first. */
  async #append(bytes, turn) {
    while (turn === this.#turn) {
      await this.#idle();
      if (turn !== this.#turn || this.#isClosed) return;
      try {
        this.#buffer.appendBuffer(bytes);
        await this.#idle();
        this.#jumpOver();
        return this.#evict(BEHIND_S);
      } catch (error) {
        if (error.name !== "QuotaExceededError") throw error;
        await this.#evict(1);
        await this.#woken();
      }
    }
  }

  async #evict(behind_s) {
    const end = this.#video.currentTime - behind_s;
    const ranges = this.#buffer.buffered;
    if (!ranges.length || ranges.start(0) >= end) return;
    this.#buffer.remove(0, end);
    await this.#idle();
  }

  /** Ask for nothing until there is little ahead of what is shown, and then for what follows: from the chunk on in which
   * loading has stopped. */
  async #rest(turn) {
    this.#aborter.abort();
    while (turn === this.#turn && this.#ahead() > LOW_S) await this.#woken();
    if (turn === this.#turn) this.#load(this.#wanted());
  }

  #woken() {
    return new Promise((resolve) => { this.#wake = resolve; });
  }

  async #idle() {
    while (this.#buffer.updating) await new Promise((resolve) => this.#buffer.addEventListener("updateend", resolve, { once: true }));
  }

  #sought() {
    const at = this.#video.currentTime;
    if (!this.#buffer || this.#range(at)) return;
    const before = this.#range(at - NEAR_S);
    if (before && at - before.end < NEAR_S && this.#media.readyState === "open") return;
    this.#load(at);
  }

  /** Go on behind a small hole, such as that before the first frame. */
  #jumpOver() {
    if (!this.#buffer || this.#isClosed) return;
    const at = this.#video.currentTime;
    const ranges = this.#buffer.buffered;
    if (this.#range(at)) return;
    for (let place = 0; place < ranges.length; place += 1) {
      const start = ranges.start(place);
      if (start > at && start - at < GAP_S) this.#video.currentTime = start;
    }
  }

  /** The loaded range that has a time. */
  #range(at) {
    const ranges = this.#buffer?.buffered ?? [];
    for (let place = 0; place < ranges.length; place += 1) {
      const [start, end] = [ranges.start(place), ranges.end(place)];
      if (start <= at && at < end) return { start, end };
    }
    return null;
  }

  #ahead() {
    const at = this.#video.currentTime;
    return (this.#range(at)?.end ?? at) - at;
  }

  /** Where loading goes on: at the end of what is loaded where it is shown. */
  #wanted() {
    const at = this.#video.currentTime;
    return this.#range(at)?.end ?? at;
  }
}

/** An answer that brings nothing; `retry_ms` says when to ask again, 0: never. */
class Refusal extends Error {
  static async of(answer) {
    const told = await answer.json().catch(() => ({}));
    const refusal = new Refusal(told.detail ?? `The gateway answered with status ${answer.status}.`);
    const isPassing = [429, 502, 503, 504].includes(answer.status);
    refusal.retry_ms = isPassing ? 1000 * (Number(answer.headers.get("Retry-After")) || RETRY_MS / 1000) : 0;
    return refusal;
  }
}
