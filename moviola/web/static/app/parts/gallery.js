// Shows the pictures that a listing lists, some at a time.

import { h } from "../dom.js";
import { showInBatches } from "./batches.js";
import { size } from "./format.js";
import { linesOf } from "./records.js";
import { hrefOf } from "./thumbnail.js";

const AT_ONCE = 24;

/**
 * Show a folder's pictures.
 * @param {HTMLElement} root gets them.
 * @param {Object} job whose they are.
 * @param {Object} listing the file that lists them.
 * @param {function(Object): string} onFail as of `showInBatches`.
 */
export function showGallery(root, job, listing, onFail) {
  const list = h("ul", { class: "gallery" });
  showInBatches(root, list, linesOf(listing), {
    atOnce: AT_ONCE,
    what: "pictures",
    none: "There are no pictures in it.",
    unreadable: "This list cannot be read. Download it.",
    add: (line) => line.trim() && list.append(picture(job, listing, JSON.parse(line))),
    onFail,
  });
}

/**
 * @param {Object} job whose it is.
 * @param {Object} listing the file that lists it, or none for a picture by itself.
 * @param {{file: string, size: number}} file the picture.
 * @returns {HTMLElement} the picture, with its name, which downloads it.
 */
export function picture(job, listing, file) {
  const name = listing ? file.file.slice(listing.folder.length + 1) : file.file;
  const href = hrefOf(job, file.file);
  const image = h("img", { src: href, alt: name, loading: "lazy", onerror: () => image.replaceWith(h("span", { class: "muted small" }, "No browser shows this format")) });
  return h("li", {}, h("figure", {}, h("div", { class: "frame" }, image),
    h("figcaption", { class: "small" }, h("a", { href, download: name.split("/").at(-1) }, name), " ", h("span", { class: "muted" }, size(file.size)))));
}
