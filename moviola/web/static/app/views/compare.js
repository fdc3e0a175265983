// Compares ways to do the same job: one thread, several threads, several processes, the workers of the cluster.

import { clear, h, svg } from "../dom.js";
import { counted, percent, size } from "../parts/format.js";

export const title = "Compare";

const MODES = [
  ["sequential", "Sequential", "one thread"],
  ["threads", "Threads", "of one process"],
  ["processes", "Processes", "of the gateway's machine"],
  ["distributed", "Distributed", "the cluster's workers"],
];
const RETRY_MS = 2000; // between two tries to follow a comparison again
const PLACE = "/api/comparisons";

/**
 * Show the form, the comparison that the address names or that goes on, and those that there were.
 * @param {HTMLElement} root gets it.
 * @param {Object<string, string>} _params of the address; it has none.
 * @param {{api: Object, say: function(string, string=): void, navigate: function(string, Object=): void}} app what all
 *   views share.
 * @returns {function(): void} ends it.
 */
export default function view(root, _params, app) {
  const page = new ComparePage(root, app);
  page.start(new URLSearchParams(location.search).get("id"));
  return () => page.end();
}

/** The page, for as long as it is shown. */
class ComparePage {
  #app;
  #shown = h("div", { class: "stack" });
  #list = h("div", {});
  #sending = h("div", { role: "status" });
  #button = h("button", { class: "button primary", type: "submit" }, "Compare");
  #followed = null; // the comparison that is shown, as it was last told
  #source = null;
  #retry = null;
  #upload = null;
  #isOver = false;
  #onSeen = () => this.#seen();
  #state = "";

  constructor(root, app) {
    this.#app = app;
    root.append(
      h("h1", {}, title),
      h("p", { class: "muted" }, "The same job by one thread, by several threads, by several processes and by the cluster: how long each takes, what it needs, and whether all results are equal. Nothing of the results is kept."),
      this.#shown, this.#form(), this.#list);
    document.addEventListener("visibilitychange", this.#onSeen);
  }

  /** Show a comparison, or the one that goes on, and the list. */
  async start(id) {
    const all = await this.#readList();
    const wanted = all?.find((one) => one.id === id) ?? all?.find((one) => !one.is_over);
    if (wanted) this.#follow(wanted);
    else if (all && id) this.#tell(h("p", {}, "The gateway does not have this comparison any more: it keeps the newest ones, and none when it begins anew."));
  }

  /** Nothing of it is shown any more. */
  end() {
    this.#isOver = true;
    document.removeEventListener("visibilitychange", this.#onSeen);
    this.#source?.close();
    clearTimeout(this.#retry);
    this.#upload?.abort();
  }

  // ── the form ──────────────────────────────────────────────────────────────────────────────────────────────────

  #form() {
    const number = (name, label, help, attributes) => h("div", { class: "field" },
      h("label", { for: `compare-${name}` }, label),
      h("input", { id: `compare-${name}`, name, type: "number", inputmode: "numeric", "aria-describedby": `compare-${name}-help`, ...attributes }),
      h("small", { id: `compare-${name}-help` }, help));
    const filters = h("datalist", { id: "compare-filters-known" });
    this.#app.api.get("/api/filters").then(({ filters: known }) => {
      clear(filters, known.map((one) => h("option", { value: one.name }, one.summary)));
    }, () => {}); // the field takes any text, and what is wrong with it is said
    return h("form", { class: "card compare-form", "aria-label": "A new comparison", onsubmit: (event) => this.#send(event) },
      h("div", { class: "field wide" },
        h("label", { for: "compare-files" }, "A video, or pictures"),
        h("input", { id: "compare-files", name: "file", type: "file", multiple: true, required: true, "aria-describedby": "compare-files-help" }),
        h("small", { id: "compare-files-help" }, "Up to 256 MB. Several pictures are one batch.")),
      h("div", { class: "field wide" },
        h("label", { for: "compare-filters" }, "Filters"),
        h("input", { id: "compare-filters", name: "filters", value: "blur", list: "compare-filters-known", autocomplete: "off", spellcheck: "false", "aria-describedby": "compare-filters-help" }), filters,
        h("small", { id: "compare-filters-help" }, "A chain, such as blur:radius=9,edges.")),
      h("fieldset", { class: "wide" },
        h("legend", {}, "Ways"),
        h("div", { class: "compare-modes" }, MODES.map(([mode, name, about]) => h("label", {},
          h("input", { type: "checkbox", name: "mode", value: mode, checked: true }),
          h("span", {}, name, " ", h("span", { class: "muted small" }, about)))))),
      number("workers", "Threads and processes", "One a core where nothing is said.", { min: 1, max: 16, placeholder: "automatic" }),
      number("iterations", "Rounds", "Several show how much the times differ.", { min: 1, max: 20, value: 1 }),
      number("warm_ups", "To warm up", "Rounds before these, which do not count.", { min: 0, max: 2, value: 1 }),
      h("div", { class: "row wide" }, this.#button, this.#sending));
  }

  async #send(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    if (!form.has("mode")) return this.#refuse("Choose at least one of the ways.");
    for (const name of ["workers", "filters"]) if (!form.get(name)) form.delete(name);
    const told = h("span", { class: "number" });
    this.#button.disabled = true;
    this.#upload = this.#app.api.upload(PLACE, form, (sent, total) => {
      told.textContent = total ? percent(sent / total) : "";
    });
    clear(this.#sending, h("div", { class: "row" }, "Sending", told, h("button", { class: "button quiet", type: "button", onclick: () => this.#upload?.abort() }, "Stop")));
    try {
      const begun = await this.#upload.done;
      clear(this.#sending);
      history.replaceState(null, "", `/compare?id=${encodeURIComponent(begun.id)}`);
      this.#follow(begun);
      this.#readList();
      this.#shown.scrollIntoView({ block: "start" });
    } catch (problem) {
      this.#refuse(problem.detail);
    } finally {
      this.#upload = null;
      this.#button.disabled = false;
    }
  }

  #refuse(sentence) {
    clear(this.#sending, h("p", { class: "compare-refused" }, capital(sentence)));
  }

  // ── one comparison ────────────────────────────────────────────────────────────────────────────────────────────

  /** Show a comparison, and follow it until it is over. */
  #follow(told) {
    this.#source?.close();
    clearTimeout(this.#retry);
    if (told.id !== this.#followed?.id) this.#state = "";
    this.#followed = told;
    this.#show(told);
    if (told.is_over || this.#isOver || document.hidden) return;
    const source = new EventSource(told.links.events);
    this.#source = source;
    source.addEventListener("comparison", (event) => {
      const news = JSON.parse(event.data);
      this.#followed = news;
      this.#show(news);
      if (news.is_over) {
        source.close();
        this.#readList();
      }
    });
    source.addEventListener("error", () => {
      if (source !== this.#source || source.readyState === EventSource.CONNECTING) return;
      this.#again(told);
    });
  }

  /** Hold no stream where nobody looks, as `live` does, and follow again when somebody looks again. */
  #seen() {
    if (!this.#followed || this.#followed.is_over) return;
    if (document.hidden) this.#source?.close();
    else this.#again(this.#followed);
  }

  /** Ask for a comparison whose stream was lost, and follow it again. */
  async #again(told) {
    clearTimeout(this.#retry);
    try {
      const news = await this.#app.api.get(told.links.self);
      if (this.#isOver || told.id !== this.#followed?.id) return;
      this.#follow(news);
      if (news.is_over) this.#readList();
    } catch (problem) {
      if (this.#isOver || told.id !== this.#followed?.id) return;
      if (problem.status === 404) this.#lost();
      else this.#retry = setTimeout(() => this.#again(told), RETRY_MS);
    }
  }

  #lost() {
    this.#followed = null;
    this.#tell(h("p", {}, "The gateway began anew, and the comparison has ended with it. Begin it again below."));
  }

  #tell(...words) {
    clear(this.#shown, h("div", { class: "empty" }, ...words));
  }

  #show(told) {
    const hadFocus = this.#shown.contains(document.activeElement);
    if (told.is_over || this.#state !== "running") clear(this.#shown, this.#card(told));
    else this.#update(told);
    this.#state = told.state;
    if (hadFocus && !this.#shown.contains(document.activeElement)) this.#shown.querySelector("h2").focus();
  }

  #card(told) {
    const figures = told.modes.filter((one) => one.rounds.length);
    return h("section", { class: "card stack", "aria-labelledby": "compare-title" },
      h("div", { class: "row apart" },
        h("h2", { id: "compare-title", tabindex: -1 }, `${told.source}: ${told.filters.join(", ")}`),
        badge(told)),
      !told.is_over && this.#progress(told),
      told.is_over && told.state !== "done" && h("p", { class: "compare-reason", role: "alert" }, sentence(told.reason)),
      h("div", { class: "stack compare-figures" }, figuresOf(told, figures)));
  }

  #progress(told) {
    return h("div", { class: "stack" },
      h("div", { class: "row apart" },
        h("p", { class: "compare-doing" }, doing(told)),
        h("button", { class: "button danger", type: "button", onclick: (event) => this.#cancel(told, event.target) }, "Cancel")),
      h("div", { class: "bar", role: "progressbar", "aria-label": "Of all rounds", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": percentOf(told), style: { "--share": `${percentOf(told)}%` } }, h("span", {})));
  }

  /** Change what has changed: the button stays, and with it who has come to it by the keyboard. */
  #update(told) {
    const bar = this.#shown.querySelector(".bar");
    bar.setAttribute("aria-valuenow", String(percentOf(told)));
    bar.style.setProperty("--share", `${percentOf(told)}%`);
    this.#shown.querySelector(".compare-doing").textContent = doing(told);
    const figures = told.modes.filter((one) => one.rounds.length);
    const place = this.#shown.querySelector(".compare-figures");
    const key = JSON.stringify([figures, told.is_warm_up]);
    if (place.dataset.key === key) return;
    place.dataset.key = key;
    clear(place, figuresOf(told, figures));
  }

  /** Cancel it, once. The button stays where the keyboard is: one that is disabled would lose it. */
  async #cancel(told, button) {
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    try {
      await this.#app.api.del(`${told.links.self}?of=open`);
    } catch (problem) {
      button.setAttribute("aria-disabled", "false");
      this.#app.say(problem.detail, "bad");
    }
  }

  // ── those that there were ─────────────────────────────────────────────────────────────────────────────────────

  async #readList() {
    try {
      const { comparisons } = await this.#app.api.get(PLACE);
      const over = comparisons.filter((one) => one.is_over);
      clear(this.#list, over.length > 0 && h("section", { class: "card stack", "aria-labelledby": "compare-before" },
        h("h2", { id: "compare-before" }, "Earlier comparisons"),
        h("ul", { class: "compare-list" }, over.map((one) => this.#line(one)))));
      return comparisons;
    } catch (problem) {
      if (problem.status !== 401) this.#retry = setTimeout(() => this.start(new URLSearchParams(location.search).get("id")), RETRY_MS);
      return null;
    }
  }

  #line(told) {
    const fastest = told.modes.filter((one) => one.per_second).sort((a, b) => b.per_second - a.per_second)[0];
    return h("li", { class: "row apart" },
      h("a", { href: `/compare?id=${encodeURIComponent(told.id)}` }, `${told.source}: ${told.filters.join(", ")}`),
      h("span", { class: "row" },
        fastest && h("span", { class: "muted small" }, `fastest: ${fastest.mode}, ${rate(fastest.per_second)} ${told.unit}s/s`),
        badge(told)));
  }
}

// ── what is drawn ───────────────────────────────────────────────────────────────────────────────────────────────

function figuresOf(told, figures) {
  if (!figures.length) return told.is_over ? [] : [h("p", { class: "muted" }, told.is_warm_up ? "Figures come after the rounds to warm up." : "Figures come with the end of the first round.")];
  return [
    chart(told, figures),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Figures of each way" }, table(told, figures)),
    told.state === "done" && h("p", { class: "compare-equal" }, `All ${told.results} results are equal: `,
      Object.entries(told.digests).map(([name, digest], index) => [index > 0 && ", ", `${name} `, h("code", {}, digest.slice(0, 12))]), "."),
    h("ul", { class: "compare-remarks" }, [subject(told), ...told.remarks].map((remark) => h("li", {}, sentence(remark)))),
  ];
}

/** Draw a bar for each mode, as long as it is fast, with a line from the slowest round to the fastest. */
function chart(told, figures) {
  const most = Math.max(...figures.map((one) => told.count / one.seconds_min));
  const at = (value) => `${((100 * value) / most).toFixed(2)}%`;
  return h("figure", { class: "compare-chart" },
    h("figcaption", {}, `${capital(told.unit)}s a second; longer is faster`),
    h("ul", {}, figures.map((one) => h("li", {},
      h("span", {}, capital(one.mode)),
      svg("svg", { "aria-hidden": "true" },
        svg("rect", { class: "ground", width: "100%", height: "100%", rx: 4 }),
        svg("rect", { class: one.mode, width: at(one.per_second), height: "100%", rx: 4 }),
        one.rounds.length > 1 && whisker(at(told.count / one.seconds_max), at(told.count / one.seconds_min))),
      h("span", {}, h("span", { class: "speed" }, rate(one.per_second)), one.speed_up != null && ` · ${one.speed_up.toFixed(2)} ×`)))));
}

function whisker(from, to) {
  const line = (x1, x2, y1, y2) => svg("line", { class: "whisker", x1, x2, y1, y2 });
  return [line(from, to, "50%", "50%"), line(from, from, "30%", "70%"), line(to, to, "30%", "70%")];
}

function table(told, figures) {
  const isRepeated = told.iterations > 1;
  const heading = (text) => h("th", { class: "number", scope: "col" }, text);
  const cell = (text) => h("td", { class: "number" }, text);
  return h("table", {},
    h("caption", { class: "visually-hidden" }, "What each way took"),
    h("thead", {}, h("tr", {},
      h("th", { scope: "col" }, "Way"), heading("Workers"), heading(isRepeated ? "Seconds, median" : "Seconds"),
      isRepeated && [heading("Fastest"), heading("Slowest")],
      heading(`${capital(told.unit)}s/s`), heading("Speed-up"), heading("CPU seconds"), heading("Peak memory"))),
    h("tbody", {}, figures.map((one) => h("tr", {},
      h("th", { scope: "row" }, capital(one.mode)), cell(String(one.workers)), cell(seconds(one.seconds)),
      isRepeated && [cell(seconds(one.seconds_min)), cell(seconds(one.seconds_max))],
      cell(rate(one.per_second)), cell(one.speed_up == null ? "–" : one.speed_up.toFixed(2)),
      cell(seconds(one.cpu_seconds)), cell(size(one.peak_memory))))));
}

function badge(told) {
  const kinds = { running: ["info", "running"], done: ["good", "all equal"], failed: ["bad", "failed"], cancelled: ["warn", "cancelled"] };
  const [kind, word] = kinds[told.state];
  return h("span", { class: `badge ${kind}` }, word);
}

function doing(told) {
  if (!told.mode) return "It begins …";
  const of = told.is_warm_up ? told.warm_ups : told.iterations;
  return `${capital(told.mode)}: ${told.is_warm_up ? "warming up" : "round"} ${told.round} of ${of}`;
}

function subject(told) {
  const rounds = `${counted(told.iterations, "round")}${told.warm_ups ? ` after ${told.warm_ups} to warm up` : ", none to warm up"}`;
  return `${counted(told.count, told.unit)} in ${counted(told.chunks, "chunk")}, ${rounds}, ${counted(told.cores, "core")}`;
}

const percentOf = (told) => Math.round(told.share * 100);
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const sentence = (text) => (/[.?!]$/.test(text) ? text : `${text}.`);
const seconds = (value) => (value >= 100 ? value.toFixed(1) : value.toFixed(2));
const rate = (value) => (value >= 100 ? value.toFixed(0) : value.toFixed(1));
