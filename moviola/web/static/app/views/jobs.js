// All jobs: how far each is, and what can be done with it.

import { clear, h } from "../dom.js";
import { Actions } from "../parts/actions.js";
import { counted, number, when } from "../parts/format.js";
import { Bar, badge, progressText, setText, STATES, troubleText } from "../parts/state.js";
import { Thumbnail } from "../parts/thumbnail.js";

export const title = "Jobs";

const AT_ONCE = 100; // rows that are made before somebody asks for more

/** The choices above the list: a word, and the states that it means. */
const CHOICES = [
  ["All", Object.keys(STATES)],
  ["In work", ["running"]],
  ["Waiting", ["pending", "paused"]],
  ["Done", ["done", "partial"]],
  ["Failed", ["failed", "cancelled"]],
];

/**
 * Show the jobs.
 * @param {HTMLElement} root gets them.
 * @param {Object} params none.
 * @param {Object} app of main.js.
 * @returns {function(): void} ends it.
 */
export default function view(root, params, app) {
  const list = new List(root, app);
  const ends = [app.live.on("jobs", () => list.soon()), app.live.on("state", () => list.soon()), app.live.on("workers", () => list.summarize())];
  list.update();
  list.summarize();
  return () => {
    for (const end of ends) end();
    list.close();
  };
}

class List {
  #rows = new Map();
  #limit = AT_ONCE;
  #frame = 0;
  #choice = CHOICES.find(([word]) => word === new URLSearchParams(location.search).get("show")) ?? CHOICES[0];
  #text = "";
  #saidEmpty = "";

  constructor(root, app) {
    this.app = app;
    this.summary = h("p", { class: "muted" });
    this.choices = h("div", { class: "row", role: "group", "aria-label": "Which jobs" });
    this.search = h("input", { type: "search", "aria-label": "Find by name", placeholder: "Find by name", oninput: () => this.#search() });
    this.empty = h("div", { class: "empty" });
    this.rows = h("ul", { class: "jobs", "aria-label": "Jobs" });
    this.more = h("button", { class: "button", type: "button", onclick: () => this.#showMore() });
    this.bar = h("div", { class: "row apart" }, this.choices, h("div", { class: "search" }, this.search));
    root.append(
      h("div", { class: "row apart" },
        h("div", {}, h("h1", {}, title), this.summary),
        h("a", { class: "button primary", href: "/send" }, "Send files")),
      this.bar, this.empty, this.rows, h("div", { class: "row" }, this.more));
    this.buttons = CHOICES.map((choice) => h("button", { class: "button quiet", type: "button", onclick: () => this.#choose(choice) }));
    this.choices.append(...this.buttons);
  }

  /** Show what is new with the next picture that the browser draws. */
  soon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.update();
    });
  }

  update() {
    const { live } = this.app;
    const all = [...live.jobs.values()].sort((a, b) => b.submitted_unix_s - a.submitted_unix_s);
    const [, states] = this.#choice;
    const wanted = all.filter((job) => states.includes(job.state) && job.name.toLowerCase().includes(this.#text));
    this.bar.hidden = !all.length;
    this.buttons.forEach((button, index) => this.#label(button, CHOICES[index], all));
    this.#place(wanted.slice(0, this.#limit));
    this.more.hidden = wanted.length <= this.#limit;
    setText(this.more, `Show ${number(Math.min(AT_ONCE, wanted.length - this.#limit))} more`);
    this.more.hidden = wanted.length <= this.#limit;
    this.#sayEmpty(all.length, wanted.length);
  }

  summarize() {
    const { workers, isRead } = this.app.live;
    const there = [...workers.values()].filter((worker) => worker.state !== "lost");
    const rate = there.reduce((sum, worker) => sum + worker.frames_per_s, 0);
    const said = there.length ? counted(there.length, "worker") : "No worker is connected: what is sent waits for one";
    setText(this.summary, !isRead ? "" : rate >= 0.1 ? `${said} · ${number(rate)} frames/s` : said);
  }

  close() {
    cancelAnimationFrame(this.#frame);
    for (const row of this.#rows.values()) row.close();
  }

  #label(button, [word, states], all) {
    const count = all.filter((job) => states.includes(job.state)).length;
    setText(button, `${word} ${number(count)}`);
    button.setAttribute("aria-pressed", String(this.#choice[0] === word));
  }

  #choose(choice) {
    this.#choice = choice;
    this.#limit = AT_ONCE;
    history.replaceState(null, "", choice === CHOICES[0] ? "/" : `/?show=${encodeURIComponent(choice[0])}`);
    this.update();
  }

  #search() {
    this.#text = this.search.value.trim().toLowerCase();
    this.#limit = AT_ONCE;
    this.update();
  }

  #showMore() {
    const first = this.#limit;
    this.#limit += AT_ONCE;
    this.update();
    this.rows.children[first]?.querySelector("a")?.focus();
  }

  #place(jobs) {
    const ids = new Set(jobs.map((job) => job.id));
    for (const [id, row] of this.#rows) {
      if (ids.has(id)) continue;
      row.close();
      row.node.remove();
      this.#rows.delete(id);
    }
    jobs.forEach((job, index) => {
      const row = this.#rows.get(job.id) ?? new Row(job, this.app);
      this.#rows.set(job.id, row);
      row.update(job);
      if (this.rows.children[index] !== row.node) this.rows.insertBefore(row.node, this.rows.children[index] ?? null);
    });
  }

  #sayEmpty(all, wanted) {
    this.empty.hidden = wanted > 0;
    if (wanted) return;
    const why = this.#whyEmpty(all);
    if (why !== this.#saidEmpty) clear(this.empty, this.#emptyWords(why)); // who has come to its button by the keyboard stays there
    this.#saidEmpty = why;
  }

  #whyEmpty(all) {
    const { isRead, state } = this.app.live;
    if (!isRead) return state === "away" ? "away" : "asking";
    if (!all) return "none";
    return this.#text ? "name" : "state";
  }

  #emptyWords(why) {
    if (why === "away") return h("p", {}, "The jobs are shown as soon as the cluster answers.");
    if (why === "asking") return h("p", {}, "Asking the cluster …");
    if (why === "none") {
      return [h("h2", {}, "No jobs yet"), h("p", {}, "Send a video, pictures or a table, and it is worked on by all workers at once."),
        h("p", {}, h("a", { class: "button primary", href: "/send" }, "Send the first file"))];
    }
    return [h("p", {}, why === "name" ? "No job here has such a name." : "None of the jobs is in this state."),
      h("p", {}, h("button", { class: "button", type: "button", onclick: () => this.#showAll() }, "Show all jobs"))];
  }

  #showAll() {
    this.search.value = "";
    this.#text = "";
    this.#choose(CHOICES[0]);
    this.buttons[0].focus();
  }
}

class Row {
  constructor(job, app) {
    this.app = app;
    this.thumbnail = new Thumbnail(job);
    this.bar = new Bar(`Progress of ${job.name}`);
    this.actions = new Actions(app);
    this.state = h("span", {});
    this.about = h("span", { class: "muted small" });
    this.progress = h("span", { class: "number small" });
    this.trouble = h("span", { class: "small trouble" });
    this.reason = h("p", { class: "small reason" });
    this.node = h("li", { class: "card job" },
      this.thumbnail.node,
      h("div", { class: "what" }, h("a", { class: "name", href: `/jobs/${encodeURIComponent(job.id)}` }, job.name), this.about),
      h("div", { class: "far" }, h("div", { class: "row apart" }, this.state, this.progress), this.bar.node, this.trouble),
      this.actions.node,
      this.reason);
  }

  update(job) {
    this.thumbnail.update(job);
    this.bar.update(job);
    this.actions.update(job);
    if (this.shownState !== job.state) clear(this.state, badge(job.state));
    this.shownState = job.state;
    const owner = job.user === this.app.who?.user ? [] : [job.user];
    const priority = job.is_over || !job.priority ? [] : [`priority ${job.priority}`];
    setText(this.about, [job.outputs.map((output) => output.name).join(", "), when(job.submitted_unix_s), ...owner, ...priority].filter(Boolean).join(" · "));
    setText(this.progress, progressText(job));
    setText(this.trouble, troubleText(job));
    setText(this.reason, job.state === "running" || job.state === "done" ? "" : job.reason);
  }

  close() {
    this.thumbnail.close();
  }
}
