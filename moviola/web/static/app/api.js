// Requests to the gateway. What is refused is raised as a Problem, whose `detail` is the sentence to show.

/** How long an answer is waited for: for none that is JSON does the gateway itself wait longer than 25 s, in which it asks
 * the middleware and an aggregator. A connection that is dead without a word would be waited for without end. */
const ANSWER_MS = 30_000;

/** A request that was refused, or that nobody answered. */
export class Problem extends Error {
  /**
   * @param {number} status of the answer; 0 where there was none.
   * @param {string} code what it is about, for programs.
   * @param {string} detail what, why, and what to do.
   */
  constructor(status, code, detail) {
    super(detail);
    this.name = "Problem";
    this.status = status;
    this.code = code;
    this.detail = detail;
  }

  /** @returns {boolean} whether the same request may succeed in a moment: gateway or cluster cannot be reached. */
  get isPassing() {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

const loginListeners = new Set();

/**
 * Be told when a request is refused because nobody is logged in.
 * @param {function(): void} listener called then.
 * @returns {function(): void} ends it.
 */
export function onLoginNeeded(listener) {
  loginListeners.add(listener);
  return () => loginListeners.delete(listener);
}

/**
 * @param {string} path of the gateway, with its query.
 * @returns {Promise<*>} the JSON that is there. Raises Problem.
 */
export const get = (path) => request("GET", path);

/**
 * @param {string} path of the gateway, with its query.
 * @param {FormData|Blob|Object} [body] an object travels as JSON.
 * @returns {Promise<*>} the answer's JSON. Raises Problem.
 */
export const post = (path, body) => request("POST", path, body);

/**
 * @param {string} path of the gateway, with its query.
 * @param {FormData|Blob|Object} [body] an object travels as JSON.
 * @returns {Promise<*>} the answer's JSON. Raises Problem.
 */
export const put = (path, body) => request("PUT", path, body);

/**
 * @param {string} path of the gateway, with its query.
 * @returns {Promise<*>} the answer's JSON. Raises Problem.
 */
export const del = (path) => request("DELETE", path);

/**
 * Send a body, and tell how far it is.
 * @param {string} path of the gateway, with its query.
 * @param {FormData|Blob} body a form, or a file as it is.
 * @param {function(number, number): void} [onProgress] called with the bytes that are sent, and with all bytes.
 * @returns {{done: Promise<*>, abort: function(): void}} `done` is the answer's JSON, or raises Problem.
 */
export function upload(path, body, onProgress = () => {}) {
  const sending = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    sending.upload.addEventListener("progress", (event) => onProgress(event.loaded, event.total));
    sending.addEventListener("load", () => {
      const told = parsed(sending.responseText);
      if (sending.status >= 200 && sending.status < 300) resolve(told);
      else reject(refusal(sending.status, told));
    });
    sending.addEventListener("error", async () => reject((await changedFile(body)) ?? unanswered()));
    sending.addEventListener("abort", () => reject(new Problem(0, "aborted", "The upload was ended here.")));
    sending.open("POST", path);
    sending.send(body);
  });
  return { done, abort: () => sending.abort() };
}

/** Return the problem of a file that cannot be read as it was chosen: a request with it fails as if nobody answered. */
async function changedFile(body) {
  const parts = body instanceof FormData ? [...body.values()] : [body];
  for (const file of parts.filter((part) => part instanceof File)) {
    try {
      await file.slice(0, 1).arrayBuffer();
    } catch {
      return new Problem(409, "file-changed", `${file.name} has changed or gone since it was chosen. Choose it again.`);
    }
  }
  return null;
}

/**
 * Ask whether something can be had: for its first byte, since the aggregator that has a file is asked for no less.
 * @param {string} path of the gateway.
 * @returns {Promise<void>} raises Problem where it cannot.
 */
export const probe = (path) => request("GET", path, null, { headers: { Range: "bytes=0-0" }, cache: "no-store" });

/**
 * @param {Response} answer that is a refusal.
 * @returns {Promise<Problem>} what it says.
 */
export async function problemOf(answer) {
  return refusal(answer.status, parsed(await answer.text().catch(() => "")));
}

async function request(method, path, body, more = {}) {
  const isJson = body != null && !(body instanceof FormData) && !(body instanceof Blob);
  let answer, text;
  try {
    answer = await fetch(path, {
      method,
      headers: isJson ? { "Content-Type": "application/json" } : {},
      body: isJson ? JSON.stringify(body) : body,
      signal: method === "GET" ? AbortSignal.timeout(ANSWER_MS) : null, // others may do something meanwhile
      ...more,
    });
    text = await answer.text();
  } catch {
    throw unanswered();
  }
  if (!answer.ok) throw refusal(answer.status, parsed(text));
  return parsed(text);
}

function parsed(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

function refusal(status, told) {
  if (status === 401) for (const listener of loginListeners) listener();
  return new Problem(status, told?.code ?? "", told?.detail ?? `The gateway answered with status ${status}.`);
}

const unanswered = () => new Problem(0, "gateway-away", "The gateway does not answer. This page goes on when it does.");
