// The preview: what the chain makes of a few pictures or records, before anything is paid for.

import { upload } from "../api.js";
import { clear, h } from "../dom.js";
import { Sampler } from "./frames.js";

const WAIT_MS = 350; // that nothing changes before a preview is made: somebody drags a slider
const BUSY_MS = 1200; // until it is tried again where all places are taken
const RETRY_MS = 2000; // … and where gateway or cluster cannot be reached
const MAX_ROWS = 12; // of a table
const CAPTIONS = { first: "First frame", middle: "Middle frame", last: "Last frame" };

/** The panel of the preview; `root` is its element. */
export class PreviewPanel {
  #sendable;
  #sampler = null;
  #parcel = null;
  #wish = null;
  #timer = null;
  #running = null;
  #turn = 0;
  #made = null;
  #originals = null;
  #toggle = h("button", { type: "button", class: "button", "aria-pressed": false, onclick: () => this.#flip() }, "Show before");
  #state = h("p", { class: "muted small", role: "status" });
  #body = h("div", { class: "preview-body" });

  /** @param {Object} sendable as `GET /api/kinds` tells it. */
  constructor(sendable) {
    this.#sendable = sendable;
    this.root = h("section", { class: "card stack preview", tabindex: "0", "aria-labelledby": "preview-title" },
      h("div", { class: "row apart" }, h("h2", { id: "preview-title" }, "Preview"), this.#toggle), this.#state, this.#body);
    this.#rest("Choose a file, and a filter: what the filter makes of it is shown here, before anything is sent.");
  }

  /**
   * Show what a chain makes of a parcel, soon. What is under way for another wish is given up.
   * @param {?{parcel: import("./sources.js").Parcel, chain: string, context: number, assets: Map<string, File>}} wish what
   *   is to be shown; null: nothing can be.
   * @param {string} [why] a sentence, where nothing can be.
   */
  show(wish, why = "") {
    this.#giveUp();
    if (wish?.parcel !== this.#parcel) this.#forget(wish?.parcel ?? null);
    this.#wish = wish;
    if (!wish) return this.#rest(why);
    this.root.setAttribute("aria-busy", "true");
    this.#state.textContent = "Making the preview …";
    this.#timer = setTimeout(() => this.#make(), WAIT_MS);
  }

  /** Give everything back. */
  close() {
    this.#giveUp();
    this.#forget(null);
  }

  #giveUp() {
    this.#turn += 1;
    clearTimeout(this.#timer);
    this.#running?.abort();
    this.#running = null;
  }

  #forget(parcel) {
    this.#sampler?.close();
    this.#parcel = parcel;
    this.#sampler = parcel && new Sampler(parcel, this.#sendable);
    this.#made = this.#originals = null;
    this.#toggle.hidden = true;
    this.#toggle.setAttribute("aria-pressed", "false");
    clear(this.#body);
  }

  async #make() {
    const turn = this.#turn;
    const { chain, context, assets } = this.#wish;
    try {
      const sample = await this.#sampler.sample(context);
      if (turn !== this.#turn) return;
      if (sample.needsOriginal) this.#originals ??= picturesOf(await this.#asked(sample, "identity", new Map(), turn));
      const told = await this.#asked(sample, chain, assets, turn);
      if (turn !== this.#turn) return;
      const before = sample.needsOriginal ? this.#originals : sample.before;
      this.#made = { told, before, remarks: [...sample.remarks, ...told.remarks] };
      this.#draw();
    } catch (problem) {
      if (turn === this.#turn) this.#fail(problem);
    }
  }

  async #asked(sample, chain, assets, turn) {
    const form = new FormData();
    form.append("filters", chain);
    for (const [name, value] of Object.entries(sample.fields)) form.append(name, value);
    for (const [name, file] of assets) form.append("asset", file, name);
    for (const file of sample.files) form.append("file", file, file.name);
    for (let tries = 0; ; tries += 1) {
      this.#running = upload("/api/previews", form);
      try {
        return await this.#running.done;
      } catch (problem) {
        if (problem.code !== "too-many-previews" || tries === 3) throw problem;
        await new Promise((resolve) => setTimeout(resolve, BUSY_MS));
        if (turn !== this.#turn) throw problem;
      }
    }
  }

  #rest(sentence) {
    this.root.removeAttribute("aria-busy");
    this.#toggle.hidden = true;
    this.#made = null;
    this.#state.textContent = "";
    clear(this.#body, h("p", { class: "muted" }, sentence));
  }

  #fail(problem) {
    this.root.removeAttribute("aria-busy");
    this.#toggle.hidden = true;
    this.#made = null;
    this.#state.textContent = "";
    clear(this.#body, h("p", { class: "fault" }, problem.detail ?? "The preview could not be made."));
    if (problem.isPassing && problem.code !== "too-late") this.#timer = setTimeout(() => this.#make(), RETRY_MS);
  }

  #flip() {
    const isOn = this.#toggle.getAttribute("aria-pressed") !== "true";
    this.#toggle.setAttribute("aria-pressed", String(isOn));
    this.#draw();
  }

  #draw() {
    const { told, before, remarks } = this.#made;
    const isBefore = this.#toggle.getAttribute("aria-pressed") === "true";
    const after = picturesOf(told);
    this.root.removeAttribute("aria-busy");
    this.#toggle.hidden = !before.length || !after.length;
    this.#state.textContent = `Made in ${told.seconds.toFixed(1)} s.`;
    const pictures = isBefore && after.length ? before : after.length ? after : before;
    clear(this.#body,
      pictures.map(({ name, url }, place) => figure(name, url, isBefore && after.length > 0, told.notes.filter((note) => note.picture === place))),
      told.tables.map(table),
      !after.length && !told.tables.length && h("p", { class: "muted" }, "This chain draws nothing; it notes what it finds."),
      remarks.length > 0 && h("ul", { class: "remarks" }, remarks.map((remark) => h("li", {}, remark))));
  }
}

const picturesOf = (told) => told.pictures.map(({ name, type, data }) => ({ name, url: `data:${type};base64,${data}` }));

function figure(name, url, isBefore, notes) {
  const caption = CAPTIONS[name] ?? name;
  return h("figure", {},
    h("img", { src: url, alt: `${caption}, ${isBefore ? "before" : "after"} the filters` }),
    h("figcaption", { class: "muted small" }, caption, isBefore && " before the filters"),
    notes.length > 0 && h("ul", { class: "notes small" }, notes.map((note) => h("li", {}, noteText(note)))));
}

function noteText({ picture, frame, source_frame: source, index, page, time_s: time, image, filter, ...rest }) {
  const shown = (value) => (Array.isArray(value) ? (value.length ? JSON.stringify(value) : "none") : String(value));
  const found = Object.entries(rest).map(([name, value]) => `${name} ${shown(value)}`);
  return `${filter ?? "note"}: ${found.join(", ")}`;
}

function table({ name, count, records }) {
  const shown = records.slice(0, MAX_ROWS);
  const columns = [...new Set(shown.flatMap((record) => Object.keys(record)))];
  const kept = `${name}: ${count} ${count === 1 ? "record is" : "records are"} kept`;
  const heads = columns.map((column) => h("th", { scope: "col" }, column));
  const rows = shown.map((record) => h("tr", {}, columns.map((column) => h("td", {}, cell(record[column] ?? "")))));
  return h("div", { class: "stack small" },
    h("h3", {}, count > MAX_ROWS ? `${kept}, the first ${MAX_ROWS} of them:` : kept),
    columns.length > 0 && h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Records of ${name}` },
      h("table", {}, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows))));
}

const cell = (text) => h("span", { class: "cell", title: text }, text);
