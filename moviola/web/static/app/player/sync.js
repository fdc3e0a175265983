// Two <video> elements on one clock: the first leads, the second follows.

const FAR_S = 0.25; // a drift that is mended by a jump
const NEAR_S = 0.015; // … that is left alone: less than half a frame
const PULL = 0.5; // by how much of the drift the follower's speed changes
const MOST = 0.1; // … at most: nobody sees it
const ENOUGH = HTMLMediaElement.HAVE_FUTURE_DATA;

/** Keeps a follower at the time of a leader. */
export class Sync {
  #leader;
  #follower;
  #frame = 0;
  #isHeld = false; // the leader waits for the follower
  #listeners = new AbortController();

  /**
   * @param {HTMLVideoElement} leader whose time holds, and who is heard.
   * @param {HTMLVideoElement} follower is silent.
   */
  constructor(leader, follower) {
    this.#leader = leader;
    this.#follower = follower;
    const { signal } = this.#listeners;
    for (const kind of ["seeking", "pause", "waiting"]) leader.addEventListener(kind, () => this.#align(), { signal });
    follower.addEventListener("loadedmetadata", () => this.#align(), { signal });
    const turn = () => {
      this.#tick();
      this.#frame = requestAnimationFrame(turn);
    };
    this.#frame = requestAnimationFrame(turn);
  }

  /** @returns {number} by how many seconds the follower is ahead. */
  get drift() {
    return this.#follower.currentTime - this.#leader.currentTime;
  }

  /** @returns {boolean} whether the leader waits for the follower, and goes on by itself. */
  get isHeld() {
    return this.#isHeld;
  }

  /** The leader is paused, and waits for nobody. */
  release() {
    this.#isHeld = false;
  }

  /** Let both go. */
  close() {
    cancelAnimationFrame(this.#frame);
    this.#listeners.abort();
    this.#follower.pause();
    if (this.#isHeld) this.#leader.play().catch(() => {});
  }

  #tick() {
    const [leader, follower] = [this.#leader, this.#follower];
    if (!follower.currentSrc || follower.readyState < HTMLMediaElement.HAVE_METADATA) return;
    const isBehind = follower.readyState < ENOUGH && !this.#isOver() && !follower.error;
    if (this.#isHeld) {
      if (isBehind) return;
      this.#isHeld = false;
      leader.play().catch(() => {});
    }
    if (leader.paused || leader.seeking || leader.readyState < ENOUGH) return void (follower.paused || follower.pause());
    if (isBehind && !follower.seeking) {
      this.#isHeld = true;
      return leader.pause();
    }
    if (this.#isOver()) return;
    const drift = this.drift;
    if (Math.abs(drift) > FAR_S && !follower.seeking) follower.currentTime = leader.currentTime;
    const pull = Math.abs(drift) < NEAR_S ? 0 : Math.max(-MOST, Math.min(MOST, -drift * PULL));
    follower.playbackRate = leader.playbackRate * (1 + pull);
    if (follower.paused) follower.play().catch(() => {});
  }

  /** A paused picture shows the same frame on both sides. */
  #align() {
    if (!this.#leader.paused && !this.#leader.seeking) return;
    if (Math.abs(this.drift) > 1e-4) this.#follower.currentTime = this.#leader.currentTime;
  }

  #isOver() {
    const end = this.#follower.duration;
    return this.#follower.ended || (Number.isFinite(end) && this.#leader.currentTime >= end);
  }
}
