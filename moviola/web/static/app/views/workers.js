// The workers: what each is, does and has done.

import { h } from "../dom.js";

export const title = "Workers";

/**
 * Show the workers.
 * @param {HTMLElement} root gets it.
 * @returns {function(): void} ends it.
 */
export default function view(root) {
  root.append(
    h("h1", {}, title),
    h("div", { class: "empty" }, h("p", {}, "Workers cannot be listed on this page yet."), h("p", {}, h("a", { href: "/api/" }, "The API can do it already"))));
  return () => {};
}
