// One job: how far it is, what it made, who works on it, and what became of its tasks.

import { clear, h } from "../dom.js";
import { Actions } from "../parts/actions.js";
import { can } from "../parts/capabilities.js";
import { chainText, counted, duration, number, plural, when } from "../parts/format.js";
import { Framed } from "../parts/framed.js";
import { results } from "../parts/results.js";
import { Bar, badge, progressText, setText, troubleText } from "../parts/state.js";
import { Timeline } from "../parts/timeline.js";

export const title = "Job";

const LOOK_MS = 2000; // between two looks at who works on a job that goes on
const MANY_SPANS = 2000; // a timeline with more is some hundred kilobytes …
const LONG_LOOK_MS = 15_000; // … and is looked at less often while the job goes on
const SOON_MS = 300; // events within this time are answered by one look
const STORY = 200; // lines of the story that are shown, the newest

/**
 * Show one job.
 * @param {HTMLElement} root gets it.
 * @param {{id: string}} params which.
 * @param {Object} app of main.js.
 * @returns {function(): void} ends it.
 */
export default function view(root, { id }, app) {
  const page = new JobPage(root, id, app);
  return () => page.close();
}

class JobPage {
  #job = null;
  #details = null;
  #soon = 0;
  #asked = 0; // looks that were begun
  #shown = 0; // … the newest of them that is shown
  #out = 0; // … and how many are not answered
  #ends = [];
  #isClosed = false;
  #parts = {};
  #drawnAt = 0;
  #spans = 0;

  constructor(root, id, app) {
    Object.assign(this, { root, id, app });
    this.path = `/api/jobs/${encodeURIComponent(id)}`;
    root.append(h("h1", {}, title), h("div", { class: "empty" }, h("p", {}, "Asking the cluster …")));
    this.#ends = [
      app.live.job(id, (job) => this.#changed(job)),
      app.live.on("state", () => app.live.state === "live" && this.look()),
    ];
    this.poll = setInterval(() => this.#poll(), LOOK_MS);
    this.look();
  }

  close() {
    this.#isClosed = true;
    clearInterval(this.poll);
    clearTimeout(this.#soon);
    for (const end of this.#ends) end();
    this.timeline?.close();
  }

  /** Ask for all that is known of the job, and show it. */
  async look() {
    clearTimeout(this.#soon);
    this.#soon = 0;
    const turn = ++this.#asked;
    const isOld = () => this.#isClosed || turn < this.#shown; // something newer is shown
    this.#out += 1;
    try {
      const details = await this.app.api.get(this.path);
      if (isOld()) return;
      this.#shown = turn;
      this.#details = details;
      this.#show({ ...details, rate: this.app.live.jobs.get(this.id)?.rate ?? null });
      await Promise.all([this.#showTimeline(isOld), this.#showStory(isOld)]);
    } catch (problem) {
      if (!this.#isClosed && turn === this.#asked) this.#missed(problem);
    } finally {
      this.#out -= 1;
    }
  }

  /** Look again soon where the newest look was not answered for a moment; what is shown stays. */
  #missed(problem) {
    if (!(problem.isPassing && this.#job)) this.#fail(problem);
    else if (this.app.live.state === "live") this.#lookIn(LOOK_MS); // else with the reconnection
  }

  #lookIn(delay_ms) {
    this.#soon ||= setTimeout(() => this.look(), delay_ms);
  }

  #changed(job) {
    if (!job) return this.#job && this.look();
    if (this.#job) this.#showProgress({ ...this.#job, ...job });
    const isNews = this.#details?.state !== job.state || (job.is_over && this.#details.seconds !== job.seconds);
    if (isNews) this.#lookIn(SOON_MS);
  }

  #poll() {
    if (!document.hidden && !this.#out && this.#job && !this.#job.is_over && this.app.live.state === "live") this.look();
  }

  #fail(problem) {
    const again = h("button", { class: "button", type: "button", onclick: () => this.look() }, "Ask again");
    this.#shown = this.#asked; // what was asked before is older
    this.#job = null;
    this.#parts = {};
    document.title = "Job · Moviola";
    clear(this.root, h("h1", {}, problem.status === 404 ? "No such job" : title),
      h("div", { class: "empty" }, h("p", {}, problem.status === 404 ? "There is no such job of yours. It may have been forgotten." : problem.detail ?? "This job cannot be shown."),
        h("p", { class: "row" }, problem.status !== 404 && again, h("a", { href: "/" }, "To all jobs"))));
  }

  #show(job) {
    if (!this.#job) this.#build(job);
    this.#showProgress(job);
    this.#showReason(job);
    this.#showOutputs(job);
    this.#showFiles(job);
    this.#showFailures(job);
    this.#showWorkers(job);
    if (this.links.hidden) this.#showLinks();
  }

  #build(job) {
    document.title = `${job.name} · Moviola`;
    const part = (name, heading, ...children) => {
      const id = `part-${name}`;
      this.#parts[name] = h("div", {}, ...children);
      return h("section", { class: "card stack", "aria-labelledby": id, hidden: true }, h("h2", { id }, heading), this.#parts[name]);
    };
    this.bar = new Bar("Progress of the job");
    this.actions = new Actions(this.app);
    this.actions.onForgotten = () => this.#isClosed || this.app.navigate("/");
    this.timeline?.close(); // of before it could not be shown for a while
    this.timeline = new Timeline();
    this.tables = tablesOf(job.unit);
    this.newest = h("summary", {});
    [this.#drawnAt, this.#spans] = [0, 0];
    Object.assign(this, {
      shownState: "", shownReason: "",
      state: h("span", {}), about: h("p", { class: "muted" }), links: h("div", { class: "row", hidden: true }), progress: h("p", { class: "number lead" }),
      trouble: h("p", { class: "trouble" }), facts: h("dl", { class: "facts" }), reason: h("p", { class: "callout", hidden: true }),
    });
    clear(this.root,
      h("p", { class: "small" }, h("a", { href: "/" }, "All jobs")),
      h("div", { class: "row apart head" }, h("div", { class: "row" }, h("h1", {}, job.name), this.state), this.actions.node),
      this.about,
      this.links,
      this.reason,
      h("section", { class: "card stack", "aria-label": "Progress" }, h("div", { class: "row apart" }, this.progress, this.trouble), this.bar.node, this.facts),
      part("outputs", "Outputs"),
      part("files", "Files"),
      part("failures", "Failures", this.tables.failures.node),
      part("workers", "Who works on it now", this.tables.workers.node),
      part("timeline", "Who did what when", this.timeline.node),
      part("story", "What happened to its tasks", h("details", {}, this.newest, this.tables.story.node)));
  }

  async #showLinks() {
    if (await can("/api/jobs/{id}/report")) {
      clear(this.links, h("a", { class: "button small", href: `${this.path}/report`, target: "_blank", rel: "noopener" }, "Report"));
      this.links.hidden = false;
    }
  }

  #showProgress(job) {
    this.#job = job;
    this.actions.update(job);
    this.bar.update(job);
    if (this.shownState !== job.state) clear(this.state, badge(job.state));
    this.shownState = job.state;
    const owner = job.user === this.app.who?.user ? [] : [`of ${job.user}`];
    setText(this.about, [`Job ${job.id}`, ...owner, `sent ${when(job.submitted_unix_s)}`, ...(job.priority ? [`priority ${job.priority}`] : [])].join(" · "));
    setText(this.progress, progressText(job));
    setText(this.trouble, troubleText(job));
    clear(this.facts, factsOf(job).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", { class: "number" }, value))));
  }

  #showReason(job) {
    const isPlain = job.state === "running" || job.state === "done";
    const kind = job.state === "failed" ? "bad" : "warn";
    const text = job.state === "failed" || job.state === "partial" ? job.explanation || job.reason : job.reason;
    if (this.shownReason === `${isPlain} ${kind} ${text}`) return;
    this.shownReason = `${isPlain} ${kind} ${text}`;
    this.reason.className = `callout ${kind}`;
    setText(this.reason, isPlain ? "" : capital(text));
  }

  #showOutputs(job) {
    const items = job.outputs.map((output, index) => {
      const asked = job.requested[index];
      const ended = output.frames_out == null ? "" : `${number(output.frames_out)} of ${counted(output.frames_in, job.unit)}`;
      const made = [asked && chainText(asked.chain), job.kind === "video" && asked?.codec, ended].filter(Boolean).join(" · ");
      const canWatch = job.kind === "video" && job.state !== "failed" && job.state !== "cancelled" && asked?.codec;
      return h("li", { class: "row apart" },
        h("div", {}, h("span", { class: "strong" }, output.name), " ", h("span", { class: "muted small" }, made),
          (output.warnings ?? []).map((warning) => h("p", { class: "small trouble" }, warning))),
        canWatch && h("a", { class: "button small", href: `/jobs/${encodeURIComponent(job.id)}/watch/${encodeURIComponent(output.name)}`, "aria-label": `Watch ${output.name}` }, "Watch"));
    });
    this.#put("outputs", [job.outputs, job.requested, job.state], items.length, (part) => clear(part, h("ul", { class: "lines" }, items)));
  }

  #showFiles(job) {
    const isWaited = !job.is_over;
    this.#put("files", [job.files, isWaited], true, (part) => clear(part, job.files.length ? results(job)
      : h("p", { class: "muted" }, isWaited ? "They are here when the job is done." : "It has none.")));
  }

  #showFailures(job) {
    this.#put("failures", job.failures, job.failures.length, () => this.tables.failures.update(job.failures.map(failureRow)));
  }

  #showWorkers(job) {
    const rows = job.workers.flatMap((worker) => worker.tasks.map((task, index) => h("tr", {},
      h("th", { scope: "row" }, index ? "" : worker.name),
      h("td", { class: "number" }, index ? "" : `${number(worker.frames_per_s)}/s`),
      h("td", {}, job.outputs[task.track]?.name ?? ""), h("td", { class: "number" }, task.chunk), h("td", {}, task.phase), h("td", { class: "number" }, number(task.frames)))));
    this.#put("workers", job.workers, rows.length && !job.is_over, () => this.tables.workers.update(rows));
  }

  async #showTimeline(isOld) {
    if (!(await can("/api/jobs/{id}/timeline"))) return;
    const isSoon = performance.now() - this.#drawnAt < LONG_LOOK_MS;
    if (this.#spans > MANY_SPANS && isSoon && !this.#job?.is_over) return;
    const told = await this.app.api.get(`${this.path}/timeline`);
    if (isOld() || !this.#parts.timeline) return;
    this.#parts.timeline.parentElement.hidden = !told.spans.length;
    [this.#drawnAt, this.#spans] = [performance.now(), told.spans.length];
    this.timeline.update(told);
  }

  async #showStory(isOld) {
    const { story } = await this.app.api.get(`${this.path}/tasks`);
    if (isOld() || !this.#parts.story) return;
    const rows = story.slice(-STORY).reverse().map((line) => h("tr", {},
      h("td", { class: "number" }, line.unix_s ? new Date(line.unix_s * 1000).toLocaleTimeString() : "now"), h("td", {}, line.output), h("td", { class: "number" }, line.chunk), h("td", { class: "said" }, line.text)));
    this.#put("story", story, rows.length, () => {
      setText(this.newest, `The newest ${counted(rows.length, "line")}`);
      this.tables.story.update(rows);
    });
  }

  /** Fill a part where what it shows has changed, and hide it where there is nothing. */
  #put(name, shown, isThere, fill) {
    const part = this.#parts[name];
    const key = JSON.stringify(shown);
    part.parentElement.hidden = !isThere;
    if (part.dataset.key === key) return;
    part.dataset.key = key;
    fill(part);
  }
}

function factsOf(job) {
  const { progress } = job;
  const total = progress.tasks_total == null ? "" : ` of ${number(progress.tasks_total)}`;
  return [
    ["Tasks done", `${number(progress.tasks_stored)}${total}`],
    !job.is_over && ["At workers", number(progress.tasks_in_flight)],
    !job.is_over && ["Waiting", number(progress.tasks_queued)],
    progress.frames_total != null && [capital(plural(job.unit)), number(progress.frames_total)],
    progress.retries > 0 && ["Tried again", number(progress.retries)],
    job.is_over && job.seconds > 0 && ["Took", duration(job.seconds)],
  ].filter(Boolean);
}

const tablesOf = (unit) => ({
  failures: new Framed("Failures", ["Output", "Chunk", capital(unit), "Filter", "On", "By", "Why"]),
  workers: new Framed("Workers of this job", ["Worker", "Rate", "Output", "Chunk", "Phase", `${capital(plural(unit))} done`]),
  story: new Framed("What happened to its tasks", ["When", "Output", "Chunk", "What"]),
});

const failureRow = (failure) => h("tr", {}, h("td", {}, failure.output), h("td", { class: "number" }, failure.chunk),
  h("td", { class: "number" }, failure.frame ?? failure.frames.join("–")), h("td", {}, failure.filter || "–"), h("td", {}, failure.worker),
  h("td", {}, failure.failure_type === "job_failure" ? "the filter" : "the worker"), h("td", { class: "said" }, failure.explanation));

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
