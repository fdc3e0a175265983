// What filters noted of an output's frames: boxes and labels by frame, scene cuts by time.

import { get, problemOf } from "../api.js";

const MAX_SIZE = 48 * 1024 * 1024; // of annotations that are read: those of an hour of film, with some boxes in each frame
const MAX_LABEL = 60; // letters of a label over the picture
const PLACE = new Set(["frame", "source_frame", "time_s", "filter", "boxes", "scores"]);

/** Notes by frame, in the order of time. */
export class Notes {
  /** Scene cuts in seconds. */
  cuts = [];
  /** Whether some were too many to be read. */
  isCut = false;
  #times = [];
  #frames = [];

  /** @returns {boolean} whether there is anything to be drawn. */
  get isEmpty() {
    return this.#frames.length === 0 && this.cuts.length === 0;
  }

  /** @returns {boolean} whether boxes or labels were noted. */
  get hasFrames() {
    return this.#frames.length > 0;
  }

  /**
   * @param {number} time_s of the picture that is shown.
   * @param {number} frame_s how long a frame is shown.
   * @returns {Array<{filter: string, boxes: number[][], scores: number[], facts: Array<[string, *]>}>} of that frame.
   */
  at(time_s, frame_s) {
    let [low, high] = [0, this.#times.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#times[middle] <= time_s + frame_s / 4) low = middle + 1;
      else high = middle;
    }
    const found = low - 1;
    return found >= 0 && time_s - this.#times[found] < frame_s * 1.5 ? this.#frames[found] : [];
  }

  /**
   * Take a line of the file of annotations.
   * @param {Object} line its JSON.
   */
  add(line) {
    if (typeof line?.time_s !== "number") return;
    const { time_s, filter = "", boxes = [], scores = [], cut } = line;
    if (cut === true && this.cuts.at(-1) !== time_s) this.cuts.push(time_s);
    const facts = Object.entries(line).filter(([name, value]) => !PLACE.has(name) && value !== null && typeof value !== "object");
    const note = { filter: String(filter), boxes: boxes.filter(isBox), scores, facts };
    if (this.#times.at(-1) === time_s) this.#frames.at(-1).push(note);
    else {
      this.#times.push(time_s);
      this.#frames.push([note]);
    }
  }
}

/**
 * Read what was noted of an output. Nothing is there before its job has ended.
 * @param {Object} job its record.
 * @param {string} output its name.
 * @param {AbortSignal} signal ends it.
 * @returns {Promise<Notes>}
 */
export async function readNotes(job, output, signal) {
  const notes = new Notes();
  const named = (name) => job.files.find((file) => file.name === name)?.href;
  const annotations = named(`${output}.annotations.jsonl`);
  if (annotations) await readLines(annotations, notes, signal);
  const metadata = named("metadata.json");
  if (!notes.cuts.length && metadata) {
    const { analysis } = await get(metadata);
    notes.cuts = (analysis?.cuts ?? []).map((cut) => cut.time_s);
  }
  return notes;
}

/**
 * @param {{filter: string, facts: Array<[string, *]>}} note of a frame.
 * @returns {string} it in a line, such as "metadata: brightness 0.43, motion 0.02".
 */
export function noteText({ filter, boxes, facts }) {
  const told = facts.filter(([, value]) => value !== false).map(([name, value]) => factText(name.replaceAll("_", " "), value));
  if (boxes.length) told.unshift(`${boxes.length} ${boxes.length === 1 ? "box" : "boxes"}`);
  return `${filter ? `${filter}: ` : ""}${told.join(", ") || "nothing"}`;
}

/**
 * @param {{filter: string, scores: number[]}} note of a frame.
 * @param {number} place which of its boxes.
 * @returns {string} what is written at the box.
 */
export function boxLabel({ filter, scores }, place) {
  const score = scores[place];
  return `${filter}${typeof score === "number" ? ` ${Math.round(score * 100) / 100}` : ""}`.slice(0, MAX_LABEL);
}

function factText(name, value) {
  if (value === true) return name;
  return `${name} ${typeof value === "number" ? Math.round(value * 1000) / 1000 : value}`;
}

const isBox = (box) => Array.isArray(box) && box.length === 4 && box.every(Number.isFinite);

async function readLines(href, notes, signal) {
  const answer = await fetch(href, { signal });
  if (!answer.ok) throw await problemOf(answer);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let [rest, size] = ["", 0];
  for (;;) {
    const { done, value } = await reader.read();
    const lines = (rest + (value ?? "")).split("\n");
    rest = done ? "" : lines.pop();
    for (const line of lines) if (line) take(line, notes);
    if (done) return;
    size += value.length;
    if (size > MAX_SIZE) {
      notes.isCut = true;
      return reader.cancel();
    }
  }
}

function take(line, notes) {
  try {
    notes.add(JSON.parse(line));
  } catch {
    // a line of another version is left out
  }
}
