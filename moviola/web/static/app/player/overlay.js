// Boxes and labels over the picture, frame by frame.

import { clear, svg } from "../dom.js";
import { boxLabel } from "./notes.js";

const LETTERS = 26; // of a label's height in a picture's height

/** Draws what was noted of the frame that is shown. */
export class Overlay {
  #video;
  #notes = null;
  #frame_s = 1 / 25;
  #shown = "";
  #request = 0;
  #isOn = true;
  #onNotes;

  /**
   * @param {HTMLVideoElement} video over which is drawn.
   * @param {function(Array): void} onNotes called with the notes of the frame that is shown.
   */
  constructor(video, onNotes) {
    this.#video = video;
    this.#onNotes = onNotes;
    this.root = svg("svg", { class: "player-overlay", "aria-hidden": "true", preserveAspectRatio: "none" });
  }

  /**
   * Draw these notes from now on.
   * @param {import("./notes.js").Notes} notes of the output.
   * @param {number} rate frames a second.
   */
  show(notes, rate) {
    this.#notes = notes;
    this.#frame_s = 1 / (rate || 25);
    if (!this.#request) this.#next();
    this.#draw(this.#video.currentTime);
  }

  /** @param {boolean} isOn whether anything is drawn. */
  set isOn(isOn) {
    this.#isOn = isOn;
    this.#shown = "";
    this.#draw(this.#video.currentTime);
  }

  /** Draw no more. */
  close() {
    this.#video.cancelVideoFrameCallback?.(this.#request);
    cancelAnimationFrame(this.#request);
    this.#notes = null;
  }

  #next() {
    const { requestVideoFrameCallback: exact } = this.#video;
    const turn = (now, frame) => {
      if (!this.#notes) return;
      this.#draw(frame?.mediaTime ?? this.#video.currentTime);
      this.#next();
    };
    this.#request = exact ? exact.call(this.#video, turn) : requestAnimationFrame(turn);
  }

  #draw(time_s) {
    if (!this.#notes) return;
    const { videoWidth: width, videoHeight: height } = this.#video;
    const found = this.#notes.at(time_s, this.#frame_s);
    this.#onNotes(found);
    const boxes = this.#isOn ? found.flatMap((note) => note.boxes.map((box, place) => [box, boxLabel(note, place)])) : [];
    const shown = JSON.stringify([width, height, boxes]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.root.setAttribute("viewBox", `0 0 ${width || 1} ${height || 1}`);
    clear(this.root, boxes.map(([box, label]) => drawn(box, label, height)));
  }
}

function drawn([x, y, width, height], label, picture) {
  const size = Math.max(9, picture / LETTERS);
  const isInside = y < size * 1.4;
  return svg("g", {},
    svg("rect", { x, y, width, height, class: "player-box" }),
    svg("text", { x: x + size * 0.2, y: isInside ? y + size * 1.1 : y - size * 0.35, "font-size": size, class: "player-label" }, label));
}
