// Who did which chunk when: a lane for each worker, drawn as SVG, and the same as a table.

import { clear, h, svg } from "../dom.js";
import { counted, duration, number } from "./format.js";
import { setText } from "./state.js";

const BAR = 12; // height of a task, in pixels
const STEP = 15; // from one task to one beside it, on the same worker at the same time
const LANE_GAP = 9;
const NAME_WIDTH = 128;
const NAME_ABOVE = 17; // where names are above their lanes: a phone has no room beside them
const NARROW = 560;
const AXIS = 24;
const MAX_LINKS = 200; // lines from a task that failed to where it was tried again
const MAX_ROWS = 200; // of the table at once
const NICE = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400]; // seconds between marks

/** By outcome of a try: a class, and how it is called. */
const OUTCOMES = {
  stored: ["good", "Done"],
  duplicate: ["still", "Done, and was there already"],
  "handed-on": ["good", "Its part done, and handed on"],
  failed: ["bad", "Failed"],
  lost: ["warn", "Lost with its worker, or on its way"],
  withdrawn: ["still", "Taken back, by nobody's fault"],
  running: ["info", "In work"],
  waiting: ["wait", "Waits at its worker"],
};
const GONE_WRONG = ["failed", "lost"];

const outcomeOf = (span) => OUTCOMES[span.outcome] ?? ["still", span.outcome];
const isOver = (span) => span.outcome !== "running" && span.outcome !== "waiting";

/** The timeline of one job. */
export class Timeline {
  #spans = [];
  #seconds = 0;
  #size = new ResizeObserver(() => this.#draw());
  #rows = MAX_ROWS;

  constructor() {
    this.picture = h("div", { class: "timeline" });
    this.legend = h("ul", { class: "row legend small" });
    this.body = h("tbody", {});
    this.more = h("button", { class: "button small", type: "button", onclick: () => this.#showMore() }, "Show more");
    const names = [["From", "number"], ["Took", "number"], ["Worker"], ["Output"], ["Chunk", "number"], ["Became"]];
    this.table = h("details", { ontoggle: () => this.#fill() }, h("summary", {}, "The same as a table"),
      h("div", { class: "scroll framed", tabindex: 0, role: "region", "aria-label": "Tasks as a table" },
        h("table", {}, h("caption", { class: "visually-hidden" }, "Tasks, in the order in which they began"),
          h("thead", {}, h("tr", {}, names.map(([name, kind]) => h("th", { scope: "col", class: kind }, name)))), this.body)),
      this.more);
    this.remarks = h("p", { class: "muted small", hidden: true });
    this.node = h("div", { class: "stack" }, this.picture, this.legend, this.remarks, this.table);
    this.#size.observe(this.picture);
  }

  /** @param {{spans: Array<Object>, seconds: number, remarks: Array<string>}} told of `GET /api/jobs/ID/timeline`. */
  update(told) {
    this.#spans = [...told.spans].sort((a, b) => a.start - b.start || a.lent - b.lent);
    this.#seconds = told.seconds;
    setText(this.remarks, told.remarks.map((remark) => `${remark}.`).join(" "));
    markRetries(this.#spans);
    this.#draw();
    this.#fill();
  }

  /** End it. */
  close() {
    this.#size.disconnect();
  }

  #draw() {
    const width = this.picture.clientWidth;
    if (!this.#spans.length || !width) return;
    clear(this.picture, drawn(this.#spans, this.#seconds, width));
    clear(this.legend, legendOf(this.#spans));
  }

  #fill() {
    if (!this.table.open) return;
    clear(this.body, this.#spans.slice(0, this.#rows).map(rowOf));
    this.more.hidden = this.#rows >= this.#spans.length;
  }

  #showMore() {
    this.#rows += MAX_ROWS;
    this.#fill();
  }
}

/** Note of each task whether the same was tried before, and after which try. */
function markRetries(spans) {
  const last = new Map();
  for (const span of spans) {
    const key = `${span.output} ${span.chunk}`;
    const before = last.get(key);
    span.after = before && GONE_WRONG.includes(before.outcome) ? before : null;
    last.set(key, span);
  }
}

/** Lay the tasks out: a lane for each worker, in which those of the same time lie below each other. */
function lanesOf(spans) {
  const lanes = new Map();
  for (const span of spans) {
    const lane = lanes.get(span.worker) ?? { name: span.worker, ends: [] };
    lanes.set(span.worker, lane);
    let place = lane.ends.findIndex((end) => end <= span.start);
    if (place < 0) place = lane.ends.length;
    lane.ends[place] = span.end;
    span.lane = lane;
    span.place = place;
  }
  return [...lanes.values()].sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
}

function drawn(spans, seconds, width) {
  const until = spans.reduce((last, span) => Math.max(last, span.end), Math.max(0.001, seconds));
  const lanes = lanesOf(spans);
  const isNarrow = width < NARROW;
  const left = isNarrow ? 0 : NAME_WIDTH;
  const x = (at) => left + (at / until) * (width - left - 1);
  let y = AXIS;
  for (const lane of lanes) {
    lane.y = y + (isNarrow ? NAME_ABOVE : 0);
    y = lane.y + lane.ends.length * STEP + LANE_GAP;
  }
  const middle = (span) => span.lane.y + span.place * STEP + BAR / 2;
  const links = spans.filter((span) => span.after).slice(0, MAX_LINKS).map((span) =>
    svg("path", { class: "again", d: `M${x(span.after.end)} ${middle(span.after)}L${x(span.start)} ${middle(span)}` }));
  const tries = counted(spans.filter((span) => span.after).length, "task");
  return svg("svg", {
    width, height: y, viewBox: `0 0 ${width} ${y}`, role: "img",
    "aria-label": `${counted(lanes.length, "worker")}, ${number(spans.length)} ${spans.length === 1 ? "try" : "tries"} in ${duration(until)}; ${tries} tried again. The table below tells each.`,
  }, marks(until, x, y), lanes.map((lane) => nameOf(lane, isNarrow)), links, merged(spans, x).map(rectangle));
}

function marks(seconds, x, height) {
  const step = NICE.find((each) => seconds / each <= 8) ?? Math.ceil(seconds / 8 / 86_400) * 86_400;
  const made = [];
  for (let index = 0; index * step <= seconds; index += 1) {
    const at = Math.round(index * step * 100) / 100;
    const place = x(at);
    made.push(svg("path", { class: "mark", d: `M${place} ${AXIS - 6}V${height}` }), svg("text", { class: "at", x: place + 3, y: 12 }, tick(at)));
  }
  return made;
}

const tick = (at) => (at < 60 ? `${at} s` : at < 3600 ? `${Math.round(at / 6) / 10} min` : `${Math.round(at / 360) / 10} h`);

function nameOf(lane, isNarrow) {
  const room = isNarrow ? 48 : 18;
  const text = lane.name.length > room ? `…${lane.name.slice(1 - room)}` : lane.name;
  return svg("text", { class: "lane", x: 0, y: isNarrow ? lane.y - 5 : lane.y + BAR - 2 }, svg("title", {}, lane.name), text);
}

/** Join neighbours that became the same and are closer than a pixel, so that there are no more shapes than can be seen. */
function merged(spans, x) {
  const last = new Map();
  const made = [];
  for (const span of spans) {
    const key = `${span.worker} ${span.place}`;
    const shape = { span, count: 1, left: x(span.start), right: x(span.end), kind: outcomeOf(span)[0], isRetry: Boolean(span.after) };
    const before = last.get(key);
    const isSame = before && before.kind === shape.kind && before.isRetry === shape.isRetry && shape.right - before.left < 2;
    if (isSame) {
      before.right = Math.max(before.right, shape.right);
      before.count += 1;
      continue;
    }
    last.set(key, shape);
    made.push(shape);
  }
  return made;
}

function rectangle({ span, count, left, right, kind, isRetry }) {
  const told = count > 1 ? `${number(count)} tasks` : `Chunk ${span.chunk} of ${span.output}: ${outcomeOf(span)[1]}, ${duration(span.end - span.start)}`;
  return svg("rect", {
    class: `task ${kind}${isRetry ? " retry" : ""}`, x: left, y: span.lane.y + span.place * STEP, width: Math.max(1.5, right - left - 1), height: BAR, rx: 2,
  }, svg("title", {}, isRetry ? `${told}; tried again` : told));
}

function legendOf(spans) {
  const counts = new Map();
  for (const span of spans) {
    const [kind, word] = outcomeOf(span);
    counts.set(word, { kind, count: (counts.get(word)?.count ?? 0) + 1 });
  }
  const retries = spans.filter((span) => span.after).length;
  return [
    ...[...counts].map(([word, { kind, count }]) => h("li", { class: "row" }, h("span", { class: `swatch ${kind}`, "aria-hidden": "true" }), `${word} ${number(count)}`)),
    retries > 0 && h("li", { class: "row" }, h("span", { class: "swatch retry", "aria-hidden": "true" }), `Tried again ${number(retries)}`),
  ];
}

function rowOf(span) {
  const took = isOver(span) ? duration(span.end - span.start) : "";
  const [kind, word] = outcomeOf(span);
  return h("tr", {}, h("td", { class: "number" }, `${span.start.toFixed(1)} s`), h("td", { class: "number" }, took), h("td", {}, span.worker),
    h("td", {}, span.output), h("td", { class: "number" }, span.chunk), h("td", {}, h("span", { class: `badge ${kind}` }, word), span.after ? " tried again" : ""));
}
