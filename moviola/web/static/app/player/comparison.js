// What an output is compared with: the file that was sent, or another output of its job, on the left of a divider.

import { clear, h } from "../dom.js";
import { makeDivider } from "./divider.js";
import { fileOf, showFile, showOutput } from "./sources.js";
import { Sync } from "./sync.js";

const NOTHING = "nothing";
const FILE = "file";

/** The left side of a player. */
export class Comparison {
  /** Keeps both sides at one time; null while nothing is compared. */
  sync = null;
  #file = null;
  #end = () => {};
  #outputs = "";
  #isChosen = false;

  /** @param {Object} player whose left side it is: its `stage`, `video`, `id`, `output`. */
  constructor(player) {
    this.player = player;
    this.#file = fileOf(player.id) ?? null;
    this.video = h("video", { class: "player-before", playsinline: true, preload: "auto", "aria-label": "Before", hidden: true });
    this.video.muted = true;
    this.divider = makeDivider(player.stage);
    this.names = [h("span", { class: "player-name is-before", "aria-hidden": "true" }, "Before"), h("span", { class: "player-name is-after", "aria-hidden": "true" }, "After")];
    this.choice = h("select", { "aria-label": "Compare with", onchange: () => this.#chosen() });
    this.picker = h("input", { type: "file", accept: "video/*", class: "visually-hidden", tabindex: "-1", "aria-hidden": "true", onchange: () => this.#take(this.picker.files[0]) });
    this.pick = h("button", { type: "button", class: "button", onclick: () => this.picker.click() }, "Choose the source file …");
    this.said = h("span", { class: "small muted", role: "status" });
    this.root = h("div", { class: "player-compare row" },
      h("span", { class: "small muted", "aria-hidden": "true" }, "Compare with"), this.choice, this.pick, this.picker, this.said);
    player.stage.prepend(this.video);
    player.stage.append(...this.names, this.divider);
    this.#fill([]);
    this.#show(NOTHING);
    if (this.#file) this.#choose(FILE);
    this.#acceptDrops();
  }

  /** Offer the other outputs of a job; the one that is the source itself is chosen, where there is one. */
  offer(job) {
    const others = job.progress.outputs.filter((name) => name !== this.player.output);
    const same = new Set((job.requested ?? []).filter(isSource).map((output) => output.name));
    const outputs = JSON.stringify([others, [...same]]);
    if (outputs === this.#outputs) return;
    this.#outputs = outputs;
    this.#fill(others.map((name) => [name, same.has(name)]));
    const before = others.find((name) => same.has(name));
    if (before && !this.#isChosen && !this.#file) this.#choose(`output:${before}`);
  }

  /** Compare with nothing more. */
  close() {
    this.#end();
    this.sync?.close();
    this.sync = null;
  }

  #fill(outputs) {
    const value = this.choice.value || NOTHING;
    clear(this.choice,
      h("option", { value: NOTHING }, "Nothing"),
      h("option", { value: FILE }, "The source, a file of this machine"),
      outputs.map(([name, isSame]) => h("option", { value: `output:${name}` }, `Output ${name}${isSame ? ", which is the source" : ""}`)));
    this.choice.value = value;
  }

  #chosen() {
    this.#isChosen = true;
    this.#choose(this.choice.value);
    if (this.choice.value === FILE && !this.#file) this.pick.focus();
  }

  #choose(value) {
    this.choice.value = value;
    this.close();
    this.#end = () => {};
    const onState = (kind, detail) => this.#tell(kind, detail);
    if (value === FILE && this.#file) this.#end = showFile(this.video, this.#file, onState);
    else if (value.startsWith("output:")) this.#end = showOutput(this.video, this.player.id, value.slice("output:".length), onState);
    this.#show(value);
  }

  #take(file) {
    if (!file) return;
    this.#file = file;
    this.#isChosen = true;
    this.#choose(FILE);
  }

  #show(value) {
    const isShown = value.startsWith("output:") || (value === FILE && Boolean(this.#file));
    this.player.stage.classList.toggle("is-compared", isShown);
    for (const each of [this.video, this.divider, ...this.names]) each.hidden = !isShown;
    this.names[0].textContent = value.startsWith("output:") ? value.slice("output:".length) : "Before";
    this.names[1].textContent = value.startsWith("output:") ? this.player.output : "After";
    this.pick.hidden = value !== FILE;
    this.pick.textContent = this.#file ? "Choose another file …" : "Choose the source file …";
    this.said.textContent = value === FILE ? (this.#file ? `${this.#file.name}; it stays on this machine` : "Or drop it on the player. It stays on this machine.") : "";
    if (isShown) this.sync = new Sync(this.player.video, this.video);
  }

  #tell(kind, detail) {
    this.said.textContent = kind === "pending" ? "Nothing of it is finished yet." : detail;
    if (kind === "refused") {
      this.sync?.close();
      this.sync = null;
      this.player.stage.classList.remove("is-compared");
      for (const each of [this.video, this.divider, ...this.names]) each.hidden = true;
    }
  }

  #acceptDrops() {
    const { stage } = this.player;
    stage.addEventListener("dragover", (event) => {
      event.preventDefault();
      stage.classList.add("is-target");
    });
    stage.addEventListener("dragleave", () => stage.classList.remove("is-target"));
    stage.addEventListener("drop", (event) => {
      event.preventDefault();
      stage.classList.remove("is-target");
      this.#take(event.dataTransfer.files[0]);
    });
  }
}

/** Whether an output shows the source as it is. */
const isSource = ({ chain }) => chain.length > 0 && chain.every(({ name }) => name === "identity");
