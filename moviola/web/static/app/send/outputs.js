// The outputs: for each a chain of filters, put together by hand or written as text.

import { clear, h } from "../dom.js";
import { fault, parsed, written } from "./chain.js";
import { parameterField } from "./controls.js";

/**
 * What becomes one output: its chain as text, why that cannot be read, the steps that were read of it last, and what is
 * wrong with it all. A sentence is empty where nothing is.
 * @typedef {{name: string, text: string, unread: string, steps: import("./chain.js").Step[], fault: string}} Output
 */

/** @returns {Output} one with a chain that can be read. */
const outputOf = (text) => ({ name: "", text, unread: "", steps: parsed(text), fault: "" });

/** @returns {string} an output as an upload says it. */
export const chainOf = ({ name, steps }) => (name ? `${name}=` : "") + written(steps);

/** The editor of all outputs; `root` is its element. */
export class OutputEditor {
  /** @type {Output[]} */
  outputs = [outputOf("")];
  #current = 0;
  #filters = new Map();
  #onChange;
  #onFile;
  #tabs = h("div", { class: "row", role: "group", "aria-label": "Outputs" });
  #name = h("input", { id: "output-name", type: "text", autocomplete: "off", placeholder: "made of the filters", maxlength: 60 });
  #text = h("input", { id: "chain-text", type: "text", class: "mono", autocomplete: "off", spellcheck: "false", "aria-describedby": "chain-fault", placeholder: "blur:radius=9,edges" });
  #fault = h("p", { id: "chain-fault", class: "fault", role: "status" });
  #steps = h("ol", { class: "steps" });
  #remove = h("button", { type: "button", class: "button remove-output", onclick: () => this.#removeOutput() }, "Remove this output");
  #said = h("p", { class: "visually-hidden", role: "status" });

  /**
   * @param {function(): void} onChange called when the outputs have changed.
   * @param {function(File): string} onFile takes a file that a parameter is to name; returns the name.
   */
  constructor(onChange, onFile) {
    [this.#onChange, this.#onFile] = [onChange, onFile];
    this.#name.addEventListener("input", () => {
      this.current.name = this.#name.value.trim();
      this.#changed();
    });
    this.#text.addEventListener("input", () => this.#read());
    this.root = h("section", { class: "card stack", "aria-labelledby": "outputs-title" },
      h("div", { class: "row apart" }, h("h2", { id: "outputs-title" }, "Outputs"),
        h("button", { type: "button", class: "button", onclick: () => this.#addOutput() }, "Add an output")),
      this.#tabs, this.#steps,
      h("div", { class: "field" }, h("label", { for: "chain-text" }, "The chain as text"), this.#text, this.#fault),
      h("div", { class: "field" }, h("label", { for: "output-name" }, "Name of the output"), this.#name),
      this.#remove, this.#said);
    this.#show();
  }

  /** The output that is edited. */
  get current() {
    return this.outputs[this.#current];
  }

  /** Take the filters that there are, as `GET /api/filters` tells them. What is being edited stays as it is. */
  learn(filters) {
    const [before, faultBefore] = [this.#controlled, this.current.fault];
    this.#filters = new Map(filters.map((filter) => [filter.name, filter]));
    for (const output of this.outputs) this.#judge(output);
    if (this.#controlled !== before) this.#showSteps();
    if (this.current.fault !== faultBefore) this.#changed();
  }

  /** Put a filter at the end of the chain. */
  add(name) {
    this.current.steps.push({ name, parameters: {} });
    this.#restepped();
    this.#said.textContent = `${name} is now number ${this.current.steps.length} of the chain.`;
  }

  /** Take other outputs, written as chains. */
  replace(chains) {
    this.outputs = chains.map(outputOf);
    for (const output of this.outputs) this.#judge(output);
    this.#current = 0;
    this.#show();
    this.#changed();
  }

  /** Say what keeps these outputs from being made, in a sentence; empty where nothing does. */
  get obstacle() {
    const broken = this.outputs.find((output) => output.fault);
    if (broken) return broken.fault;
    if (this.outputs.some((output) => !output.steps.length)) {
      return this.outputs.length > 1 ? "An output has no filter yet. Choose one for it, or remove the output." : "Choose a filter first.";
    }
    const names = this.outputs.map(({ name }) => name.toLowerCase()).filter(Boolean);
    if (new Set(names).size < names.length) return "Two outputs have one name. Give one of them another.";
    return "";
  }

  /** Show the place where something is missing. */
  focus() {
    this.#text.focus();
  }

  #addOutput() {
    this.outputs.push(outputOf(""));
    this.#current = this.outputs.length - 1;
    this.#show();
    this.#changed();
    this.#said.textContent = `Output ${this.outputs.length} was added. Filters are put into it now.`;
  }

  #removeOutput() {
    this.outputs.splice(this.#current, 1);
    this.#current = Math.max(0, this.#current - 1);
    this.#show();
    this.#changed();
    this.#tabs.querySelector("[aria-pressed=true]")?.focus();
  }

  #select(index) {
    this.#current = index;
    this.#show();
    this.#onChange();
    this.#tabs.children[index].focus();
  }

  /** The text was edited: the steps follow it. */
  #read() {
    const output = this.current;
    output.text = this.#text.value;
    try {
      output.steps = parsed(output.text);
      output.unread = "";
    } catch (error) {
      output.unread = error.message;
    }
    this.#judge(output);
    if (!output.unread) this.#showSteps();
    this.#changed();
  }

  /** The steps were edited: the text follows them. */
  #restepped({ redraw = true } = {}) {
    const output = this.current;
    this.#text.value = output.text = written(output.steps);
    output.unread = "";
    this.#judge(output);
    if (redraw) this.#showSteps();
    this.#changed();
  }

  #judge(output) {
    output.fault = output.unread || fault(output.steps, this.#filters);
  }

  #changed() {
    this.#showTabs();
    this.#showFault();
    this.#onChange();
  }

  #show() {
    this.#name.value = this.current.name;
    this.#text.value = this.current.text;
    this.#showFault();
    this.#showTabs();
    this.#showSteps();
  }

  #showFault() {
    this.#fault.textContent = this.current.fault;
    if (this.current.fault) this.#text.setAttribute("aria-invalid", "true");
    else this.#text.removeAttribute("aria-invalid");
  }

  /** What the controls are made of, to see whether others are needed. */
  get #controlled() {
    return JSON.stringify(this.current.steps.map(({ name }) => this.#filters.get(name)?.parameters));
  }

  #showTabs() {
    const tabs = this.outputs.map((output, index) => {
      const label = output.name || output.steps.map(({ name }) => name).join("-") || "empty";
      return h("button", { type: "button", class: "button", "aria-pressed": index === this.#current, onclick: () => this.#select(index) }, `${index + 1}: ${label}`);
    });
    const hadFocus = this.#tabs.contains(document.activeElement);
    clear(this.#tabs, tabs);
    this.#tabs.hidden = this.#remove.hidden = this.outputs.length < 2;
    if (hadFocus) tabs[this.#current]?.focus();
  }

  #showSteps() {
    const { steps } = this.current;
    clear(this.#steps, steps.map((step, index) => this.#step(step, index)));
    if (!steps.length) clear(this.#steps, h("li", { class: "muted" }, "No filter yet. Choose one from the cards above, or write the chain as text."));
  }

  #step(step, index) {
    const filter = this.#filters.get(step.name);
    const item = h("li", { class: "step" });
    const parameters = filter?.parameters.map((parameter) => parameterField(parameter, step.parameters[parameter.name], (value) => {
      if (value === undefined) delete step.parameters[parameter.name];
      else step.parameters[parameter.name] = value;
      this.#restepped({ redraw: false });
    }, this.#onFile));
    const move = (by, word) => h("button", {
      type: "button", class: "button quiet", "aria-label": `Move ${step.name} ${word}`, "data-move": word,
      disabled: !this.current.steps[index + by], onclick: () => this.#move(index, index + by, word),
    }, by < 0 ? "↑" : "↓");
    const grip = h("span", { class: "grip", draggable: "true", title: "Drag to another place", "aria-hidden": "true" }, "⠿");
    item.append(
      h("div", { class: "row apart" },
        h("h3", { class: "row" }, grip, step.name),
        h("div", { class: "row moves" }, move(-1, "up"), move(1, "down"),
          h("button", { type: "button", class: "button quiet", "aria-label": `Remove ${step.name}`, onclick: () => this.#drop(index) }, "Remove"))),
      parameters?.length ? h("div", { class: "parameters" }, parameters) : h("p", { class: "muted small" }, filter ? "It has no parameters." : "This filter is not known."));
    draggable(item, grip, index, (from, to) => this.#move(from, to));
    return item;
  }

  #move(from, to, word) {
    const { steps } = this.current;
    const [step] = steps.splice(from, 1);
    steps.splice(to, 0, step);
    this.#restepped();
    this.#said.textContent = `${step.name} is now number ${to + 1} of ${steps.length}.`;
    if (!word) return;
    const buttons = [...this.#steps.children[to].querySelectorAll("[data-move]")];
    (buttons.find((one) => one.dataset.move === word && !one.disabled) ?? buttons.find((one) => !one.disabled))?.focus();
  }

  #drop(index) {
    const [step] = this.current.steps.splice(index, 1);
    this.#restepped();
    this.#said.textContent = `${step.name} was removed.`;
    (this.#steps.querySelector("button") ?? this.#text).focus();
  }
}

/** Let an item of a list be dragged by its grip to the place of another. */
function draggable(item, grip, index, onMove) {
  grip.addEventListener("dragstart", (event) => {
    event.dataTransfer.setData("text/x-step", String(index));
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setDragImage(item, 0, 0);
    item.classList.add("dragged");
  });
  grip.addEventListener("dragend", () => item.classList.remove("dragged"));
  const isStep = (event) => event.dataTransfer.types.includes("text/x-step");
  item.addEventListener("dragover", (event) => {
    if (!isStep(event)) return;
    event.preventDefault();
    item.classList.add("target");
  });
  item.addEventListener("dragleave", () => item.classList.remove("target"));
  item.addEventListener("drop", (event) => {
    if (!isStep(event)) return;
    event.preventDefault();
    item.classList.remove("target");
    const from = Number(event.dataTransfer.getData("text/x-step"));
    if (from !== index) onMove(from, index);
  });
}
