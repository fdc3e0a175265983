// The options of an upload: how outputs are encoded, what is done about failures, and the like; and presets.

import { clear, h } from "../dom.js";
import { optionField } from "./controls.js";

const FIRST = ["codec", "crf", "preset", "format", "quality"]; // what most people look for

/** The options; `root` is its element. */
export class Options {
  /** What is said, by name. */
  values = {};
  #sendable;
  #onChange;
  #kinds = [];
  #fields = h("div", { class: "parameters" });
  #rest = h("div", { class: "parameters" });
  #preset = h("select", { id: "preset-choice" });
  #about = h("small", { id: "preset-help" });

  /**
   * @param {Object} sendable as `GET /api/kinds` tells it.
   * @param {function(): void} onChange called when an option has changed.
   * @param {function(Object): void} onPreset called with a preset that is chosen.
   */
  constructor(sendable, onChange, onPreset) {
    [this.#sendable, this.#onChange] = [sendable, onChange];
    clear(this.#preset, h("option", { value: "" }, "none"), sendable.presets.map(({ name }) => h("option", { value: name }, name)));
    this.#preset.addEventListener("change", () => {
      const preset = sendable.presets.find(({ name }) => name === this.#preset.value);
      this.#about.textContent = preset?.help ?? "Filters and options for what many people do.";
      if (!preset) return;
      this.values = { ...preset.options };
      this.#draw();
      onPreset(preset);
    });
    this.#preset.setAttribute("aria-describedby", "preset-help");
    this.#about.textContent = "Filters and options for what many people do.";
    this.root = h("section", { class: "card stack options", "aria-labelledby": "options-title" },
      h("h2", { id: "options-title" }, "Options"),
      h("div", { class: "field" }, h("label", { for: "preset-choice" }, "Preset"), this.#preset, this.#about),
      this.#fields,
      h("details", {}, h("summary", {}, "More options"), this.#rest));
    this.#draw();
  }

  /** Show the options that are for some kinds of material. */
  show(kinds) {
    this.#kinds = kinds;
    this.#draw();
  }

  /** Return what is said of a kind of material: an option for others would be refused. */
  of(kind) {
    const known = this.#sendable.options.filter((option) => option.kinds.includes(kind.name)).map(({ name }) => name);
    return Object.entries(this.values).filter(([name]) => known.includes(name));
  }

  #draw() {
    const names = this.#kinds.map(({ name }) => name);
    const suited = this.#sendable.options.filter(({ kinds }) => !names.length || kinds.some((kind) => names.includes(kind)));
    const field = (option) => optionField(option, this.values[option.name], (value) => {
      if (value === undefined) delete this.values[option.name];
      else this.values[option.name] = value;
      this.#onChange();
    });
    clear(this.#fields, suited.filter(({ name }) => FIRST.includes(name)).map(field));
    clear(this.#rest, suited.filter(({ name }) => !FIRST.includes(name)).map(field));
  }
}
