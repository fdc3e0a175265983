// A table in a frame that scrolls, whose rows change while somebody reads it.

import { clear, h } from "../dom.js";

/** Rows are replaced and the frame stays: who has scrolled it, or come to it by the keyboard, keeps their place. */
export class Framed {
  #heads;
  #body = h("tbody", {});

  /**
   * @param {string} caption what it tells, for screen readers.
   * @param {string[]} heads of its columns.
   */
  constructor(caption, heads) {
    this.#heads = heads.map((head) => h("th", { scope: "col" }, head));
    this.node = h("div", { class: "scroll framed", tabindex: 0, role: "region", "aria-label": `${caption}, as a table` },
      h("table", {}, h("caption", { class: "visually-hidden" }, caption), h("thead", {}, h("tr", {}, this.#heads)), this.#body));
  }

  /** @param {HTMLTableRowElement[]} rows all that it has now. */
  update(rows) {
    const isNumber = (index) => rows[0]?.children[index]?.classList.contains("number") ?? false;
    this.#heads.forEach((head, index) => head.classList.toggle("number", isNumber(index)));
    clear(this.#body, rows);
  }
}
