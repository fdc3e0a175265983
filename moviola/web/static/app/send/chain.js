// Chains of filters as text and as steps: `blur:radius=9,edges`. The gateway has the last word; this is for the page.

const NAME = /^[A-Za-z][A-Za-z0-9_-]*/;
const QUOTED = /^"((?:[^"\\]|\\["\\])*)"/;
const BARE = /^[^,:"]*/;

/**
 * One filter of a chain; of its parameters those that were said, as texts.
 * @typedef {{name: string, parameters: Object<string, string>}} Step
 */

/**
 * Read a chain.
 * @param {string} text such as `blur:radius=9,edges`.
 * @returns {Step[]} its filters; none of an empty text.
 * @throws {Error} whose message is a sentence.
 */
export function parsed(text) {
  if (!text.trim()) return [];
  const reader = new Reader(text);
  const steps = [reader.step()];
  while (reader.take(",")) steps.push(reader.step());
  if (reader.rest) throw reader.error("a comma or a colon is missing");
  return steps;
}

/**
 * Write a chain.
 * @param {Step[]} steps its filters.
 * @returns {string} the text that `parsed` reads back.
 */
export function written(steps) {
  return steps.map(({ name, parameters }) =>
    [name, ...Object.entries(parameters).map(([key, value]) => `${key}=${quoted(value)}`)].join(":")).join(",");
}

/**
 * Say what is wrong with steps, as far as the filters' documents tell.
 * @param {Step[]} steps of a chain.
 * @param {Map<string, Object>} filters by name, as `GET /api/filters` tells them.
 * @returns {string} a sentence; empty where nothing is.
 */
export function fault(steps, filters) {
  for (const { name, parameters } of steps) {
    const filter = filters.get(name);
    if (!filter) return `There is no filter called “${name}”.`;
    for (const key of Object.keys(parameters)) {
      if (!filter.parameters.some((one) => one.name === key)) return `The filter ${name} has no parameter “${key}”.`;
    }
  }
  return "";
}

/**
 * Count the earlier frames that a chain looks back at.
 * @param {Step[]} steps of the chain.
 * @param {Map<string, Object>} filters by name.
 * @returns {number} of frames.
 */
export function contextOf(steps, filters) {
  return steps.reduce((sum, step) => sum + contextOfStep(step, filters.get(step.name)), 0);
}

function contextOfStep(step, filter) {
  if (!filter) return 0;
  if (typeof filter.context === "number") return filter.context;
  const [holder, condition] = filter.context.split(" if ");
  const value = (name) => step.parameters[name] ?? String(filter.parameters.find((one) => one.name === name)?.default ?? "");
  if (condition && !["true", "yes", "on", "1"].includes(value(condition).toLowerCase())) return 0;
  return Number.parseInt(value(holder), 10) || 0;
}

function quoted(value) {
  const text = String(value);
  const isBare = text && text === text.trim() && BARE.exec(text)[0] === text;
  return isBare ? text : `"${text.replace(/(["\\])/g, "\\$1")}"`;
}

class Reader {
  constructor(text) {
    this.rest = text.trim();
  }

  step() {
    const name = this.match(NAME, "the name of a filter is missing");
    const parameters = {};
    while (this.take(":")) {
      const key = this.match(NAME, `the name of a parameter of ${name} is missing`);
      if (!this.take("=")) throw this.error(`an = is missing behind ${key}`);
      if (key in parameters) throw new Error(`${name} is given “${key}” twice.`);
      parameters[key] = this.value(key);
    }
    return { name, parameters };
  }

  value(key) {
    this.skip();
    const text = this.rest.startsWith('"') ? QUOTED.exec(this.rest) : BARE.exec(this.rest);
    if (!text || !text[0].trim()) throw this.error(`the value of ${key} is missing, or does not end`);
    this.rest = this.rest.slice(text[0].length);
    return text[1] === undefined ? text[0].trim() : text[1].replace(/\\(["\\])/g, "$1");
  }

  match(pattern, what) {
    this.skip();
    const found = pattern.exec(this.rest);
    if (!found) throw this.error(what);
    this.rest = this.rest.slice(found[0].length);
    return found[0];
  }

  take(sign) {
    this.skip();
    const isThere = this.rest.startsWith(sign);
    if (isThere) this.rest = this.rest.slice(sign.length);
    return isThere;
  }

  skip() {
    this.rest = this.rest.trimStart();
  }

  error(what) {
    return new Error(`The chain cannot be read: ${what}, before ${this.rest ? `“${this.rest.slice(0, 20)}”` : "the end"}.`);
  }
}
