// A player of one output: also while it is made, and beside what it was made of.

import { get } from "../api.js";
import { clear, h } from "../dom.js";
import { clock, Controls } from "./controls.js";
import { Comparison } from "./comparison.js";
import { noteText, readNotes } from "./notes.js";
import { Overlay } from "./overlay.js";
import { showOutput } from "./sources.js";

const KEYS = { " ": "toggle", k: "toggle", ",": "back", ".": "on", m: "mute", f: "full", ArrowLeft: "earlier", ArrowRight: "later" };
const SKIP_S = 5; // that an arrow key goes
const FULL = HTMLMediaElement.HAVE_CURRENT_DATA;

export { remember } from "./sources.js";

/**
 * Put a player into the page.
 * @param {HTMLElement} root gets it.
 * @param {{job: string|Object, output: string, app: Object}} what a job, or its id, the name of one of its outputs, and
 *   `app` of main.js.
 * @returns {function(): void} ends it.
 */
export function mountPlayer(root, { job, output, app }) {
  const player = new Player(job.id ?? job, output, app);
  root.append(player.root);
  player.begin();
  return () => player.close();
}

class Player {
  #state = { kind: "loading", detail: "" };
  #facts = null;
  #job = null;
  #ends = [];
  #closing = new AbortController();
  #frame = 0;
  #hasNotes = false;

  constructor(id, output, app) {
    Object.assign(this, { id, output, app });
    this.video = h("video", { class: "player-after", playsinline: true, preload: "auto", "aria-label": `Output ${output}` });
    this.message = h("div", { class: "player-message", role: "status" });
    this.hint = h("p", { class: "player-hint small", role: "status" });
    this.readout = h("p", { class: "player-notes small muted", "aria-label": "Notes of this frame" });
    this.overlay = new Overlay(this.video, (notes) => this.#tellNotes(notes));
    this.stage = h("div", { class: "player-stage" }, this.video, this.overlay.root, this.message);
    this.controls = new Controls({
      toggle: () => this.toggle(),
      seek: (to) => this.seek(to),
      step: (frames) => this.step(frames),
      rate: (rate) => { this.video.playbackRate = rate; },
      volume: (volume) => Object.assign(this.video, { volume, muted: volume === 0 }),
      mute: () => { this.video.muted = !this.video.muted; },
      full: () => this.full(),
      marks: (isOn) => { this.overlay.isOn = isOn; },
      now: () => this.video.currentTime,
    });
    this.comparison = new Comparison(this);
    this.root = h("section", { class: "player", "aria-label": `Player of ${output}` },
      this.stage, this.controls.root, this.hint, this.readout, this.comparison.root);
  }

  begin() {
    const { video, app } = this;
    const { signal } = this.#closing;
    for (const kind of ["play", "playing", "pause", "waiting", "canplay", "seeked", "loadeddata", "ended"]) {
      video.addEventListener(kind, () => this.#show(), { signal });
    }
    video.addEventListener("volumechange", () => this.controls.setVolume(video.volume, video.muted), { signal });
    video.addEventListener("loadedmetadata", () => this.#fit(), { signal });
    this.stage.addEventListener("click", (event) => event.target.closest("video") && this.toggle(), { signal });
    this.root.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.#ends = [
      app.live.job(this.id, (job) => this.#take(job)),
      showOutput(video, this.id, this.output, (kind, detail) => this.#become(kind, detail), (facts) => this.#know(facts)),
    ];
    const turn = () => {
      this.#tick();
      this.#frame = requestAnimationFrame(turn);
    };
    turn();
    this.#readJob();
  }

  close() {
    cancelAnimationFrame(this.#frame);
    this.#closing.abort();
    this.comparison.close();
    this.overlay.close();
    for (const end of this.#ends) end();
    this.root.remove();
  }

  /** @returns {number} how long all of it is, in seconds; 0 where that is not known. */
  get duration() {
    return Number.isFinite(this.video.duration) ? this.video.duration : this.#facts?.duration_s ?? 0;
  }

  toggle() {
    const { sync } = this.comparison;
    if (sync?.isHeld) {
      sync.release();
      return this.#show();
    }
    if (!this.video.paused) return this.video.pause();
    if (this.video.ended) this.video.currentTime = 0;
    return this.video.play().catch(() => this.#show());
  }

  seek(to) {
    this.video.currentTime = Math.max(0, Math.min(to, this.duration || to));
  }

  /** Go some frames on: to the middle of a frame, so that its own picture is shown. */
  step(frames) {
    const rate = this.#facts?.frame_rate || 25;
    this.video.pause();
    this.seek((Math.floor(this.video.currentTime * rate + 1e-3) + frames + 0.5) / rate);
  }

  full() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.root.requestFullscreen?.().catch(() => this.app.say("This browser does not let the player fill the screen.", "bad"));
  }

  #key(event) {
    const isTyped = event.target.closest("input, select, textarea, button, a, [role=slider]");
    const action = KEYS[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey || (isTyped && (event.key === " " || event.target.matches("input, select, [role=slider]")))) return;
    event.preventDefault();
    if (action === "toggle") this.toggle();
    else if (action === "back" || action === "on") this.step(action === "on" ? 1 : -1);
    else if (action === "mute") this.video.muted = !this.video.muted;
    else if (action === "full") this.full();
    else this.seek(this.video.currentTime + (action === "later" ? SKIP_S : -SKIP_S));
  }

  #become(kind, detail) {
    this.#state = { kind, detail };
    this.#show();
  }

  #know(facts) {
    this.#facts = facts;
    this.controls.setSound(facts.has_sound);
    if (facts.width) this.#fit();
    this.#show();
  }

  #fit() {
    const width = this.video.videoWidth || this.#facts?.width;
    const height = this.video.videoHeight || this.#facts?.height;
    if (width && height) this.stage.style.setProperty("--shape", String(width / height));
  }

  async #readJob() {
    try {
      const details = await get(`/api/jobs/${encodeURIComponent(this.id)}`);
      this.#take({ ...details, ...this.#job }); // what events told meanwhile is newer
    } catch {
      // what plays is told of all the same; the job comes with the next event
    }
  }

  #take(job) {
    if (!job || this.#closing.signal.aborted) return;
    this.#job = { ...this.#job, ...job };
    this.comparison.offer(this.#job);
    if (job.is_over && !this.#hasNotes && job.files.length) this.#readNotes();
    this.#show();
  }

  async #readNotes() {
    this.#hasNotes = true;
    try {
      const notes = await readNotes(this.#job, this.output, this.#closing.signal);
      if (this.#closing.signal.aborted) return;
      this.controls.setCuts(notes.cuts);
      this.controls.setMarks(notes.hasFrames);
      if (notes.hasFrames) this.overlay.show(notes, this.#facts?.frame_rate);
      if (notes.isCut) this.app.say("There are too many annotations to draw them all: those of the beginning are drawn.");
    } catch (problem) {
      if (this.#closing.signal.aborted) return;
      this.#hasNotes = problem.isPassing === false; // else they are asked for with the next news, as after a reconnection
      this.app.say(`Boxes and cuts cannot be read: ${problem.detail ?? "the gateway does not answer."}`, "bad");
    }
  }

  #tellNotes(notes) {
    const text = notes.map(noteText).join(" · ");
    if (text !== this.readout.textContent) this.readout.textContent = text;
  }

  #tick() {
    const { buffered, currentTime } = this.video;
    const ranges = Array.from({ length: buffered.length }, (_, place) => [buffered.start(place), buffered.end(place)]);
    this.controls.setTime(currentTime, this.duration, ranges);
  }

  /** Say what state it is in: over the picture where there is none, below it where it plays. */
  #show() {
    const { video } = this;
    const { kind, detail } = this.#state;
    const isHeld = this.comparison.sync?.isHeld ?? false;
    this.controls.setPlaying(!video.paused || isHeld);
    const lacks = video.readyState < FULL || (!video.paused && video.readyState <= FULL && !video.ended);
    const isRefused = kind === "refused" && video.readyState < FULL;
    const said = isRefused ? ["This cannot be played", detail] : lacks ? this.#waiting(kind, detail) : null;
    this.root.classList.toggle("is-refused", isRefused);
    this.stage.classList.toggle("is-covered", Boolean(said) && video.readyState < FULL);
    tell(this.message, said && [h("strong", {}, said[0]), said[1] && h("span", {}, said[1]), isRefused && this.#wayOut()]);
    const hint = kind === "cut" || (kind === "refused" && !isRefused) ? detail : said ? "" : this.#hint();
    if (this.hint.textContent !== hint) this.hint.textContent = hint;
  }

  #hint() {
    const isRunning = this.#job && !this.#job.is_over;
    return isRunning ? `${this.#progress()}. What is finished can be watched already.` : this.#facts?.reason ?? "";
  }

  #waiting(kind, detail) {
    if (kind === "pending") return ["Waiting for the first frames", detail || this.#progress()];
    if (kind === "cut") return ["Disconnected", detail];
    if (kind === "refused") return ["Nothing more comes", detail];
    const isRunning = this.#job && !this.#job.is_over;
    if (isRunning && !this.video.paused) return ["Waiting for frames", `${this.#progress()}; it goes on by itself at ${clock(this.video.currentTime)}`];
    return [detail ? "Waiting" : "Loading …", detail];
  }

  #progress() {
    const { frames_done: done = 0, frames_wanted: wanted } = this.#job?.progress ?? {};
    if (!this.#job) return "";
    if (this.#job.state === "paused") return "The job is paused";
    return wanted ? `${done.toLocaleString("en")} of ${wanted.toLocaleString("en")} frames are finished` : `${done.toLocaleString("en")} frames are finished`;
  }

  #wayOut() {
    return this.#facts?.file && h("a", { class: "button", href: this.#facts.file, download: true }, "Get the finished file");
  }
}

function tell(place, children) {
  const made = children ? h("div", {}, children) : null;
  if ((place.firstElementChild?.outerHTML ?? "") !== (made?.outerHTML ?? "")) clear(place, made);
  place.hidden = !children;
}
