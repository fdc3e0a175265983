// The workers: what each is, does and has done.

import { clear, h } from "../dom.js";
import { can } from "../parts/capabilities.js";
import { confirm } from "../parts/confirm.js";
import { counted, duration, number, size } from "../parts/format.js";
import { setText } from "../parts/state.js";

export const title = "Workers";

const SILENT_S = 10; // a worker that was not heard for so long is shown as one that may be away

/** How a worker is: in a word, and how it is meant. One may be at work and still have room for more. */
function stateOf(worker) {
  if (worker.state === "lost") return ["Gone", "bad"];
  if (worker.state === "draining") return ["Draining", "warn"];
  return worker.tasks.length ? ["At work", "info"] : ["Ready", "good"];
}

/**
 * Show the workers.
 * @param {HTMLElement} root gets them.
 * @param {Object} params none.
 * @param {Object} app of main.js.
 * @returns {function(): void} ends it.
 */
export default function view(root, params, app) {
  const list = new List(root, app);
  const ends = [app.live.on("workers", () => list.update()), app.live.on("state", () => list.turn())];
  list.update();
  list.learn();
  return () => { for (const end of ends) end(); };
}

class List {
  #rows = new Map();
  #can = { drain: false, resume: false };

  constructor(root, app) {
    this.app = app;
    this.summary = h("p", { class: "muted" });
    this.empty = h("div", { class: "empty" });
    this.rows = h("ul", { class: "workers", "aria-label": "Workers" });
    root.append(h("div", {}, h("h1", {}, title), this.summary), this.empty, this.rows);
  }

  /** Show how things are; what could not be asked while the gateway was away is asked when it is back. */
  turn() {
    this.update();
    if (this.app.live.state === "live") this.learn();
  }

  /** Ask which of the buttons this gateway has a request for. */
  async learn() {
    const has = (verb) => can(`/api/workers/{name}/${verb}`, "post");
    if (!(this.app.who ?? await this.app.session().catch(() => null))?.is_admin) return; // the gateway would refuse it
    const [drain, resume] = await Promise.all([has("drain"), has("resume")]);
    this.#can = { drain, resume };
    this.update();
  }

  update() {
    const { live } = this.app;
    const workers = [...live.workers.values()].sort(byPlace);
    const there = workers.filter((worker) => worker.state !== "lost");
    const tasks = there.reduce((sum, worker) => sum + worker.tasks.length, 0);
    const rate = there.reduce((sum, worker) => sum + worker.frames_per_s, 0);
    setText(this.summary, live.isRead && workers.length ? [`${number(there.length)} connected`, counted(tasks, "task"), `${number(rate)} frames/s`].join(" · ") : "");
    this.empty.hidden = workers.length > 0;
    if (!workers.length) this.#sayEmpty(nobody(live));
    const names = new Set(workers.map((worker) => worker.name));
    for (const [name, row] of this.#rows) {
      if (names.has(name)) continue;
      row.node.remove();
      this.#rows.delete(name);
    }
    workers.forEach((worker, index) => {
      const row = this.#rows.get(worker.name) ?? new Row(worker, this.app);
      this.#rows.set(worker.name, row);
      row.update(worker, this.#can);
      if (this.rows.children[index] !== row.node) this.rows.insertBefore(row.node, this.rows.children[index] ?? null);
    });
  }

  /** Say it once: the command in it is there to be selected and copied. */
  #sayEmpty(words) {
    if (textOf(words) !== textOf([...this.empty.children])) clear(this.empty, words);
  }
}

const textOf = (nodes) => nodes.map((node) => node.textContent).join("");

const byPlace = (a, b) => (a.state === "lost") - (b.state === "lost") || a.name.localeCompare(b.name, "en", { numeric: true });

function nobody(live) {
  if (!live.isRead) return [h("p", {}, live.state === "away" ? "The workers are shown as soon as the cluster answers." : "Asking the cluster …")];
  return [h("h2", {}, "No worker is connected"), h("p", {}, "Jobs wait until one is. On a machine that reaches the middleware, start one:"),
    h("p", {}, h("code", {}, "moviola worker --host MIDDLEWARE"))];
}

class Row {
  #buttons = "";
  #isBusy = false;

  constructor(worker, app) {
    this.app = app;
    this.state = h("span", {});
    this.offers = h("p", { class: "muted small" });
    this.now = h("ul", { class: "small", "aria-label": `What ${worker.name} does now` });
    this.figures = h("dl", { class: "figures" });
    this.buttons = h("div", { class: "row" });
    this.node = h("li", { class: "card worker" },
      h("div", { class: "row apart" }, h("div", { class: "row" }, h("h2", {}, worker.name), this.state), this.buttons),
      this.figures, this.now, this.offers);
  }

  update(worker, abilities) {
    this.worker = worker;
    const [word, kind] = stateOf(worker);
    if (this.shownState !== word) clear(this.state, h("span", { class: `badge ${kind}` }, word));
    this.shownState = word;
    this.node.classList.toggle("gone", worker.state === "lost");
    setText(this.offers, `${counted(worker.filters.length, "filter")} · ${worker.kinds.join(", ")} · ${counted(worker.slots, "task")} at once${worker.labels.length ? ` · labelled ${worker.labels.join(", ")}` : ""}`);
    clear(this.now, this.#nowLines(worker).map((line) => h("li", {}, line)));
    clear(this.figures, figures(worker).map(([name, value, isBad]) => h("div", {}, h("dt", {}, name), h("dd", { class: `number ${isBad ? "trouble" : ""}` }, value))));
    this.#showButtons(worker, abilities);
  }

  #nowLines(worker) {
    if (worker.state === "lost") return [worker.drained ? "It was drained, and has left." : "It is not connected any more."];
    if (!worker.tasks.length) return [worker.state === "draining" ? "It has given back all it held." : "It waits for work."];
    return worker.tasks.map((task) => {
      const job = task.job && this.app.live.jobs.get(task.job);
      const of = job ? ` of ${job.outputs[task.output]?.name ?? "an output"}, ${job.name}` : "";
      return `Chunk ${task.chunk}${of}: ${task.phase}${task.frames ? `, ${number(task.frames)} done` : ""}`;
    });
  }

  #showButtons(worker, { drain, resume }) {
    const wanted = drain && (worker.state === "ready" || worker.state === "full") ? "drain" : resume && worker.state === "draining" ? "resume" : "";
    if (this.#buttons === wanted) return;
    this.#buttons = wanted;
    const word = { drain: "Drain", resume: "Resume" }[wanted];
    const button = wanted && h("button", { class: "button small", type: "button", "aria-label": `${word} ${worker.name}`, onclick: () => this.#run(wanted) }, word);
    clear(this.buttons, button);
  }

  async #run(verb) {
    const { name } = this.worker;
    if (this.#isBusy) return; // a button that were disabled meanwhile would lose the focus
    this.#isBusy = true;
    const text = "It finishes or gives back what it holds, leaves, and stays away until its program is started again.";
    try {
      if (verb === "drain" && !(await confirm({ title: `Drain ${name}?`, text, yes: "Drain it", no: "Leave it" }))) return;
      const told = await this.app.api.post(`/api/workers/${encodeURIComponent(name)}/${verb}`);
      this.app.say(told?.answer ?? `${name}: ${verb}`, "good");
    } catch (problem) {
      this.app.say(problem.detail ?? String(problem), "bad");
    } finally {
      this.#isBusy = false;
    }
  }
}

function figures(worker) {
  const isGone = worker.state === "lost";
  return [
    ["Rate", isGone ? "–" : `${number(worker.frames_per_s)} frames/s`],
    ["CPU", isGone ? "–" : `${number(Math.round(worker.cpu_percent))} %`],
    ["Memory", isGone ? "–" : size(worker.memory_bytes)],
    ["Done", `${number(worker.frames)} frames in ${counted(worker.chunks, "chunk")}`],
    ["Failures", number(worker.failures), worker.failures > 0],
    ["Losses", number(worker.losses), worker.losses > 0],
    ["Last heard", `${duration(worker.heard_s)} ago`, worker.heard_s > SILENT_S],
  ];
}
