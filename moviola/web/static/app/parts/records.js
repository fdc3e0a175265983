// Records of a job's files, read piece by piece: a result may be far larger than a browser's memory.

import { Problem, problemOf } from "../api.js";

const PIECE = 256 * 1024; // bytes that are asked for at a time
const MAX_RECORD = 4 * 1024 * 1024; // characters of one record: beyond, the file is no list of records

/**
 * Read a file's records from its beginning; nothing is asked for before somebody wants it.
 * @param {{name: string, size: number, href: string}} file of a job; `.csv`, `.json` as tables are, or a record a line.
 * @returns {AsyncGenerator<{table: string, record: Object}>} its records; `table` is empty where the file names none.
 *   Raises Problem.
 */
export function records(file) {
  if (/\.csv$/i.test(file.name)) return csvRecords(texts(file));
  return jsonRecords(lines(texts(file)));
}

/**
 * @param {Object} file of a job, as of `records`.
 * @returns {AsyncGenerator<string>} its lines.
 */
export const linesOf = (file) => lines(texts(file));

async function* texts(file) {
  const decoder = new TextDecoder();
  for (let start = 0; start < file.size; start += PIECE) {
    const stop = Math.min(file.size, start + PIECE);
    yield decoder.decode(await piece(file, start, stop), { stream: stop < file.size });
  }
}

async function piece(file, start, stop) {
  let answer;
  try {
    answer = await fetch(file.href, { headers: { Range: `bytes=${start}-${stop - 1}` } });
    if (answer.ok) return await answer.arrayBuffer();
  } catch {
    throw new Problem(0, "gateway-away", "The gateway does not answer.");
  }
  throw await problemOf(answer);
}

async function* lines(pieces) {
  let rest = "";
  for await (const piece of pieces) {
    const found = (rest + piece).split("\n");
    rest = found.pop();
    if (rest.length > MAX_RECORD) throw new Problem(0, "too-long", "A line of this file is too long to be shown. Download it.");
    yield* found;
  }
  if (rest) yield rest;
}

/** A record a line, in lists that are named by lines such as `"movies": [`. */
async function* jsonRecords(source) {
  let table = "";
  for await (const line of source) {
    const text = line.trim().replace(/,$/, "");
    const opening = text.match(/^"((?:[^"\\]|\\.)*)": \[(\])?$/);
    if (opening) table = JSON.parse(`"${opening[1]}"`);
    else if (text.startsWith("{") && text.length > 1) yield { table, record: JSON.parse(text) };
  }
}

/** Rows of CSV (RFC 4180), under the names in the first one. */
async function* csvRecords(pieces) {
  let names = null;
  for await (const row of csvRows(pieces)) {
    if (names) yield { table: "", record: Object.fromEntries(names.map((name, index) => [name, row[index] ?? ""])) };
    else names = row;
  }
}

async function* csvRows(pieces) {
  let row = [];
  let field = "";
  let isQuoted = false;
  let wasQuote = false; // the last sign was a quote within quotes: its end, or half of a quote that is meant
  for await (const piece of pieces) {
    for (const sign of piece) {
      if (wasQuote && sign === '"') field += sign;
      if (wasQuote) {
        isQuoted = sign === '"';
        wasQuote = false;
        if (isQuoted) continue;
      }
      if (isQuoted) {
        if (sign === '"') wasQuote = true;
        else field += sign;
      } else if (sign === '"') isQuoted = true;
      else if (sign === ",") {
        row.push(field);
        field = "";
      } else if (sign === "\n") {
        yield [...row, field];
        row = [];
        field = "";
      } else if (sign !== "\r") field += sign;
    }
  }
  if (field || row.length) yield [...row, field];
}
