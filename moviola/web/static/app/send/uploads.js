// Uploads on their way: how far each is, and what is done when one is cut.

import { upload } from "../api.js";
import { clear, h } from "../dom.js";
import { duration, size as sized } from "../parts/format.js";
import { remember } from "../player/sources.js";

const WINDOW_MS = 4000; // over which the rate is measured
const PASSING = [0, 408, 429, 502, 503, 504, 507]; // statuses at which the same upload may succeed later

/** What is said where an upload is stopped while `isWhole`. */
export const STOPPED_WHOLE = "The upload was stopped when all of it had been sent: there may be a job of it by now. Look at the list of jobs.";

/** A list of uploads, which are sent one after the other; `root` is its element. */
export class Uploads {
  #list = h("ol", { class: "stack uploads" });
  #parcels;
  #requestOf;
  #onEnd;
  #running = null;
  #isWhole = false;
  #isClosed = false;

  /**
   * @param {import("./sources.js").Parcel[]} parcels what is to be sent.
   * @param {function(import("./sources.js").Parcel): {path: string, body: (FormData|File)}} requestOf tells how one is sent.
   * @param {{onEnd: function(Object[], string[]): void, onBack: function(): void}} listeners `onEnd` is called with the
   *   jobs and the remarks when all are sent; `onBack` when somebody wants the choices back.
   */
  constructor(parcels, requestOf, { onEnd, onBack }) {
    [this.#parcels, this.#requestOf, this.#onEnd] = [parcels.map((parcel) => ({ parcel, told: null })), requestOf, onEnd];
    this.root = h("section", { class: "card stack", "aria-labelledby": "uploads-title" },
      h("div", { class: "row apart" }, h("h2", { id: "uploads-title", tabindex: "-1" }, "Sending"),
        h("button", { type: "button", class: "button quiet", onclick: () => {
          this.close();
          onBack();
        } }, "Stop, and change something")),
      this.#list);
    for (const one of this.#parcels) {
      one.row = h("li", { class: "upload stack" });
      this.#list.append(one.row);
      this.#draw(one, "waits for those before it", 0);
    }
    this.#next();
  }

  /** Whether something is on its way. */
  get isRunning() {
    return this.#running !== null;
  }

  /** Whether all of what is on its way is sent: the gateway goes on with it, also where it is stopped here. */
  get isWhole() {
    return this.isRunning && this.#isWhole;
  }

  /** The parcels that are in the cluster: they are not sent again. */
  get sent() {
    return this.#parcels.filter(({ told }) => told).map(({ parcel }) => parcel);
  }

  /** End what is on its way. */
  close() {
    this.#isClosed = true;
    this.#running?.abort();
  }

  async #next() {
    const one = this.#parcels.find(({ told, isStopped }) => !told && !isStopped);
    if (this.#isClosed || this.#running) return;
    if (!one) return this.#end();
    const meter = new Meter();
    this.#isWhole = false;
    let [loaded, total] = [0, 0];
    const { path, body } = this.#requestOf(one.parcel);
    const sending = upload(path, body, (sent, all) => {
      [loaded, total] = [sent, all];
      this.#isWhole = all > 0 && sent >= all;
      meter.add(sent);
      const text = sent < all ? meter.text(sent, all) : "all of it is sent; the cluster takes it in …";
      this.#draw(one, text, all ? sent / all : 0, this.#cancelButton(one));
    });
    this.#running = sending;
    this.#draw(one, "begins …", 0, this.#cancelButton(one));
    try {
      one.told = await sending.done;
      for (const job of one.told.jobs) if (job.kind === "video") remember(job.id, one.parcel.files[0]);
      this.#draw(one, "sent", 1);
    } catch (problem) {
      one.isStopped = true;
      if (!this.#isClosed) this.#failed(one, problem, loaded, total);
    }
    this.#running = null;
    this.#next();
  }

  #failed(one, problem, loaded, total) {
    const wasCut = problem.code === "gateway-away";
    const isHalf = !this.#isWhole;
    const where = total && isHalf ? ` after ${sized(loaded)} of ${sized(total)}` : "";
    const sentence = wasCut
      ? isHalf
        ? `The connection was cut${where}. Nothing of it was kept: send it again.`
        : "The connection was cut before the answer came. Send it again: if there is a job by now, that goes on."
      : problem.code !== "aborted" ? problem.detail : isHalf ? `It was stopped${where}.` : STOPPED_WHOLE;
    const again = h("button", { type: "button", class: "button primary", onclick: () => {
      one.isStopped = false;
      this.#draw(one, "waits for those before it", 0);
      this.#next();
    } }, "Try again");
    const isPassing = PASSING.includes(problem.status);
    this.#draw(one, sentence, total ? loaded / total : 0, isPassing && again, "bad");
    if (isPassing) again.focus();
  }

  #end() {
    if (this.#parcels.some(({ told }) => !told)) return; // it is to be tried again, or was stopped
    const jobs = this.#parcels.flatMap(({ told }) => told.jobs);
    const remarks = [...new Set(this.#parcels.flatMap(({ told }) => told.remarks))];
    this.#onEnd(jobs, remarks);
  }

  #cancelButton(one) {
    return (one.cancel ??= h("button", { type: "button", class: "button", "aria-label": `Cancel the upload of ${one.parcel.name}`, onclick: () => this.#running?.abort() }, "Cancel"));
  }

  #draw(one, text, share, button, kind = "") {
    const percent = Math.floor(share * 100);
    if (!one.bar || one.kind !== kind) {
      one.kind = kind;
      one.fill = h("span");
      one.bar = h("div", { class: `bar ${kind}`, role: "progressbar", "aria-label": `Upload of ${one.parcel.name}`, "aria-valuemin": 0, "aria-valuemax": 100 }, one.fill);
      one.text = h("p", { class: kind === "bad" ? "fault" : "muted small", role: kind === "bad" ? "alert" : null });
      one.actions = h("div", { class: "row" });
      clear(one.row, h("div", { class: "row apart" }, h("strong", {}, one.parcel.name), one.actions), one.bar, one.text);
    }
    one.bar.setAttribute("aria-valuenow", percent);
    one.bar.style.setProperty("--share", `${share * 100}%`);
    if (one.text.textContent !== text) one.text.textContent = text;
    if (one.actions.firstChild !== (button || null)) clear(one.actions, button);
  }
}

/** How fast bytes go, over the last seconds. */
class Meter {
  #samples = [];

  add(sent) {
    const now = performance.now();
    this.#samples.push({ now, sent });
    while (this.#samples.length > 2 && this.#samples[0].now < now - WINDOW_MS) this.#samples.shift();
  }

  text(sent, all) {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    const parts = [`${sized(sent)} of ${sized(all)}`];
    const seconds = (last.now - first.now) / 1000;
    if (seconds > 0.2 && last.sent > first.sent) {
      const rate = (last.sent - first.sent) / seconds;
      parts.push(`${sized(rate)} a second`, `${duration((all - sent) / rate)} left`);
    }
    return parts.join(", ");
  }
}
