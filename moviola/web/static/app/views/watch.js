// Plays what a job makes, before and after.

import { h } from "../dom.js";

export const title = "Watch";

/**
 * Show one output of a job.
 * @param {HTMLElement} root gets it.
 * @returns {function(): void} ends it.
 */
export default function view(root) {
  root.append(
    h("h1", {}, title),
    h("div", { class: "empty" }, h("p", {}, "An output cannot be watched on this page yet."), h("p", {}, h("a", { href: "/api/" }, "The API can do it already"))));
  return () => {};
}
