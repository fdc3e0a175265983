// What can be done with a job: buttons, and the requests that they make.

import { del, post } from "../api.js";
import { clear, h } from "../dom.js";
import { confirm } from "./confirm.js";

const MAX_PRIORITY = 100;

const path = (job, rest = "") => `/api/jobs/${encodeURIComponent(job.id)}${rest}`;

/** By name: the button's word, for which states it is, and what it does. */
const ACTIONS = {
  pause: { word: "Pause", states: ["pending", "running"], run: (job) => post(path(job, "/pause")) },
  resume: { word: "Resume", states: ["paused"], run: (job) => post(path(job, "/resume")) },
  priority: { word: "Priority", states: ["pending", "running", "paused"], run: askPriority },
  retry: { word: "Retry", states: ["failed", "cancelled"], run: retry },
  cancel: { word: "Cancel", states: ["pending", "running", "paused"], isDanger: true, run: cancel },
  forget: { word: "Forget", states: ["done", "partial", "failed", "cancelled"], isDanger: true, run: forget },
};

/** The buttons of one job; they change with its state, and keep the focus where they stay. */
export class Actions {
  #shown = "";
  #isBusy = false;

  /** @param {{say: function(string, string): void}} app says what was done. */
  constructor(app) {
    this.app = app;
    this.node = h("div", { class: "row actions" });
  }

  /** @param {Object} job whose buttons they are. */
  update(job) {
    this.job = job;
    if (this.#shown === job.state) return;
    this.#shown = job.state;
    const hadFocus = this.node.contains(document.activeElement);
    clear(this.node, Object.values(ACTIONS).filter((action) => action.states.includes(job.state)).map((action) => this.#button(action)));
    if (hadFocus) this.node.querySelector("button")?.focus();
  }

  #button(action) {
    return h("button", {
      class: `button quiet small ${action.isDanger ? "danger" : ""}`, type: "button",
      "aria-label": `${action.word}: ${this.job.name}`, onclick: () => this.#run(action),
    }, action.word);
  }

  async #run(action) {
    if (this.#isBusy) return; // a button that were disabled meanwhile would lose the focus
    this.#isBusy = true;
    try {
      const answer = await action.run(this.job);
      if (answer) this.app.say(sentence(answer, this.job), "good");
      if (answer?.done === "forgotten") this.onForgotten?.();
    } catch (problem) {
      this.app.say(problem.detail ?? String(problem), "bad");
    } finally {
      this.#isBusy = false;
    }
  }
}

function sentence(answer, job) {
  const text = answer.answer || answer.done;
  return text.includes(job.id) || text.includes(job.name) ? capital(text) : `${job.name}: ${text}`;
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

// Each says what the job was when it was asked about: it may have ended, or begun again, while the question stood.

async function cancel(job) {
  const text = "What is done of it so far is given up. Its source stays where it is.";
  return (await confirm({ title: `Cancel ${job.name}?`, text, yes: "Cancel the job" })) && del(path(job, "?of=open"));
}

async function forget(job) {
  if (!job.files.length) {
    const text = "It goes out of the list. It has no files.";
    return (await confirm({ title: `Forget ${job.name}?`, text, yes: "Forget it" })) && del(path(job, "?of=over"));
  }
  const box = h("input", { type: "checkbox", id: "forget-files" });
  const extra = h("p", { class: "row" }, box, h("label", { for: "forget-files" }, "Remove its files as well; this cannot be undone"));
  const text = "It goes out of the list. Its files stay with the aggregator, but can no longer be had here.";
  return (await confirm({ title: `Forget ${job.name}?`, text, yes: "Forget it", extra })) && del(path(job, `?of=over${box.checked ? "&files=1" : ""}`));
}

async function retry(job) {
  return post(path(job, "/retry"));
}

async function askPriority(job) {
  const field = h("input", { type: "number", id: "priority", min: 0, max: MAX_PRIORITY, step: 1, value: job.priority });
  const extra = h("div", { class: "field" }, h("label", { for: "priority" }, "Priority"), field,
    h("small", {}, `0 to ${MAX_PRIORITY}. Of one user's jobs, those of a higher one go first; tasks that workers hold go on.`));
  const title = `Priority of ${job.name}`;
  if (!(await confirm({ title, text: `It is ${job.priority} now.`, yes: "Change it", no: "Leave it", extra }))) return null;
  return post(path(job, `/priority?priority=${encodeURIComponent(field.value)}`));
}
