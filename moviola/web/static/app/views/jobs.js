// All jobs: how far each is.

import { h } from "../dom.js";

export const title = "Jobs";

/**
 * Show the jobs.
 * @param {HTMLElement} root gets it.
 * @returns {function(): void} ends it.
 */
export default function view(root) {
  root.append(
    h("h1", {}, title),
    h("div", { class: "empty" }, h("p", {}, "Jobs cannot be listed on this page yet."), h("p", {}, h("a", { href: "/api/" }, "The API can do it already"))));
  return () => {};
}
