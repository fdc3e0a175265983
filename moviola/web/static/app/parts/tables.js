// Shows the records of a file as tables, some at a time.

import { h } from "../dom.js";
import { showInBatches } from "./batches.js";
import { records } from "./records.js";

const AT_ONCE = 50;
const MAX_COLUMNS = 40; // of a table: what has more is told by the file
const MAX_TEXT = 300; // characters of a value that are shown

/**
 * Show a file's records.
 * @param {HTMLElement} root gets the tables.
 * @param {Object} file of a job.
 * @param {function(Object): string} onFail as of `showInBatches`.
 */
export function showTables(root, file, onFail) {
  const tables = new Map();
  const place = h("div", { class: "stack" });

  function add({ table, record }) {
    if (!tables.has(table)) {
      const made = new Table(table || file.name);
      tables.set(table, made);
      place.append(made.node);
    }
    tables.get(table).add(record);
  }

  showInBatches(root, place, records(file), {
    atOnce: AT_ONCE,
    what: "records",
    none: "There are no records in it: the filters kept none.",
    unreadable: "This file cannot be shown as a table. Download it.",
    add,
    onFail,
  });
}

class Table {
  #columns = [];

  constructor(name) {
    this.head = h("tr", {});
    this.body = h("tbody", {});
    const table = h("table", {}, h("caption", { class: "visually-hidden" }, `Records of ${name}`), h("thead", {}, this.head), this.body);
    this.node = h("section", { class: "stack tight" }, h("h3", { class: "mono" }, name),
      h("div", { class: "scroll framed", tabindex: 0, role: "region", "aria-label": `Table of ${name}` }, table));
  }

  add(record) {
    for (const name of Object.keys(record)) {
      if (!this.#columns.includes(name) && this.#columns.length < MAX_COLUMNS) {
        this.#columns.push(name);
        this.head.append(h("th", { scope: "col" }, name));
        for (const row of this.body.children) row.append(h("td", {}));
      }
    }
    this.body.append(h("tr", {}, this.#columns.map((name) => h("td", { class: typeof record[name] === "number" ? "number" : "" }, shown(record[name])))));
  }
}

function shown(value) {
  if (value == null) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)} …` : text;
}
