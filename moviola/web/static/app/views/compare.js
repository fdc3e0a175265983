// Compares ways to work on a batch.

import { h } from "../dom.js";

export const title = "Compare";

/**
 * Show a comparison.
 * @param {HTMLElement} root gets it.
 * @returns {function(): void} ends it.
 */
export default function view(root) {
  root.append(
    h("h1", {}, title),
    h("div", { class: "empty" }, h("p", {}, "Ways to work cannot be compared on this page yet."), h("p", {}, h("a", { href: "/api/" }, "The API can do it already"))));
  return () => {};
}
