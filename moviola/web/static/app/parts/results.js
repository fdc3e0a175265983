// The files of a job: what each is, its download, and a look into those that are pictures, tables or notes.

import { clear, h } from "../dom.js";
import { size } from "./format.js";
import { picture, showGallery } from "./gallery.js";
import { linesOf } from "./records.js";
import { showTables } from "./tables.js";

const MAX_TEXT = 200_000; // characters of a text that are shown

/** What a file is, by its name: words for people, and how it is shown; the first that fits. */
const SORTS = [
  { test: (file) => file.folder, word: "Pictures", show: showGallery, verb: "Show the pictures" },
  { test: (file) => /\.metrics\.json$/.test(file.name), word: "Figures", show: showText, verb: "Show" },
  { test: (file) => /(^|\.)metadata\.json$/.test(file.name), word: "About the source", show: showText, verb: "Show" },
  { test: (file) => /(^|\.)annotations\.jsonl$/.test(file.name), word: "What filters noted", show: showTable, verb: "Show as a table" },
  { test: (file) => /\.manifest\.jsonl\.gz$/.test(file.name), word: "Proof of every frame, for moviola verify" },
  { test: (file) => /\.(csv|json|jsonl|ndjson)$/i.test(file.name), word: "Table", show: showTable, verb: "Show as a table" },
  { test: (file) => /\.(png|jpe?g|webp|gif|bmp|tiff?|avif)$/i.test(file.name), word: "Picture", show: showPicture, verb: "Show" },
  { test: (file) => /\.(mp4|m4v|mov|mkv|webm|avi|qt)$/i.test(file.name), word: "Video" },
  { test: (file) => /\.(txt|srt|log)$/i.test(file.name), word: "Text", show: showText, verb: "Show" },
  { test: () => true, word: "File" },
];

/**
 * Make the list of a job's files.
 * @param {Object} job with `files`.
 * @returns {HTMLElement} the list; what is opened in it stays.
 */
export function results(job) {
  return h("ul", { class: "files", "aria-label": "Files" }, job.files.map((file) => item(job, file)));
}

function item(job, file) {
  const sort = SORTS.find((each) => each.test(file));
  const opened = h("div", { class: "opened", hidden: true });
  let isCut = false; // it can be read another time
  const button = sort.show && h("button", { class: "button small", type: "button", "aria-expanded": "false", "aria-label": `${sort.verb}: ${file.name}`, onclick: toggle }, sort.verb);

  function toggle() {
    opened.hidden = !opened.hidden;
    button.setAttribute("aria-expanded", String(!opened.hidden));
    clear(button, opened.hidden ? sort.verb : "Hide");
    if (opened.hidden && isCut) clear(opened);
    if (opened.hidden || opened.hasChildNodes()) return;
    isCut = false;
    sort.show(opened, job, file, failed);
  }

  function failed(problem) {
    isCut = Boolean(problem.isPassing);
    return isCut ? "Hide this, and show it again." : "";
  }

  const about = file.folder ? `${sort.word}, listed in this file` : sort.word;
  return h("li", {},
    h("div", { class: "row apart" },
      h("div", { class: "file" }, h("a", { class: "mono", href: file.href, download: file.name.split("/").at(-1) }, file.name), h("span", { class: "muted small" }, `${about} · ${size(file.size)}`)),
      h("div", { class: "row" }, button,
        h("a", { class: "button small", href: file.href, download: file.name.split("/").at(-1), "aria-label": `Download ${file.name}` }, "Download"))),
    opened);
}

function showTable(root, job, file, onFail) {
  showTables(root, file, onFail);
}

async function showText(root, job, file, onFail) {
  const place = h("pre", { class: "text", tabindex: 0, role: "region", "aria-label": file.name }, "Reading …");
  root.append(place);
  try {
    let text = "";
    for await (const line of linesOf(file)) {
      text += `${line}\n`;
      if (text.length > MAX_TEXT) break;
    }
    place.textContent = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}\n… (the file has all of it)` : pretty(text);
  } catch (problem) {
    place.textContent = [problem.detail ?? "This file cannot be shown. Download it.", onFail(problem)].join(" ");
  }
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function showPicture(root, job, file) {
  root.append(h("ul", { class: "gallery single" }, picture(job, null, { file: file.name, size: file.size })));
}
