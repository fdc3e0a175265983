// The controls of a player: buttons and sliders with names, all of them reached by keys.

import { clear, h, svg } from "../dom.js";

const RATES = [0.25, 0.5, 1, 1.5, 2];
const SEEK_S = 5; // that an arrow key goes
const MAX_TICKS = 500; // cuts that are drawn; buttons lead to all

const ICONS = {
  play: "M8 5v14l11-7z",
  pause: "M7 5h4v14H7zm6 0h4v14h-4z",
  back: "M18 6v12l-8.5-6zM6 6h2.2v12H6z",
  next: "M6 6v12l8.5-6zM15.8 6H18v12h-2.2z",
  cutBack: "M20 6v12l-7-6zm-8 0v12l-7-6zM3 5h1.6v14H3z",
  cutNext: "M4 6v12l7-6zm8 0v12l7-6zM19.4 5H21v14h-1.6z",
  sound: "M4 9v6h4l5 4.5v-15L8 9zm11.5-1.8v9.6a5.2 5.2 0 0 0 0-9.6z",
  mute: "M4 9v6h4l5 4.5v-15L8 9zm11 .4 1.3-1.3 2.2 2.3 2.2-2.3L22 9.4 19.8 12l2.2 2.6-1.3 1.3-2.2-2.3-2.2 2.3-1.3-1.3 2.2-2.6z",
  full: "M4 4h6v2H6v4H4zm10 0h6v6h-2V6h-4zM4 14h2v4h4v2H4zm14 0h2v6h-6v-2h4z",
  marks: "M4 5h16v14H4zm2 2v10h12V7zm2 2h5v4H8z",
};

/**
 * @param {number} seconds a place in a video.
 * @returns {string} it as a clock shows it, such as "1:02.4".
 */
export function clock(seconds) {
  const tenths = Math.floor(Math.max(0, seconds) * 10 + 1e-6);
  const [hours, minutes, rest] = [Math.floor(tenths / 36_000), Math.floor(tenths / 600) % 60, tenths % 600];
  const last = `${String(Math.floor(rest / 10)).padStart(2, "0")}.${rest % 10}`;
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${last}` : `${minutes}:${last}`;
}

/** The controls of one player. */
export class Controls {
  #cuts = [];
  #duration = 0;
  #isSeeking = false;

  /**
   * @param {Object} actions what they do: `toggle()`, `seek(s)`, `step(frames)`, `rate(x)`, `volume(x)`, `mute()`,
   *   `full()`, `marks(isOn)`, and `now()`, which tells the time.
   */
  constructor(actions) {
    this.actions = actions;
    this.play = button("Play", "play", () => actions.toggle(), "primary");
    this.muteButton = button("Mute", "sound", () => actions.mute());
    this.marks = button("Boxes and labels", "marks", () => this.#toggleMarks());
    this.marks.setAttribute("aria-pressed", "true");
    this.full = button("Full screen", "full", () => actions.full());
    this.toCuts = [
      button("Previous cut", "cutBack", () => this.cut(-1)),
      button("Next cut", "cutNext", () => this.cut(1)),
    ];
    this.seek = h("input", { type: "range", min: "0", max: "0", step: "any", value: "0", class: "player-seek", "aria-label": "Time" });
    this.volume = h("input", { type: "range", min: "0", max: "1", step: "0.05", value: "1", class: "player-volume", "aria-label": "Volume" });
    this.rate = h("select", { "aria-label": "Speed", class: "player-rate" },
      RATES.map((rate) => h("option", { value: rate, selected: rate === 1 }, `${rate}×`)));
    this.time = h("span", { class: "player-time number" }, "0:00.0");
    this.loaded = h("div", { class: "player-loaded", "aria-hidden": "true" });
    this.ticks = svg("svg", { class: "player-ticks", "aria-hidden": "true", preserveAspectRatio: "none", viewBox: "0 0 1000 10" });
    this.sound = h("div", { class: "player-sound row" }, this.muteButton, this.volume);
    this.root = h("div", { class: "player-controls" },
      h("div", { class: "player-line" }, this.loaded, this.ticks, this.seek),
      h("div", { class: "row" },
        this.play,
        button("Frame back", "back", () => actions.step(-1)),
        button("Frame on", "next", () => actions.step(1)),
        ...this.toCuts, this.time, h("span", { class: "player-space" }), this.sound, this.rate, this.marks, this.full));
    this.#listen();
    this.setCuts([]);
    this.setMarks(false);
  }

  /** Show whether it plays. */
  setPlaying(isPlaying) {
    relabel(this.play, isPlaying ? "Pause" : "Play", isPlaying ? "pause" : "play");
  }

  /** Show the time and how long all of it is, in seconds; and what is loaded, as pairs of times. */
  setTime(now, duration, ranges) {
    if (duration !== this.#duration) {
      this.#duration = duration;
      this.seek.max = String(duration);
      this.#drawTicks();
    }
    if (!this.#isSeeking) this.seek.value = String(now);
    this.seek.setAttribute("aria-valuetext", `${clock(now)} of ${clock(duration)}`);
    this.time.textContent = `${clock(now)} / ${clock(duration)}`;
    const per = (time) => (duration ? Math.min(100, (time / duration) * 100) : 0);
    this.root.style.setProperty("--now", `${per(now)}%`);
    while (this.loaded.children.length < ranges.length) this.loaded.append(h("span"));
    while (this.loaded.children.length > ranges.length) this.loaded.lastChild.remove();
    ranges.forEach(([start, end], place) => {
      const { style } = this.loaded.children[place];
      style.setProperty("left", `${per(start)}%`);
      style.setProperty("width", `${per(end) - per(start)}%`);
    });
  }

  /** Show how loud it is. */
  setVolume(volume, isMuted) {
    this.volume.value = String(isMuted ? 0 : volume);
    relabel(this.muteButton, isMuted ? "Sound on" : "Mute", isMuted ? "mute" : "sound");
  }

  /** Show or hide what is about sound. */
  setSound(hasSound) {
    this.sound.hidden = !hasSound;
  }

  /** Show scene cuts, in seconds, on the line of time. */
  setCuts(cuts) {
    this.#cuts = cuts;
    for (const each of this.toCuts) each.hidden = !cuts.length;
    this.#drawTicks();
  }

  /** Show or hide the button of boxes and labels. */
  setMarks(hasMarks) {
    this.marks.hidden = !hasMarks;
  }

  /** Go to the cut before, -1, or behind, 1. */
  cut(direction) {
    const now = this.actions.now();
    const found = direction > 0 ? this.#cuts.find((at) => at > now + 0.01) : this.#cuts.findLast((at) => at < now - 0.3);
    if (found !== undefined) this.actions.seek(found);
    else if (direction < 0) this.actions.seek(0);
  }

  #listen() {
    const { seek, volume, rate, actions } = this;
    seek.addEventListener("input", () => {
      this.#isSeeking = true;
      actions.seek(Number(seek.value));
    });
    seek.addEventListener("change", () => { this.#isSeeking = false; });
    seek.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -SEEK_S, ArrowDown: -SEEK_S, ArrowRight: SEEK_S, ArrowUp: SEEK_S, PageDown: -6 * SEEK_S, PageUp: 6 * SEEK_S };
      if (!(event.key in by)) return;
      event.preventDefault();
      event.stopPropagation();
      actions.seek(actions.now() + by[event.key]);
    });
    volume.addEventListener("input", () => actions.volume(Number(volume.value)));
    rate.addEventListener("change", () => actions.rate(Number(rate.value)));
  }

  #toggleMarks() {
    const isOn = this.marks.getAttribute("aria-pressed") !== "true";
    this.marks.setAttribute("aria-pressed", String(isOn));
    this.actions.marks(isOn);
  }

  #drawTicks() {
    const cuts = this.#duration ? this.#cuts.slice(0, MAX_TICKS) : [];
    clear(this.ticks, cuts.map((at) => {
      const x = (at / this.#duration) * 1000;
      return svg("line", { x1: x, x2: x, y1: 0, y2: 10 });
    }));
  }
}

function button(label, icon, onclick, kind = "quiet") {
  const made = h("button", { type: "button", class: `button player-button ${kind}`, onclick });
  relabel(made, label, icon);
  return made;
}

function relabel(made, label, icon) {
  if (made.getAttribute("aria-label") === label) return;
  made.setAttribute("aria-label", label);
  made.title = label;
  clear(made, svg("svg", { viewBox: "0 0 24 24", width: "20", height: "20", "aria-hidden": "true", focusable: "false" }, svg("path", { d: ICONS[icon], fill: "currentColor" })));
}
