// What is in the files that are chosen, and what a job would keep, change and lose of them, before it is sent.

import { upload } from "../api.js";
import { clear, h } from "../dom.js";
import { size as sized } from "../parts/format.js";

const ORDER = ["lost", "changed", "kept"]; // the worst first
const BADGES = { lost: "bad", changed: "warn", kept: "good" };

/** A button, and what it brings; `root` is its element. */
export class PreflightPanel {
  #requestsOf;
  #running = null;
  #text = h("p", { class: "muted small", role: "status" });
  #told = h("div", { class: "stack told", tabindex: "0", "aria-label": "What would be kept" });
  #button = h("button", { type: "button", class: "button", onclick: () => this.#ask() }, "What would be kept?");

  /** @param {function(): {name: string, form: FormData, size: number}[]} requestsOf what is chosen, a form for each job; empty where nothing can be sent. */
  constructor(requestsOf) {
    this.#requestsOf = requestsOf;
    this.root = h("div", { class: "stack preflight" },
      h("div", { class: "row" }, this.#button), this.#text, this.#told);
    this.reset();
  }

  /** Forget what was told: something else is chosen now. */
  reset() {
    this.close();
    this.#button.disabled = false;
    this.#text.textContent = "";
    clear(this.#told);
  }

  /** End what is under way. */
  close() {
    this.#running?.abort();
    this.#running = null;
  }

  async #ask() {
    const requests = this.#requestsOf();
    if (!requests.length) return;
    this.reset();
    this.#button.disabled = true;
    const told = [];
    for (const { name, form, size } of requests) {
      const running = upload("/api/preflights", form, (sent, all) => {
        this.#text.textContent = sent < all ? `${name}: ${sized(sent)} of ${sized(all)} are there to be read …` : `${name} is being read …`;
      });
      this.#running = running;
      this.#text.textContent = `${name}, ${sized(size)}: goes to the gateway to be read; no job is made of it …`;
      try {
        told.push(...(await running.done).preflights);
      } catch (problem) {
        if (this.#running !== running) return; // it was given up
        this.#text.textContent = problem.detail ?? String(problem);
        this.#button.disabled = false;
        return;
      }
      if (this.#running !== running) return;
    }
    this.#running = null;
    this.#button.disabled = false;
    this.#show(told);
  }

  #show(told) {
    const harms = told.flatMap(({ findings }) => findings.filter(({ fate }) => fate !== "kept"));
    const counts = ORDER.map((fate) => [harms.filter((one) => one.fate === fate).length, fate]).filter(([count]) => count);
    this.#text.textContent = counts.length
      ? `Nothing is sent yet. Not kept: ${counts.map(([count, fate]) => `${count} ${fate}`).join(", ")}.`
      : "Nothing is sent yet. All of it would be kept.";
    clear(this.#told, told.map((one) => preflight(one, told.length === 1)));
  }
}

function preflight({ source, traits, findings }, isOpen) {
  const rows = [...findings].sort((one, two) => ORDER.indexOf(one.fate) - ORDER.indexOf(two.fate));
  const outputs = rows.some(({ output }) => output);
  return h("section", { class: "stack", "aria-label": source },
    h("h3", {}, source),
    rows.length > 0 && h("div", { class: "scroll" }, h("table", { class: "fates" },
      h("thead", {}, h("tr", {}, h("th", {}, "what"), h("th", {}, "becomes"), outputs && h("th", {}, "output"))),
      h("tbody", {}, rows.map(({ subject, fate, reason, output }) => h("tr", {},
        h("td", {}, h("span", { class: `badge ${BADGES[fate]}` }, fate), " ", subject), h("td", {}, reason), outputs && h("td", {}, output || "all")))))),
    h("details", { open: isOpen && rows.length === 0 }, h("summary", {}, "What it is"),
      h("dl", { class: "traits" }, traits.map(({ name, value }) => [h("dt", {}, name), h("dd", {}, value)]))));
}
