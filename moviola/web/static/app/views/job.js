// One job: how far it is, what it made, and what became of its tasks.

import { h } from "../dom.js";

export const title = "Job";

/**
 * Show one job.
 * @param {HTMLElement} root gets it.
 * @returns {function(): void} ends it.
 */
export default function view(root) {
  root.append(
    h("h1", {}, title),
    h("div", { class: "empty" }, h("p", {}, "A job cannot be looked at on this page yet."), h("p", {}, h("a", { href: "/api/" }, "The API can do it already"))));
  return () => {};
}
