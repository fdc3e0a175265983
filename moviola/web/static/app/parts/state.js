// A job's state and progress: in words, as a badge and as a bar.

import { clear, h } from "../dom.js";
import { counted, duration, number, percent, plural } from "./format.js";

/** By state: how it is called, and how it is meant. */
export const STATES = {
  pending: ["Waiting", "warn"],
  running: ["In work", "info"],
  paused: ["Paused", "warn"],
  done: ["Done", "good"],
  partial: ["Partly done", "warn"],
  failed: ["Failed", "bad"],
  cancelled: ["Cancelled", ""],
};

/**
 * @param {string} state of a job.
 * @returns {HTMLElement} the badge that names it.
 */
export function badge(state) {
  const [word, kind] = STATES[state] ?? [state, ""];
  return h("span", { class: `badge ${kind}` }, word);
}

/** A bar that shows how far a job is. */
export class Bar {
  /** @param {string} label what it is of, for screen readers. */
  constructor(label) {
    this.fill = h("span");
    this.node = h("div", { class: "bar", role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100 }, this.fill);
  }

  /** @param {Object} job whose share it shows. */
  update(job) {
    const share = job.state === "done" || job.state === "partial" ? 1 : job.share;
    this.node.className = `bar ${{ done: "good", partial: "warn", failed: "bad", cancelled: "still", paused: "still" }[job.state] ?? ""}`;
    this.node.setAttribute("aria-valuenow", String(Math.floor(share * 100)));
    this.node.setAttribute("aria-valuetext", percent(share));
    this.fill.style.setProperty("--share", `${share * 100}%`);
  }
}

/**
 * @param {Object} job a record of `live.jobs`.
 * @returns {string} how far it is, how fast, and how long it takes still.
 */
export function progressText(job) {
  const { frames_done: done, frames_wanted: wanted } = job.progress;
  if (job.state === "done" || job.state === "partial") return [counted(wanted ?? done, job.unit), duration(job.seconds)].join(" in ");
  if (job.is_over) return wanted ? `${percent(job.share)} of ${counted(wanted, job.unit)}` : "";
  const parts = [wanted ? percent(job.share) : counted(done, job.unit)];
  if (job.state === "running" && job.rate) {
    parts.push(`${number(job.rate)} ${plural(job.unit)}/s`);
    if (wanted) parts.push(`${duration((wanted - done) / job.rate)} left`);
  }
  return parts.join(" · ");
}

/**
 * @param {Object} job a record.
 * @returns {string} what is not as it was asked for, in words; empty where nothing is.
 */
export function troubleText(job) {
  const { fallback_frames: fellBack, lost_frames: lost, retries } = job.progress;
  return [
    fellBack && `${counted(fellBack, job.unit)} unfiltered`,
    lost && `${counted(lost, job.unit)} lost`,
    retries && `${number(retries)} ${retries === 1 ? "task" : "tasks"} tried again`,
  ].filter(Boolean).join(" · ");
}

/**
 * Replace what a node has, where it is another text than it had.
 * @param {Element} node the node.
 * @param {string} text the text.
 */
export function setText(node, text) {
  if (node.textContent !== text) clear(node, text);
  node.hidden = !text;
}
