// What this gateway can do, as the document of its API tells.

import { get } from "../api.js";

let asked = null;

/**
 * @returns {Promise<Object>} the document of the API; asked for once.
 */
export function capabilities() {
  asked ??= get("/api/openapi.json").catch((problem) => {
    asked = null;
    throw problem;
  });
  return asked;
}

/**
 * @param {string} path as the document writes it, such as "/api/jobs/{id}/report".
 * @param {string} [method] of it.
 * @returns {Promise<boolean>} whether the gateway has it; false while that cannot be asked.
 */
export async function can(path, method = "get") {
  try {
    return Boolean((await capabilities()).paths[path]?.[method]);
  } catch {
    return false;
  }
}
