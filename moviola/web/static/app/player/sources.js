// What a <video> can show: a file of this machine, a finished output, or one that is still being made.

import { get, probe } from "../api.js";
import { Stream } from "./stream.js";

const LOOK_MS = 2000; // between two looks at an output of which nothing is there yet
const PLAIN = /\.(mp4|m4v|mov)$/i; // files that a browser plays as they are; others are streamed

const MAX_REMEMBERED = 100; // files: handles, not their content

const remembered = new Map(); // job's id → the file that was sent from this tab

/**
 * Remember the file that a job was made of, so that it can be seen beside what comes of it, as long as this tab is open.
 * @param {string} job its id.
 * @param {File} file what was sent.
 */
export function remember(job, file) {
  remembered.set(job, file);
  if (remembered.size > MAX_REMEMBERED) remembered.delete(remembered.keys().next().value);
}

/**
 * @param {string} job its id.
 * @returns {File|undefined} the file that was sent from this tab.
 */
export const fileOf = (job) => remembered.get(job);

/**
 * @param {string} job its id.
 * @param {string} output its name.
 * @returns {string} the path of what is known of how it plays.
 */
export const playPath = (job, output) => `/api/jobs/${encodeURIComponent(job)}/outputs/${encodeURIComponent(output)}/play.json`;

/**
 * Show a file of this machine. Nothing of it is sent anywhere.
 * @param {HTMLVideoElement} video shows it.
 * @param {File} file what.
 * @param {function(string, string): void} onState as of `showOutput`.
 * @returns {function(): void} ends it.
 */
export function showFile(video, file, onState) {
  const url = URL.createObjectURL(file);
  const failed = () => onState("refused", `This browser cannot play ${file.name}. An output through the filter identity can be compared instead.`);
  video.addEventListener("error", failed);
  onState("loading", "");
  video.src = url;
  return () => {
    video.removeEventListener("error", failed);
    video.removeAttribute("src");
    video.load();
    URL.revokeObjectURL(url);
  };
}

/**
 * Show an output, as soon as there is something of it.
 * @param {HTMLVideoElement} video shows it.
 * @param {string} job its id.
 * @param {string} output its name.
 * @param {function("pending"|"loading"|"cut"|"refused"|"ended", string): void} onState called when it changes, with a
 *   sentence.
 * @param {function(Object): void} [onFacts] called with what `play.json` says.
 * @returns {function(): void} ends it.
 */
export function showOutput(video, job, output, onState, onFacts = () => {}) {
  const showing = new OutputShowing(video, job, output, onState, onFacts);
  showing.look();
  return () => showing.close();
}

class OutputShowing {
  #timer = 0;
  #stream = null;
  #isClosed = false;
  #left = null; // where a file was when it failed
  #isTried = false; // a file that was there has failed once
  #failed = () => this.#explain();

  constructor(video, job, output, onState, onFacts) {
    Object.assign(this, { video, job, output, onState, onFacts });
  }

  async look() {
    try {
      const told = await get(playPath(this.job, this.output));
      if (!this.#isClosed) await this.#take(told);
    } catch (problem) {
      if (!this.#isClosed) this.#refused(problem);
    }
  }

  close() {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#stream?.close();
    this.video.removeEventListener("error", this.#failed);
    if (!this.#stream) {
      this.video.removeAttribute("src");
      this.video.load();
    }
  }

  async #take(told) {
    this.onFacts(told);
    if (told.file && PLAIN.test(told.file) && this.#canPlay(told.mime)) return this.#play(told.file);
    if (!told.can_stream) return this.onState("refused", told.reason);
    if (!told.is_ready) {
      if (["failed", "cancelled"].includes(told.state)) return this.onState("refused", told.reason || `The job is ${told.state}, and made nothing that could be played.`);
      this.onState("pending", "");
      return this.#again();
    }
    if (typeof MediaSource === "undefined") return this.onState("refused", "This browser plays finished files only. Come back when the job is done.");
    if (MediaSource.isTypeSupported(told.mime)) return this.#load(told);
    const silent = await get(`${playPath(this.job, this.output)}?sound=off`);
    if (this.#isClosed) return;
    if (!told.has_sound || !MediaSource.isTypeSupported(silent.mime ?? "")) return this.onState("refused", told.reason || `This browser does not play ${told.mime}. Sent again with codec=h264 it plays everywhere.`);
    this.#load({ ...silent, href: `${silent.href}?sound=off` });
  }

  #canPlay(mime) {
    return !mime || this.video.canPlayType(mime) !== "";
  }

  #play(href) {
    const { video } = this;
    this.href = href;
    video.addEventListener("error", this.#failed, { once: true });
    this.onState("loading", "");
    video.src = href;
    if (!this.#left) return;
    video.currentTime = this.#left.at;
    if (this.#left.isPlaying) video.play().catch(() => {}); // why not comes as an error of its own
  }

  /**
   * Say why a file does not play on: a browser says the same of one that it does not get and of one that it cannot read.
   * One that is there is tried once more, since it may have come back meanwhile.
   */
  async #explain() {
    const { error, currentTime, paused } = this.video;
    this.#left = { at: currentTime, isPlaying: !paused };
    try {
      await probe(this.href);
    } catch (problem) {
      this.#isTried = false;
      if (!this.#isClosed) this.#refused(problem);
      return;
    }
    if (this.#isClosed) return;
    if (error.code === MediaError.MEDIA_ERR_NETWORK) return this.#cut("The connection to the gateway was cut. It is made again.");
    if (this.#isTried) return this.onState("refused", "This browser cannot play the file. Sent again with codec=h264 it plays everywhere.");
    this.#isTried = true;
    this.#play(this.href);
  }

  /** Say why it cannot be had, and ask again where that may pass. */
  #refused(problem) {
    if (!problem.isPassing && problem.status !== 429) return this.onState("refused", problem.detail ?? String(problem));
    this.#cut(problem.detail);
  }

  #cut(detail) {
    this.onState("cut", detail);
    this.#again();
  }

  #load(told) {
    this.onState("loading", "");
    this.#stream = new Stream(this.video, told, this.onState);
  }

  #again() {
    this.#timer = setTimeout(() => this.look(), LOOK_MS);
  }
}
