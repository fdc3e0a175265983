// Sends files: what they are, what becomes of them, how that will look, and how far they are.

import { get } from "../api.js";
import { clear, h } from "../dom.js";
import { filterCards, suits } from "../send/cards.js";
import { contextOf, written } from "../send/chain.js";
import { faultOf } from "../send/controls.js";
import { Options } from "../send/options.js";
import { chainOf, OutputEditor } from "../send/outputs.js";
import { PreflightPanel } from "../send/preflights.js";
import { PreviewPanel } from "../send/previews.js";
import { assetName, droppedFiles, sorted, summary } from "../send/sources.js";
import { STOPPED_WHOLE, Uploads } from "../send/uploads.js";
import { size as sized } from "../parts/format.js";

export const title = "Send";

/**
 * Show what can be sent.
 * @param {HTMLElement} root gets it.
 * @param {Object} _params none.
 * @param {Object} app the page.
 * @returns {function(): void} ends it.
 */
export default function view(root, _params, app) {
  root.append(h("h1", {}, title));
  const place = h("div", { class: "stack" }, h("p", { class: "muted" }, "Asking what can be sent …"));
  root.append(place);
  let desk = null;
  let isGone = false;
  let isRefused = false;
  const begin = async () => {
    isRefused = false;
    try {
      const [sendable, { filters }] = await Promise.all([get("/api/kinds"), get("/api/filters")]);
      if (isGone) return;
      desk = new Desk(sendable, filters, app);
      clear(place, desk.root);
    } catch (problem) {
      if (isGone) return;
      isRefused = true;
      clear(place, h("div", { class: "empty" }, h("h2", {}, "Nothing can be sent now"), h("p", {}, problem.detail ?? String(problem)),
        h("button", { type: "button", class: "button primary", onclick: begin }, "Try again")));
    }
  };
  begin();
  const offState = app.live.on("state", () => app.live.state === "live" && isRefused && begin());
  const offWorkers = app.live.on("workers", async () => {
    const workers = workersOf(app);
    if (!desk || desk.workers === workers) return;
    desk.workers = workers;
    try {
      const { filters } = await get("/api/filters");
      if (!isGone && desk.workers === workers) desk.learn(filters);
    } catch {
      if (desk.workers === workers) desk.workers = null; // asked again; the page says by itself that the gateway is away
    }
  });
  return () => {
    isGone = true;
    offState();
    offWorkers();
    desk?.close();
  };
}

/** What the filters follow of the workers: who is there, and what each does. Whether one is busy, they do not. */
const workersOf = ({ live }) =>
  [...live.workers.values()].filter(({ state }) => state !== "lost").map(({ name, filters }) => `${name}: ${filters}`).join();

function formOf(parcel, fields, assets) {
  const form = new FormData();
  for (const [name, value] of fields) form.append(name, value);
  for (const [name, file] of assets) form.append("asset", file, name);
  for (const file of parcel.files) form.append("file", file, file.name);
  return form;
}

/** All that is chosen, and its parts on the page. */
class Desk {
  /** Of which workers the filters are known, to see when that changes; null: of none. */
  workers = null;
  #sendable;
  #filters;
  #app;
  #parcels = [];
  #assets = new Map();
  #uploads = null;
  #chosen = h("div", { class: "stack", role: "status" });
  #hint = h("p", { class: "fault", id: "send-hint", role: "alert" });
  #sum = h("p", {});
  #sendButton = h("button", { type: "button", class: "button primary send-button", "aria-describedby": "send-hint", onclick: () => this.#send() }, "Send");
  #warnLeave = (event) => this.#uploads?.isRunning && event.preventDefault();

  constructor(sendable, filters, app) {
    [this.#sendable, this.#filters, this.#app] = [sendable, new Map(filters.map((one) => [one.name, one])), app];
    this.outputs = new OutputEditor(() => this.#changed(), (file) => this.#takeAsset(file));
    this.cards = filterCards((name) => this.outputs.add(name));
    this.preflight = new PreflightPanel(() => this.#preflightForms());
    this.options = new Options(sendable, () => this.#rethought(), ({ filters: chains }) => this.outputs.replace(chains));
    this.preview = new PreviewPanel(sendable);
    this.form = h("div", { class: "desk" },
      h("div", { class: "stack work" }, this.#dropZone(), this.cards.root, this.outputs.root),
      h("div", { class: "stack side" }, this.preview.root,
        h("section", { class: "card stack", "aria-label": "Send" }, this.#sum, this.#hint, this.#sendButton, this.preflight.root)),
      this.options.root);
    this.root = h("div", { class: "stack" }, this.form);
    window.addEventListener("beforeunload", this.#warnLeave);
    this.learn(filters);
    this.#show();
  }

  /** Take the filters that there are now. */
  learn(filters) {
    this.#filters = new Map(filters.map((one) => [one.name, one]));
    this.outputs.learn(filters);
    this.cards.show(filters, this.#kinds);
  }

  /** End all that is under way. */
  close() {
    window.removeEventListener("beforeunload", this.#warnLeave);
    const isWhole = this.#uploads?.isWhole;
    if (this.#uploads?.isRunning) this.#app.say(isWhole ? STOPPED_WHOLE : "The upload was stopped, because the page that sent it was left. Nothing of it was kept.", "bad");
    this.#uploads?.close();
    this.preview.close();
    this.preflight.close();
  }

  get #kinds() {
    const kinds = [...new Set(this.#parcels.map(({ kind }) => kind))];
    return kinds.length ? kinds : this.#sendable.kinds;
  }

  #dropZone() {
    const input = h("input", { type: "file", multiple: true, id: "files", class: "visually-hidden", tabindex: "-1", "aria-label": "Files", onchange: () => {
      this.#take([...input.files], []);
      input.value = "";
    } });
    const zone = h("section", { class: "drop stack", "aria-labelledby": "files-title" },
      h("h2", { id: "files-title" }, "Files"),
      h("p", { class: "muted" }, "Drop a video, pictures or tables here, or"), input,
      h("button", { type: "button", class: "button primary", onclick: () => input.click() }, "Choose files …"), this.#chosen);
    const isFiles = (event) => event.dataTransfer.types.includes("Files");
    for (const kind of ["dragenter", "dragover"]) {
      zone.addEventListener(kind, (event) => {
        if (!isFiles(event)) return;
        event.preventDefault();
        zone.classList.add("over");
      });
    }
    zone.addEventListener("dragleave", (event) => zone.contains(event.relatedTarget) || zone.classList.remove("over"));
    zone.addEventListener("drop", (event) => {
      if (!isFiles(event)) return;
      event.preventDefault();
      zone.classList.remove("over");
      const { files, refusals } = droppedFiles(event.dataTransfer);
      this.#take(files, refusals);
    });
    return zone;
  }

  /** Take files instead of those that were chosen before; where all are refused, these stay. */
  #take(files, dropRefusals) {
    const { parcels, refusals } = sorted(files, this.#sendable);
    if (parcels.length) this.#parcels = parcels;
    this.#show([...dropRefusals, ...refusals]);
  }

  /** Show what is chosen now, and what was refused, in sentences. */
  #show(refusals = []) {
    this.#showChosen(refusals);
    this.cards.show([...this.#filters.values()], this.#kinds);
    this.options.show(this.#kinds);
    this.#changed();
  }

  #showChosen(refusals) {
    clear(this.#chosen,
      refusals.map((sentence) => h("p", { class: "fault" }, sentence)),
      this.#parcels.length > 0 && h("ul", { class: "chosen" }, this.#parcels.map((parcel, index) =>
        h("li", { class: "row apart" },
          h("span", {}, h("strong", {}, parcel.name), h("span", { class: "muted" }, ` ${parcel.kind.name}, ${sized(parcel.size)}`)),
          h("button", { type: "button", class: "button quiet", "aria-label": `Remove ${parcel.name}`, onclick: () => {
            this.#parcels.splice(index, 1);
            this.#show();
          } }, "Remove")))));
  }

  /** Take a file that a filter names; return the name that it has here. */
  #takeAsset(file) {
    const name = assetName(file.name, [...this.#assets.keys()]);
    this.#assets.set(name, file);
    return name;
  }

  /** What was said of the choices before holds no longer. */
  #rethought() {
    this.#hint.textContent = "";
    this.preflight.reset();
  }

  #changed() {
    this.#rethought();
    this.#sum.textContent = this.#parcels.length ? summary(this.#parcels) : "Nothing is chosen yet.";
    const [parcel] = this.#parcels;
    const { steps, fault } = this.outputs.current;
    if (!parcel) return this.preview.show(null, "Choose a file, and a filter: what the filter makes of it is shown here, before anything is sent.");
    if (fault || !steps.length) return this.preview.show(null, fault || "Choose a filter: what it makes of your file is shown here.");
    return this.preview.show({ parcel, chain: written(steps), context: contextOf(steps, this.#filters), assets: this.#assetsOf(steps) });
  }

  /** The files that steps name. */
  #assetsOf(steps) {
    const said = new Set(steps.flatMap(({ parameters }) => Object.values(parameters)));
    return new Map([...this.#assets].filter(([name]) => said.has(name)));
  }

  #outputsFor(kind) {
    return this.outputs.outputs.filter(({ steps }) => steps.every(({ name }) => suits(this.#filters.get(name), kind)));
  }

  get #obstacle() {
    if (!this.#parcels.length) return "Choose a file first.";
    const idle = this.#kinds.find((kind) => !this.#outputsFor(kind).length);
    const idleness = idle ? `None of the outputs is for ${idle.plural}. Choose a filter for them, or remove those files.` : "";
    return this.outputs.obstacle || idleness || faultOf(this.form);
  }

  #send() {
    const obstacle = this.#obstacle;
    this.#hint.textContent = obstacle;
    if (obstacle) return;
    this.#uploads = new Uploads(this.#parcels, (parcel) => this.#requestOf(parcel), {
      onEnd: (jobs, remarks) => this.#ended(jobs, remarks),
      onBack: () => this.#back(),
    });
    this.preview.show(null, "");
    this.preflight.close();
    this.form.hidden = true;
    this.root.append(this.#uploads.root);
    this.#uploads.root.querySelector("h2").focus();
  }

  /** A file alone is sent as it is, so that workers can begin before its end is here; several come as a form. */
  #requestOf(parcel) {
    const { fields, assets } = this.#wishesOf(parcel);
    if (parcel.files.length === 1 && !assets.size) {
      const [file] = parcel.files;
      return { path: `/api/jobs/${encodeURIComponent(file.name)}?${new URLSearchParams(fields)}`, body: file };
    }
    return { path: "/api/jobs", body: formOf(parcel, fields, assets) };
  }

  /** What is asked of each parcel before it is sent; nothing, and why, where it cannot be sent. */
  #preflightForms() {
    const obstacle = this.#obstacle;
    this.#hint.textContent = obstacle;
    return (obstacle ? [] : this.#parcels).map((parcel) => {
      const { fields, assets } = this.#wishesOf(parcel);
      return { name: parcel.name, size: parcel.size, form: formOf(parcel, fields, assets) };
    });
  }

  #wishesOf(parcel) {
    const outputs = this.#outputsFor(parcel.kind);
    const fields = [...outputs.map((output) => ["filters", chainOf(output)]), ...this.options.of(parcel.kind)];
    return { fields, assets: this.#assetsOf(outputs.flatMap(({ steps }) => steps)) };
  }

  #back() {
    const { sent, root, isWhole } = this.#uploads;
    root.remove();
    this.#uploads = null;
    this.form.hidden = false;
    this.#parcels = this.#parcels.filter((parcel) => !sent.includes(parcel));
    if (sent.length) this.#app.say(`${sent.map(({ name }) => name).join(", ")}: sent already, and not chosen any more.`, "good");
    if (isWhole) this.#app.say(STOPPED_WHOLE, "bad");
    this.#show();
    this.#sendButton.focus();
  }

  #ended(jobs, remarks) {
    const [first] = jobs;
    if (jobs.length === 1 && !remarks.length) return this.#app.navigate(`/jobs/${encodeURIComponent(first.id)}`);
    const heading = h("h2", { tabindex: "-1" }, jobs.length === 1 ? "Sent" : `Sent: ${jobs.length} jobs`);
    this.#uploads = null;
    clear(this.root, h("section", { class: "card stack" }, heading,
      remarks.length > 0 && [h("p", {}, "What is lost or changed on the way:"), h("ul", { class: "remarks" }, remarks.map((remark) => h("li", {}, remark)))],
      h("ul", { class: "stack" }, jobs.map(({ id, name }) => h("li", {}, h("a", { href: `/jobs/${encodeURIComponent(id)}` }, name)))),
      h("p", {}, h("a", { class: "button primary", href: jobs.length === 1 ? `/jobs/${encodeURIComponent(first.id)}` : "/" }, jobs.length === 1 ? "To the job" : "To the jobs"))));
    heading.focus();
    return undefined;
  }
}
