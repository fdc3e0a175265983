// Shows what a source yields, some at a time, with a button for more.

import { h } from "../dom.js";
import { number } from "./format.js";

/**
 * Show the first of what a source yields, and more of it when that is asked for.
 * @param {HTMLElement} root gets the list, and the button behind it.
 * @param {HTMLElement} list gets what is added.
 * @param {AsyncIterator} source of what is shown.
 * @param {{atOnce: number, what: string, none: string, unreadable: string, add: function(*): void, onFail: function(Object): string}}
 *   how `atOnce`: how many come at a time; `what`: what they are called; `none` is said where there are none, `unreadable` where
 *   the source fails without a reason of its own; `add` adds one to the list; `onFail` takes what the source has raised and
 *   returns a sentence on what to do, or none.
 */
export function showInBatches(root, list, source, { atOnce, what, none, unreadable, add, onFail }) {
  const state = h("p", { class: "muted small", role: "status" }, "Reading …");
  const more = h("button", { class: "button", type: "button", hidden: true, onclick: () => read() }, `Show ${atOnce} more`);
  root.append(list, h("div", { class: "row" }, more, state));
  let count = 0;

  async function read() {
    more.disabled = true;
    try {
      for (let index = 0; index < atOnce; index += 1) {
        const { done, value } = await source.next();
        if (done) {
          more.hidden = true;
          state.textContent = count ? `All ${number(count)} ${what}` : none;
          return;
        }
        add(value);
        count += 1;
      }
      state.textContent = `The first ${number(count)} ${what}`;
      more.hidden = more.disabled = false;
    } catch (problem) {
      state.textContent = [problem.detail ?? unreadable, onFail(problem)].join(" ");
      more.hidden = true;
    }
  }

  read();
}
